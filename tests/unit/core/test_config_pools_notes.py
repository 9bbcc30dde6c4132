"""Annotations of pools that look like a wish and are none."""

from __future__ import annotations

import pytest

from fakes.bgp_objects import loaded
from fakes.world import pool
from pylb.core.config.pools import MAX_SLIPS


@pytest.mark.parametrize(
    ("key", "fix"),
    [
        ("pylb.io/reserve", "write pylb.io/reserved"),
        ("pylb.io/Remember", "write pylb.io/remember"),
        ("plb.io/failback", "write pylb.io/failback"),
        ("pylb.io/drain", "leave it out"),
        ("pylb.io/reserved", ""),
        ("example.com/reserved", ""),
    ],
)
def test_annotations_of_pools_that_pylb_does_not_read_are_told(key: str, fix: str) -> None:
    """They hold nothing back."""
    own = pool("p", "10.0.0.0/24")
    own["metadata"]["annotations"] = {key: "10.0.0.1", "pylb.io/failback": "never"}
    found = loaded(own)
    assert found.config is not None
    assert [(one.field, one.fix) for one in found.warnings] == ([(f"metadata.annotations[{key}]", fix)] if fix else [])


def test_of_one_pool_some_unknown_annotations_are_told() -> None:
    own = pool("p", "10.0.0.0/24")
    own["metadata"]["annotations"] = {f"pylb.io/x{at}": "" for at in range(MAX_SLIPS + 5)}
    assert len(loaded(own).warnings) == MAX_SLIPS
