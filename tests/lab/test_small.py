"""Clusters of two nodes and of one: nobody but the other is there to take over or to stand in, or nobody at all."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

import pytest

from fakes import lan as lans
from fakes import takeovers
from fakes.cluster import until
from fakes.lan import Lan
from fakes.takeovers import SANE_S, watch

ADDRESS, URL = "10.79.0.200", "http://10.79.0.200/"
STALL_S = 1.0
Say = Callable[[str], None]


@contextlib.contextmanager
def small(nodes: int) -> Iterator[Lan]:
    """A lab of so many nodes, with a Service that a pod on each serves."""
    with lans.start("10.79.0.0/24", nodes=nodes) as lan:
        lan.front(ADDRESS, "10.79.0.128/25", replicas=nodes)
        lan.settled()
        lan.ask(URL)
        yield lan


@pytest.fixture(scope="module")
def two() -> Iterator[Lan]:
    with small(2) as lan:
        yield lan


def test_one_node_stands_still_for_a_second(say: Say) -> None:
    """Nobody else may answer: it is the owner still, and answers once it has made sure of that."""
    with small(1) as lan:
        owner = lan.owner(ADDRESS)
        lan.lab.speaker("freeze", owner)
        watch(STALL_S)
        assert lan.owners(ADDRESS) == []
        thawed = time.monotonic()
        lan.lab.speaker("thaw", owner)
        until("it answers again", lambda: lan.owners(ADDRESS) == [owner])
        back = time.monotonic() - thawed
        say(f"answered {back * 1000:.0f} ms after the thaw")
        assert back < SANE_S
        assert list(lan.claims(ADDRESS)) == [owner]


@pytest.mark.parametrize(("away", "back"), [("stop", "start"), ("kill", "start"), ("freeze", "thaw")])
def test_of_two_nodes_the_other_stands_in(two: Lan, say: Say, away: str, back: str) -> None:
    two.settled()
    owner = two.owner(ADDRESS)
    say(
        str(
            takeovers.hand_over(
                two, ADDRESS, lambda: two.lab.speaker(away, owner), lambda: two.lab.speaker(back, owner)
            )
        )
    )


def test_of_two_nodes_the_other_takes_over(two: Lan, say: Say) -> None:
    two.settled()
    owner = two.owner(ADDRESS)
    say(str(takeovers.lose(two, ADDRESS, lambda: two.lab.cut(owner), lambda: two.lab.mend(owner))))
