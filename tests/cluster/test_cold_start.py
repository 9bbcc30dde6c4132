"""All speaker pods are deleted at once, on a real cluster with its garbage collector: who owned an address owns it."""

from __future__ import annotations

import time
from collections.abc import Callable

from cluster import pylb_on
from cluster.scenes import FRONT, Scene
from fakes.cluster import JSON, until
from fakes.real import RealLan

STATUSES = "/apis/metallb.io/v1beta1/namespaces/pylb-system/servicel2statuses"
COLLECTED_S = 5.0  # in which the garbage collector takes what has no owner any more
STARTED_S = 60.0  # until new pods run
Say = Callable[[str], None]


def statuses(lan: RealLan) -> dict[str, JSON]:
    """The status objects, by their uids."""
    return {str(item["metadata"]["uid"]): item for item in lan.get(STATUSES)["items"]}


def test_all_speaker_pods_are_deleted_at_once(scene: Scene, lan: RealLan, say: Say) -> None:
    """The address is not where the line would have it: it moved before, so that only the record can tell."""
    first = lan.owner(scene.address)
    lan.lab.cut(first)
    try:
        owner = lan.owner(scene.address, beside=first)
    finally:
        lan.lab.mend(first)
    lan.settled()
    until("one status stands", lambda: len(statuses(lan)) == 1)
    [(uid, status)] = statuses(lan).items()
    assert [one["kind"] for one in status["metadata"]["ownerReferences"]] == ["DaemonSet"]
    before = {item["metadata"]["uid"] for item in lan.pods("speaker")}
    with lan.asker(scene.address) as asker:
        began = time.time()
        where = ["-n", "pylb-system", "-l", "app.kubernetes.io/component=speaker"]
        pylb_on.check(lan.lab, "delete", "pods", *where, "--force", "--grace-period=0", "--wait=false")
        until(
            "other pods run",
            lambda: (
                len(new := lan.pods("speaker")) == len(lan.nodes)
                and not before & {item["metadata"]["uid"] for item in new}
            ),
            STARTED_S,
        )
        lan.settled()
        until("it is answered for", lambda: lan.owners(scene.address) == [owner])
        until("what had to be collected was", lambda: time.time() > began + COLLECTED_S, COLLECTED_S + 1)
        asker.stop()
    say(f"{owner} stayed, ARP silent for {asker.silence():.1f} s")
    assert {mac for at, mac in asker.answers() if at > began} == {lan.mac(owner)}
    assert list(statuses(lan)) == [uid]
    scene.answered(scene.address)
    assert lan.addresses(FRONT) == [scene.address]
