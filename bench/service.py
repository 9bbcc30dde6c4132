"""Service created → first answered request from the client, and where that time goes.

    python -m bench.service [--runs N]

The client asks the address each 2 ms, on new connections, from before the Service is created, with an empty neighbour
cache. The lab's own datapath (EndpointSlice, nftables on the node) is part of the way; how long it took is told beside.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from bench import results
from bench._metallb import metallb
from bench._objects import EVERYWHERE, POOL_FIRST, service
from bench._program import Program, announcements, busy, say, until
from bench._requests import first_answer
from bench._scene import Scene, Watch, scene
from bench.report import Figure, median_of

RUNS = 20
EVERY_MS = 2.0
LIMIT = 10.0  # s that a Service may take until it answers
QUIET = 0.3  # s between the runs
LISTEN = 600.0  # s
TARGET_MS = 60.0
ANSWERED, ADDRESSED, ANNOUNCED = (metallb(value) for value in (14.1, 7.5, 7.9))  # ms, medians


@dataclass(frozen=True, slots=True)
class Run:
    """One Service: when what happened, in Unix seconds."""

    begun: float  # the create call
    returned: float
    addressed: float  # a watch saw the address in the status
    announced: float  # the first gratuitous ARP reached the client
    applied: float | None  # the last change of the owner's rules before the answer was through
    answered: float
    commits: int  # changes of the owner's rules from the create call to the answer

    def since_return(self, moment: float) -> float:
        """ms."""
        return (moment - self.returned) * 1000


@dataclass(frozen=True, slots=True)
class Clocks:
    """What listens during all runs."""

    watch: Watch
    frames: Program
    commits: dict[str, Program]


async def measure(runs: int) -> list[Run]:
    """Create so many Services, one after the other."""
    async with scene() as stage, _clocks(stage) as clocks:
        found = []
        for number in range(runs):
            found.append(await one(stage, clocks, number))
            say(f"{number + 1} of {runs}: {found[-1].since_return(found[-1].answered):.1f} ms")
            await asyncio.sleep(QUIET)
        return found


@contextlib.asynccontextmanager
async def _clocks(stage: Scene) -> AsyncIterator[Clocks]:
    watch = Watch(stage)
    with contextlib.ExitStack() as stack:
        frames = stack.enter_context(stage.listener("client", LISTEN))
        commits = {node: stack.enter_context(stage.commits(node)) for node in stage.nodes}
        for program in (frames, *commits.values()):
            await program.started()
        following = asyncio.ensure_future(watch.run())
        try:
            yield Clocks(watch, frames, commits)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def one(stage: Scene, clocks: Clocks, number: int) -> Run:
    """One Service from its creation to its deletion."""
    name, address = f"run-{number}", POOL_FIRST + number
    stage.lab.exec("client", ["ip", "neigh", "flush", "dev", "eth0"])
    with stage.probe(f"http://{address}/", EVERY_MS) as probe:
        await probe.started()
        begun = time.time()
        await stage.create(service(name, address, EVERYWHERE))
        returned = time.time()
        await until(f"{address} answers", lambda: _is_done(clocks, probe, name, address, begun), LIMIT)
    answered = first_answer(probe.requests(), 0.0)
    assert answered is not None
    frame = announcements(clocks.frames, address, begun)[0]
    owner = next(node for node, host in stage.lab.hosts.items() if host["mac"] == frame["mac"])
    commits = [at for at in clocks.commits[owner].moments() if begun <= at <= answered]
    run = Run(begun, returned, clocks.watch.seen[name], frame["at"], max(commits, default=None), answered, len(commits))
    await stage.delete(name, address)
    return run


def _is_done(clocks: Clocks, probe: Program, name: str, address: IPv4Address, begun: float) -> bool:
    answered = any(request.ok for request in probe.requests()[-LATEST:])
    return answered and name in clocks.watch.seen and bool(announcements(clocks.frames, address, begun))


LATEST = 200  # requests that are looked at for an answer


def figures(runs: list[Run], note: str) -> list[Figure]:
    """The figures of all runs."""

    def since(moments: list[tuple[Run, float]]) -> list[float]:
        return [run.since_return(moment) for run, moment in moments]

    answered = since([(run, run.answered) for run in runs])
    whole = [(run.answered - run.begun) * 1000 for run in runs]
    addressed = since([(run, run.addressed) for run in runs])
    announced = since([(run, run.announced) for run in runs])
    applied = since([(run, run.applied) for run in runs if run.applied is not None])
    datapath = [(run.applied - run.addressed) * 1000 for run in runs if run.applied is not None]
    commits = [float(run.commits) for run in runs]
    return [
        median_of("Service created -> first answer", answered, "ms", TARGET_MS, ANSWERED, note),
        median_of("the same, from the start of the create call", whole, "ms", None),
        median_of("Service created -> address in its status", addressed, "ms", None, ADDRESSED),
        median_of("Service created -> first gratuitous ARP", announced, "ms", None, ANNOUNCED),
        median_of("Service created -> the owner's rules applied (the lab's own)", applied, "ms", None),
        median_of("address in its status -> the owner's rules applied (the lab's own)", datapath, "ms", None),
        median_of("changes of the owner's rules for one Service (the lab's own)", commits, "", None),
    ]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=int(os.environ.get("PYLB_BENCH_RUNS", RUNS)))
    note = busy()
    results.publish("service", figures(asyncio.run(measure(parser.parse_args().runs)), note))


if __name__ == "__main__":
    main()
