"""Nothing moves: while 16 loops keep the machine busy, and while a fifth of all frames between nodes gets lost.

    PYTHONPATH=tests python -m bench.calm [--seconds N] [--cuts N] [--only busy|loss|cable]

First three nodes that own an address each. Frames get lost in the switch, ARP too, each direction by itself; those to and
from the client and the router do not. Then, with that loss, the owners' cables are pulled as in bench.failover.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
from collections.abc import Iterator

from bench import results
from bench._cuts import Stand, losses, stand
from bench._metallb import metallb
from bench._outages import GAP_MEDIAN, GAP_WORST, Cut
from bench._program import busy, say
from bench.report import Figure, median_of, worst_of
from fakes import endurance, switching
from fakes.endurance import LOOPS, LOST_PERCENT, Saw

SECONDS, CUTS = 120.0, 20
SETTLED = 8.0  # s of loss until speakers know what share of the beats gets lost
WORST_MS = 2500.0  # from a pulled cable to the first answer from elsewhere, with that loss
LOSS = f"{LOST_PERCENT} % of frames between nodes lost"
TROUBLES = {"busy": (f"{LOOPS} busy loops", endurance.busy), "loss": (LOSS, endurance.lossy)}


def of_calm(name: str, saw: Saw, note: str) -> list[Figure]:
    """The figures of a time in which nothing should have happened."""
    name, count = f"{name}, {saw.lasted:.0f} s", len(saw.before)
    moved = max(len(saw.moved), len(saw.others))
    return [
        Figure(f"{name}: addresses moved", moved, "", 0, count, note=note),
        Figure(f"{name}: times that somebody stood in for a speaker", saw.stood_in, "", None, count),
        Figure(f"{name}: nobody answers ARP, worst", saw.silent * 1000, "ms", None, count),
    ]


def of_lossy(cuts: list[Cut]) -> list[Figure]:
    """The figures of the cables that were pulled while frames got lost."""
    announced = [cut.announced for cut in cuts if cut.announced is not None]
    answered = [cut.answered for cut in cuts if cut.answered is not None]
    name, never = f"{LOSS}, cable pulled", len(cuts) - len(answered)
    spoke = sum(cut.returned for cut in cuts)
    return [
        worst_of(f"{name} -> first answer, worst", answered, "ms", WORST_MS, GAP_WORST["cable"]),
        median_of(f"{name} -> first answer, median", answered, "ms", None, GAP_MEDIAN["cable"]),
        Figure(f"{name}, no answer while it was watched", never, "", 0, len(cuts), listed=False),
        median_of(f"{name} -> ARP of another node", announced, "ms", None, metallb(5420.0)),
        Figure(f"{name}, and back: two MACs for one address after it", spoke, "", None, len(cuts)),
    ]


def calm(wanted: list[str], seconds: float, note: str) -> list[Figure]:
    """Some troubles, one after the other, in one lab; asyncio has no part in it."""
    found = []
    with endurance.stage() as lan:
        for name, trouble in (TROUBLES[one] for one in wanted):
            say(f"{name} for {seconds:.0f} s")
            saw = trouble(lan, seconds, say)
            say(str(saw))
            found += of_calm(name, saw, note)
    return found


@contextlib.contextmanager
def loss(at: Stand) -> Iterator[None]:
    """A share of all frames between nodes gets lost."""
    switching.lose_frames(at.stage, LOST_PERCENT)
    try:
        yield
    finally:
        switching.pass_frames(at.stage)


async def cables(cuts: int) -> list[Figure]:
    """Pull cables with that loss."""
    async with stand() as at:
        with loss(at):
            await asyncio.sleep(SETTLED)
            return of_lossy(await losses(at, "cable", cuts))


def measure(chosen: argparse.Namespace) -> list[Figure]:
    """What is asked for."""
    note, wanted = busy(), [one for one in TROUBLES if chosen.only in (None, one)]
    found = calm(wanted, chosen.seconds, note) if wanted else []
    return found + (asyncio.run(cables(chosen.cuts)) if chosen.only in (None, "cable") else [])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long each trouble lasts")
    runs = int(os.environ.get("PYLB_BENCH_RUNS", CUTS))
    parser.add_argument("--cuts", type=int, default=runs, help="cables pulled meanwhile")
    parser.add_argument("--only", choices=[*TROUBLES, "cable"], help="a part; nothing is written then")
    chosen = parser.parse_args()
    results.publish("calm", measure(chosen), whole=chosen.only is None)


if __name__ == "__main__":
    main()
