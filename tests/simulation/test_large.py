"""Hundreds of nodes, thousands of addresses: the same disasters, looked at when they are over."""

from __future__ import annotations

import pytest

from fakes.large import play_large

pytestmark = pytest.mark.timeout(600)
SIZES = [(2, 10_000, 1), (5, 1000, 2), (33, 100, 3), (100, 20, 5)]  # nodes, addresses, seed


@pytest.mark.parametrize(("nodes", "addresses", "seed"), SIZES)
def test_nothing_breaks_in_a_large_world(nodes: int, addresses: int, seed: int) -> None:
    """`python -m simulation large` plays up to 1,000 nodes."""
    assert play_large(nodes, addresses, seed) == []
