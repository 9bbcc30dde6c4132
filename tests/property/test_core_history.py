"""Histories that many nodes write: in whatever order and however often they are merged, the same newest moves stand."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from pylb.core import history
from pylb.core.history import Entry

NODES = st.sampled_from(["n1", "n2", "n3"])
TIMES = st.one_of(st.none(), st.floats(0, 1e6, allow_nan=False))
ENTRIES = st.builds(
    Entry,
    at=st.floats(0, history.MAX_AT).map(lambda at: round(at, 3)),
    address=st.sampled_from(["192.0.2.1", "192.0.2.2"]),
    services=st.lists(st.sampled_from(["a/b", "c/d"]), max_size=history.MAX_SERVICES).map(tuple),
    from_node=NODES,
    to_node=NODES,
    cause=st.sampled_from(["node_gone", "resumed", history.STOOD_IN]),
    term=st.integers(0, 2**32 - 1),
    detected_ms=TIMES,
    announced_ms=TIMES,
    lasted_ms=TIMES,
)
LISTS = st.lists(ENTRIES, max_size=30)
JSONS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
)


def many(count: int) -> list[Entry]:
    return [
        Entry(float(number * 7919 % count), f"192.0.2.{number % 250}", (), "n1", "n2", "left")
        for number in range(count)
    ]


@given(LISTS, LISTS, LISTS)
def test_the_order_of_merging_makes_no_difference(one: list[Entry], other: list[Entry], third: list[Entry]) -> None:
    whole = history.merge(one, other, third)
    assert history.merge(history.merge(third, one), other) == whole
    assert history.merge(whole, other, one) == whole, "nor how often"


@given(LISTS, LISTS)
def test_nothing_is_invented_doubled_or_out_of_order(one: list[Entry], other: list[Entry]) -> None:
    whole = history.merge(one, other)
    assert set(whole) == {*one, *other}
    assert len(set(whole)) == len(whole)
    assert [entry.at for entry in whole] == sorted(entry.at for entry in whole)


@given(st.integers(0, 300), st.integers(0, 300))
def test_the_newest_are_kept(first: int, second: int) -> None:
    told = many(first + second)
    whole = history.merge(told[:first], told[first:])
    assert len(whole) == min(len(told), history.KEPT)
    assert sorted(entry.at for entry in whole) == sorted(entry.at for entry in told)[-history.KEPT :]


@given(LISTS)
def test_what_is_written_is_read_and_written_again_the_same(entries: list[Entry]) -> None:
    whole = history.merge(entries)
    text = history.render(whole)
    assert history.parse(text) == whole
    assert history.render(history.parse(text)) == text


@given(st.one_of(st.text(), JSONS, st.lists(st.one_of(st.text(), JSONS.map(json.dumps))).map("\n".join)))
def test_whatever_stands_there_is_read(text: object) -> None:
    read = history.parse(text)
    assert history.parse(history.render(read)) == read


@given(st.dictionaries(st.sampled_from([*(Entry.__slots__)]), JSONS))  # type: ignore[attr-defined]
def test_whatever_is_nearly_a_move_is_read_or_left_out(raw: dict[str, object]) -> None:
    read = history.parse(json.dumps({**json.loads(history.line(many(1)[0])), **raw}))
    assert history.parse(history.render(read)) == read
