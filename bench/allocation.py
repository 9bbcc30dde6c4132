"""Addresses for thousands of Services: what deciding costs, and how long a controller takes from its start.

    python -m bench.allocation [--services N] [--colds N] [--restarts N]

The first figures are of the controller's pure core alone, in this process. For the others an embedded API server and a
controller run as processes of their own: 10,000 Services wait when the controller starts, and it is timed until a watch
has seen all their addresses; then it is killed while one more Service waits, and timed from its start until that one has
an address. How much of the processor time was the API server's is told beside. MetalLB's restarts were recorded on a
real Kubernetes, with fewer Services.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench import _load, results
from bench._farm import Farm, Spent, farm
from bench._load import Services
from bench._program import busy, say
from bench.report import Figure, Reference, median_of, worst_of
from pylb.core.config.loader import Config
from pylb.core.model import Service
from pylb.runtime import garbage

MANY, LARGE, FEW = 10_000, 50_000, 2_000  # Services
POOLS = 500
RUNS, MORE, COLDS, RESTARTS = 5, 50, 3, 3
SETTLED = 3.0  # s after the last address: counters and Events are written, garbage is gone
COLD_S, COLD_MIB, DECIDE_S = 60.0, 250.0, 2.0
LARGE_RATIO, POOLS_RATIO, ONE_MS = 6.0, 2.0, 5.0
SHARED_RATIO, DUAL_RATIO = 6.0, 2.0  # five times the Services; two addresses each instead of one
RESTART_S = 15.0  # what MetalLB takes with 1,000
RECORDED = Reference("MetalLB v0.16.2 with 5000 on a real API server, measured 2026-11-20 on 2 cores", 55.0)  # s


def pure() -> Iterator[Figure]:
    """What deciding costs, without an API."""
    plain, present = _load.configured(_load.pools(1)), _load.services(MANY)
    many = plain, present
    yield median_of(f"decisions on {MANY} Services at once, alone", taken(*many), "s", DECIDE_S)
    yield ratio(f"decisions on {LARGE} Services over {MANY}", (plain, _load.services(LARGE)), many, LARGE_RATIO)
    pooled = _load.configured(_load.pools(POOLS)), present
    yield ratio(f"decisions on {MANY} Services with {POOLS} pools over 1", pooled, many, POOLS_RATIO)
    small = _load.configured(_load.pools(POOLS, each=MANY // POOLS)), present
    yield ratio(f"decisions on {MANY} Services with {POOLS} pools that they fill over 1", small, many, POOLS_RATIO)
    dual = _load.configured(_load.pools(1, dual=True)), _load.services(MANY, dual=True)
    yield ratio(f"decisions on {MANY} dual-stack Services over single-stack", dual, many, DUAL_RATIO)
    one = [1000 * took for took in _load.one_more(plain, present, more())]
    yield worst_of(f"decision on one more Service, {MANY} allocated, worst", one, "ms", ONE_MS)
    yield from _shared(plain)
    yield from _waiting(present)


def _shared(plain: Config) -> Iterator[Figure]:
    """Services with sharing keys: five times as many take five times as long, whoever can share with whom."""
    for what, few, many in (
        ("in groups of 10 that share", _load.sharing(FEW, 10), _load.sharing(MANY, 10)),
        ("with a sharing key each", _load.sharing(FEW, 1), _load.sharing(MANY, 1)),
        ("that all share one address", _load.sharing(FEW, FEW), _load.sharing(MANY, MANY)),
        ("with one sharing key and one port", _load.clashing(FEW), _load.clashing(MANY)),
    ):
        yield ratio(f"decisions on {MANY} Services {what} over {FEW}", (plain, many), (plain, few), SHARED_RATIO)


def _waiting(present: Services) -> Iterator[Figure]:
    """A pool that is full: those who come one by one have nobody else decided on anew."""
    full = _load.configured(_load.pools(1, each=16))
    one = [1000 * took for took in _load.one_more(full, present, more())]
    yield worst_of(f"decision on one more Service, {MANY} wait for a full pool, worst", one, "ms", ONE_MS)
    took = taken(full, present, 1)
    yield median_of(f"decisions on {MANY} Services that come one by one to a full pool", took, "s", DECIDE_S)


def more() -> list[Service]:
    """Some Services that come after many."""
    return list(_load.services(MANY + MORE).values())[MANY:]


def taken(configuration: Config, present: Services, at_once: int = 0, runs: int = RUNS) -> list[float]:
    """How long these Services take, in each of the runs."""
    return _load.seconds(lambda: _load.settled(configuration, present, at_once), runs)


def ratio(name: str, one: tuple[Config, Services], other: tuple[Config, Services], target: float) -> Figure:
    """One time over another, by turns: how fast the machine is just then divides out."""
    pairs = [(taken(*one, runs=1)[0], taken(*other, runs=1)[0]) for _ in range(RUNS)]
    say(f"{name}: {', '.join(f'{a:.2f} / {b:.2f} s' for a, b in pairs)}")
    return median_of(name, [a / b for a, b in pairs], "", target)


@dataclass(slots=True)
class Found:
    """What was seen of controllers with all of their API."""

    cold: list[Spent] = field(default_factory=list)
    again: list[Spent] = field(default_factory=list)
    now: list[float] = field(default_factory=list)  # MiB
    most: list[float] = field(default_factory=list)  # MiB


async def served(count: int, colds: int, restarts: int, note: str) -> list[Figure]:
    """What a controller takes with all of its API; each cold start has an API server of its own."""
    found = Found()
    for number in range(colds):
        await _one_farm(count, restarts if number == colds - 1 else 0, found)
    return [*_cold(count, found.cold, note), *_memory(count, found), _again(count, found.again, note)]


async def _one_farm(count: int, restarts: int, found: Found) -> None:
    names = [f"one-{number:05}" for number in range(count)]
    with tempfile.TemporaryDirectory() as home:
        async with farm(Path(home), _load.pools(1)) as stage:
            made = await stage.create(names)
            say(f"{count} Services: made in {made:.1f} s")
            found.cold.append(await stage.served(names))
            say(f"all have an address: {found.cold[-1]}")
            await asyncio.sleep(SETTLED)
            _weigh(stage, found)
            for number in range(restarts):
                found.again.append(await _restarted(stage, names, number))
                _weigh(stage, found)


def _weigh(stage: Farm, found: Found) -> None:
    now, most = stage.sizes()
    found.now.append(now)
    found.most.append(most)


async def _restarted(stage: Farm, names: list[str], number: int) -> Spent:
    """Kill the controller, have one more Service wait, and start it."""
    stage.kill()
    await stage.create([f"late-{number}"])
    found = await stage.served([*names, *(f"late-{before}" for before in range(number + 1))])
    say(f"restart {number + 1}: {found}")
    await asyncio.sleep(SETTLED)
    return found


def _cold(count: int, cold: list[Spent], note: str) -> Iterator[Figure]:
    name = f"controller started with {count} Services that wait"
    api, own, settle = (statistics.median(values) for values in zip(*map(_shares, cold), strict=True))
    beside = f"processor time: the API server's {api:.1f} s, the controller's {own:.1f} s"
    told = ", ".join(filter(None, (beside, note)))
    yield median_of(f"{name} -> all have an address", [one.wall for one in cold], "s", COLD_S, note=told)
    rounds = f"all rounds with their bookkeeping {settle:.2f} s"
    yield median_of(f"{name}: of it decisions", [one.decide for one in cold], "s", DECIDE_S, note=rounds)


def _shares(one: Spent) -> tuple[float, float, float]:
    return one.api, one.controller, one.settle


def _memory(count: int, found: Found) -> Iterator[Figure]:
    yield worst_of(f"controller's RSS with {count} Services, the most since its start", found.most, "MiB", COLD_MIB)
    yield worst_of(f"controller's RSS with {count} Services", found.now, "MiB", None)


def _again(count: int, again: list[Spent], note: str) -> Figure:
    api = statistics.median(one.api for one in again)
    beside = f"MetalLB with 1000 there 15, the API server's processor time {api:.1f} s"
    name = f"controller killed and started with {count} addresses -> a waiting Service has one, worst"
    told = ", ".join(filter(None, (beside, note)))
    return worst_of(name, [one.wall for one in again], "s", RESTART_S, RECORDED, told)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=MANY, help="how many wait when the controller starts")
    parser.add_argument("--colds", type=int, default=COLDS, help="how often all of it begins anew")
    parser.add_argument("--restarts", type=int, default=RESTARTS, help="how often it is killed")
    chosen = parser.parse_args()
    results.publish("allocation", figures(chosen), whole=chosen.services == MANY)


def figures(chosen: argparse.Namespace) -> Iterator[Figure]:
    """All of them, those first that a busy machine disturbs most."""
    yield from asyncio.run(served(chosen.services, chosen.colds, chosen.restarts, busy()))
    garbage.begin()  # as the controller does
    yield from pure()


if __name__ == "__main__":
    main()
