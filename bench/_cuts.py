"""The owner of an address is lost with its node, and comes back: what the client and the LAN saw of it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from bench._front import EVERY_NODE_PORT, SHARE, Front
from bench._objects import EVERYWHERE, service, survivors
from bench._outages import AFTER, EVERY_NODE, SURVIVING, Cut
from bench._program import Program, say, until
from bench._requests import Request, begun, failures, first_answer, share_failed
from bench._scene import Scene, scene
from bench._victims import Turns
from bench._watch import Eyes, eyes
from pylb.lab.client import Lab

NODES, HOMES = 9, 2  # the homes have the pods, and are never lost; the others take turns, so that none is held down
EVERY_MS = 10.0  # between two requests
BEFORE = 0.5  # s of requests before each fault
PATIENCE = 4.0  # s that an answer is waited for
MORE = 0.3  # s that are watched after the first answer
RETURNED = 1.0  # s that are watched after all hear each other again
SETTLED = 0.5  # s from then to the next fault: rules and neighbours follow
SHARE_NODE = "n1"  # the lost one of those that are watched for a minute: one of three pods is there
FAULTS: dict[str, tuple[Callable[[Lab, str], None], Callable[[Lab, str], None]]] = {
    "cable": (lambda lab, node: lab.cut(node), lambda lab, node: lab.mend(node)),
    "power": (lambda lab, node: lab.power(node, False), lambda lab, node: lab.power(node, True)),
}


@dataclass(frozen=True, slots=True)
class Stand:
    """A lab with an address whose owner is to be lost, and what watches it."""

    stage: Scene
    front: Front
    eyes: Eyes
    turns: Turns


@contextlib.asynccontextmanager
async def stand() -> AsyncIterator[Stand]:
    """Nodes of which two have the pods, and one that is lost may have a third."""
    async with scene(NODES, homes=HOMES) as stage:
        front = Front(stage)
        await stage.add_pods([SHARE_NODE])
        await front.create(survivors(SHARE_NODE))
        every = service(EVERY_NODE, front.address, EVERYWHERE, EVERY_NODE_PORT, SHARE)
        await stage.create(every)
        await stage.wait_answer(f"http://{front.address}:{EVERY_NODE_PORT}/")
        stage.follow()
        with eyes(stage, front.address) as watch:
            await watch.asker.started()
            yield Stand(stage, front, watch, Turns(stage.nodes[:-HOMES]))


async def lose(at: Stand, how: str, node: str, watched: bool = False) -> Cut:
    """A node owns the address and is lost; `watched` for a minute, or until it is answered elsewhere. Then it returns."""
    away, back = FAULTS[how]
    stage, front = at.stage, at.front
    await stage.wait_members()
    await front.bring(node)
    await asyncio.sleep(max(SETTLED, at.turns.wait(node, time.monotonic())))
    with contextlib.ExitStack() as stack:
        clients = {layout: stack.enter_context(one) for layout, one in _clients(front, watched).items()}
        for client in clients.values():
            await client.started()
        await asyncio.sleep(BEFORE)
        at.turns.note(node, time.monotonic())
        ordered = time.time()
        await asyncio.to_thread(away, stage.lab, node)
        lost = time.time()
        await _watch(clients[SURVIVING], lost, watched)
        asked = {layout: client.requests() for layout, client in clients.items()}
    returned = time.time()
    await asyncio.to_thread(back, stage.lab, node)
    await stage.wait_members()
    stage.follow(node)
    await asyncio.sleep(RETURNED)
    late = _macs(at, returned, time.time()) & {stage.lab.hosts[node]["mac"]}
    return _cut(at, node, ordered, lost, asked, bool(late), watched)


def _clients(front: Front, watched: bool) -> dict[str, Program]:
    probe = front.stage.probe
    clients = {SURVIVING: probe(front.url, EVERY_MS)}
    if watched:
        clients[EVERY_NODE] = probe(f"http://{front.address}:{EVERY_NODE_PORT}/", EVERY_MS)
    return clients


async def _watch(client: Program, lost: float, watched: bool) -> None:
    if watched:
        await asyncio.sleep(AFTER)
    with contextlib.suppress(TimeoutError):
        await until("an answer", lambda: first_answer(client.requests(), lost) is not None, PATIENCE, 0.05)
    await asyncio.sleep(MORE)


def _macs(at: Stand, since: float, until: float) -> set[str]:
    return {frame["mac"] for frame in at.eyes.spoken(since, until)}


def _cut(
    at: Stand, node: str, ordered: float, lost: float, asked: dict[str, list[Request]], late: bool, watched: bool
) -> Cut:
    answer, mac = first_answer(asked[SURVIVING], lost), at.stage.lab.hosts[node]["mac"]
    others = [one["at"] for one in at.eyes.spoken(ordered, math.inf) if one["mac"] != mac]
    moves = [move.detected_ms for move in at.stage.moves(at.front.address, ordered) if move.from_node == node]
    share, told = _shares(asked, lost, answer) if watched else ({}, ())
    return Cut(
        moves[0] if moves else None,
        _ms(min(others, default=None), ordered),
        _ms(answer, ordered),
        share,
        told,
        returned=late,
    )


def _shares(
    asked: dict[str, list[Request]], lost: float, answer: float | None
) -> tuple[dict[str, float], tuple[str, ...]]:
    """How many in a hundred failed in the minute after, and which of the surviving layout's after the first answer."""
    minute = {layout: begun(requests, lost, lost + AFTER) for layout, requests in asked.items()}
    late = failures(begun(minute[SURVIVING], answer or math.inf))
    shares = {layout: share_failed(requests) for layout, requests in minute.items()}
    return shares, tuple(f"{one.text} after {one.at - lost:.1f} s" for one in late)


def _ms(moment: float | None, since: float) -> float | None:
    return None if moment is None else (moment - since) * 1000


async def losses(at: Stand, how: str, count: int, watched: int = 0) -> list[Cut]:
    """So many, the first of which are watched for a minute each."""
    found = []
    for number in range(count):
        is_watched = number < watched
        node = SHARE_NODE if is_watched else at.turns.next()
        found.append(await lose(at, how, node, is_watched))
        shown = ", ".join(f"{share:.1f} % failed ({layout})" for layout, share in found[-1].share.items())
        say(f"{how} {number + 1} of {count}: answered after {found[-1].answered or math.nan:.0f} ms {shown}")
    return found
