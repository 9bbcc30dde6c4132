"""The LAN in two parts, and one again: for how long two nodes answer after the heal, and what it costs the API server.

    PYTHONPATH=tests python -m bench.splits [--heals N] [--apart S] [--long S] [--only heals|writes]

The switch is cut so that every carrier stays up and the API server is reached by all. Each of the ways to cut labs of
three, four and five nodes is played in a lab of its own, with the owner and the gateway on either side. What is written
is counted by watches, over splits of six Services: in short ones, and in a long one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench import results
from bench._front import Front
from bench._metallb import metallb
from bench._objects import EVERYWHERE, POOL_FIRST, service
from bench._program import busy, say
from bench._scene import Scene, scene
from bench._watch import Eyes, eyes
from bench._written import written
from bench.report import Figure, median_of, worst_of
from fakes import switching

HEALS = 20
APART = 5.0  # s: a node without a witness waits for 3
AFTER = 2.0  # s that are watched after all hear each other
LONG = 60.0  # s of the long split
STEADY = 10.0  # s from a cut until all moves are made and told
AT_ONCE = 2  # labs: what is measured here takes a tenth of a second at least
SERVICES_COUNT = 6  # as MetalLB had
SETTLED = 2.0  # s from the first claim to the split: witnesses are known, and nothing is written any more
HEAL_S, WRITES = 1.0, 1.0  # s; a second
PARTS = ("heals", "writes")


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to cut: of so many nodes, so many are cut off from gateway and client, the owner among them or not."""

    nodes: int
    away: int
    owner: bool

    def __str__(self) -> str:
        return f"{self.nodes - self.away}|{self.away}, owner {'away' if self.owner else 'at the gateway'}"

    def chosen(self, nodes: Sequence[str], owner: str) -> list[str]:
        """Who is cut off."""
        others = [node for node in nodes if node != owner]
        return [owner, *others[: self.away - 1]] if self.owner else others[: self.away]


KINDS = (
    Kind(3, 1, owner=True),
    Kind(3, 2, owner=False),
    Kind(4, 2, owner=True),
    Kind(5, 1, owner=True),
    Kind(5, 4, owner=False),
    Kind(3, 2, owner=True),
    Kind(4, 2, owner=False),
    Kind(5, 4, owner=True),
    Kind(3, 1, owner=False),
    Kind(5, 1, owner=False),
)


WRITTEN = KINDS[1]  # the two that are cut off take all over, provisionally: both sides write


@dataclass(frozen=True, slots=True)
class Split:
    """What was seen of one."""

    kind: Kind
    lingered: float  # ms from the heal to the last word of a node that does not own it in the end
    both: float  # ms in which each question was answered with several MACs
    writes: Counter[str]
    steady: float  # writes a second from STEADY s after the cut to the heal
    seconds: float  # from the cut until all was as it was

    @property
    def rate(self) -> float:
        """Writes a second."""
        return sum(self.writes.values()) / self.seconds


async def split(kind: Kind, apart: float) -> Split:
    """Cut a lab of its own in two, and join it."""
    async with scene(kind.nodes) as stage:
        front = Front(stage)
        await front.create()
        for number in range(1, SERVICES_COUNT):
            await stage.create(service(f"more-{number}", POOL_FIRST + number, EVERYWHERE))
        owner, _ = await front.claim()
        with eyes(stage, front.address) as watch:
            await watch.asker.started()
            return await _split(stage, front, watch, kind, kind.chosen(stage.nodes, owner), apart)


async def _split(stage: Scene, front: Front, watch: Eyes, kind: Kind, away: list[str], apart: float) -> Split:
    async with written(stage) as found:
        await asyncio.sleep(SETTLED)
        parted = time.time()
        switching.part(stage, *away)
        await asyncio.sleep(apart)
        healed = time.time()
        switching.join(stage, *away)
        await stage.wait_members()
        await asyncio.sleep(AFTER)
        until = time.time()
        owner, _ = await front.claim()
    mac = stage.lab.hosts[owner]["mac"]
    late = [one["at"] for one in watch.spoken(healed, until) if one["mac"] != mac]
    return Split(
        kind,
        (max(late, default=healed) - healed) * 1000,
        watch.disputed(healed, until) * 1000,
        found.between(parted, until),
        sum(found.between(parted + STEADY, healed).values()) / max(apart - STEADY, 1.0),
        until - parted,
    )


async def heals(count: int, apart: float) -> list[Split]:
    """So many, of all kinds in turn."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Split:
        async with free:
            found = await split(KINDS[number % len(KINDS)], apart)
        say(f"heal {number + 1} of {count} ({found.kind}): two MACs for {found.lingered:.0f} ms, {told(found)}")
        return found

    return await asyncio.gather(*map(one, range(count)))


def told(one: Split) -> str:
    """What was written."""
    return ", ".join(f"{number} {kind}" for kind, number in one.writes.most_common()) or "nothing written"


def of_heals(splits: list[Split], note: str) -> list[Figure]:
    """From the heal until one alone answers."""
    lingered = [one.lingered for one in splits]
    return [
        worst_of("LAN healed -> one MAC alone, worst", lingered, "ms", HEAL_S * 1000, metallb(33_000.0), note),
        median_of("LAN healed -> one MAC alone, median", lingered, "ms", None, metallb(13_000.0)),
        worst_of("LAN healed: each question answered twice, worst", [one.both for one in splits], "ms", None),
    ]


def of_writes(one: Split, short: list[Split]) -> list[Figure]:
    """What a long split costs, and the short ones, in which the moves themselves count most."""
    of = f"{SERVICES_COUNT} Services"
    name = f"split of {one.seconds:.0f} s with its heal, {of}: API writes"
    figures = [
        Figure(name, one.rate, "a second", WRITES, 1, None, metallb(99.0), note=told(one)),
        Figure(f"the same, from {STEADY:.0f} s after the cut to the heal", one.steady, "a second", None),
    ]
    if short:
        apart = min(each.seconds for each in short)
        rates = [each.rate for each in short]
        figures.append(worst_of(f"split of {apart:.0f} s with its heal, {of}: API writes", rates, "a second", None))
    return figures


async def measure(chosen: argparse.Namespace) -> list[Figure]:
    """What is asked for."""
    note, found, short = busy(), [], list[Split]()
    if chosen.only in (None, "heals"):
        short = await heals(chosen.heals, chosen.apart)
        found += of_heals(short, note)
    if chosen.only in (None, "writes"):
        say(f"a split of {chosen.long:.0f} s")
        found += of_writes(await split(WRITTEN, chosen.long), short)
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    runs = int(os.environ.get("PYLB_BENCH_RUNS", HEALS))
    parser.add_argument("--heals", type=int, default=runs, help="short splits")
    parser.add_argument("--apart", type=float, default=APART, help="s that each of them lasts")
    parser.add_argument("--long", type=float, default=LONG, help="s that the long one lasts")
    parser.add_argument("--only", choices=PARTS, help="a part; nothing is written then")
    chosen = parser.parse_args()
    results.publish("splits", asyncio.run(measure(chosen)), whole=chosen.only is None)


if __name__ == "__main__":
    main()
