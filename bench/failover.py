"""The owner of an address is lost: how long the client waits, and how many of its requests fail.

    python -m bench.failover [--cuts N] [--shares N] [--only cable|many|speaker]

One address with two ports: behind :80 pods on the surviving nodes only, behind :81 one pod on each node, the lost one
too. The cable is pulled with the API still reachable, so Kubernetes goes on sending to the lost node's pod, whoever
balances. The client asks each port each 10 ms on a new connection, 250 ms for each request. Then one node owns many
addresses and is lost. Last, the owner's speaker alone ends, is killed or stands still, with a client that forgets its
neighbours all the time, and a connection that lasts.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import os
import time
from collections.abc import Iterator
from ipaddress import IPv4Address

from bench import results
from bench._ends import ENDS, end_speaker
from bench._objects import EVERYWHERE, POOL_FIRST, service, survivors
from bench._outages import AFTER, EVERY_NODE, SURVIVING, Cut, of_cuts, of_ends, of_many
from bench._program import Program, announcements, busy, say, until
from bench._requests import Request, begun, failures, first_answer, share_failed
from bench._scene import Scene, scene
from bench.report import Figure, line

CUTS, SHARES = 20, 3  # cables pulled; of these, how many are watched for a minute
ENDED = 20  # speakers, in each way
MANY, MANY_CUTS, MANY_FIRST = 50, 5, POOL_FIRST + 20
EVERY_MS = 10.0
BRIEF = 2.5  # s after a cut that is not watched for a minute
BEFORE = 1.0  # s of requests before each fault
SETTLED = 0.7  # s from the moment when all hear each other to the next fault: rules and neighbours follow
LISTEN = 900.0  # s
ADDRESS = POOL_FIRST
PORTS = {SURVIVING: 80, EVERY_NODE: 81}


@contextlib.contextmanager
def probes(stage: Scene) -> Iterator[dict[str, Program]]:
    """Both layouts' clients."""
    with contextlib.ExitStack() as stack:
        yield {
            layout: stack.enter_context(stage.probe(f"http://{ADDRESS}:{port}/", EVERY_MS))
            for layout, port in PORTS.items()
        }


async def prepare(stage: Scene) -> str:
    """Everything well, and the pods of the surviving layout on the other nodes than the owner, which is returned."""
    await stage.wait_members()
    owner = await stage.owner(ADDRESS)
    others = [node for node in stage.nodes if node != owner]
    labels = {key: None for node in others for key in survivors(node)}
    await stage.select(SURVIVING, {**labels, **survivors(owner)}, others)
    for port in PORTS.values():
        await stage.wait_answer(f"http://{ADDRESS}:{port}/")
    await asyncio.sleep(SETTLED)
    return owner


# A cable is pulled


async def cut_cable(stage: Scene, frames: Program, watched: bool) -> Cut:
    """Pull the owner's cable, watch, and plug it in again."""
    owner = await prepare(stage)
    with probes(stage) as clients:
        for client in clients.values():
            await client.started()
        await asyncio.sleep(BEFORE)
        ordered = time.time()
        stage.lab.cut(owner)
        pulled = time.time()
        await asyncio.sleep(AFTER + 0.5 if watched else BRIEF)
        asked = {layout: client.requests() for layout, client in clients.items()}
    stage.lab.mend(owner)
    mac = stage.lab.hosts[owner]["mac"]
    others = [frame["at"] for frame in announcements(frames, ADDRESS, ordered) if frame["mac"] != mac]
    moves = [move.detected_ms for move in stage.moves(ADDRESS, ordered) if move.from_node == owner]
    return _cut(ordered, pulled, asked, min(others, default=None), moves[0] if moves else None, watched)


def _cut(
    ordered: float,
    pulled: float,
    asked: dict[str, list[Request]],
    announced: float | None,
    detected: float | None,
    watched: bool,
) -> Cut:
    answer = first_answer(asked[SURVIVING], pulled)
    known = Cut(detected, _ms(announced, ordered), _ms(answer, ordered))
    if not watched:
        return known
    minute = {layout: begun(requests, pulled, pulled + AFTER) for layout, requests in asked.items()}
    share = {layout: share_failed(requests) for layout, requests in minute.items()}
    late = failures(begun(minute[SURVIVING], answer or math.inf))
    told = tuple(f"{one.text} after {one.at - pulled:.1f} s" for one in late)
    return Cut(known.detected, known.announced, known.answered, share, told)


def _ms(moment: float | None, since: float) -> float | None:
    return None if moment is None else (moment - since) * 1000


async def cables(stage: Scene, cuts: int, shares: int) -> list[Cut]:
    """So many cables, the first of which are watched for a minute each."""
    found = []
    with stage.listener("client", LISTEN) as frames:
        await frames.started()
        for number in range(cuts):
            one = await cut_cable(stage, frames, number < shares)
            found.append(one)
            shown = {layout: f"{share:.1f} %" for layout, share in one.share.items()}
            say(f"cable {number + 1} of {cuts}: answered after {one.answered or math.nan:.0f} ms {shown or ''}")
    return found


# A node with many addresses is lost


async def cut_many(stage: Scene, owner: str, frames: Program, addresses: list[IPv4Address]) -> float:
    """Pull the cable of the node that owns them all; ms from the first that another announces to the last."""
    mac = stage.lab.hosts[owner]["mac"]
    await asyncio.sleep(BEFORE)
    ordered = time.time()
    stage.lab.cut(owner)

    def announced() -> list[float]:
        told = ([one["at"] for one in announcements(frames, a, ordered) if one["mac"] != mac] for a in addresses)
        return [min(found) for found in told if found]

    try:
        await until("all are announced elsewhere", lambda: len(announced()) == len(addresses), every=0.1)
    finally:
        stage.lab.mend(owner)
    found = announced()
    return (max(found) - min(found)) * 1000


async def many(stage: Scene, cuts: int) -> list[float]:
    """So many cables of a node that owns MANY addresses. Owners stay: each time they are new ones of the first node."""
    found, owner = [], stage.nodes[0]
    for number in range(cuts):
        addresses = [MANY_FIRST + place for place in range(MANY)]
        await stage.advertise([owner])
        for place, address in enumerate(addresses):
            await stage.create(service(f"many-{place}", address, EVERYWHERE))
        for address in addresses:
            await stage.owner(address)
        await stage.advertise([])
        await stage.wait_members()
        with stage.listener("client", LISTEN) as frames:
            await frames.started()
            found.append(await cut_many(stage, owner, frames, addresses))
        say(f"{MANY} addresses, {number + 1} of {cuts}: {found[-1]:.0f} ms from the first to the last")
        await stage.wait_members()
        for place, address in enumerate(addresses):
            await stage.delete(f"many-{place}", address)
    return found


# A speaker ends, its node lives


async def speakers(stage: Scene, ends: int) -> list[Figure]:
    """Each way of ending, so many times."""
    figures = []
    for how in ENDS:
        found = []
        for number in range(ends):
            owner = await prepare(stage)
            found.append(await end_speaker(stage, ADDRESS, owner, how))
            one = found[-1]
            told = f"{one.failed} of {one.sent} failed, slowest {one.slowest:.0f} ms, ARP silent {one.silent:.0f} ms"
            say(f"{how} {number + 1} of {ends}: {told}")
        figures += of_ends(how, found)
    return figures


async def measure(chosen: argparse.Namespace) -> list[Figure]:
    """What is asked for, in one lab."""
    note, found = busy(), []
    async with scene() as stage:
        for layout, port in PORTS.items():
            await stage.create(service(layout, ADDRESS, EVERYWHERE, port, share="bench"))
        stage.follow()
        if chosen.only in (None, "cable"):
            found += of_cuts(await cables(stage, chosen.cuts, min(chosen.shares, chosen.cuts)), note)
        if chosen.only in (None, "speaker"):
            found += await speakers(stage, chosen.ends)
        if chosen.only in (None, "many"):
            found += of_many(MANY, await many(stage, min(chosen.cuts, MANY_CUTS)))
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=CUTS, help="cables pulled")
    shares = int(os.environ.get("PYLB_BENCH_SHARES", SHARES))
    parser.add_argument("--shares", type=int, default=shares, help="of these, watched for a minute each")
    parser.add_argument("--ends", type=int, default=ENDED, help="speakers ended, in each way")
    parser.add_argument("--only", choices=["cable", "many", "speaker"], help="a part; nothing is written then")
    chosen = parser.parse_args()
    figures = asyncio.run(measure(chosen))
    if chosen.only is None:
        results.publish("failover", figures)
    else:
        for figure in figures:
            print(line(figure))


if __name__ == "__main__":
    main()
