"""The speaker's part in moves on purpose: it reads its Node, and says why a move cannot be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_address

import pytest

from fakes.wired import N1, N2, Wired
from fakes.world import service
from pylb.core.model import Node, NodeName
from pylb.core.ownership.beats import State
from pylb.kube import decode
from pylb.speaker import state

A = service("a", ingress=("10.0.0.1",), annotations={"pylb.io/move": "n9@1"})
ONE = ip_address("10.0.0.1")


@pytest.fixture
async def speaker(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wired]:
    made = Wired(monkeypatch)
    made.plug(True)
    made.see(A)
    made.run_for(3.0)
    yield made
    made._links.close()


async def test_a_move_that_cannot_be_is_told_on_the_service_once(speaker: Wired) -> None:
    speaker.run_for(5.0)
    assert [note for note in speaker.notes if note[1] == "NotMoved"] == [("a", "NotMoved")]
    assert ONE in speaker.arbiter.owned


async def test_the_annotation_of_ones_own_node_drains_and_of_no_other(speaker: Wired) -> None:
    nodes = speaker.world._nodes.items
    nodes["n2"] = Node(NodeName("n2"), drained=True)
    speaker._follow_world()
    assert speaker.arbiter.state is State.ACTIVE
    nodes["n1"] = Node(N1, drained=True)
    speaker._follow_world()
    assert speaker.arbiter.state is State.DRAINING
    told = state.describe(speaker.arbiter, {}, {}, [], speaker.now, {})
    [address] = told["addresses"]
    assert (told["state"], address["owner"], address["mine"]) == ("draining", "n1", True)
    assert (address["candidates"], address["excluded"]) == ([], {"n1": "node_drains", "n2": "not_alive"})
    nodes["n1"] = Node(N1)
    speaker._follow_world()
    assert speaker.arbiter.state is State.ACTIVE


def test_what_the_api_says_of_drains_and_failback_is_read() -> None:
    raw = {"metadata": {"name": "n1", "annotations": {"pylb.io/drain": "true"}}}
    assert decode.node(raw).drained
    assert not decode.node({"metadata": {"name": "n1"}}).drained
    notes = {"pylb.io/failback": "immediate", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    kept = decode.custom_resource(
        {"kind": "IPAddressPool", "metadata": {"name": "p", "annotations": notes}, "spec": {}}
    )
    assert kept["metadata"]["annotations"] == {"pylb.io/failback": "immediate"}
    assert "annotations" not in decode.custom_resource({"metadata": {"name": "p"}, "spec": {}})["metadata"]


async def test_who_asks_for_one_of_two_addresses_is_told_what_to_write_for_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Wired(monkeypatch)
    texts: list[str] = []
    made.recorder.record = lambda ref, notice: texts.append(notice.message)  # type: ignore[method-assign]
    made.world._nodes.items["n2"] = Node(N2)
    made.plug(True)
    made.see(service("a", ingress=("10.0.0.1",), annotations={"pylb.io/move": "n2@9"}))
    made.run_for(20.0)
    told = [text for text in texts if "not moved" in text]
    assert [text.partition("; ")[2] for text in told] == ["annotate pylb.io/move=n2@1 to move it, too"]
    made._links.close()


async def test_a_drain_that_is_not_understood_is_told_once_on_the_node(speaker: Wired) -> None:
    raw = {"metadata": {"name": "n1", "annotations": {"pylb.io/drain": "yes"}}}
    for name in ("n1", "n2"):  # another's is that one's to tell
        speaker.world._nodes.items[name] = replace(decode.node(raw), name=NodeName(name))
    for _ in range(2):
        speaker._follow_world()
    assert speaker.notes.count(("n1", "UnknownAnnotation")) == 1
    assert ("n2", "UnknownAnnotation") not in speaker.notes
    assert speaker.arbiter.state is State.ACTIVE
