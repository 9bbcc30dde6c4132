"""An address moves on purpose: its node is drained, it is asked to another node, its node is shut down.

    PYTHONPATH=tests python -m bench.moves [--moves N] [--only drain|move|shutdown]

The client makes a new connection each 20 ms, sends a datagram each 20 ms from one port, and keeps one connection. A
shutdown ends the speaker and the kubelet at once (SIGTERM), as an init system does, and takes the node's power soon
after. The pods are on two other nodes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

from bench import results
from bench._front import Front
from bench._moved import Moved, of_moves
from bench._program import busy, say
from bench._requests import begun
from bench._scene import Scene, scene
from bench._watch import Eyes, datagrams, eyes, talk
from bench.report import Figure

MOVES = 20
NODES, HOMES = 3, 2  # the first node is moved from
EVERY_MS, LIMIT_MS = 20.0, 3000.0  # a request is given up after two repetitions of its first packet
BEFORE = 0.5  # s of requests before each order
AFTER = 0.9  # s that are watched after a move; a datagram without an answer is lost after half a second
HALT = 1.0  # s from SIGTERM until the node's kernel stops: it has file systems to unmount
SETTLED = 0.3  # s from one move to the next
Act = Callable[["Stand"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Stand:
    """A lab, an address, and what watches it."""

    stage: Scene
    front: Front
    eyes: Eyes
    node: str  # that owns it before each move


@asynccontextmanager
async def stand() -> AsyncIterator[Stand]:
    """A lab with two pods."""
    async with scene(NODES, homes=HOMES) as stage:
        front = Front(stage)
        await front.create(udp=True)
        with eyes(stage, front.address) as watch:
            await watch.asker.started()
            yield Stand(stage, front, watch, stage.nodes[0])


async def drain(at: Stand) -> None:
    """As `pylb drain` does."""
    await at.front.drain(at.node, True)
    await left(at)


async def undrain(at: Stand) -> None:
    """And `pylb undrain`."""
    await at.front.drain(at.node, False)


async def move(at: Stand) -> None:
    """As `pylb move` does."""
    await at.front.bring(at.stage.nodes[-1])


async def shut_down(at: Stand) -> None:
    """SIGTERM for the speaker and the kubelet; then the kernel stops."""
    began, lab = time.monotonic(), at.stage.lab
    await asyncio.gather(
        asyncio.to_thread(lab.speaker, "stop", at.node), asyncio.to_thread(lab.kubelet, "stop", at.node)
    )
    await asyncio.sleep(max(0.0, began + HALT - time.monotonic()))
    await asyncio.to_thread(lab.power, at.node, False)


async def boot(at: Stand) -> None:
    """The power is back."""
    await asyncio.to_thread(at.stage.lab.power, at.node, True)


async def nothing(_at: Stand) -> None:
    """It needs none."""


WAYS: dict[str, tuple[str, Act, Act]] = {
    "drain": ("node drained", drain, undrain),
    "move": ("address moved", move, nothing),
    "shutdown": ("node shut down", shut_down, boot),
}


async def left(at: Stand) -> None:
    """Wait until the node owns the address no more."""

    async def gone() -> bool:
        return not await at.front.owns(at.node)

    await at.stage.until(f"{at.node} hands over", gone)


async def one(at: Stand, way: str) -> Moved:
    """One move, and back."""
    _, act, undo = WAYS[way]
    await at.stage.wait_members()
    await at.front.bring(at.node)
    await asyncio.sleep(SETTLED)
    with ExitStack() as stack:
        client = stack.enter_context(at.stage.probe(at.front.url, EVERY_MS, LIMIT_MS))
        udp = stack.enter_context(datagrams(at.front, EVERY_MS))
        lasting = stack.enter_context(talk(at.front))
        for program in (client, udp, lasting):
            await program.started()
        await asyncio.sleep(BEFORE)
        began = time.time()
        await act(at)
        await asyncio.sleep(AFTER)
        broken, until = lasting.process.poll() is not None, time.time()
        client.stop()
    await undo(at)
    mac = at.stage.lab.hosts[at.node]["mac"]
    others = [frame["at"] for frame in at.eyes.spoken(began, until) if frame["mac"] != mac]
    return Moved(
        tuple(begun(client.requests(), began)),
        tuple(begun(udp.requests(), began)),
        (min(others) - began) * 1000 if others else float("nan"),
        broken,
        at.eyes.disputed(began, until) * 1000,
        at.eyes.silent(began, until) * 1000,
    )


async def moves(at: Stand, way: str, count: int) -> list[Moved]:
    """So many."""
    found = []
    for number in range(count):
        found.append(await one(at, way))
        last = found[-1]
        say(f"{way} {number + 1} of {count}: {len(last.refused)} refused, slowest {last.slowest:.0f} ms")
    return found


async def measure(chosen: argparse.Namespace) -> list[Figure]:
    """What is asked for, in one lab."""
    note, found = busy(), []
    async with stand() as at:
        for way, (name, _, _) in WAYS.items():
            if chosen.only in (None, way):
                found += of_moves(name, await moves(at, way, chosen.moves), note)
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    runs = int(os.environ.get("PYLB_BENCH_RUNS", MOVES))
    parser.add_argument("--moves", type=int, default=runs, help="moves in each way")
    parser.add_argument("--only", choices=list(WAYS), help="a part; nothing is written then")
    chosen = parser.parse_args()
    results.publish("moves", asyncio.run(measure(chosen)), whole=chosen.only is None)


if __name__ == "__main__":
    main()
