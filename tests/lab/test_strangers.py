"""Two nodes that cannot hear each other at all, but reach gateway and API server: the API is their third speaker.

And those who start while an owner's speaker is dead: the API tells whom to stand in for, and with which MAC.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from fakes import lan as lans
from fakes import switching, takeovers
from fakes.cluster import until
from fakes.lan import Lan
from fakes.takeovers import watch

ADDRESS, URL = "10.87.0.200", "http://10.87.0.200/"
TWO_MACS_S = 30.0
APART_S = 40.0
STANDS_IN_S = 3.0  # from the start of a speaker: it listens, asks and stands in; not the 10 s that a lost owner costs
LOOK_S = 0.2
STATUSES = "/apis/metallb.io/v1beta1/namespaces/pylb-system/servicel2statuses"
Say = Callable[[str], None]


@pytest.fixture(scope="module")
def two() -> Iterator[Lan]:
    """A lab of two nodes, with a Service that a pod on each serves."""
    with lans.start("10.87.0.0/24", nodes=2) as lan:
        lan.front(ADDRESS, "10.87.0.128/25", replicas=2)
        lan.settled()
        lan.ask(URL)
        yield lan


def versions(lan: Lan, seconds: float) -> set[str]:
    """The versions of status objects that were seen to stand in the API in so many seconds."""
    found: set[str] = set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found |= {one["metadata"]["resourceVersion"] for one in lan.get(STATUSES)["items"]}
        watch(LOOK_S)
    return found


def test_two_that_do_not_hear_each_other_agree_by_the_api(two: Lan, say: Say) -> None:
    """Both answer for a few seconds; then the one that had it, alone; nothing flips back when they hear each other."""
    before = two.claims(ADDRESS)
    [owner] = before
    quiet = versions(two, 3.0)
    assert len(quiet) == 1, "who hears all others renews nothing"
    with two.asker(ADDRESS) as asker, two.listener() as listener:
        apart = time.time()
        switching.estrange(two, *two.nodes)
        try:
            written = versions(two, APART_S)
        finally:
            joined = time.time()
            switching.reconcile(two, *two.nodes)
        two.settled()
        watch(takeovers.WATCHED_S)
        asker.stop()
        listener.stop()
    other = {mac for at, mac in asker.answers() if at > apart} - {two.mac(owner)}
    assert other, "the other took it over at first: it could not know"
    last = max(at for at, mac in asker.answers() if mac in other)
    say(f"two MACs until {last - apart:.1f} s, {len(written) - 1} writes in {APART_S:.0f} s")
    assert last - apart < TWO_MACS_S
    assert takeovers.told_by(asker, joined) == {two.mac(owner)}
    assert takeovers.spoken_by(listener, ADDRESS, last + takeovers.ONE_OWNER_S) <= {two.mac(owner)}
    assert len(written) - 1 < APART_S, "below one write a second"
    assert list(two.claims(ADDRESS)) == [owner]
    two.ask(URL)


def test_a_speaker_that_starts_stands_in_for_one_that_is_dead(two: Lan, say: Say) -> None:
    """Nobody was left who had heard the owner: the API names it, and its MAC, and its kernel answers by that."""
    two.settled()
    before = two.claims(ADDRESS)
    [owner] = before
    [other] = (node for node in two.nodes if node != owner)
    with two.asker(ADDRESS) as asker:
        for node in (owner, other):
            two.lab.speaker("kill", node)
        started = time.time()
        two.lab.speaker("start", other)
        until("the other stands in", lambda: two.standing(ADDRESS, but=owner) == [other])
        two.ask(URL)
        watch(takeovers.WATCHED_S)
        two.lab.speaker("start", owner)
        two.settled()
        until("nobody stands in any more", lambda: not two.standing(ADDRESS))
        asker.stop()
    first = min(at for at, _ in asker.answers() if at > started)
    say(f"answered {first - started:.1f} s after its start")
    assert first - started < STANDS_IN_S
    assert takeovers.told_by(asker) == {two.mac(owner)}
    assert two.claims(ADDRESS) == before
