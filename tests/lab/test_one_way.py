"""A node that hears all and is not heard, or is heard and hears nothing: every carrier is up, the API is reached."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fakes import partings, switching
from fakes.lan import Lan

ADDRESS = "10.79.0.200"
WAYS = ["output", "input"]
Say = Callable[[str], None]


@pytest.mark.parametrize("way", WAYS, ids=["mute", "deaf"])
def test_the_owner(lan: Lan, say: Say, way: str) -> None:
    """Whoever asks it for the address asks in vain: another takes over, and keeps it."""
    owner = lan.owner(ADDRESS)
    found = partings.parted(
        lan, ADDRESS, lambda: switching.block_way(lan, owner, way), lambda: switching.pass_both_ways(lan)
    )
    say(str(found))
    assert found.after != found.before
    assert found.meanwhile == [found.after]


def test_the_other_nodes(lan: Lan, say: Say) -> None:
    """One mute, one deaf: they have no witness, so they take nothing."""
    before = lan.claims(ADDRESS)
    others = [node for node in lan.nodes if node not in before]

    def block() -> None:
        for node, way in zip(others, WAYS, strict=True):
            switching.block_way(lan, node, way)

    found = partings.parted(lan, ADDRESS, block, lambda: switching.pass_both_ways(lan))
    say(str(found))
    assert found.meanwhile == [found.before]
    assert lan.claims(ADDRESS) == before
