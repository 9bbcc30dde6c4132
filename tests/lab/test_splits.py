"""A LAN in two parts: cut inside its switches, so that each carrier stays up and the API is reached; and one again.

Whoever has the gateway serves, and one node alone is heard after the heal's first second.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from fakes import switching, takeovers
from fakes.lan import Lan
from fakes.takeovers import ONE_OWNER_S, SANE_S, WATCHED_S, watch

ADDRESS, URL = "10.79.0.200", "http://10.79.0.200/"
APART_S = 5.0  # longer than a node without a witness waits (3 s)
Say = Callable[[str], None]


def split(lan: Lan, away: list[str], say: Say) -> tuple[str, str, set[str]]:
    """Cut nodes off from the router, and join all again: who owned before, who owns after it, and which MACs the router
    heard of while the LAN was apart. After the heal's first second one node alone is heard."""
    owner = lan.owner(ADDRESS)
    with lan.asker(ADDRESS) as asker, lan.listener() as listener:
        switching.part(lan, *away)
        try:
            parted = time.time()
            watch(APART_S)
        finally:
            healed = time.time()
            switching.join(lan, *away)
        lan.settled()
        watch(WATCHED_S)
        asker.stop()
        listener.stop()
    [after] = lan.claims(ADDRESS)
    assert takeovers.told_by(asker, healed + ONE_OWNER_S) == {lan.mac(after)}
    assert takeovers.spoken_by(listener, ADDRESS, healed + ONE_OWNER_S) <= {lan.mac(after)}
    dispute = asker.longest_dispute()
    say(f"{owner}, then {after}; two answered for {dispute * 1000:.0f} ms")
    assert dispute < ONE_OWNER_S
    lan.ask(URL)
    macs = {mac for at, mac in asker.answers() if parted + SANE_S - 1 < at < healed}
    return owner, after, macs


def test_the_owner_is_cut_off_with_its_carrier_up(lan: Lan, say: Say) -> None:
    """The two that reach the gateway take over; the one that was alone gains nothing at the heal."""
    owner, after, meanwhile = split(lan, [lan.owner(ADDRESS)], say)
    assert after != owner
    assert meanwhile == {lan.mac(after)}


def test_two_others_are_cut_off_and_the_owner_has_the_gateway(lan: Lan, say: Say) -> None:
    """They have nothing to show for it: whoever kept its witness keeps the address."""
    owner, after, meanwhile = split(lan, [node for node in lan.nodes if node != lan.owner(ADDRESS)], say)
    assert after == owner
    assert meanwhile == {lan.mac(owner)}


def test_the_owner_is_cut_off_with_another_and_the_third_has_the_gateway(lan: Lan, say: Say) -> None:
    """The third serves the clients, and goes on with it."""
    owner = lan.owner(ADDRESS)
    other, third = (node for node in lan.nodes if node != owner)
    _, after, meanwhile = split(lan, [owner, other], say)
    assert after == third
    assert meanwhile == {lan.mac(third)}


def test_another_node_is_cut_off_and_nothing_moves(lan: Lan, say: Say) -> None:
    """It has no witness: what it takes over for itself after a while is worth nothing at the heal."""
    owner, after, meanwhile = split(lan, [next(node for node in lan.nodes if node != lan.owner(ADDRESS))], say)
    assert after == owner
    assert meanwhile == {lan.mac(owner)}
