"""Bad days of the API server, on a real one. The data plane never notices: a client that asks an announced address each
20 ms is always answered, and one node alone answers ARP. Nothing crashes, asks too often or loses an address; a new
Service has its address within 2 s of the server's own recovery.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone

from cluster import scenes, steady
from cluster.scenes import FRONT, Scene
from cluster.steady import Steady
from fakes.cluster import JSON, OURS, service, until
from fakes.real import RealLan

FROZEN_S = 40.0  # a minute would be no other case: each deadline is below 30 s, but for that of a silent watch
PULLED_S = 10.0  # into that, a cable is pulled
SLOW_S, QUICK_S, SLOW_FOR_S = 3.0, 0.1, 7.0  # it stands still, runs, and so on
SOON_S, BUSY_S = 0.2, 3.5  # from the change of a definition to its being read, and that the kind is initialised
LOGGED_S = 5.0  # until what was asked is in the audit log
EXPIRED, BUSY = 410, 429
TURNS = 3
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
DEFINITION = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/l2advertisements.metallb.io"
SERVICES = "/api/v1/services"
Say = Callable[[str], None]


def test_the_api_server_is_restarted(scene: Scene, lan: RealLan, say: Say) -> None:
    """It forgets what changed before: each watch from then is answered by 410, and the list after that tells what went.

    The leader stands still meanwhile, so that it has not seen a Service go, whose address is the next one's.
    """
    address = scene.owned_by(scene.owner, 1)
    gone, heir = scene.make(loadBalancerIP=address), scene.make(loadBalancerIP=address)
    until(f"{gone} has the address", lambda: lan.addresses(gone) == [address])
    version = lan.get(SERVICES)["metadata"]["resourceVersion"]
    node = lan.get(f"{OURS}/pods/{lan.pod('controller')}")["spec"]["nodeName"]
    with Steady(lan, scene.address) as watched:
        with steady.standing_still(lan, node, "pylb controller"):
            lan.remove(service(gone))
            scene.restart_api()
        ready = time.monotonic()
        until("what went is known", lambda: lan.addresses(heir) == [address])
        freed = time.monotonic() - ready
        say(f"a freed address given {freed:.2f} s after, a new one in {scene.served_anew():.2f} s")
        told = lan.text(f"{SERVICES}?watch=true&resourceVersion={version}&timeoutSeconds=1").splitlines()
        assert [json.loads(line)["object"]["code"] for line in told] == [EXPIRED], "watches went on as if nothing was"
        watched.assert_unnoticed()
        watched.assert_alive()
        watched.assert_calm()
    assert freed < scenes.GIVEN_S + steady.THAW_S
    lan.remove(service(heir))


def test_the_control_plane_stands_still(scene: Scene, lan: RealLan, say: Say) -> None:
    """For 40 s, in which another address's owner is lost and comes back. Then the controller manager goes on after the
    API server, when the nodes' leases are new again, which are renewed for them: it would call all pods unready."""
    other = scene.owned_by(scene.spare)
    key = scene.make(loadBalancerIP=other)
    until("it is announced", lambda: lan.owners(other) == [scene.spare])
    with Steady(lan, scene.address) as watched:
        frozen = time.monotonic()
        for program in ("kube-apiserver", "kube-controller-manager"):
            lan.lab.program("freeze", program)
        try:
            until("it lasts", lambda: time.monotonic() > frozen + PULLED_S, PULLED_S + 1)
            lan.lab.cut(scene.spare)
            heir = lan.owner(other, beside=scene.spare)
            lan.lab.mend(scene.spare)
            until("it lasts", lambda: time.monotonic() > frozen + FROZEN_S, FROZEN_S)
        finally:
            lan.lab.mend(scene.spare)
            lan.lab.program("thaw", "kube-apiserver")
            took = scene.assert_recovers()
            for node in lan.nodes:
                lan.patch(f"{LEASES}/{node}", {"spec": {"renewTime": now()}})
            lan.lab.program("thaw", "kube-controller-manager")
        say(f"a new address in {took:.2f} s")
        watched.assert_unnoticed()
        watched.assert_alive()
        watched.assert_calm()
    assert lan.addresses(FRONT) == [scene.address]
    assert lan.owners(other) == [heir], "who comes back takes nothing back"
    lan.remove(service(key))


def now() -> str:
    """As a Lease tells it."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_each_answer_takes_3_s(scene: Scene, lan: RealLan, say: Say) -> None:
    """It stands still for 3 s, runs for 0.1 s, and so on: a new Service gets its address all the same."""
    api = int(lan.lab.status()["beside"]["kube-apiserver"])
    over = threading.Event()

    def slow_down() -> None:
        while not over.is_set():
            os.kill(api, signal.SIGSTOP)
            over.wait(SLOW_S)
            os.kill(api, signal.SIGCONT)
            over.wait(QUICK_S)

    with Steady(lan, scene.address) as watched:
        slow = threading.Thread(target=slow_down)
        slow.start()
        try:
            until("it lasts", lambda: time.time() > watched.began + SLOW_FOR_S)
            took = scene.served_anew()
        finally:
            over.set()
            slow.join()
        say(f"a new address in {took:.2f} s while slow, in {scene.assert_recovers():.2f} s after")
        watched.assert_unnoticed()
        watched.assert_alive()
        watched.assert_calm()
    assert took < 4 * SLOW_S


def test_a_kind_is_being_initialised(scene: Scene, lan: RealLan, say: Say) -> None:
    """429 for those that ask for it then. It was forced: the definition changes, which ends all watches after a second, and
    etcd stands still before anybody asks again; on a machine that is busy it may take several turns until it does."""
    versions = lan.get(DEFINITION)["spec"]["versions"]
    with Steady(lan, scene.address) as watched:
        for turn in range(TURNS):
            column = {"name": f"Forced{turn}", "type": "string", "jsonPath": ".metadata.name"}
            force(lan, [{**one, "additionalPrinterColumns": [column]} for one in versions])
            took = scene.assert_recovers()
            logged = time.monotonic() + LOGGED_S
            until("it is in the log", lambda logged=logged: refused(lan, watched.began) or time.monotonic() > logged)
            if refused(lan, watched.began):
                break
        say(f"a new address in {took:.2f} s")
        assert refused(lan, watched.began), "nobody was refused"
        watched.assert_unnoticed()
        watched.assert_alive()
        watched.assert_calm()
    lan.patch(DEFINITION, {"spec": {"versions": versions}})


def force(lan: RealLan, versions: list[JSON]) -> None:
    """Give a definition other versions, and let etcd stand still before anybody has asked for its objects again."""
    lan.patch(DEFINITION, {"spec": {"versions": versions}})
    changed = time.monotonic()
    until("the API server has read it", lambda: time.monotonic() > changed + SOON_S)
    lan.lab.program("freeze", "etcd")
    frozen = time.monotonic()
    try:
        until("it lasts", lambda: time.monotonic() > frozen + BUSY_S)
    finally:
        lan.lab.program("thaw", "etcd")


def refused(lan: RealLan, since: float) -> set[str]:
    """The pods that were answered with 429."""
    return {steady.pod_of(one) for one in steady.asked(lan, since) if steady.code(one) == BUSY}
