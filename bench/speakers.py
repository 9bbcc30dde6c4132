"""Speakers end, are killed, stand still, or are replaced one after the other, while their nodes live: nobody notices.

    PYTHONPATH=tests python -m bench.speakers [--ends N] [--only SIGKILL|SIGSTOP|rollout]

The owner's speaker, each time, and in a rollout every node's. Two clients ask each 20 ms on a new connection: one as it
is, and one whose kernel forgets each 200 ms who has the address, so that it must ask. A third has one connection that
lasts. The router asks by ARP each 20 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from bench import results
from bench._ended import Ended, of_ends
from bench._front import Front
from bench._program import Program, busy, say
from bench._requests import begun, failures
from bench._scene import Scene, scene
from bench._watch import Eyes, eyes, forgetting, talk
from bench.report import Figure

ENDS = 20
EVERY_MS, LIMIT_MS = 20.0, 3000.0  # a request is given up after three questions of the client's kernel
AWAY, BACK = 1.5, 1.0  # s that the speaker is away, and that are watched when all is as it was
BEFORE = 0.5  # s of requests before each end
Act = Callable[[Scene, str], Awaitable[None]]


@contextlib.contextmanager
def clients(front: Front) -> Iterator[tuple[Program, ...]]:
    """The client that forgets, and the router, which learns from the answers to its questions."""
    stage = front.stage
    with (
        forgetting(stage, front.address),
        stage.probe(front.url, EVERY_MS, LIMIT_MS) as forgetful,
        stage.probe(front.url, EVERY_MS, LIMIT_MS, "router") as plain,
    ):
        yield forgetful, plain


async def order(stage: Scene, action: str, node: str) -> None:
    """Have something done to a node's speaker."""
    await asyncio.to_thread(stage.lab.speaker, action, node)


async def kill(stage: Scene, owner: str) -> None:
    """SIGKILL; another one is started after a while."""
    await order(stage, "kill", owner)
    await asyncio.sleep(AWAY)
    await order(stage, "start", owner)


async def freeze(stage: Scene, owner: str) -> None:
    """SIGSTOP, and SIGCONT after a while."""
    await order(stage, "freeze", owner)
    await asyncio.sleep(AWAY)
    await order(stage, "thaw", owner)


async def roll(stage: Scene, _owner: str) -> None:
    """SIGTERM for each node's speaker in turn; the next is ended as soon as its successor is ready, as Kubernetes does."""
    for node in stage.nodes:
        await order(stage, "stop", node)
        await order(stage, "start", node)


WAYS: dict[str, tuple[str, Act]] = {
    "SIGKILL": ("SIGKILL", kill),
    "SIGSTOP": ("SIGSTOP", freeze),
    "rollout": ("rollout of all speakers", roll),
}


@dataclass(frozen=True, slots=True)
class Span:
    """One end, from its beginning until all was as it was, in Unix time."""

    began: float
    until: float
    mac: str  # the owner's
    moved: bool  # who owns, or by which claim
    reset: bool


async def end(stage: Scene, front: Front, act: Act) -> Span:
    """Do it, and watch until all is as it was."""
    await stage.wait_members()
    before = await front.claim()
    with talk(front) as lasting:
        await lasting.started()
        await asyncio.sleep(BEFORE)
        began = time.time()
        await act(stage, before[0])
        await stage.wait_members()
        after = await front.claim()
        await asyncio.sleep(BACK)
        broken = lasting.process.poll() is not None
    return Span(began, time.time(), stage.lab.hosts[before[0]]["mac"], after != before, broken)


def seen(span: Span, watch: Eyes, asked: tuple[Program, ...]) -> Ended:
    """What was noticed of one end."""
    requests = [one for client in asked for one in begun(client.requests(), span.began, span.until)]
    failed = failures(requests)
    macs = {one["mac"] for one in watch.spoken(span.began, span.until)}
    return Ended(
        len(failed),
        len(requests),
        max((one.ms for one in requests if one.ok), default=math.nan),
        watch.silent(span.began, span.until) * 1000,
        tuple(one.text for one in failed),
        moved=span.moved or macs != {span.mac},
        reset=span.reset,
    )


async def ends(stage: Scene, front: Front, way: str, count: int) -> list[Ended]:
    """So many ends of one way. A request may be answered long after it began, so all are looked at in the end."""
    spans = []
    with eyes(stage, front.address) as watch, clients(front) as asked:
        for program in (watch.asker, watch.frames, *asked):
            await program.started()
        for number in range(count):
            spans.append(await end(stage, front, WAYS[way][1]))
            failed = sum(not one.ok for client in asked for one in client.requests())
            say(f"{way} {number + 1} of {count}: {failed} requests failed so far")
    return [seen(span, watch, asked) for span in spans]


async def measure(chosen: argparse.Namespace) -> list[Figure]:
    """What is asked for, in one lab."""
    note, found = busy(), []
    async with scene() as stage:
        front = Front(stage)
        await front.create()
        for way, (name, _) in WAYS.items():
            if chosen.only in (None, way):
                found += of_ends(name, await ends(stage, front, way, chosen.ends), note)
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    runs = int(os.environ.get("PYLB_BENCH_RUNS", ENDS))
    parser.add_argument("--ends", type=int, default=runs, help="ends in each way; rollouts")
    parser.add_argument("--only", choices=list(WAYS), help="a part; nothing is written then")
    chosen = parser.parse_args()
    results.publish("speakers", asyncio.run(measure(chosen)), whole=chosen.only is None)


if __name__ == "__main__":
    main()
