"""What is said of a Service's reach: endpoints, the line of nodes, who announces, who answers on the wire."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fakes.explaining import IP, N1, N2, READY, WEB, case, scene, told
from fakes.world import advertisement, service
from pylb.core.explanation import explain, findings
from pylb.core.explanation.findings import Fix, Mark, Question, Row
from pylb.core.explanation.scene import Announcing, Case, Scene
from pylb.core.explanation.wire import Answer, Vantage, WireSeen
from pylb.core.model import LOCAL, Endpoint, Node, Port, Service, ServiceKey
from pylb.core.ownership.election import EXCLUDE_LABEL


@pytest.mark.parametrize(
    ("ends", "one", "mark", "text"),
    [
        (None, WEB, "UNKNOWN", "its EndpointSlices may not be read here"),
        ((), WEB, "FAIL", "no pod stands behind it: app=web selects none that has an address"),
        ((), service("a"), "FAIL", "it has no selector, and nobody made EndpointSlices for it"),
        ((Endpoint(N1, servable=False),), WEB, "FAIL", "none of its 1 endpoints is ready"),
        (READY, WEB, "PASS", "2 ready, on n1, n2"),
        ((READY[0], Endpoint(N2, servable=False)), WEB, "PASS", "1 of 2 ready, on n1"),
        ((Endpoint(None, servable=True),), WEB, "PASS", "1 ready, on no node of the cluster"),
        (
            READY,
            replace(WEB, traffic_policy=LOCAL),
            "PASS",
            "2 ready, on n1, n2; traffic policy Local: only these nodes may announce it",
        ),
    ],
)
def test_endpoints(ends: tuple[Endpoint, ...] | None, one: Service, mark: str, text: str) -> None:
    assert told(scene(WEB), case(one, endpoints=ends), Question.ENDPOINTS) == [("endpoints", mark, text)]


def first_row(where: Scene, one: Case, question: Question) -> Row:
    return next(row for row in explain.explain(where, one) if row.question is question and row.mark is not Mark.PASS)


@pytest.mark.parametrize(
    ("change", "text", "command"),
    [
        ({"adverts": ()}, "no L2Advertisement selects the pool", "apply -f -"),
        ({"alive": frozenset()}, "the node's speaker is not heard", "get pods"),
        (
            {"adverts": (advertisement(nodeSelectors=[{"matchLabels": {"a": "b"}}]),)},
            "selects the node",
            "edit l2advertisement l2",
        ),
        ({"nodes": {N1: Node(N1, network_unavailable=True)}}, "network is reported unavailable", "describe node n1"),
        ({"nodes": {N1: Node(N1, {EXCLUDE_LABEL: ""})}}, "is labelled", f"label node n1 {EXCLUDE_LABEL}-"),
    ],
)
def test_no_node_may_announce_it(change: dict[str, Any], text: str, command: str) -> None:
    found = first_row(scene(WEB, **change), case(), Question.ELECTED)
    assert found.mark is Mark.FAIL
    assert text in found.text
    assert command in found.fixes[0].command


def test_the_line_and_who_is_not_in_it() -> None:
    rows = told(scene(WEB), case(), Question.ELECTED)
    assert [row[:2] for row in rows] == [("advertisement", "PASS"), ("line", "PASS")]
    assert " is first in line, then n" in rows[1][2]
    alone = told(scene(WEB, alive={N1}), case(), Question.ELECTED)
    assert alone[1:] == [
        ("line", "PASS", "n1 is first in line, and no other"),
        ("not in line", "HINT", "n2: the node's speaker is not heard"),
    ]
    local = case(replace(WEB, traffic_policy=LOCAL), endpoints=())
    assert "Service" in first_row(scene(WEB), local, Question.ELECTED).text
    unknown = told(scene(WEB, alive=None), case(), Question.ELECTED)
    assert unknown[1][2].endswith("; which speakers are heard is not known here")
    drained = told(scene(WEB, nodes={N1: Node(N1, drained=True)}), case(), Question.ELECTED)
    assert drained[-1] == ("not in line", "HINT", "n1: the node is drained; pylb undrain ends that")
    assert drained[1] == ("line", "WARN", "all in line are drained (n1): none of them takes an address")
    nobody = first_row(scene(WEB, nodes={N1: Node(N1, drained=True)}), case(announcing={}), Question.ELECTED)
    assert (nobody.mark, nobody.fixes) == (Mark.FAIL, (Fix("let it own addresses again", "pylb undrain n1"),))
    both = {N1: Node(N1, drained=True), N2: Node(N2)}
    assert told(scene(WEB, nodes=both), case(), Question.ELECTED)[1][2] == "n2 is first in line, and no other"
    bgp = scene(WEB, adverts=(), bgp_pools=frozenset({"lan"}))
    assert told(bgp, case(), Question.ELECTED)[0][:2] == ("advertisement", "PASS")
    assert told(scene(), Case(service("a")), Question.ELECTED) == [("line", "UNKNOWN", "it has no address yet")]
    blind = told(scene(WEB, nodes={}), case(), Question.ELECTED)
    assert blind == [("line", "UNKNOWN", "the nodes may not be read here")]


@pytest.mark.parametrize(
    ("found", "marks", "text"),
    [
        (Announcing(("n1",), known=True), ["PASS"], "n1 does"),
        (Announcing(), ["UNKNOWN"], "who announces it cannot be told"),
        (Announcing(known=True), ["FAIL"], "nobody does"),
        (Announcing(known=True, reason="no_interface"), ["FAIL"], "nobody does: the node has no interface"),
        (Announcing(known=True, reason="odd thing"), ["FAIL"], "nobody does: odd thing"),
        (Announcing(("n1", "n2"), known=True, contested=True), ["FAIL"], "2 nodes announce it: n1, n2"),
        (Announcing(("n1", "n2"), known=True), ["PASS"], "n1 does"),
        (Announcing(("n1",), guessed=True), ["UNKNOWN"], "n1 did, by an event of Kubernetes"),
        (Announcing(("gone",), known=True), ["FAIL"], "gone does, and is no node of the cluster any more"),
        (Announcing(("n1",), known=True, helper="n2", silent=False), ["PASS"], "n2 does in the place of n1"),
        (Announcing(("n1",), known=True, silent=True), ["WARN"], "n1 does, and its speaker is not heard"),
        (Announcing(("n1",), known=True, stranger="02:00:00:00:00:09"), ["PASS", "FAIL"], "n1 does"),
        (Announcing(("n1",), known=True, changes=4, provisional=True), ["PASS", "WARN", "WARN"], "n1 does"),
    ],
)
def test_who_announces(found: Announcing, marks: list[str], text: str) -> None:
    rows = told(scene(WEB), case(announcing={IP: found}), Question.ANNOUNCED)
    assert [row[1] for row in rows] == marks
    assert rows[0][2].startswith(text)


def test_a_node_that_is_not_ready_announces() -> None:
    sick = scene(WEB, nodes={N1: Node(N1, ready=False)})
    assert told(sick, case(), Question.ANNOUNCED) == [("announcer", "WARN", "n1 does, and is NotReady")]


def seen(*macs: str, **vantage: str) -> WireSeen:
    return WireSeen(1.0, IP, Vantage("desk", **{"interface": "eth0", **vantage}), macs)


@pytest.mark.parametrize(
    ("look", "mark", "text"),
    [
        (seen("02:00:00:00:00:01"), "PASS", "02:00:00:00:00:01 answers ARP for 10.0.0.1 (seen from desk, eth0)"),
        (seen("02:00:00:00:00:01", "02:00:00:00:00:01"), "PASS", "02:00:00:00:00:01 answers"),
        (seen("02:00:00:00:00:01", "02:00:00:00:00:02"), "FAIL", "2 MACs answer for 10.0.0.1"),
        (seen(), "FAIL", "nobody answers ARP for 10.0.0.1 (seen from desk, eth0)"),
        (seen(node="n1"), "UNKNOWN", "desk is n1, which announces it: the wire cannot be seen from here"),
        (seen(node="n2"), "FAIL", "nobody answers"),
        (seen(gateway="192.168.0.1"), "UNKNOWN", "10.0.0.1 is behind the router 192.168.0.1"),
        (seen(obstacle="there is no route to it"), "UNKNOWN", "10.0.0.1: there is no route to it"),
    ],
)
def test_who_answers(look: WireSeen, mark: str, text: str) -> None:
    (row,) = told(scene(WEB), case(wires={IP: look}), Question.ANSWERED)
    assert row[:2] == ("neighbour", mark)
    assert row[2].startswith(text)


@pytest.mark.parametrize(
    ("answer", "mark"),
    [(Answer.OPEN, "PASS"), (Answer.REFUSED, "WARN"), (Answer.SILENT, "FAIL"), (Answer.UNTRIED, "UNKNOWN")],
)
def test_ports(answer: Answer, mark: str) -> None:
    look = replace(seen("02:00:00:00:00:01"), answers=((Port("TCP", 80), answer),))
    rows = told(scene(WEB), case(wires={IP: look}), Question.ANSWERED)
    assert rows[1][:2] == ("port", mark)


def test_an_address_of_two() -> None:
    both = replace(WEB, ingress=(IP, "fd00::1"))
    rows = told(scene(WEB), case(both), Question.ANNOUNCED)
    assert rows[0] == ("announcer", "PASS", "10.0.0.1: n1 does")
    assert rows[1][:2] == ("announcer", "UNKNOWN")
    assert [row[2] for row in told(scene(WEB), case(both), Question.ANSWERED)][1].startswith("fd00::1")


def test_documents() -> None:
    row = Row(Question.ANSWERED, "port", Mark.FAIL, "x", (Fix("do", "it"), Fix("think")))
    assert findings.documents([row]) == [
        {
            "question": "answered",
            "check": "port",
            "verdict": "FAIL",
            "seen": "x",
            "fixes": [{"text": "do", "command": "it"}, {"text": "think", "command": None}],
        }
    ]


def test_names_that_a_shell_would_take_for_more() -> None:
    odd = Service(ServiceKey("a;b/$(reboot)"), selector={"app": "x y"}, ingress=(IP,), cluster_ips=("10.96.0.1",))
    (fix,) = next(row for row in explain.explain(scene(), case(odd, endpoints=())) if row.check == "endpoints").fixes
    assert fix.command == "kubectl -n 'a;b' get pods -o wide -l 'app=x y'"
