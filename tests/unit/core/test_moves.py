"""What annotations ask about an address's place, and what of it cannot be understood."""

from __future__ import annotations

import pytest

from fakes.world import configured, endpoints, nodes, pool, service
from pylb.core.config import loader as config
from pylb.core.errors import ParseError
from pylb.core.model import Service, ServiceKey
from pylb.core.ownership.lines import Lines, View
from pylb.core.ownership.moves import (
    DRAIN,
    FAILBACK,
    MAX_TERMS,
    MOVE,
    Move,
    drain_fault,
    faults,
    is_drained,
    parse_moves,
)
from pylb.core.spelling import slips

ENDS = {ServiceKey("default/web"): endpoints("n1"), ServiceKey("default/other"): endpoints("n1")}
NODES = nodes("n1", "n2")


def lines(loaded: config.Config, *services: Service) -> list:
    return Lines().update(View(loaded, NODES, frozenset(NODES)), services, ENDS)


def annotated(name: str = "web", **annotations: str) -> Service:
    pairs = {f"pylb.io/{key}": value for key, value in annotations.items()}
    return service(name, ingress=("10.0.0.1",), annotations=pairs)


def raw_pool(failback: str) -> dict:
    return {**pool("p", "10.0.0.0/24"), "metadata": {"name": "p", "annotations": {FAILBACK: failback}}}


@pytest.mark.parametrize(
    "text",
    ["", "n1", "@3", "n1@", "n1@x", "n1@-1", "n1@4294967296", "n1@\u0663", "a" * 254 + "@1", "n1@1,", "n1@1,2,3,4,5"],
)
def test_what_is_no_request_for_a_move(text: str) -> None:
    with pytest.raises(ParseError, match="is not NODE@TERM"):
        parse_moves(text)


def test_a_request_names_node_and_term_and_is_written_as_it_is_read() -> None:
    assert parse_moves(" n1.lan@7 ") == (Move("n1.lan", 7),)
    assert parse_moves(str(Move("n1", 4294967295))) == (Move("n1", 4294967295),)
    assert parse_moves("n1@3, 5") == (Move("n1", 3), Move("n1", 5))
    assert len(parse_moves("n1@" + ",".join("7" * MAX_TERMS))) == MAX_TERMS


def test_the_services_word_on_failback_beats_the_pools_and_never_is_the_default() -> None:
    loaded = configured(pool("p", "10.0.0.0/24"))
    immediate = configured(raw_pool("immediate"))
    assert [line.failback for line in lines(loaded, annotated())] == [False]
    assert [line.failback for line in lines(loaded, annotated(failback="immediate"))] == [True]
    assert [line.failback for line in lines(immediate, annotated())] == [True]
    assert [line.failback for line in lines(immediate, annotated(failback="never"))] == [False]
    assert [line.failback for line in lines(immediate, annotated(failback="soon"))] == [True]


def test_a_pool_with_a_value_that_says_nothing_is_a_problem() -> None:
    loaded = config.load(config.Objects([{**raw_pool("soon"), "kind": "IPAddressPool"}]))
    [problem] = loaded.problems
    assert problem.text == f'parsing address pool p: annotation {FAILBACK}: "soon" is none of never, immediate'


def test_the_moves_of_all_services_of_an_address_are_known() -> None:
    loaded = configured(pool("p", "10.0.0.0/24"))
    [line] = lines(loaded, annotated(move="n2@1"), annotated("other", move="n1@4"))
    assert line.moves == (Move("n1", 4), Move("n2", 1))
    [line] = lines(loaded, annotated(move="n2"))
    assert line.moves == ()


def test_a_value_that_says_nothing_is_told_on_the_service() -> None:
    one = annotated(failback="soon", move="n2")
    assert list(faults(one.annotations)) == [FAILBACK, MOVE]
    assert [str(slip) for slip in slips(one)] == [
        f'annotation {FAILBACK}: "soon" is none of never, immediate',
        f'annotation {MOVE}: "n2" is not NODE@TERM, with the term of the present claim',
    ]
    assert slips(annotated(failback="never", move="n2@3")) == ()


def test_a_slip_of_the_pen_names_what_was_meant() -> None:
    [slip] = slips(annotated(failbck="never"))
    assert slip.meant == FAILBACK


def test_only_true_drains_a_node() -> None:
    found = [is_drained({"pylb.io/drain": text}) for text in ("true", "True", "false", "", "yes")]
    assert found == [True, True, False, False, False]
    assert not is_drained({})


@pytest.mark.parametrize(
    ("value", "drained", "fault"), [("true", 1, 0), ("True ", 1, 0), ("false", 0, 0), ("yes", 0, 1), ("", 0, 1)]
)
def test_what_says_nothing_about_draining_is_named(value: str, drained: bool, fault: bool) -> None:
    notes = {DRAIN: value}
    assert (is_drained(notes), bool(drain_fault(notes))) == (drained, fault)
    assert f'"{value}"' in drain_fault(notes) or not fault
    assert drain_fault({}) == ""
