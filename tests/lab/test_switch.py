"""A switch forwards nothing for a while, as one does that learns its spanning tree, or starts again: nothing moves. A node
that alone is cut off says so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from fakes import switching, takeovers
from fakes.cluster import until
from fakes.lan import Lan
from fakes.takeovers import ONE_OWNER_S, watch
from pylb.operate.picture import picture

ADDRESS = "10.79.0.200"
BETWEEN_S = 0.3  # from one port of a switch that starts to the next
AFTER_S = 4.0  # that is watched afterwards: longer than anybody is waited for
Say = Callable[[str], None]


@contextmanager
def frozen(lan: Lan) -> Iterator[None]:
    """All carriers stay up."""
    switching.freeze(lan)
    try:
        yield
    finally:
        switching.thaw(lan)


@contextmanager
def restarted(lan: Lan) -> Iterator[None]:
    """All carriers go at once, the router's too, and come back one after the other: the owner's is the last."""
    hosts = ["router", "client", *lan.nodes]
    last = lan.owner(ADDRESS)
    for host in hosts:
        switching.unplug(lan, host)
    try:
        yield
    finally:
        for host in sorted(hosts, key=lambda host: host == last):
            switching.plug(lan, host)
            watch(BETWEEN_S)


@pytest.mark.parametrize(("outage", "seconds"), [(frozen, 0.45), (frozen, 4.5), (restarted, 4.5)])
def test_every_owner_goes_on_with_what_it_had(
    lan: Lan, say: Say, outage: Callable[[Lan], AbstractContextManager[None]], seconds: float
) -> None:
    """Its very claim: nobody made another meanwhile, not even for a moment."""
    before = lan.claims(ADDRESS)
    [owner] = before
    with lan.asker(ADDRESS) as asker, lan.listener() as listener:
        with outage(lan):
            watch(seconds)
        back = time.time()
        watch(AFTER_S)
        asker.stop()
        listener.stop()
    lan.settled()
    assert lan.claims(ADDRESS) == before
    assert takeovers.told_by(asker) == {lan.mac(owner)}
    assert takeovers.spoken_by(listener, ADDRESS) <= {lan.mac(owner)}
    silent = min(at for at, _ in asker.answers() if at >= back) - back
    say(f"{seconds:.2f} s: answered {silent * 1000:.0f} ms after")
    assert silent < ONE_OWNER_S
    lan.ask(f"http://{ADDRESS}/")


def test_a_node_whose_cable_is_cut_says_that_it_does_not_answer(lan: Lan) -> None:
    """It reaches the API server by another link: who reads all speakers' states sees one owner, the one that answers."""
    owner = lan.owner(ADDRESS)
    lan.lab.cut(owner)
    try:
        taker = lan.owner(ADDRESS, beside=owner)
        until("it says so", lambda: (lan.view(owner, ADDRESS) or {}).get("mine") is False)
        view = lan.view(owner, ADDRESS) or {}
        assert (view["owner"], view["reason"], view["interfaces"]) == ("", "no_link", [])
        told = {node: lan.state(f"speaker-{node}") for node in lan.nodes}
        assert picture(told).places[ADDRESS].owner == taker
    finally:
        lan.lab.mend(owner)
    lan.settled()
    assert list(lan.claims(ADDRESS)) == [taker]
