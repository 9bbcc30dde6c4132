"""A LAN in two parts: cut inside its switches, so that each carrier stays up and the API is reached; and one again.

Whoever has the gateway serves, and one node alone is heard after the heal's first second. Larger clusters are parted in
test_halves.py.
"""

from __future__ import annotations

from collections.abc import Callable

from fakes import partings
from fakes.lan import Lan

ADDRESS = "10.79.0.200"
Say = Callable[[str], None]


def test_the_owner_is_cut_off_with_its_carrier_up(lan: Lan, say: Say) -> None:
    """The two that reach the gateway take over; the one that was alone gains nothing at the heal."""
    found = partings.split(lan, ADDRESS, [lan.owner(ADDRESS)])
    say(str(found))
    assert found.after != found.before
    assert found.meanwhile == [found.after]


def test_two_others_are_cut_off_and_the_owner_has_the_gateway(lan: Lan, say: Say) -> None:
    """They have nothing to show for it: whoever kept its witness keeps the address."""
    found = partings.split(lan, ADDRESS, [node for node in lan.nodes if node != lan.owner(ADDRESS)])
    say(str(found))
    assert found.after == found.before
    assert found.meanwhile == [found.before]


def test_the_owner_is_cut_off_with_another_and_the_third_has_the_gateway(lan: Lan, say: Say) -> None:
    """The third serves the clients, and goes on with it."""
    owner = lan.owner(ADDRESS)
    other, third = (node for node in lan.nodes if node != owner)
    found = partings.split(lan, ADDRESS, [owner, other])
    say(str(found))
    assert found.after == third
    assert found.meanwhile == [third]


def test_another_node_is_cut_off_and_nothing_moves(lan: Lan, say: Say) -> None:
    """It has no witness: what it takes over for itself after a while is worth nothing at the heal."""
    found = partings.split(lan, ADDRESS, [next(node for node in lan.nodes if node != lan.owner(ADDRESS))])
    say(str(found))
    assert found.after == found.before
    assert found.meanwhile == [found.before]
