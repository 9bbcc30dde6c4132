"""Four nodes parted two and two, and five one and four: the part with the gateway serves, whichever it is, and wins."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from fakes import lan as lans
from fakes import partings
from fakes.cluster import until
from fakes.lan import Lan

ADDRESS = "10.79.0.200"
Say = Callable[[str], None]


@contextlib.contextmanager
def crowd(nodes: int) -> Iterator[Lan]:
    """A lab of so many nodes."""
    with lans.start("10.79.0.0/24", nodes=nodes) as lan:
        lan.front(ADDRESS, "10.79.0.128/25", replicas=nodes)
        yield lan


@pytest.fixture(scope="module")
def four() -> Iterator[Lan]:
    with crowd(4) as lan:
        yield lan


@pytest.fixture(scope="module")
def five() -> Iterator[Lan]:
    with crowd(5) as lan:
        yield lan


def play(lan: Lan, say: Say, fellows: int, gateway: bool) -> None:
    """The owner's part has so many others, and the gateway or not: then nothing moves, or the address goes for good."""
    lan.settled()
    until("nobody stands in", lambda: not lan.standing(ADDRESS))
    lan.claims(ADDRESS)
    lan.ask(f"http://{ADDRESS}/")
    owner = lan.owner(ADDRESS)
    here = [owner, *[node for node in lan.nodes if node != owner][:fellows]]
    far = [node for node in lan.nodes if node not in here] if gateway else here
    found = partings.split(lan, ADDRESS, far)
    say(str(found))
    assert found.after not in far
    assert (found.after == found.before) is gateway
    assert found.meanwhile == [found.after]


@pytest.mark.parametrize("gateway", [True, False], ids=["with the gateway", "without"])
def test_two_and_two(four: Lan, say: Say, gateway: bool) -> None:
    play(four, say, 1, gateway)


@pytest.mark.parametrize("gateway", [True, False], ids=["with the gateway", "without"])
def test_the_owner_alone_and_four(five: Lan, say: Say, gateway: bool) -> None:
    play(five, say, 0, gateway)
