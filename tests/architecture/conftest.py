"""What the architecture tests share."""

from __future__ import annotations

import pytest

from house import contracts
from house.tree import modules


@pytest.fixture(scope="session")
def pure_modules() -> tuple[str, ...]:
    """The modules that the contract "pure" of pyproject.toml names, with all below them."""
    [contract] = [one for one in contracts.load() if one["name"].startswith("pure:")]
    named = contract["source_modules"]
    return tuple(name for name in modules() if any(contracts.is_within(name, package) for package in named))
