"""Nodes with a cable and Wi-Fi on one subnet: an address has one MAC, that of a card that works."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from fakes import lan as lans
from fakes import takeovers
from fakes.cluster import until
from fakes.lan import Lan
from fakes.takeovers import ONE_OWNER_S, SANE_S, TWO_BEATS_S, WATCHED_S, watch

ADDRESS, URL = "10.79.0.200", "http://10.79.0.200/"
Say = Callable[[str], None]


@pytest.fixture(scope="module")
def shared() -> Iterator[Lan]:
    """A Service that pods on three nodes serve."""
    with lans.start("10.79.0.0/24", second="nic") as lan:
        lan.front(ADDRESS, "10.79.0.128/25")
        yield lan


@pytest.fixture
def lan(shared: Lan) -> Lan:
    shared.settled()
    until("nobody stands in", lambda: not shared.standing(ADDRESS))
    shared.claims(ADDRESS)
    shared.ask(URL)
    return shared


def test_the_cable_of_the_owner_is_pulled(lan: Lan, say: Say) -> None:
    """Its cable alone answers at first. Then it is there by Wi-Fi, and clients hear of that at once; with the cable in
    again, they hear of the cable."""
    before = lan.claims(ADDRESS)
    [owner] = before
    wifi = lan.lab.hosts[owner]["second_mac"]
    with lan.probe(URL) as probe, lan.asker(ADDRESS) as asker, lan.listener() as listener:
        watch(ONE_OWNER_S / 2)
        cut = time.time()
        lan.lab.cut(owner)
        try:
            outage = probe.wait_outage(cut, SANE_S)
            watch(WATCHED_S)
        finally:
            mended = time.time()
            lan.lab.mend(owner)
        lan.settled()
        watch(WATCHED_S)
        probe.wait_steady(time.time())
        asker.stop()
        listener.stop()
    say(f"{owner}, answered by Wi-Fi after {outage * 1000:.0f} ms, disputed for {asker.longest_dispute():.2f} s")
    assert {mac for at, mac in asker.answers() if at < cut} == {lan.mac(owner)}, "one card alone"
    away = {mac for at, mac in asker.answers() if cut + ONE_OWNER_S < at < mended}
    assert away == {wifi}, "the cable's MAC reaches nobody"
    assert takeovers.told_by(asker, mended + ONE_OWNER_S) == {lan.mac(owner)}
    assert takeovers.spoken_by(listener, ADDRESS, mended + ONE_OWNER_S) <= {lan.mac(owner)}
    assert asker.longest_dispute() < TWO_BEATS_S
    assert lan.claims(ADDRESS) == before
