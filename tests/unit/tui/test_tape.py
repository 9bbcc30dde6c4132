"""Lines of a recording: what is written is read, and what is no line raises one error."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import tui_source as fake
from fakes.world import advertisement, namespace, pool
from pylb.core import events, history
from pylb.core.config import loader as config
from pylb.core.explanation.wire import Answer, Vantage, WireSeen
from pylb.core.model import Endpoint, EndpointSlice, NodeName, Port, ServiceKey
from pylb.tui import facts, tape
from pylb.tui.facts import Fact, Kind, ObjectChanged, SpeakerHeard
from pylb.tui.objects import BgpAdvert, BgpPeer, BgpStatus, ConfigVerdict, PoolUse
from pylb.tui.tape import Header, Still, TapeError

NOW = fake.NOW
SLICE = EndpointSlice(
    "a/b-x", ServiceKey("a/b"), (Endpoint(NodeName("n1"), servable=True), Endpoint(None, servable=False))
)
RICH = config.load(
    config.Objects(
        [
            pool("p", "10.0.0.0/24", serviceAllocation={"priority": 2, "namespaces": ["b", "a"]}, avoidBuggyIPs=True),
            pool("q", "fd00::/120", serviceAllocation={"namespaceSelectors": [{"matchLabels": {"x": "y"}}]}),
        ],
        [
            advertisement(
                nodeSelectors=[{"matchLabels": {"a": "b"}}],
                preferredNodeSelectors=[
                    {"weight": 5, "preference": {"matchExpressions": [{"key": "k", "operator": "Exists"}]}}
                ],
                interfaces=["eth0"],
            )
        ],
    ),
    [namespace("a", x="y")],
).config
MOVE = history.Entry(NOW, "10.0.0.1", ("a/b",), "n1", "n2", "silent", 4, 1.5, None)
FACTS: list[Fact] = [
    *fake.homelab(),
    facts.ConfigSeen(RICH, ("[red]",)),
    facts.MovesSeen((MOVE,)),
    facts.ControllerHeard(NOW, {"a/b": facts.Contest("k3s", ("10.0.0.9",))}, facts.Seat("x/y", leads=True)),
    facts.ControllerHeard(NOW, None),
    facts.ControllerSilent(NOW, "x/y", "gone"),
    facts.Rewound(NOW),
    facts.Remark(NOW, "é\u2028[/]"),
    facts.Dropped(3),
    facts.Offline(NOW, "refused", NOW + 1),
    facts.Listed(Kind.NODE, available=False, denied="no"),
    WireSeen(
        NOW, "10.0.0.1", Vantage("h", "eth0"), ("02:00:00:00:00:01",), ((Port("TCP", 80), Answer.OPEN),), 0.5, False
    ),
    ObjectChanged(Kind.SLICE, "a/b-x", SLICE, 5.0),
    ObjectChanged(Kind.POOL, "m/p", PoolUse("p", 1)),
    ObjectChanged(Kind.BGP, "m/b", BgpStatus("a/b", "n1", ("r",))),
    ObjectChanged(Kind.PEER, "m/p", BgpPeer("r", "10.0.0.1", 1, 2)),
    ObjectChanged(Kind.BGP_ADVERT, "m/a", BgpAdvert("a", ("p",))),
    ObjectChanged(Kind.VERDICT, "m/v", ConfigVerdict("controller", "", None)),
    ObjectChanged(Kind.NODE, "n1", None),
    events.MemberUp(NOW, "n1", "n2"),
]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_what_is_written_is_read(fact: Fact) -> None:
    line = tape.line(NOW, fact)
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert line.isascii()
    assert tape.read(line) == (NOW, fact)
    assert tape.read_time(line) == NOW


def test_every_kind_of_fact_is_tried() -> None:
    """But for events, which have a codec and tests of their own."""
    tried = {type(fact) for fact in FACTS}
    assert set(get_args(Fact)) - tried <= set(events.KINDS.values()) | {events.Unknown}


def test_a_speaker_that_says_the_same_is_a_short_line() -> None:
    heard = fake.speaker("rpi1")
    later = SpeakerHeard(NOW + 2, replace(heard.snapshot))
    assert tape.still(heard, {}) is heard
    still = tape.still(later, {"rpi1": heard})
    assert still == Still(NOW + 2, "rpi1")
    line = tape.line(NOW + 2, still)
    assert len(line) < 100
    assert tape.read(line) == (NOW + 2, still)
    assert tape.still(fake.speaker("rpi1", NOW, ["rpi2"]), {"rpi1": heard}) != still


def test_header() -> None:
    header = Header("a cluster", "0.1", NOW)
    assert tape.read_header(tape.header_line(header)) == header
    for text in (
        "",
        "[]",
        "{}",
        '{"pylb-recording":1}',
        '{"pylb-recording":2}',
        '{"pylb-recording":1,"source":"a","pylb":"b"}',
    ):
        with pytest.raises(TapeError):
            tape.read_header(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[1]", "no object"),
        ("{}", "tells no time"),
        ('{"t":true}', "tells no time"),
        ('{"t":NaN}', "tells no time"),
        ('{"t":1}', "does not say what it is"),
        ('{"t":1,"is":"Online"}', "Online has no at"),
        ('{"t":1,"is":"Online","at":"x"}', "Online.at is no float"),
        ('{"t":1,"is":"Online","at":Infinity}', "Online.at is no float"),
        ('{"t":1,"is":"Listed","kind":"nova"}', "Listed.kind is no Kind"),
        ('{"t":1,"is":"MemberUp","at":1,"node":3,"seen_by":""}', "MemberUp.node is no str"),
        ('{"t":1,"is":"ObjectChanged","kind":"node","key":"a","value":{"is":"Held"}}', "none of what it may be"),
        ('{"t":1,"is":"SpeakerStill","at":1}', "Still has no node"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_line(text: str, said: str) -> None:
    with pytest.raises(TapeError, match=said):
        tape.read(text)


def test_a_kind_of_a_newer_pylb_is_an_event_that_is_not_known() -> None:
    assert tape.read('{"t":4,"is":"Comet","at":1}') == (4.0, events.Unknown(4.0, "Comet"))


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["is", "at", "node", "value", "kind", "key", "t"]), inner, max_size=5)
    ),
    max_leaves=8,
)


@given(st.sampled_from(FACTS), st.data())
def test_a_line_with_something_else_in_it_is_read_or_refused(fact: Fact, data: st.DataObject) -> None:
    raw = json.loads(tape.line(NOW, fact))
    raw[data.draw(st.sampled_from([*raw, *(field.name for field in fields(fact))]))] = data.draw(values)
    try:
        tape.read(json.dumps(raw))
    except TapeError:
        return


@given(st.sampled_from(FACTS), st.integers(0, 400))
def test_a_line_that_is_cut_off_is_refused(fact: Fact, cut: int) -> None:
    line = tape.line(NOW, fact)[:-1]
    with pytest.raises(TapeError):
        tape.read(line[: -1 - cut % len(line)])
