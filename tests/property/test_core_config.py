"""What holds of every set of objects that configure: the order in which they come decides nothing, and no value is fatal."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fakes.bgp_objects import FIELDS, made
from fakes.config_samples import SAMPLES, changed, places
from fakes.world import pool
from pylb.core.config.loader import Objects, load
from pylb.core.ranges import Range

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
NUMBERS = st.integers(1, 60)
SPANS = st.builds(lambda one, other: f"10.0.0.{min(one, other)}-10.0.0.{max(one, other)}", NUMBERS, NUMBERS)


@st.composite
def objects(draw: st.DrawFn) -> dict[str, Any]:
    """An object with every field, or with one of them changed to anything, or without it."""
    kind, version = draw(st.sampled_from(sorted(SAMPLES)))
    spec = draw(st.sampled_from(SAMPLES[kind, version]))
    if draw(st.booleans()):
        keys = draw(st.sampled_from([keys for _, keys in places(spec)]))
        spec = changed(spec, keys, *draw(st.lists(ANY, max_size=1)))
    name, space = draw(st.sampled_from(["a", "b", "r"])), draw(st.sampled_from(["metallb-system", "pylb-system"]))
    return made(kind, name, version, space, **copy.deepcopy(spec))


def _sorted(found: list[dict[str, Any]]) -> Objects:
    return Objects(**{field: [one for one in found if one["kind"] == kind] for kind, field in FIELDS.items()})


@given(st.lists(objects(), max_size=8, unique_by=lambda one: (one["kind"], *one["metadata"].values())), st.randoms())
def test_the_order_of_objects_decides_nothing(found: list[dict[str, Any]], order: Any) -> None:
    loaded = load(_sorted(found))
    order.shuffle(found)
    assert load(_sorted(found)) == loaded
    assert (loaded.config is None) == bool(loaded.problems)
    assert all(problem.field and problem.text and problem.fix for problem in (*loaded.problems, *loaded.warnings))
    assert loaded.config is None or loaded.layer2 is None


@given(st.lists(SPANS, max_size=8))
def test_a_range_is_refused_if_an_earlier_one_that_stands_holds_one_of_its_addresses(spans: list[str]) -> None:
    loaded = load(Objects([pool(f"p{number}", span) for number, span in enumerate(spans)]))
    read = [load(Objects([pool("p", span)])).config for span in spans]
    ranges = [next(iter(one.pools.values())).ranges[0] for one in read if one]
    stand: list[Range] = []
    refused = []
    for number, span in enumerate(ranges):
        if any(span.overlaps(other) for other in stand):
            refused.append(f"p{number}")
        else:
            stand.append(span)
    assert [problem.ref.name for problem in loaded.problems] == refused
