"""Service created → address, ARP, HTTP, on a real Kubernetes with a real kube-proxy; and what that costs in API writes.

    PYTHONPATH=tests python -m bench.cluster_service [--runs N] [--peer FOLDER]

Times are since the create call returned. The router asks by ARP each 2 ms, the client by HTTP each 10 ms on new
connections, with an empty neighbour cache. kube-proxy takes up changes once a second: the same with a static neighbour
entry, which needs no load balancer once the address is in the status, shows its share. FOLDER holds MetalLB's
`controller` and `speaker`, which are measured in the same run (or PEER in the environment).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from bench._audit import Write, told
from bench._cluster import RealScene, cluster_scene, run_topic
from bench._metallb import Sources, peer_folder, sources
from bench._objects import EVERYWHERE, POOL_FIRST, service
from bench._peer import peer_scene
from bench._program import SYSTEM_PYTHON, Program, announcements, busy, say, until
from bench._requests import first_answer
from bench._scene import Watch
from bench.report import Figure, Reference, median_of
from pylb.core.model import NodeName
from pylb.core.ownership.election import Candidate, rank
from pylb.lab import arping

RUNS = 15
WRITES_RUNS = 3  # of Services whose writes are counted, with endpoints and without
ASK_MS, EVERY_MS = 2.0, 10.0
LIMIT = 10.0  # s that a Service may take until it answers
PHASE = 0.13  # s that each run begins later than the one before, so that none keeps step with kube-proxy
QUIET = 1.2  # s between two runs: kube-proxy has taken up the last one's end
SETTLED = 3.0  # s in which all writes about a Service are made
LISTEN = 600.0  # s
TARGET_ADDRESS_MS, TARGET_ARP_MS = 30.0, 60.0
TARGET_WRITES, TARGET_WRITES_WAITING = 5.0, 2.0
NOBODY = {"app": "nobody"}
RECORDED = {"addressed": 7.5, "announced": 7.9, "asked": 11.4, "answered": 14.1, "writes": 6.8}  # ms, medians; count


@dataclass(frozen=True, slots=True)
class Run:
    """One Service: when what happened, in ms since the create call returned."""

    addressed: float  # a watch saw the address in the status
    asked: float  # the first answer to an ARP request
    announced: float  # the first gratuitous ARP at the client
    answered: float  # the first HTTP answer


@dataclass(slots=True)
class Found:
    """What was seen of one load balancer."""

    runs: list[Run] = field(default_factory=list)
    fixed: list[Run] = field(default_factory=list)  # the client has a static neighbour entry
    writes: list[float] = field(default_factory=list)  # for one Service
    waiting: list[float] = field(default_factory=list)  # the same without endpoints
    shared: list[Write] = field(default_factory=list)  # writes about no Service of its own
    text: str = ""


async def measure(stage: RealScene, runs: int) -> Found:
    """All that is measured of one load balancer."""
    found, watch = Found(), Watch(stage)
    following = asyncio.ensure_future(watch.run())
    try:
        with stage.listener("client", LISTEN) as frames, stage.listener("router", LISTEN) as replies:
            await frames.started()
            await replies.started()
            for number in range(2 * runs):
                fixed = number % 2 == 1
                one = await _once(stage, watch, (frames, replies), number, fixed)
                (found.fixed if fixed else found.runs).append(one)
                say(f"{number + 1} of {2 * runs}{', static entry' if fixed else ''}: {one}")
        for number in range(WRITES_RUNS):
            await _count(stage, found, number)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    return found


async def _once(stage: RealScene, watch: Watch, listeners: tuple[Program, Program], number: int, fixed: bool) -> Run:
    """One Service from its creation to its deletion."""
    name, address = f"run-{number}", POOL_FIRST + number
    frames, replies = listeners
    _neighbour(stage, address, fixed)
    await asyncio.sleep(QUIET + PHASE * number % 1.0)
    asking = [*SYSTEM_PYTHON, arping.__file__, str(address), "--count", str(round(1000 * LIMIT / ASK_MS))]
    with (
        stage.probe(f"http://{address}/", EVERY_MS) as probe,
        Program(stage.lab, "router", [*asking, "--wait", str(LIMIT)]),
    ):
        await probe.started()
        begun = time.time()
        await stage.create(service(name, address, EVERYWHERE))
        returned = time.time()
        router = stage.lab.hosts["router"]["mac"]

        def moments() -> tuple[float | None, ...]:
            to = [one["at"] for one in replies.objects() if _is_answer(one, address, router) and one["at"] >= begun]
            heard = [one["at"] for one in announcements(frames, address, begun)]
            said = first_answer(probe.requests(), 0.0)
            return watch.seen.get(name), min(to, default=None), min(heard, default=None), said

        await until(f"{address} answers", lambda: None not in moments(), LIMIT, every=0.05)
    run = Run(*(round((at - returned) * 1000, 1) for at in moments() if at is not None))
    await stage.delete(name, address)
    return run


def _is_answer(frame: dict[str, Any], address: IPv4Address, to: str) -> bool:
    return (frame["op"], frame["ip"], frame["to"]) == ("reply", str(address), to)


def _neighbour(stage: RealScene, address: IPv4Address, fixed: bool) -> None:
    """Empty the client's neighbour cache, or let it know the node that the address will be at."""
    stage.lab.exec("client", ["ip", "neigh", "flush", "dev", "eth0"])
    if fixed:
        owner = rank(address, [Candidate(NodeName(node)) for node in stage.nodes])[0]
        words = ["lladdr", stage.lab.hosts[owner]["mac"], "dev", "eth0", "nud", "permanent"]
        stage.lab.exec("client", ["ip", "neigh", "replace", str(address), *words])


async def _count(stage: RealScene, found: Found, number: int) -> None:
    """The writes about a Service with endpoints, and about one without, from its creation until all is said."""
    for selector, into in ((EVERYWHERE, found.writes), (NOBODY, found.waiting)):
        name, address = f"count-{number}", POOL_FIRST + 90 + number
        begun = time.time()
        await stage.create(service(name, address, selector))
        await asyncio.sleep(SETTLED)
        made = await stage.writes(begun)
        into.append(float(sum(not one.shared for one in made)))
        found.shared += [one for one in made if one.shared]
        found.text = found.text or told(made)
        await stage.delete(name, address)
        await asyncio.sleep(SETTLED)


def figures(found: Found, refer: Sources, note: str) -> list[Figure]:
    """The figures of all runs, beside those of a peer."""

    def of(what: str, runs: Sequence[Run]) -> list[float]:
        return [float(getattr(run, what)) for run in runs]

    fixed = median_of(
        "the same with a static neighbour entry: kube-proxy alone", of("answered", found.fixed), "ms", None
    )
    shared = f"beside {len(found.shared)} about pools, shared by {2 * WRITES_RUNS} Services: {found.text}"
    return [
        median_of(
            "real cluster: Service created -> address in its status",
            of("addressed", found.runs),
            "ms",
            TARGET_ADDRESS_MS,
            refer("addressed"),
            note,
        ),
        median_of(
            "real cluster: Service created -> first ARP answer",
            of("asked", found.runs),
            "ms",
            TARGET_ARP_MS,
            refer("asked"),
        ),
        median_of(
            "Service created -> first gratuitous ARP", of("announced", found.runs), "ms", None, refer("announced")
        ),
        median_of(
            "Service created -> first HTTP answer",
            of("answered", found.runs),
            "ms",
            None,
            Reference("kube-proxy alone", fixed.value),
        ),
        fixed,
        _writes("real cluster: API writes for an announced Service, worst", found.writes, TARGET_WRITES, refer, shared),
        _writes("API writes for a Service without endpoints, worst", found.waiting, TARGET_WRITES_WAITING, refer),
    ]


def _writes(name: str, counts: list[float], target: float, refer: Sources, note: str = "") -> Figure:
    value = max(counts) if counts else float("nan")
    return Figure(name, value, "", target, len(counts), value, refer("writes"), note=note)


async def run(chosen: argparse.Namespace) -> list[Figure]:
    """Measure pylb and, where it is there, the peer."""
    note, peer = busy(), None
    if chosen.peer:
        async with peer_scene(chosen.peer) as stage:
            peer = await measure(stage, chosen.runs)
    async with cluster_scene() as stage:
        ours = await measure(stage, chosen.runs)
    return figures(ours, sources(RECORDED, _medians(peer)), note)


def _medians(found: Found | None) -> dict[str, float]:
    """What the same run says of the peer, by the keys of RECORDED."""
    if found is None:
        return {}
    known = {key: statistics.median(getattr(one, key) for one in found.runs) for key in RECORDED if key != "writes"}
    return {**known, "writes": max(found.writes)}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS, help="Services, and as many with a static entry")
    parser.add_argument("--peer", type=peer_folder, default=os.environ.get("PEER", ""), metavar="FOLDER")
    chosen = parser.parse_args()
    run_topic("cluster_service", lambda: asyncio.run(run(chosen)))


if __name__ == "__main__":
    main()
