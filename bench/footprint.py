"""Memory and idle processor time of controller and speakers with 20 Services.

    python -m bench.footprint [--seconds N]

Memory is what /proc/PID/smaps_rollup calls Rss, and of it the part that no other process shares; processor time is
utime and stime of /proc/PID/stat. Each target is held against the process that needs most.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from bench import results
from bench._metallb import metallb
from bench._objects import EVERYWHERE, POOL_FIRST, service
from bench._processes import PROC, Use, memory, processor
from bench._program import busy, say
from bench._scene import Scene, scene
from bench.report import Figure, worst_of

SERVICES_COUNT = 20
SETTLE = 8.0  # s after the last Service answered: the bursts of announcements last 5 s
IDLE = 30.0  # s
TARGET_MIB, TARGET_PERCENT = 48.0, 1.5


def processes(lab: int) -> dict[str, int]:
    """The process ids, as this machine has them, of a lab's controller (`controller`) and speakers (their nodes)."""
    inside = (PROC / str(lab) / "ns/pid").stat().st_ino
    found = {}
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            ours = (entry / "ns/pid").stat().st_ino == inside
        except OSError:  # it ended meanwhile, or is not ours
            continue
        if ours and words[1:4] == ["-m", "pylb", "controller"]:
            found["controller"] = int(entry.name)
        elif ours and words[1:4] == ["-m", "pylb", "speaker"]:
            found[words[words.index("--node") + 1]] = int(entry.name)
    return found


async def measure(seconds: float) -> dict[str, Use]:
    """What each process of pylb uses while nothing happens."""
    async with scene() as stage:
        await _create(stage)
        await asyncio.sleep(SETTLE)
        pids = processes(stage.lab.pid)
        say(f"{SERVICES_COUNT} Services answer; idle for {seconds:.0f} s")
        before, began = {name: processor(pid) for name, pid in pids.items()}, time.monotonic()
        await asyncio.sleep(seconds)
        passed = time.monotonic() - began
        used = {name: 100 * (processor(pid) - before[name]) / passed for name, pid in pids.items()}
        found = {name: Use(*memory(pid), used[name]) for name, pid in pids.items()}
        expected = {"controller", *stage.nodes}
    if found.keys() != expected:
        raise SystemExit(f"of {sorted(expected)} only {sorted(found)} run")
    return found


async def _create(stage: Scene) -> None:
    for number in range(SERVICES_COUNT):
        await stage.create(service(f"one-{number}", POOL_FIRST + number, EVERYWHERE))
    for number in range(SERVICES_COUNT):
        await stage.wait_answer(f"http://{POOL_FIRST + number}/")


def figures(found: dict[str, Use], note: str) -> list[Figure]:
    """The figures of the controller and of the speakers."""
    controller = [found["controller"]]
    speakers = [use for name, use in sorted(found.items()) if name != "controller"]
    made = []
    for who, uses, rss, private, percent in (
        ("controller", controller, 57.0, 12.0, 0.1),
        ("speaker", speakers, 63.0, 16.0, 0.3),
    ):
        most = "" if len(uses) == 1 else ", the largest"
        made += [
            worst_of(f"{who}'s RSS{most}", [use.rss for use in uses], "MiB", TARGET_MIB, metallb(rss)),
            worst_of(f"of it private{most}", [use.private for use in uses], "MiB", None, metallb(private)),
            worst_of(
                f"{who}'s idle processor time{most}",
                [use.percent for use in uses],
                "% of a core",
                TARGET_PERCENT,
                metallb(percent),
                note,
            ),
        ]
    return made


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=IDLE, help="how long nothing happens")
    note = busy()
    results.publish("footprint", figures(asyncio.run(measure(parser.parse_args().seconds)), note))


if __name__ == "__main__":
    main()
