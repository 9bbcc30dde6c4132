"""The history of moves: what is told of a take, what is read of a text, and how much stands in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pylb.core import history
from pylb.core.history import Entry
from pylb.core.model import NodeName, ServiceKey
from pylb.core.ownership.claims import Cause, Claim
from pylb.core.ownership.effects import Took
from pylb.core.ownership.election import Verdict
from pylb.core.ownership.lines import Line
from pylb.core.ranges import parse_address

N1, N2 = NodeName("n1"), NodeName("n2")
WEB = ServiceKey("default/web")
LINE = Line(parse_address("192.0.2.1"), (WEB,), Verdict())
MOVED = Entry(12.5, "192.0.2.1", ("default/web",), "n1", "n2", "node_gone", 3, 400.0, 412.0)


def took(previous: NodeName | None, cause: Cause, silent: float | None = None) -> Took:
    return Took(LINE, Claim(N2, 3), previous, cause, silent)


@pytest.mark.parametrize(
    ("take", "expected"),
    [
        (took(N1, Cause.GONE, 0.4), MOVED),
        (took(None, Cause.FIRST), None),
        (took(N1, Cause.NOT_ELIGIBLE), Entry(12.5, "192.0.2.1", (WEB,), "n1", "n2", "no_longer_eligible", 3)),
        (took(N2, Cause.RESUMED), Entry(12.5, "192.0.2.1", (WEB,), "n2", "n2", "resumed", 3)),
    ],
)
def test_what_is_told_of_a_take(take: Took, expected: Entry | None) -> None:
    assert history.of_take(N2, take, 0.012, 12.5) == expected


def test_a_stand_in_tells_how_long_it_lasted() -> None:
    told = history.of_stand_in(N2, N1, "192.0.2.1", (WEB,), 4.25, 12.5)
    assert told == Entry(12.5, "192.0.2.1", (WEB,), "n1", "n2", "stood_in", lasted_ms=4250.0)


def test_a_line_is_json_without_what_is_not_known() -> None:
    assert json.loads(history.line(MOVED)) == {
        "at": 12.5,
        "address": "192.0.2.1",
        "services": ["default/web"],
        "from_node": "n1",
        "to_node": "n2",
        "cause": "node_gone",
        "term": 3,
        "detected_ms": 400.0,
        "announced_ms": 412.0,
    }
    assert history.parse(history.render([MOVED])) == (MOVED,)


GOOD = json.loads(history.line(MOVED))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 2000,
        "x" * (history.MAX_LINE + 1),
        json.dumps({**GOOD, "cause": "c" * history.MAX_LINE}),
        json.dumps({**GOOD, "cause": "\u00e9" * 500}, ensure_ascii=False),  # longer when it is written in ASCII
        *(
            json.dumps({**GOOD, name: value})
            for name, value in [
                ("at", None),
                ("at", True),
                ("at", -1),
                ("at", float("nan")),
                ("at", float("inf")),
                ("at", 10**400),
                ("term", "3"),
                ("term", -1),
                ("term", 2**40),
                ("services", "web"),
                ("services", [1]),
                ("address", None),
                ("from_node", 1),
                ("detected_ms", "fast"),
                ("lasted_ms", -5),
            ]
        ),
    ],
)
def test_a_line_that_is_no_move_is_left_out_and_no_other(line: str) -> None:
    text = "\n".join([line, history.line(MOVED), line])
    assert history.parse(text) == (MOVED,)


@pytest.mark.parametrize("text", [None, 5, b"x", [], {}])
def test_what_is_no_text_tells_nothing(text: object) -> None:
    assert history.parse(text) == ()


def test_what_a_later_version_adds_is_no_reason_to_leave_a_line_out() -> None:
    assert history.parse(json.dumps({**GOOD, "new": {"a": 1}})) == (MOVED,)


def test_the_longest_text_is_well_below_what_a_configmap_holds() -> None:
    long: dict[str, Any] = {"from_node": "n" * 253, "to_node": "m" * 253, "cause": "c" * 40}
    services = tuple(f"{'s' * 63}/{number:>063}" for number in range(50))
    told = [
        Entry(float(at), "2001:db8::1", services[: history.MAX_SERVICES], detected_ms=0.1, **long) for at in range(300)
    ]
    text = history.render(history.merge(told))
    assert len(history.parse(text)) == history.KEPT
    assert len(text.encode()) < 512 * 1024


def test_of_many_services_of_an_address_some_are_named() -> None:
    many = tuple(ServiceKey(f"default/s{number}") for number in range(50))
    entry = history.of_take(N2, Took(Line(LINE.address, many, Verdict()), Claim(N2, 1), N1, Cause.GONE), 0.0, 1.0)
    assert entry is not None
    assert entry.services == many[: history.MAX_SERVICES]


def test_lines_of_a_huge_text_are_read_from_its_end() -> None:
    old = history.line(MOVED)
    newer = history.line(Entry(13.0, "192.0.2.9", (), "n1", "n2", "left"))
    text = "\n".join([old, *["garbage"] * history.MAX_READ, newer])
    assert [entry.address for entry in history.parse(text)] == ["192.0.2.9"]


def test_one_time_is_written_in_one_way() -> None:
    """Else what two nodes make of the same text would differ for ever."""
    [read] = history.parse(json.dumps({**GOOD, "at": -0.0}))
    assert history.line(read) == history.line(history.parse(json.dumps({**GOOD, "at": 0}))[0])
