"""A configuration that is invalid, on a real cluster: whoever starts anew goes by what is valid of it, and is not ready."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from cluster import steady
from cluster.scenes import FRONT, SERVES_S, Scene
from fakes.bgp_objects import made
from fakes.cluster import OURS, is_ready, pool, service, until
from fakes.real import RealLan
from pylb.kube.errors import ClusterError

Say = Callable[[str], None]
OVERLAPS, BROKEN = pool("another", "10.77.0.216/29"), pool("broken", "10.9.9.20-10.9.9.10")
DARK_S = 30.0  # at most, from the end of all daemons: pods start in some seconds
STOPS_S = 15.0  # in which a rollout would have gone on to the next node
ROLLED_S = 60.0
TOLD_S = 10.0  # until all have said what they make of it
STATES = f"/apis/metallb.io/v1beta1/namespaces/{OURS.rpartition('/')[2]}/configurationstates"
EXTRA = pool("extra", "10.88.0.0/30")
WRONG = made("BGPPeer", "router", "v1beta2", myASN=0, peerASN=64513, peerAddress="10.77.0.1")
WHY = "parsing peer router missing local ASN"
DAEMON_SET = f"/apis/apps/v1/namespaces/{OURS.rpartition('/')[2]}/daemonsets/pylb-speaker"


@contextlib.contextmanager
def invalid(lan: RealLan) -> Iterator[None]:
    """For the time of the block a pool cannot be read, and another one overlaps the one that is in use."""
    lan.create(OVERLAPS, BROKEN)
    try:
        until("it is refused", lambda: len(lan.state("controller")["config"]["problems"]) == 2)
        yield
    finally:
        lan.remove(OVERLAPS, BROKEN)


def everybody(lan: RealLan) -> list[str]:
    return ["controller", *(f"speaker-{node}" for node in lan.nodes)]


def goes_by_a_part(lan: RealLan, who: str) -> bool:
    """False, too, while it does not answer yet."""
    with contextlib.suppress(ClusterError):
        return bool(lan.state(who)["config"]["partial"])
    return False


def test_all_of_pylb_starts_anew_beside_an_invalid_pool(scene: Scene, lan: RealLan, say: Say) -> None:
    """Nobody knows a good configuration then: addresses are answered all the same, new ones are given, no pod is ready.
    As soon as it is good again all are, and nothing moves."""
    with invalid(lan):
        before = {item["metadata"]["uid"] for item in steady.daemons(lan)}
        lan.end_pods("pylb-system")
        ended = time.monotonic()
        until("all are new", lambda: not before & {item["metadata"]["uid"] for item in steady.daemons(lan)})
        until("nobody knows a good one", lambda: all(goes_by_a_part(lan, who) for who in everybody(lan)), DARK_S)
        lan.ask(scene.url, "router", DARK_S)
        say(f"answered by daemons that never knew a good one {time.monotonic() - ended:.1f} s after the end of all")
        lan.owner(scene.address)
        assert lan.addresses(FRONT) == [scene.address]
        key = scene.make()
        given = until("a new one is given", lambda: lan.addresses(key), SERVES_S)
        scene.answered(given[0])
        assert not any(is_ready(item) for item in steady.daemons(lan))
        with steady.Steady(lan, scene.address) as watched:
            lan.remove(OVERLAPS, BROKEN)
            until("all are ready", lambda: all(is_ready(item) for item in steady.daemons(lan)), SERVES_S)
            watched.assert_unnoticed()
        assert set(steady.lives(lan).values()) == {0}
        lan.remove(service(key))
    steady.at_rest(lan)


def test_a_rollout_stops_at_the_first_node(scene: Scene, lan: RealLan) -> None:
    """Who starts anew leaves all to those who know the last good configuration, who stand in for it, and it is not ended
    for it. Whichever node it is, nothing moves, and nobody notices."""
    made = [scene.announced(node) for node in lan.nodes]
    with contextlib.ExitStack() as stack:
        watched = [stack.enter_context(steady.Steady(lan, address)) for _, address in made]
        with invalid(lan):
            lan.typed("-n pylb-system rollout restart daemonset/pylb-speaker")
            until("one is new", lambda: lan.get(DAEMON_SET)["status"].get("updatedNumberScheduled") == 1, ROLLED_S)
            stops = time.monotonic() + STOPS_S
            until("it lasts", lambda: time.monotonic() > stops, STOPS_S + 1)
            status = lan.get(DAEMON_SET)["status"]
            assert (status["updatedNumberScheduled"], status["numberReady"]) == (1, len(lan.nodes) - 1)
        wanted = len(lan.nodes)
        until("all are new", lambda: lan.get(DAEMON_SET)["status"]["updatedNumberScheduled"] == wanted, ROLLED_S)
        steady.at_rest(lan)
        for one in watched:
            one.assert_unnoticed()
    lan.remove(*(service(key) for key, _ in made))


def verdicts(lan: RealLan) -> dict[str, tuple[str, str]]:
    """(result, what is wrong) of each ConfigurationState."""
    found = {item["metadata"]["name"]: item.get("status") or {} for item in lan.get(STATES)["items"]}
    return {name: (status.get("result", ""), status.get("errorSummary", "")) for name, status in found.items()}


def test_what_is_wrong_with_bgp_is_told_everywhere_and_holds_back_nothing_of_layer_2(
    scene: Scene, lan: RealLan
) -> None:
    """Each daemon says so, in MetalLB's words, and the object does; a pool that comes meanwhile serves."""
    said = f"configuration error: {WHY} (BGPPeer metallb-system/router)"
    key = "default/extra"
    lan.create(WRONG)
    try:
        everyone = dict.fromkeys(everybody(lan), ("Invalid", said))
        until("all say so", lambda: verdicts(lan) == everyone, TOLD_S)
        told = until("the Event", lambda: lan.told("metallb-system", "router", "BGPPeer"), TOLD_S)
        assert [(one.type, one.reason, one.component) for one in told] == [
            ("Warning", "ConfigurationError", "metallb-controller")
        ]
        assert told[0].message.startswith(f"configuration error: {WHY}; ")
        for who in everybody(lan):
            assert lan.metrics(who)["metallb_k8s_client_config_stale_bool"] == 1
        lan.create(EXTRA, service(key, annotations={"metallb.io/address-pool": "extra"}))
        assert lan.address(key) == "10.88.0.0"
        scene.answered(scene.address)
    finally:
        lan.remove(WRONG, EXTRA, service(key))
    until("all are well", lambda: verdicts(lan) == dict.fromkeys(everybody(lan), ("Valid", "")), TOLD_S)
    steady.at_rest(lan)
