"""Addresses change hands in any way and in any order of writes: never two have one, and all get theirs in the end."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from pylb.controller.shown import Shown
from pylb.core.model import ServiceKey

KEYS = [ServiceKey(f"default/{name}") for name in "abcdef"]
Statuses = dict[ServiceKey, tuple[str, ...]]


def dealt(random: Random) -> Statuses:
    """Up to two addresses each, nobody's twice."""
    left = [f"10.0.0.{number}" for number in range(8)]
    random.shuffle(left)
    return {key: tuple(left.pop() for _ in range(min(len(left), random.randrange(3)))) for key in KEYS}


@given(st.randoms(use_true_random=False))
def test_addresses_change_hands_one_after_the_other(random: Random) -> None:
    statuses, targets = dealt(random), dealt(random)
    seen, shown = (
        dict(statuses),
        Shown(lambda key, address: address not in targets[key]),
    )  # what is stored, and what the watch has told of it
    for key, addresses in statuses.items():
        shown.change(key, (), addresses)
    due, echoes = list(KEYS), list[ServiceKey]()
    while due or echoes:
        if echoes and (not due or random.random() < 0.5):
            key = echoes.pop(random.randrange(len(echoes)))
            due += [key, *shown.change(key, seen[key], statuses[key])]
            seen[key] = statuses[key]
            continue
        key = due.pop(random.randrange(len(due)))
        if seen[key] != statuses[key] or seen[key] == targets[key]:  # its own write is not seen yet; or it is done
            continue
        step = shown.step(key, seen[key], targets[key])
        if step is not None:
            statuses[key] = step
            echoes.append(key)
            had = [address for addresses in statuses.values() for address in addresses]
            assert len(had) == len(set(had)), f"{key} was written {step} too early: {statuses}"
    assert statuses == targets
