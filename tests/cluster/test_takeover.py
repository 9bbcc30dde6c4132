"""The owner of an address is lost on a real cluster, or its speaker goes in order: clients are served again, or never
notice. Speed is not asserted beyond its order of magnitude; the figures are printed. The pods stand on other nodes than
the one that is lost: what kube-proxy sends to pods of a dead node is Kubernetes' matter. `rollout restart` is watched in
test_bad_rights, where it is the cure."""

from __future__ import annotations

import contextlib
import itertools
import re
import time
from collections.abc import Callable

from cluster import pylb_on, scenes, steady
from cluster.scenes import Scene
from cluster.steady import Steady
from fakes import takeovers
from fakes.cluster import OURS, deployment, service, until
from fakes.real import RealLan
from pylb.addon.names import NAMESPACE, SPEAKER
from pylb.core.ownership.evidence import STAND_IN

ALLOCATES_S = 30.0  # after the leader's node was lost
AT_ONCE_S = 2.0  # from the end of Kubernetes on a node to another's answer
SHUT_DOWN_S = 2.0  # a machine that shuts down takes longer, and answers meanwhile
CUT = 1  # requests that are under way as an address moves
SPEAKERLESS_S = 10.0  # more than others stand in, until another has the address
NO_IMAGE = "registry.invalid/pylb:none"
PULLED_S = 2.0
SPEAKS = "pylb speaker --node"
GRACE_S, SLEEP_S = 5, 3  # of a pod that is drained: it serves on until kube-proxy has heard of it, once a second
Say = Callable[[str], None]


def test_the_cable_is_pulled(scene: Scene, lan: RealLan, say: Say) -> None:
    """And in again after two seconds: not a frame with the MAC from before."""
    key, address = scene.announced(scene.spare)
    cut, mend = (lambda: lan.lab.cut(scene.spare)), (lambda: lan.lab.mend(scene.spare))
    say(str(takeovers.lose(lan, address, cut, mend, meanwhile=lambda: takeovers.watch(PULLED_S))))
    lan.remove(service(key))


def test_the_power_of_the_leaders_node_fails(scene: Scene, lan: RealLan, say: Say) -> None:
    """It owns an address too. Another controller gives addresses; the node comes back, and the address stays."""
    leader = lan.get(f"{OURS}/pods/{lan.pod('controller')}")["spec"]["nodeName"]
    key, address = scene.announced(leader)
    pods = scene.web(leader)
    if leader != scene.spare:  # its pods are no witnesses
        lan.create(scene.web(scene.spare))
        lan.remove(pods)
        until("pods elsewhere serve", lambda: elsewhere(lan, address, leader))
    took = []

    def meanwhile() -> None:
        began = time.monotonic()
        scene.served_anew()
        took.append(time.monotonic() - began)

    off, on = (lambda: lan.lab.power(leader, False)), (lambda: lan.lab.power(leader, True))
    loss = takeovers.lose(lan, address, off, on, meanwhile=meanwhile, settled=lambda: steady.at_rest(lan))
    say(f"{loss}, allocating again {took[0]:.1f} s after that")
    assert took[0] + loss.outage < ALLOCATES_S
    if leader != scene.spare:
        lan.create(pods)
        lan.remove(scene.web(scene.spare))
    lan.remove(service(key))


def elsewhere(lan: RealLan, address: str, node: str) -> bool:
    """Whether none of a node's pods answers any more."""
    return not any(f"web-{node}-" in name for name in lan.bodies(f"http://{address}/", 12))


def test_the_speakers_pod_is_deleted(scene: Scene, lan: RealLan, say: Say) -> None:
    """Another speaker answers in its place until the next one runs: nothing moves, and nobody notices."""
    key, address = scene.announced(scene.spare)
    pod = lan.pod(f"speaker-{scene.spare}")
    with lan.forgetful_client(address), Steady(lan, address) as watched:
        delete = time.time()
        pylb_on.check(lan.lab, "-n", NAMESPACE, "delete", "pod", pod)
        steady.at_rest(lan)
        say(f"{time.time() - delete:.1f} s, ARP silent for {watched.silence() * 1000:.0f} ms")
        watched.assert_unnoticed()
    assert lan.pod(f"speaker-{scene.spare}") != pod
    assert stood_in(lan, address) == scene.spare
    lan.remove(service(key))


def stood_in(lan: RealLan, address: str) -> str:
    """The node in whose place another one's speaker answered for an address."""
    words = re.compile(rf"stood in .*address={re.escape(address)} .*owner=(\S+)")
    found = {owner for node in lan.nodes for owner in words.findall(lan.logs(f"speaker-{node}"))}
    assert len(found) == 1, f"stood in for: {found}"
    return str(found.pop())


def test_all_speakers_are_restarted_one_by_one(scene: Scene, lan: RealLan, say: Say) -> None:
    """As an upgrade does it: no address moves, of none of the nodes, and no connection breaks."""
    keys = {node: scene.announced(node) for node in lan.nodes}
    before = steady.lives(lan)
    with lan.forgetful_client(scene.address), contextlib.ExitStack() as stack:
        watched = [stack.enter_context(Steady(lan, address)) for _, address in keys.values()]
        began = time.time()
        pylb_on.check(lan.lab, "-n", NAMESPACE, "rollout", "restart", f"daemonset/{SPEAKER}")
        pylb_on.rollout(lan.lab, f"daemonset/{SPEAKER}")
        steady.at_rest(lan)
        asked = sum(len(one.probe.requests()) for one in watched)
        silent = max(one.silence() for one in watched)
        say(f"{time.time() - began:.0f} s, {asked} requests, ARP silent for {silent * 1000:.0f} ms")
        for one in watched:
            one.assert_unnoticed()
    assert not any(name.startswith(SPEAKER) for name in before.keys() & steady.lives(lan).keys())
    lan.remove(*(service(key) for key, _ in keys.values()))


def test_a_new_version_that_does_not_start(scene: Scene, lan: RealLan, say: Say) -> None:
    """The rollout stops at the first node. Others stand in for it, and after a while one takes over in order: what is
    under way is cut, and nobody is refused. The other nodes notice nothing, and going back moves nothing."""
    made = {node: scene.announced(node) for node in lan.nodes}
    with contextlib.ExitStack() as stack:
        watched = {node: stack.enter_context(Steady(lan, address)) for node, (_, address) in made.items()}
        began = time.time()
        pylb_on.check(lan.lab, "-n", NAMESPACE, "set", "image", f"daemonset/{SPEAKER}", f"speaker={NO_IMAGE}")
        try:
            lost = until("a node has no speaker", lambda: without(lan))
            address = made[lost][1]
            moved = lambda: lan.owners(address) not in ([], [lost])
            until("another node has it", moved, STAND_IN + SPEAKERLESS_S)
            after = time.time() - began
            heir = lan.owner(address)
            failed = watched[lost].failures()
            silent = watched[lost].silence()
            for node in lan.nodes:
                if node != lost:
                    watched[node].assert_unnoticed()
        finally:
            pylb_on.check(lan.lab, "-n", NAMESPACE, "rollout", "undo", f"daemonset/{SPEAKER}")
            steady.at_rest(lan)
    say(f"{lost} to {heir} after {after:.1f} s, ARP silent for {silent * 1000:.0f} ms, failed: {failed}")
    assert after > STAND_IN, "it was stood in for first"
    assert [one for one in failed if one[1] != ConnectionResetError.__name__] == []
    assert len(failed) <= CUT
    assert silent < steady.SILENT_S
    assert lan.owners(address) == [heir], "who comes back takes nothing back"
    lan.remove(*(service(key) for key, _ in made.values()))


def without(lan: RealLan) -> str:
    """The node whose speaker does not run."""
    return next((node for node in lan.nodes if not lan.pods(f"speaker-{node}")), "")


def test_kubernetes_stops_on_the_owner(scene: Scene, lan: RealLan, say: Say) -> None:
    """Its kernel is up, its kubelet and its speaker are dead: another node takes over at once, and keeps the address."""
    key, address = scene.announced(scene.spare)
    with lan.asker(address) as asker:
        lan.lab.program("kill", "kubelet", scene.spare)
        try:
            steady.send(lan, scene.spare, SPEAKS, "KILL")
            lost = time.time()
            heir = lan.owner(address, beside=scene.spare)
            lan.ask(f"http://{address}/")
            asker.stop()
            moved = next(at for at, mac in asker.answers() if mac == lan.mac(heir)) - lost
        finally:
            lan.lab.program("start", "kubelet", scene.spare)
    say(f"{scene.spare} to {heir} after {moved * 1000:.0f} ms")
    assert moved < AT_ONCE_S
    steady.at_rest(lan)
    assert lan.owners(address) == [heir], "who comes back takes nothing back"
    lan.remove(service(key))


def test_the_owner_is_drained_and_shut_down(scene: Scene, lan: RealLan, say: Say) -> None:
    """As a machine that is switched off in order: its kubelet ends, all that runs there is told to, and the power goes.

    Nobody notices but the connections that stand, which a move cuts; and who comes back takes nothing back.
    """
    key, address = scene.announced(scene.spare)
    with lan.forgetful_client(address), lan.probe(f"http://{address}/") as probe, lan.asker(address) as asker:
        pylb_on.check(lan.lab, "drain", scene.spare, "--ignore-daemonsets", "--pod-selector=app=web", "--timeout=30s")
        assert lan.owners(address) == [scene.spare], "a drain alone moves nothing"
        began = time.time()
        try:
            lan.lab.program("stop", "kubelet", scene.spare)
            steady.send(lan, scene.spare, SPEAKS, "TERM")
            until("its speaker ends", lambda: not steady.running(lan, scene.spare, SPEAKS))
            ended = time.time() - began
            until("the rest ends", lambda: time.time() > began + SHUT_DOWN_S)
            lan.lab.power(scene.spare, False)
            off = time.time()
            until("it lasts", lambda: time.time() > off + AT_ONCE_S)
            heir = lan.owner(address, beside=scene.spare)
        finally:
            back = time.time() - began  # from here on its pods start, too: what they do not answer is not our matter
            lan.lab.power(scene.spare, True)
            lan.lab.kubectl("uncordon", scene.spare)
        steady.at_rest(lan)
        probe.wait_steady(time.time())
        asker.stop()
        failed = [one for one in takeovers.failures(probe, began) if one[0] < back]
    moved = next(at for at, mac in asker.answers() if mac == lan.mac(heir)) - began
    say(f"speaker gone after {ended:.2f} s, {heir} has it after {moved:.2f} s, {len(failed)} requests reset")
    assert [one for one in failed if one[1] != ConnectionResetError.__name__] == []
    assert len(failed) <= CUT
    assert moved < SHUT_DOWN_S
    macs = [mac for mac, _ in itertools.groupby(mac for _, mac in asker.answers())]
    assert macs == [lan.mac(scene.spare), lan.mac(heir)], f"who answered, in order: {macs}"
    lan.remove(service(key))


def test_the_owner_is_drained(scene: Scene, lan: RealLan, say: Say) -> None:
    """A drain takes the pods that serve, and no speaker: the address stays, and no request fails."""
    sleep = {"preStop": {"sleep": {"seconds": SLEEP_S}}}
    body = deployment("default/drained", {"app": "web"}, 8080, terminationGracePeriodSeconds=GRACE_S, replicas=3)
    body["spec"]["template"]["spec"]["containers"][0]["lifecycle"] = sleep
    others = [scene.web(node) for node in lan.nodes if node != scene.spare]
    lan.create(body)
    path = "/apis/apps/v1/namespaces/default/deployments/drained"
    until("its pods are ready", lambda: lan.get(path)["status"].get("readyReplicas") == 3, scenes.SERVES_S)
    lan.remove(*others)
    until("they alone answer", lambda: all("drained-" in name for name in lan.bodies(scene.url, 12)))
    with Steady(lan, scene.address, pods_stay=False) as watched:
        words = ("--ignore-daemonsets", "--delete-emptydir-data", "--pod-selector=app=web", "--timeout=30s")
        try:
            pylb_on.check(lan.lab, "drain", scene.owner, *words)
            until("its pods are elsewhere", lambda: lan.get(path)["status"].get("readyReplicas") == 3, scenes.SERVES_S)
        finally:
            lan.lab.kubectl("uncordon", scene.owner)
        say(f"{time.time() - watched.began:.1f} s, {len(watched.probe.requests())} requests")
        watched.assert_unnoticed()
        watched.assert_alive()
    lan.create(*others)
    lan.ask(scene.url)
    lan.remove(body)
