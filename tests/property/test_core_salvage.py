"""What holds of every set of objects, however wrong: a part of it is found that has no problem, always the same."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fakes.world import advertisement, pool
from pylb.core.config import loader as config
from pylb.core.config.loader import Objects
from pylb.core.config.salvage import salvage

NUMBERS = st.integers(1, 40)
SPANS = st.builds(lambda first, last: f"10.0.0.{first}-10.0.0.{last}", NUMBERS, NUMBERS)  # half of them are reversed
RANGES = st.lists(SPANS | st.sampled_from(["10.0.0.0/30", "fd00::/64", "fd00::7/128", "nonsense"]), max_size=3)


@st.composite
def pools(draw: st.DrawFn) -> dict[str, Any]:
    made = pool(
        draw(st.sampled_from("abcdef")), *draw(RANGES), ns=draw(st.sampled_from(["metallb-system", "pylb-system"]))
    )
    made["metadata"]["creationTimestamp"] = f"2026-01-0{draw(st.integers(1, 3))}T00:00:00Z"
    return made


ADVERTS = st.sampled_from(
    [advertisement("good"), advertisement("bad", interfaces=3), advertisement("q", nodeSelectors=7)]
)
POOLS = st.lists(pools(), max_size=7, unique_by=lambda raw: (raw["metadata"]["namespace"], raw["metadata"]["name"]))


@given(POOLS, st.lists(ADVERTS, max_size=3), st.randoms())
def test_the_part(raws: list[dict[str, Any]], adverts: list[dict[str, Any]], order: Any) -> None:
    found = salvage(Objects(raws, adverts))
    kept = [
        raw
        for raw in raws
        if any(raw["metadata"]["uid"] == one.ref.uid and _same(raw, one) for one in found.pools.values())
    ]
    good = [one for one in adverts if config.load(Objects(advertisements=[one])).config]
    assert config.load(Objects(kept, good)).config == found, "the part itself has no problem"
    whole = config.load(Objects(raws, adverts)).config
    assert whole is None or whole == found, "of a whole nothing is left out"
    for raw in raws:
        older = [one for one in kept if _age(one) < _age(raw)]
        assert raw in kept or config.load(Objects([*older, raw])).config is None, (
            "who is left out is wrong, or in an older's way"
        )
        others = [one for one in raws if one is not raw]
        alone = config.load(Objects([raw])).config
        if alone and all(
            config.load(Objects([raw, one])).config for one in others if config.load(Objects([one])).config
        ):
            assert raw in kept, "who is right, and in nobody's way, stays"
    shuffled = list(raws)
    order.shuffle(shuffled)
    assert salvage(Objects(shuffled, adverts)) == found


def _age(raw: dict[str, Any]) -> tuple[str, str, str]:
    return tuple(raw["metadata"][key] for key in ("creationTimestamp", "name", "namespace"))


def _same(raw: dict[str, Any], one: Any) -> bool:
    return bool(raw["metadata"]["namespace"] == one.ref.namespace)
