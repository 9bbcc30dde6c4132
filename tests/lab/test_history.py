"""Moves on real packets, as people read of them afterwards: in the history, in metrics, and in ServiceL2Status."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from fakes import lan as lans
from fakes.cluster import until
from fakes.lan import Lan
from pylb.core import history
from pylb.core.history import Entry

ADDRESS, URL = "10.86.0.200", "http://10.86.0.200/"
STANDS_S = 1.5  # more than is left out
OURS = f"/api/v1/namespaces/{history.NAMESPACE}/configmaps/{history.NAME}"
STATUSES = f"/apis/metallb.io/v1beta1/namespaces/{history.NAMESPACE}/servicel2statuses"


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    """A lab, with a Service that is answered."""
    with lans.start("10.86.0.0/24") as lan:
        lan.front(ADDRESS, "10.86.0.128/25")
        lan.ask(URL, seconds=20.0)
        lan.settled()
        yield lan


def told(lan: Lan, cause: str) -> Entry:
    """The newest line of that cause, as soon as there is one."""

    def newest() -> Entry | None:
        found = history.parse((lan.get(OURS).get("data") or {}).get(history.KEY))
        return next((one for one in reversed(found) if one.cause == cause), None)

    entry = until(f"{cause} is told", newest)
    assert entry is not None
    return entry


def annotations(lan: Lan) -> dict[str, Any]:
    """Of the one object that stands there, as soon as it is one."""
    items = until("one status stands", lambda: found if len(found := lan.get(STATUSES)["items"]) == 1 else None)
    notes: dict[str, Any] = items[0]["metadata"]["annotations"]
    return notes


def test_a_lost_node_and_a_lost_speaker_are_told_apart(lan: Lan) -> None:
    owner = lan.owner(ADDRESS)
    [(_, term)] = lan.claims(ADDRESS).items()
    assert annotations(lan)["pylb.io/term"] == str(term)
    lan.lab.cut(owner)
    try:
        heir = lan.owner(ADDRESS, beside=owner)
        moved = told(lan, "node_gone")
        assert (moved.address, moved.from_node, moved.to_node) == (ADDRESS, owner, heir)
        assert (moved.services, moved.term) == (("default/front",), term + 1)
        assert moved.detected_ms is not None
        assert moved.announced_ms is not None
        assert 200 < moved.detected_ms <= moved.announced_ms < 5000
    finally:
        lan.lab.mend(owner)
    lan.settled()
    until("the new claim is told", lambda: annotations(lan)["pylb.io/term"] == str(term + 1))
    assert lan.metrics(f"speaker-{heir}")['pylb_moves_total{cause="node_gone"}'] == 1

    lan.lab.speaker("kill", heir)
    [helper] = until("another stands in", lambda: lan.standing(ADDRESS, but=heir))
    began = time.monotonic()
    until("it does so for long", lambda: time.monotonic() > began + STANDS_S)
    assert lan.metrics(f"speaker-{helper}")["pylb_standing_in"] == 1
    lan.lab.speaker("start", heir)
    lan.settled()
    stood_in, resumed = told(lan, history.STOOD_IN), told(lan, "resumed")
    assert (stood_in.from_node, stood_in.to_node, stood_in.address) == (heir, helper, ADDRESS)
    assert stood_in.lasted_ms is not None
    assert stood_in.lasted_ms > STANDS_S * 1000
    assert (resumed.from_node, resumed.to_node) == (heir, heir)
    until("the claim is told as it is", lambda: annotations(lan)["pylb.io/term"] == str(resumed.term))

    command = [sys.executable, "-m", "pylb", "history", "--kubeconfig", str(lan.lab.kubeconfig)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
    assert "node gone" in printed
    assert "stood in for" in printed
