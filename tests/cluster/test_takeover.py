"""The owner of an address is lost on a real cluster, or its speaker goes in order: clients are served again, or never
notice. Speed is not asserted beyond its order of magnitude; the figures are printed. The pods stand on other nodes than
the one that is lost: what kube-proxy sends to pods of a dead node is Kubernetes' matter. `rollout restart` is watched in
test_bad_rights, where it is the cure."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

from cluster import pylb_on, scenes, steady
from cluster.scenes import Scene
from cluster.steady import Steady
from fakes import takeovers
from fakes.cluster import OURS, deployment, service, until
from fakes.real import RealLan
from pylb.addon.names import NAMESPACE

ALLOCATES_S = 30.0  # after the leader's node was lost
GRACE_S, SLEEP_S = 5, 3  # of a pod that is drained: it serves on until kube-proxy has heard of it, once a second
Say = Callable[[str], None]


def announced(scene: Scene, node: str) -> tuple[str, str]:
    """A Service of its own that a node without its pods owns: its key and its address."""
    address = scene.owned_by(node, 1)
    key = scene.make(loadBalancerIP=address)
    until(f"{node} answers for it", lambda: scene.lan.owners(address) == [node])
    scene.answered(address)
    return key, address


def test_the_cable_is_pulled(scene: Scene, lan: RealLan, say: Say) -> None:
    key, address = announced(scene, scene.spare)
    cut, mend = (lambda: lan.lab.cut(scene.spare)), (lambda: lan.lab.mend(scene.spare))
    say(str(takeovers.lose(lan, address, cut, mend)))
    lan.remove(service(key))


def test_the_power_of_the_leaders_node_fails(scene: Scene, lan: RealLan, say: Say) -> None:
    """It owns an address too. Another controller gives addresses; the node comes back and the address moves back once."""
    leader = lan.get(f"{OURS}/pods/{lan.pod('controller')}")["spec"]["nodeName"]
    key, address = announced(scene, leader)
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
    key, address = announced(scene, scene.spare)
    pod = lan.pod(f"speaker-{scene.spare}")
    delete = lambda: pylb_on.check(lan.lab, "-n", NAMESPACE, "delete", "pod", pod, "--wait=false")
    rest = functools.partial(steady.at_rest, lan)
    told = takeovers.hand_over(lan, address, delete, lambda: None, settled=rest)
    say(str(told))
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
    with Steady(lan, scene.address) as watched:
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
