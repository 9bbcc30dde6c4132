"""The node that owns an address is lost: how long the client waits, and how many of its requests fail.

    PYTHONPATH=tests python -m bench.failover [--cuts N] [--shares N] [--only cable|power|many]

Nine nodes, two of which have the pods and are never lost; the others own the address in turns, and are lost: so often
that a node is held down for flapping none is. First the cable is pulled with the API still reachable, then the power.
The client asks each 10 ms on a new connection, 250 ms for each request. A few are watched for a minute, with a second
port behind which one of three pods is on the lost node. Last, a node owns many addresses and is lost.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from ipaddress import IPv4Address

from bench import results
from bench._cuts import BEFORE, SETTLED, Stand, losses, stand
from bench._objects import EVERYWHERE, POOL_FIRST, service
from bench._outages import Many, of_cuts, of_many
from bench._program import busy, say, until
from bench.report import Figure

CUTS, SHARES = 20, 2  # nodes lost in each way; cables of these that are watched for a minute
MANY, MANY_FIRST = 50, POOL_FIRST + 20
PARTS = ("cable", "power", "many")


async def many(at: Stand, cuts: int) -> list[Many]:
    """So many cables of a node that owns MANY addresses."""
    stage, addresses = at.stage, [MANY_FIRST + place for place in range(MANY)]
    for place, address in enumerate(addresses):
        await stage.create(service(f"many-{place}", address, EVERYWHERE))
    found = []
    for number in range(cuts):
        node = at.turns.next()
        await _gather(at, node, addresses)
        await asyncio.sleep(max(BEFORE + SETTLED, at.turns.wait(node, time.monotonic())))
        found.append(await _lose_many(at, node, addresses))
        await stage.wait_members()
        say(f"{MANY} addresses {number + 1} of {cuts}: {found[-1].last - found[-1].first:.0f} ms from first to last")
    return found


async def _gather(at: Stand, node: str, addresses: list[IPv4Address]) -> None:
    """Have a node own all, by allowing no other for a moment; returns when all others may have them again."""
    wanted = {str(address) for address in addresses}

    async def owns() -> bool:
        state = await at.stage.state(node)
        return wanted <= {one["address"] for one in state["addresses"] if one["mine"]}

    async def free() -> bool:
        states = [await at.stage.state(each) for each in at.stage.nodes]
        told = [one for state in states for one in state["addresses"] if one["address"] in wanted]
        return len(told) == len(states) * MANY and all(len(one["candidates"]) == len(states) for one in told)

    await at.stage.advertise([node])
    await at.stage.until(f"{node} owns {MANY} addresses", owns)
    await at.stage.advertise([])
    await at.stage.until("all nodes may have them", free)


async def _lose_many(at: Stand, node: str, addresses: list[IPv4Address]) -> Many:
    """Pull the cable of the node that owns them all."""
    mac, wanted = at.stage.lab.hosts[node]["mac"], {str(address) for address in addresses}
    at.turns.note(node, time.monotonic())
    ordered = time.time()
    at.stage.lab.cut(node)

    def announced() -> dict[str, float]:
        first: dict[str, float] = {}
        for one in at.eyes.frames.objects():
            if one["at"] >= ordered and one["mac"] != mac and one["ip"] == one["target"] and one["ip"] in wanted:
                first.setdefault(one["ip"], one["at"])
        return first

    try:
        await until("all are announced elsewhere", lambda: announced().keys() == wanted, every=0.1)
    finally:
        at.stage.lab.mend(node)
    found = announced().values()
    return Many((min(found) - ordered) * 1000, (max(found) - ordered) * 1000)


async def measure(chosen: argparse.Namespace) -> list[Figure]:
    """What is asked for, in one lab."""
    note, found = busy(), []
    async with stand() as at:
        if chosen.only in (None, "cable"):
            cuts = await losses(at, "cable", chosen.cuts, min(chosen.shares, chosen.cuts))
            found += of_cuts("cable", cuts, note)
        if chosen.only in (None, "power"):
            found += of_cuts("power", await losses(at, "power", chosen.cuts), note)
        if chosen.only in (None, "many"):
            found += of_many(MANY, await many(at, chosen.cuts))
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    runs = int(os.environ.get("PYLB_BENCH_RUNS", CUTS))
    parser.add_argument("--cuts", type=int, default=runs, help="nodes lost, in each way")
    shares = int(os.environ.get("PYLB_BENCH_SHARES", SHARES))
    parser.add_argument("--shares", type=int, default=shares, help="cables of these that are watched for a minute")
    parser.add_argument("--only", choices=PARTS, help="a part; nothing is written then")
    chosen = parser.parse_args()
    results.publish("failover", asyncio.run(measure(chosen)), whole=chosen.only is None)


if __name__ == "__main__":
    main()
