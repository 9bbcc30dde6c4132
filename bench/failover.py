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
from dataclasses import dataclass, field

from bench import results
from bench._requests import Request, begun, failures, first_answer, longest_silence, percentile, share_failed
from bench._scene import (
    EVERYWHERE,
    POOL_FIRST,
    SYSTEM_PYTHON,
    Program,
    Scene,
    announcements,
    busy,
    say,
    scene,
    service,
    survivors,
)
from bench.report import Figure, Reference, line, median_of, worst_of
from pylb.lab import arping

CUTS, SHARES = 20, 3  # cables pulled; of these, how many are watched for a minute
STOPS, KILLS = 5, 3
EVERY_MS = 20.0
AFTER = 60.0  # s in which the share of failed requests is taken
BRIEF = 2.5  # s after a cut that is not watched for a minute
BEFORE = 1.0  # s of requests before each fault
SETTLED = 0.7  # s from the moment when all hear each other to the next fault: rules and neighbours follow
HAND_OVER = 2.0  # s after the speaker has ended, or was started again
KILLED = 4.0  # s watched after a kill
ASK_EVERY = 0.02  # s between two ARP requests
LISTEN = 900.0  # s
TARGET_MS = 900.0
ADDRESS = POOL_FIRST
SURVIVING, EVERY_NODE = "surviving", "everynode"
PORTS = {SURVIVING: 80, EVERY_NODE: 81}
METALLB = "MetalLB v0.16.2, measured 2026-11-20 on 2 cores"
GAP_MEDIAN, GAP_WORST, ANNOUNCED, SILENT = (Reference(METALLB, ms) for ms in (5450.0, 6740.0, 5420.0, 5810.0))
GAP_SHARE = Reference(f"{METALLB}: its gap of 5.45 s", 100 * 5.45 / AFTER)


@dataclass(frozen=True, slots=True)
class Cut:
    """One cable pulled. Times in ms since the order to pull it was given, which is before it was carried out."""

    detected: float | None  # silence of the old owner when it was found to be lost, as its successor told
    announced: float | None  # another node's gratuitous ARP reached the client
    answered: float | None  # the first answer to a request that began after the cut
    share: dict[str, float] = field(default_factory=dict)  # layout -> how many in a hundred failed in the minute after
    later: float = math.nan  # the same for the surviving layout, without the time to the first answer


@dataclass(frozen=True, slots=True)
class Ended:
    """A speaker's process ended while its node lived."""

    failed: int
    sent: int
    silent: float = math.nan  # ms in which nobody answered ARP
    restart_failed: int = 0  # requests that failed when the speaker was started again
    errors: tuple[str, ...] = ()


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
    later = share_failed(begun(minute[SURVIVING], answer or math.inf))
    return Cut(known.detected, known.announced, known.answered, share, later)


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
        again = time.time()
        stage.lab.speaker("start", owner)
        await asyncio.sleep(HAND_OVER)
    requests = [request for client in clients.values() for request in client.requests()]
    before, after = begun(requests, 0.0, again), begun(requests, again)
    return _ended(before, restart_failed=len(failures(after)))


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
    stage.lab.speaker("start", owner)
    router = stage.lab.hosts["router"]["mac"]
    answers = [one["at"] for one in heard if one["op"] == "reply" and one["ip"] == str(ADDRESS) and one["to"] == router]
    last = max((at for at in answers if at <= killed), default=killed)
    silent = longest_silence(answers, last, min(until, max(answers, default=until))) if answers else KILLED
    return _ended(begun(requests, killed), silent=silent * 1000)


def _ended(requests: list[Request], silent: float = math.nan, restart_failed: int = 0) -> Ended:
    failed = failures(requests)
    return Ended(len(failed), len(requests), silent, restart_failed, tuple(request.text for request in failed))


# Figures


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


def of_cuts(cuts: list[Cut], note: str) -> list[Figure]:
    """The figures of all cables."""
    answered = [cut.answered for cut in cuts if cut.answered is not None]
    never = len(cuts) - len(answered)
    detected = [cut.detected for cut in cuts if cut.detected is not None]
    announced = [cut.announced for cut in cuts if cut.announced is not None]
    untold = len(cuts) - len(detected)
    told = f"{untold} not told as lost by silence" if untold else ""
    shares = {layout: [cut.share[layout] for cut in cuts if cut.share] for layout in PORTS}
    later = [cut.later for cut in cuts if cut.share]
    return [
        worst_of("cable pulled -> first answer, worst", answered, "ms", TARGET_MS, GAP_WORST, note),
        Figure("cables pulled without an answer while it was watched", never, "", 0, len(cuts)),
        median_of("cable pulled -> first answer, median", answered, "ms", TARGET_MS, GAP_MEDIAN),
        Figure("cable pulled -> first answer, p90", percentile(answered, 0.9), "ms", None, len(answered)),
        median_of("last sign of the lost owner -> detected", detected, "ms", None, note=told),
        median_of("cable pulled -> gratuitous ARP of another node", announced, "ms", None, ANNOUNCED),
        worst_of(
            "requests failed in 60 s, pods on surviving nodes",
            shares[SURVIVING],
            "%",
            100 * TARGET_MS / 1000 / AFTER,
            GAP_SHARE,
        ),
        worst_of("of these, after the first answer", later, "%", 0.0),
        worst_of(
            "requests failed in 60 s, one of three pods on the dead node",
            shares[EVERY_NODE],
            "%",
            None,
            Reference("sent to the dead pod by whatever balances", 100 / 3),
        ),
    ]


def of_stops(stops: list[Ended]) -> list[Figure]:
    """The figures of orderly ends."""
    sent, failed = sum(stop.sent for stop in stops), sum(stop.failed for stop in stops)
    again = sum(stop.restart_failed for stop in stops)
    kinds = ", ".join(sorted({error for stop in stops for error in stop.errors}))
    return [
        Figure(
            "SIGTERM of the speaker: new connections failed",
            failed,
            "",
            0,
            sent,
            None,
            Reference(METALLB, 0),
            False,
            kinds,
        ),
        Figure("speaker started again: new connections failed", again, "", None, len(stops)),
    ]


def of_kills(kills: list[Ended]) -> list[Figure]:
    """The figures of sudden ends."""
    sent, failed = sum(kill.sent for kill in kills), sum(kill.failed for kill in kills)
    kinds = ", ".join(sorted({error for kill in kills for error in kill.errors}))
    silent = [kill.silent for kill in kills]
    return [
        Figure(
            "SIGKILL of the speaker, node alive: requests failed",
            failed,
            "",
            0,
            sent,
            None,
            Reference(METALLB, 0),
            False,
            kinds,
        ),
        worst_of("SIGKILL of the speaker: nobody answers ARP, worst", silent, "ms", None, SILENT),
    ]


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
