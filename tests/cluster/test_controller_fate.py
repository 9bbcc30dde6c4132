"""The controllers' fate on a real cluster: killed in the midst of their writes, both at once, frozen past their Lease,
without a Lease, without an API server. No address changes, none is given twice, and all are served in the end. The judge
is `fakes.oracle`, as in tests/component/test_controller_fate.py, where each single write is struck.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from random import Random

import pytest

from cluster import pylb_on, scenes, steady
from cluster.scenes import Scene
from fakes import oracle
from fakes.cluster import OURS, service, until
from fakes.lives import POOLS, SERVICES
from fakes.oracle import Wish
from fakes.real import RealLan
from pylb.addon.names import NAMESPACE
from pylb.kube.errors import ClusterError

SEED = 8
DELAYS_MS = range(0, 24, 3)  # after which the leader is killed
MANY = 7  # Services that come at once; the pool holds two times as many
SERVED_S = 40.0  # after the leader ended: 11 s until its Lease ends, or until the kubelet starts it again
STOOD_S = 13.0  # longer than a Lease
HELD_S = 1.0  # that writes are held in the API server
PROGRAM = "pylb controller"
Say = Callable[[str], None]


class Watched:
    """The Services of a scene, before and after."""

    def __init__(self, scene: Scene, say: Say) -> None:
        self._scene, self._lan, self._say = scene, scene.lan, say
        self.before = self.wishes()
        self.new: list[str] = []

    def wishes(self) -> list[Wish]:
        return oracle.wishes(self._lan.get(SERVICES)["items"])

    def create(self) -> None:
        """Some more Services."""
        self._scene.lan.create(*(service(key) for key in self._names()))

    def _names(self) -> list[str]:
        names = [f"default/fate-{len(self.new) + number}" for number in range(MANY)]
        self.new += names
        return names

    def written(self) -> int:
        """How many of the new ones have an address."""
        return sum(bool(one.has) for one in self.wishes() if one.name.startswith("fate-"))

    def assert_well(self, seconds: float = SERVED_S) -> None:
        """All are served, nobody's address is another's or another."""
        began = time.monotonic()
        pools = oracle.pools(self._lan.get(POOLS)["items"])
        until("all are served", lambda: not oracle.complaints(self.wishes(), pools), seconds)
        self._say(f"all served after {time.monotonic() - began:.1f} s")
        after = self.wishes()
        assert oracle.moved(self.before, after, pools) == []
        assert len(after) == len(self.before) + len(self.new)


@pytest.fixture
def watched(scene: Scene, say: Say) -> Iterator[Watched]:
    made = Watched(scene, say)
    yield made
    scene.lan.remove(*(service(key) for key in made.new))


def leader(lan: RealLan) -> str:
    """The node of the controller that leads, as soon as one does."""

    def found() -> str:
        with contextlib.suppress(ClusterError):
            node = str(lan.get(f"{OURS}/pods/{lan.pod('controller')}")["spec"]["nodeName"])
            if lan.state("controller")["lease"]["may_write"] and steady.running(lan, node, PROGRAM):
                return node
        return ""

    return until("one leads", found, SERVED_S)


@contextlib.contextmanager
def held_writes(lan: RealLan) -> Iterator[None]:
    """What the API server receives meanwhile it carries out afterwards."""
    lan.lab.program("freeze", "etcd")
    try:
        yield
    finally:
        lan.lab.program("thaw", "etcd")


@pytest.mark.parametrize("delay", Random(SEED).sample(DELAYS_MS, 3))  # noqa: S311 - the same ones each time
def test_the_leader_is_killed_while_services_come(lan: RealLan, watched: Watched, say: Say, delay: int) -> None:
    node = leader(lan)
    [process] = steady.running(lan, node, PROGRAM)
    kill = ["sh", "-c", f"sleep {delay / 1000}; kill -KILL {process}"]
    killer = threading.Thread(target=lan.lab.inside, args=(node, kill))
    killer.start()
    watched.create()
    killer.join()
    say(f"{watched.written()} of {MANY} are written")
    assert process not in steady.running(lan, node, PROGRAM)
    watched.assert_well()


def test_the_leader_is_killed_while_the_api_server_has_its_writes(lan: RealLan, watched: Watched) -> None:
    """They are carried out, or not, after its end, beside those of the next one."""
    node = leader(lan)
    watched.create()
    with held_writes(lan):
        steady.send(lan, node, PROGRAM, "KILL")
        held = time.monotonic() + HELD_S
        until("it lasts", lambda: time.monotonic() > held)
    until("the API server serves", lambda: lan.text("/readyz") == b"ok", scenes.READY_S)
    watched.assert_well()


def test_both_are_killed_at_once(lan: RealLan, watched: Watched) -> None:
    leader(lan)
    nodes = {pod["spec"]["nodeName"] for pod in lan.pods("controller")}
    until("both run", lambda: all(steady.running(lan, node, PROGRAM) for node in nodes), SERVED_S)
    watched.create()
    for node in nodes:
        steady.send(lan, node, PROGRAM, "KILL")
    watched.assert_well()


def test_the_leader_stands_still_for_longer_than_its_lease(lan: RealLan, watched: Watched) -> None:
    """Services come before and while it does; it goes on in the midst of the other's writes."""
    node = leader(lan)
    watched.create()
    with steady.standing_still(lan, node, PROGRAM):
        stood = time.monotonic() + STOOD_S
        until("it lasts", lambda: time.monotonic() > stood, STOOD_S + 1)
        watched.create()
    watched.assert_well()
    assert leader(lan) != node


def test_the_lease_is_deleted_while_services_come(lan: RealLan, watched: Watched) -> None:
    leader(lan)
    watched.create()
    pylb_on.check(lan.lab, "-n", NAMESPACE, "delete", "lease", "pylb-controller")
    watched.create()
    watched.assert_well()


def test_the_api_server_is_killed_in_the_midst(scene: Scene, watched: Watched) -> None:
    watched.create()
    until("the first is written", watched.written)
    scene.restart_api()
    watched.assert_well()
