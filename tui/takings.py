"""How many addresses of each pool are in use, counted anew for what changed alone. Pure.

Nothing is kept of single addresses: of thousands that would be as much again as the Services' rows need.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from pylb.core.allocation import requests
from pylb.core.config.loader import Config
from pylb.core.model import Address
from pylb.tui.addresses import parsed
from pylb.tui.state import Dated, State

MAX_STEPS = 50  # Services that changed: where there are more, all are counted
Pair = tuple[int, int]  # addresses that are in use, and those among them that were asked for


@dataclass(frozen=True, slots=True)
class Takings:
    """What Services have of the pools of a configuration."""

    config: Config | None
    services: Mapping[str, Dated]
    by_pool: Mapping[str, Pair]


def count(state: State, before: Takings | None = None) -> Takings:
    """What is in use; hand in what was counted last."""
    config, new = state.config, state.services
    if config is None:
        return Takings(None, {}, {})
    if before is None or before.config is not config:
        return Takings(config, new, _counted(config, new.values()))
    if before.services is new:
        return before
    changed = list(_differing(before.services, new))
    if len(changed) > MAX_STEPS:
        return Takings(config, new, _counted(config, new.values()))
    concerned = {address for dated in changed for address in _addresses(dated)}
    left, come = (_counted(config, some.values(), concerned) for some in (before.services, new))
    return Takings(config, new, _stepped(before.by_pool, left, come))


def _differing(old: Mapping[str, Dated], new: Mapping[str, Dated]) -> Iterator[Dated]:
    """Services that went or came; of one that changed, both."""
    yield from (old[key] for key in old.keys() - new.keys())
    for key, dated in new.items():
        known = old.get(key)
        if known is not dated:
            yield dated
            if known is not None:
                yield known


def _addresses(dated: Dated) -> Iterator[Address]:
    return (address for address in map(parsed, dated.service.ingress) if address is not None)


def _counted(config: Config, services: Iterable[Dated], only: Collection[Address] | None = None) -> dict[str, Pair]:
    """What Services have of each pool, or of these addresses alone; one that several have counts once."""
    pinned: dict[Address, bool] = {}
    for dated in services:
        for address in _addresses(dated):
            if only is None or address in only:
                pinned[address] = pinned.get(address, False) or bool(requests.pin_source(dated.service))
    found: dict[str, Pair] = {}
    for address, asked in pinned.items():
        pool = config.pool_of((address,))
        if pool is not None:
            used, pins = found.get(pool.name, (0, 0))
            found[pool.name] = used + 1, pins + asked
    return found


def _stepped(before: Mapping[str, Pair], left: Mapping[str, Pair], come: Mapping[str, Pair]) -> dict[str, Pair]:
    found = dict(before)
    for some, step in ((left, -1), (come, 1)):
        for name, (used, pins) in some.items():
            known = found.get(name, (0, 0))
            found[name] = known[0] + step * used, known[1] + step * pins
    return found
