"""The owner of an address is lost: how long the client waits, and how many of its requests fail.

    python -m bench.failover [--cuts N] [--shares N] [--only cable|stop|kill]

One address with two ports: behind :80 pods on the surviving nodes only, behind :81 one pod on each node, the lost one
too. The cable is pulled with the API still reachable, so Kubernetes goes on sending to the lost node's pod, whoever
balances. The client asks each port each 20 ms on a new connection, 250 ms for each request.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import os
import time
from collections.abc import Iterator

from bench import results
from bench._objects import EVERYWHERE, POOL_FIRST, service, survivors
from bench._outages import AFTER, EVERY_NODE, SURVIVING, Cut, Ended, of_cuts, of_kills, of_stops
from bench._program import SYSTEM_PYTHON, Program, announcements, busy, say
from bench._requests import Request, begun, failures, first_answer, longest_silence, share_failed
from bench._scene import Scene, scene
from bench.report import Figure, line
from pylb.lab import arping

CUTS, SHARES = 20, 3  # cables pulled; of these, how many are watched for a minute
STOPS, KILLS = 5, 3
EVERY_MS = 20.0
BRIEF = 2.5  # s after a cut that is not watched for a minute
BEFORE = 1.0  # s of requests before each fault
SETTLED = 0.7  # s from the moment when all hear each other to the next fault: rules and neighbours follow
HAND_OVER = 2.0  # s after the speaker has ended, or was started again
KILLED = 4.0  # s watched after a kill
ASK_EVERY = 0.02  # s between two ARP requests
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


# A speaker ends, its node lives


async def stop_speaker(stage: Scene) -> Ended:
    """SIGTERM for the owner's speaker at 50 new connections a second on each port; then it is started again."""
    owner = await prepare(stage)
    with probes(stage) as clients:
        for client in clients.values():
            await client.started()
        await asyncio.sleep(BEFORE)
        stage.lab.speaker("stop", owner)
        await asyncio.sleep(HAND_OVER)
        moved = await stage.owner(ADDRESS) != owner
        again = time.time()
        stage.lab.speaker("start", owner)
        await asyncio.sleep(HAND_OVER)
    requests = [request for client in clients.values() for request in client.requests()]
    before, after = begun(requests, 0.0, again), begun(requests, again)
    return _ended(before, moved, restart_failed=len(failures(after)))


async def kill_speaker(stage: Scene) -> Ended:
    """SIGKILL for the owner's speaker, with a client that knows the way, and a router that asks for it all the time."""
    owner = await prepare(stage)
    count = round((BEFORE + KILLED) / ASK_EVERY)
    asking = [*SYSTEM_PYTHON, arping.__file__, str(ADDRESS), "--count", str(count), "--wait", str(count * ASK_EVERY)]
    with stage.listener("router", LISTEN) as replies, probes(stage) as clients:
        for program in (replies, *clients.values()):
            await program.started()
        with Program(stage.lab, "router", asking) as asker:
            await asyncio.sleep(BEFORE)
            killed = time.time()
            stage.lab.speaker("kill", owner)
            await asyncio.to_thread(asker.process.wait)
        until = time.time()
        requests = [request for client in clients.values() for request in client.requests()]
        heard = replies.objects()
    moved = await stage.owner(ADDRESS) != owner
    stage.lab.speaker("start", owner)
    router = stage.lab.hosts["router"]["mac"]
    answers = [one["at"] for one in heard if one["op"] == "reply" and one["ip"] == str(ADDRESS) and one["to"] == router]
    last = max((at for at in answers if at <= killed), default=killed)
    silent = longest_silence(answers, last, min(until, max(answers, default=until))) if answers else KILLED
    return _ended(begun(requests, killed), moved, silent=silent * 1000)


def _ended(requests: list[Request], moved: bool, silent: float = math.nan, restart_failed: int = 0) -> Ended:
    failed = failures(requests)
    return Ended(len(failed), len(requests), silent, restart_failed, tuple(one.text for one in failed), moved)


async def measure(chosen: argparse.Namespace) -> list[Figure]:
    """What is asked for, in one lab."""
    note, found = busy(), []
    async with scene() as stage:
        for layout, port in PORTS.items():
            await stage.create(service(layout, ADDRESS, EVERYWHERE, port, share="bench"))
        stage.follow()
        if chosen.only in (None, "cable"):
            found += of_cuts(await cables(stage, chosen.cuts, min(chosen.shares, chosen.cuts)), note)
        if chosen.only in (None, "stop"):
            stops = []
            for number in range(STOPS):
                stops.append(await stop_speaker(stage))
                say(f"SIGTERM {number + 1} of {STOPS}: {stops[-1].failed} of {stops[-1].sent} failed")
            found += of_stops(stops)
        if chosen.only in (None, "kill"):
            kills = []
            for number in range(KILLS):
                kills.append(await kill_speaker(stage))
                say(f"SIGKILL {number + 1} of {KILLS}: {kills[-1].failed} failed, {kills[-1].silent:.0f} ms silent")
            found += of_kills(kills)
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=CUTS, help="cables pulled")
    shares = int(os.environ.get("PYLB_BENCH_SHARES", SHARES))
    parser.add_argument("--shares", type=int, default=shares, help="of these, watched for a minute each")
    parser.add_argument("--only", choices=["cable", "stop", "kill"], help="a part; nothing is written then")
    chosen = parser.parse_args()
    figures = asyncio.run(measure(chosen))
    if chosen.only is None:
        results.publish("failover", figures)
    else:
        for figure in figures:
            print(line(figure))


if __name__ == "__main__":
    main()
