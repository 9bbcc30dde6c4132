"""A controller that stands still and comes back while another one leads, and a node whose kubelet falls silent meanwhile.

The data plane notices neither: a Service is given one address, once, and a node that Kubernetes calls not ready keeps
what it answers for, since it goes on carrying it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from cluster import steady
from cluster.scenes import FRONT, Scene
from cluster.steady import Steady
from fakes.cluster import OURS, is_ready, service, until
from fakes.real import RealLan
from pylb.core import lease

SILENT_S = 40.0  # until a node is called not ready: 16 s, and some
HEIR_S = lease.DURATION + 4.0  # until another controller leads, and has read what there is
BURST = 6  # Services
WRITTEN_S = 3.0  # until what was asked is in the audit log
Say = Callable[[str], None]


def test_two_controllers_and_a_silent_node(scene: Scene, lan: RealLan, say: Say) -> None:
    """At the same time, since each takes long. The silent node is the address's owner, and has no controller."""
    try:
        with Steady(lan, scene.address) as watched:
            lan.lab.program("freeze", "kubelet", scene.owner)
            given, took = a_leader_stands_still(scene)
            until("the node is not ready", lambda: not ready(lan, scene.owner), SILENT_S)
            assert lan.owners(scene.address) == [scene.owner]
            lan.lab.program("thaw", "kubelet", scene.owner)
            until("the node is ready", lambda: ready(lan, scene.owner), SILENT_S)
            say(f"{len(given)} addresses {took:.1f} s after the leader stood still")
            watched.assert_unnoticed()
            watched.assert_alive()
            watched.assert_calm()
    finally:
        if lan.lab.status()["programs"][scene.owner]["kubelet"] == "frozen":
            lan.lab.program("thaw", "kubelet", scene.owner)
    assert lan.addresses(FRONT) == [scene.address]


def a_leader_stands_still(scene: Scene) -> tuple[dict[str, list[str]], float]:
    """Another one leads and gives addresses; the first one, back, touches none of them. What was given, and how soon."""
    lan, began = scene.lan, time.time()
    leader = lan.pod("controller")
    node = lan.get(f"{OURS}/pods/{leader}")["spec"]["nodeName"]
    with steady.standing_still(lan, node, "pylb controller"):
        keys = [scene.make() for _ in range(BURST)]
        until("all have an address", lambda: all(lan.addresses(key) for key in keys), HEIR_S)
        took = time.time() - began
    heir = until("another one leads", lambda: lan.pod("controller"))
    assert heir != leader
    keys += [scene.make() for _ in range(BURST)]
    until("all have an address", lambda: all(lan.addresses(key) for key in keys))
    given = {key: lan.addresses(key) for key in keys}
    taken = Counter(address for addresses in given.values() for address in addresses)
    assert (len(taken), max(taken.values())) == (2 * BURST, 1)
    thawed = time.time()
    until("it is written down", lambda: time.time() > thawed + WRITTEN_S)
    writes = Counter(
        (one["objectRef"]["name"], steady.pod_of(one))
        for one in steady.asked(lan, began)
        if steady.what(one) == "default/services/status"
    )
    assert writes == {(key.partition("/")[2], heir): 1 for key in keys}
    assert given == {key: lan.addresses(key) for key in keys}
    lan.remove(*map(service, keys))
    return given, took


def ready(lan: RealLan, node: str) -> bool:
    return is_ready(lan.get(f"{steady.NODES}/{node}"))
