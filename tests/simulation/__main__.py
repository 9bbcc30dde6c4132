"""Play scenarios: `python -m simulation SEED` tells one whole story, `python -m simulation FROM TO` looks for broken ones,
`python -m simulation large` plays worlds of up to 1,000 nodes or 10,000 addresses, which takes some minutes.

With `src` and `tests` on PYTHONPATH; exit 1 if something is broken. A range is played on all cores.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor

from fakes.large import play_large
from fakes.simulation import Watch, play
from pylb.core.ownership.effects import Effect
from pylb.sim.node import Node
from pylb.sim.scenario import draw, stage

BATCH = 20  # seeds that a process is given at once
LARGE = [(1000, 20, 1), (600, 100, 2), (300, 300, 3), (40, 3000, 4), (2, 10_000, 5), (3, 10_000, 6)]


def tell(seed: int) -> int:
    """Print what befalls a seed's world, what its nodes do, and what is broken."""
    scenario = draw(seed)
    print(scenario)
    world = stage(scenario)

    def note(node: Node, effects: Iterable[Effect]) -> None:
        for effect in effects:
            print(f"{world.clock.now:9.3f} {node.name}: {effect}")

    world.watchers.append(note)
    broken = Watch(world, scenario.disasters).run(scenario.lasts)
    print("\n".join(map(str, broken)) or "nothing is broken")
    return int(bool(broken))


def hunt(start: int, end: int) -> int:
    """Play a range of seeds, and print those that break something."""
    found = 0
    seeds = range(start, end)
    with ProcessPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        for seed, broken in zip(seeds, pool.map(first, seeds, chunksize=BATCH), strict=True):
            if broken:
                found += 1
                print(f"seed {seed}: {broken}", flush=True)
    print(f"{found} of {end - start} seeds are broken; `python -m simulation SEED` tells the story")
    return int(bool(found))


def play_all_large() -> int:
    """Play the large worlds, and print those in which something breaks."""
    found = 0
    with ProcessPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        for (nodes, addresses, seed), broken in zip(
            LARGE, pool.map(play_large, *zip(*LARGE, strict=True)), strict=True
        ):
            found += bool(broken)
            print(f"{nodes} nodes, {addresses} addresses, seed {seed}: {'; '.join(broken) or 'well'}", flush=True)
    return int(bool(found))


def first(seed: int) -> str:
    """What is broken first, or nothing."""
    return "".join(str(broken) for broken in play(draw(seed))[:1])


def main(arguments: list[str]) -> int:
    if arguments == ["large"]:
        return play_all_large()
    try:
        numbers = [int(text) for text in arguments]
        (start, *rest) = numbers
        (end,) = rest or (start,)
    except ValueError:
        print("usage: python -m simulation SEED | FROM TO | large", file=sys.stderr)
        return 2
    return hunt(start, end) if rest else tell(start)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
