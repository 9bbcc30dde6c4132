"""Many objects that are about each other: what it costs to read them is told by counts of calls, not by times."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from fakes.bgp_objects import bgp, loaded, peer, profile
from fakes.world import pool
from pylb.core.config.pairings import MAX_POOLS

FEW, MANY = 20, 80
SELECTORS = [{"matchLabels": {"a": "b"}}]


@contextmanager
def calls() -> Iterator[list[int]]:
    """How many Python functions of ours are called."""
    count = [0]

    def note(frame: FrameType, event: str, _: Any) -> None:
        count[0] += event == "call" and "/pylb/" in frame.f_code.co_filename

    sys.setprofile(note)
    try:
        yield count
    finally:
        sys.setprofile(None)


def cost(number: int, **spec: Any) -> int:
    pools = [pool(f"p{at}", f"10.0.{at}.0/24") for at in range(number)]
    adverts = [bgp(f"a{at}", **spec) for at in range(number)]
    with calls() as counted:
        assert not loaded(*pools, *adverts).problems
    return counted[0]


@pytest.mark.parametrize("spec", [{}, {"serviceSelectors": SELECTORS}, {"localPref": 7, "peers": ["r"]}], ids=str)
def test_four_times_the_pools_and_advertisements_are_four_times_the_work(spec: dict[str, Any]) -> None:
    cost(1, **spec)  # what is known from then on
    assert cost(MANY, **spec) < 6 * cost(FEW, **spec)


def test_of_what_is_wrong_some_pools_are_told_and_all_advertisements() -> None:
    pools = [pool(f"p{at}", f"10.0.{at}.0/24") for at in range(MANY)]
    found = loaded(*pools, *(bgp(f"a{at}", aggregationLength=16) for at in range(FEW)))
    assert len(found.problems) == MAX_POOLS * FEW
    assert {problem.ref.name for problem in found.problems} == {f"a{at}" for at in range(FEW)}


def test_narrower_pools_are_told_of_after_enough_wide_ones() -> None:
    """Each width fails other advertisements."""
    pools = [pool(f"p{at:02}", f"10.0.{at}.0/24") for at in range(FEW)]
    found = loaded(
        *pools, pool("small", "10.9.0.1-10.9.0.1"), bgp("a", aggregationLength=16), bgp("b", aggregationLength=30)
    )
    assert {problem.ref.name for problem in found.problems} == {"a", "b"}
    assert [problem.text[-len("10.9.0.1-10.9.0.1") :] for problem in found.problems if problem.ref.name == "b"] == [
        "10.9.0.1-10.9.0.1"
    ]


def test_the_first_of_those_that_say_another_preference_is_named() -> None:
    """Also where there are several alike before it, and others that it does not meet."""
    adverts = (
        bgp("a", localPref=1, aggregationLength=30),
        bgp("b", localPref=2),
        bgp("c", localPref=2),
        bgp("d", localPref=3),
    )
    found = loaded(pool("p", "10.0.0.0/24"), *adverts, bgp("e", localPref=2))
    assert [(one.ref.name, one.text.split()[6], one.fix.split(":")[0]) for one in found.problems] == [
        ("d", "2", "the other is BGPAdvertisement metallb-system/b"),
        ("e", "3", "the other is BGPAdvertisement metallb-system/d"),
    ]


def test_echoes_are_told_of_those_peers_alone_that_have_them() -> None:
    found = loaded(
        pool("p", "fd00::/64"), bgp("all"), bgp("one", peers=["r"]), bgp("none", peers=["s"]),
        peer("r", bfdProfile="b"), peer("s", peerAddress="10.9.9.2"), profile(echoMode=True),
    )  # fmt: skip
    assert [one.ref.name for one in found.problems] == ["all", "one"]
