"""Memory and idle processor time of controller and speakers on five nodes, with 20 Services and with 250.

    PYTHONPATH=tests python -m bench.footprint [--seconds N]

Every speaker sends beats to every other, ten a second, and reads theirs. Memory is what /proc/PID/smaps_rollup calls Rss,
and of it the part that no other process shares; processor time is utime and stime of /proc/PID/stat. Each target is held
against the process that needs most.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from ipaddress import IPv4Address

from bench import results
from bench._metallb import metallb
from bench._objects import EVERYWHERE, service
from bench._processes import PROC, Use, memory, processor
from bench._program import busy, say
from bench._scene import Scene, scene
from bench.report import Figure, worst_of

NODES, HOMES = 5, 2
SUBNET, FIRST = "10.77.0.0/22", IPv4Address("10.77.1.0")  # room for all addresses
FEW, MANY = 20, 250  # Services
AT_ONCE = 4  # requests under way: so many connections are kept
SETTLE = (
    12.0  # s after the last Service answered: the bursts of announcements last 5 s, statuses are written at leisure
)
ANNOUNCED = 60.0  # s that this may take
IDLE = 30.0  # s
TARGET_MIB, TARGET_PERCENT = 48.0, 1.5
RECORDED = {  # MetalLB's, by number of Services and process: MiB, MiB of it private, % of a core
    (FEW, "controller"): (57.0, 12.0, 0.1),
    (FEW, "speaker"): (63.0, 16.0, 0.3),
    (MANY, "controller"): (60.0, 16.0, 0.1),
    (MANY, "speaker"): (69.0, 22.0, 0.3),
}
Uses = dict[str, Use]


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


async def measure(seconds: float) -> dict[int, Uses]:
    """What each process of pylb uses while nothing happens, by the number of Services."""
    found: dict[int, Uses] = {}
    async with scene(NODES, HOMES, SUBNET, f"{FIRST}-{FIRST + MANY - 1}") as stage:
        for count in (FEW, MANY):
            await _create(stage, len(found) and FEW, count)
            await asyncio.sleep(SETTLE)
            found[count] = await _idle(stage, count, seconds)
        expected = {"controller", *stage.nodes}
    lacking = {count: sorted(uses) for count, uses in found.items() if uses.keys() != expected}
    if lacking:
        raise SystemExit(f"of {sorted(expected)} only these ran, by number of Services: {lacking}")
    return found


async def _create(stage: Scene, first: int, count: int) -> None:
    """More Services, up to so many; returns when all of them are announced, and the last one answers."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with gate:
            await stage.create(service(f"one-{number}", FIRST + number, EVERYWHERE))

    await asyncio.gather(*map(one, range(first, count)))

    async def owned() -> bool:
        states = [await stage.state(node) for node in stage.nodes]
        return sum(bool(one["mine"]) for state in states for one in state["addresses"]) == count

    await stage.until(f"{count} addresses are owned", owned, ANNOUNCED)
    await stage.wait_answer(f"http://{FIRST + count - 1}/")


async def _idle(stage: Scene, count: int, seconds: float) -> Uses:
    pids = processes(stage.lab.pid)
    say(f"{count} Services are announced; idle for {seconds:.0f} s")
    before, began = {name: processor(pid) for name, pid in pids.items()}, time.monotonic()
    await asyncio.sleep(seconds)
    passed = time.monotonic() - began
    used = {name: 100 * (processor(pid) - before[name]) / passed for name, pid in pids.items()}
    return {name: Use(*memory(pid), used[name]) for name, pid in pids.items()}


def figures(found: dict[int, Uses], note: str) -> list[Figure]:
    """The figures of the controller and of the speakers."""
    made = []
    for (count, who), recorded in RECORDED.items():
        uses = [use for name, use in sorted(found[count].items()) if (name == "controller") == (who == "controller")]
        made += _figures(f"{who}, {count} addresses, {NODES} nodes", uses, recorded, note)
    return made


def _figures(name: str, uses: list[Use], recorded: tuple[float, float, float], note: str) -> list[Figure]:
    most = "" if len(uses) == 1 else ", the largest"
    rss, private, percent = map(metallb, recorded)
    used = [use.percent for use in uses]
    return [
        worst_of(f"{name}: RSS{most}", [use.rss for use in uses], "MiB", TARGET_MIB, rss),
        worst_of(f"{name}: of it private{most}", [use.private for use in uses], "MiB", None, private),
        worst_of(f"{name}: idle processor time{most}", used, "% of a core", TARGET_PERCENT, percent, note),
    ]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=IDLE, help="how long nothing happens, each time")
    note = busy()
    results.publish("footprint", figures(asyncio.run(measure(parser.parse_args().seconds)), note))


if __name__ == "__main__":
    main()
