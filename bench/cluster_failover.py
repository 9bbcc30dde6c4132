"""The owner of an address is lost on a real Kubernetes: how long the client waits, with pods on surviving nodes alone.

    PYTHONPATH=tests python -m bench.cluster_failover [--cuts N] [--peer FOLDER]

The owner's LAN cable is pulled with the API still reachable. The client asks each 20 ms on a new connection, 250 ms for
each request. What kube-proxy sends to a dead node's pods is Kubernetes' matter, so none is there. FOLDER holds
MetalLB's `controller` and `speaker`, which are measured in the same run (or PEER in the environment).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import os
import statistics
import time

from bench._cluster import RealScene, cluster_scene, run_topic
from bench._metallb import Sources, peer_folder, sources
from bench._objects import POOL_FIRST, service, survivors
from bench._outages import WORST_MS
from bench._peer import peer_scene
from bench._program import Program, announcements, busy, say, until
from bench._requests import failures, first_answer
from bench.report import Figure, median_of, worst_of

CUTS = 10
EVERY_MS = 20.0
BEFORE = 1.0  # s of requests before the cable
BRIEF = 12.0  # s after it that an answer is waited for
AFTER = 0.5  # s of requests after the first answer
SETTLED = 2.5  # s until every kube-proxy knows the Service's new endpoints: it takes them up once a second
RETURN = 90.0  # s until one node alone answers for the address again: with MetalLB two do for up to 33 s
LISTEN = 1800.0  # s
NAME, ADDRESS = "front", POOL_FIRST
RECORDED = {"answered": 5450.0, "worst": 6740.0, "announced": 5420.0}  # ms


Cut = tuple[float | None, float | None]  # ms from the order to the first answer, and to another node's gratuitous ARP


async def one_cut(stage: RealScene, frames: Program) -> Cut:
    """Pull the owner's cable, watch, and plug it in again."""
    await stage.wait_members()
    owner = await stage.owner(ADDRESS, RETURN)
    others = [node for node in stage.nodes if node != owner]
    labels = {key: None for node in others for key in survivors(node)}
    await stage.select(NAME, {**labels, **survivors(owner)}, others)
    await asyncio.sleep(SETTLED)
    with stage.probe(f"http://{ADDRESS}/", EVERY_MS) as client:
        await client.started()
        await asyncio.sleep(BEFORE)
        ordered = time.time()
        await asyncio.to_thread(stage.lab.cut, owner)
        pulled = time.time()
        with contextlib.suppress(TimeoutError):
            await until("an answer", lambda: first_answer(client.requests(), pulled) is not None, BRIEF, 0.05)
        await asyncio.sleep(AFTER)
        requests = client.requests()
    await asyncio.to_thread(stage.lab.mend, owner)
    before = failures(one for one in requests if one.ended < ordered)
    if before:
        raise SystemExit(f"{len(before)} requests failed before the cable was pulled: {before[0].text}")
    mac = stage.lab.hosts[owner]["mac"]
    heard = [one["at"] for one in announcements(frames, ADDRESS, ordered) if one["mac"] != mac]
    return _ms(first_answer(requests, pulled), ordered), _ms(min(heard, default=None), ordered)


def _ms(moment: float | None, since: float) -> float | None:
    return None if moment is None else (moment - since) * 1000


async def measure(stage: RealScene, cuts: int) -> list[Cut]:
    """So many cables, one after the other."""
    await stage.create(service(NAME, ADDRESS, {"app": "web"}))
    found = []
    with stage.listener("client", LISTEN) as frames:
        await frames.started()
        for number in range(cuts):
            found.append(await one_cut(stage, frames))
            say(f"cable {number + 1} of {cuts}: answered after {found[-1][0] or math.nan:.0f} ms")
    return found


def figures(cuts: list[Cut], refer: Sources, note: str) -> list[Figure]:
    """The figures of all cables."""
    answered = [answer for answer, _ in cuts if answer is not None]
    announced = [heard for _, heard in cuts if heard is not None]
    never = f"{len(cuts) - len(answered)} without an answer" if len(cuts) > len(answered) else ""
    value = max(answered) if answered and not never else math.nan
    told = ", ".join(filter(None, (never, note)))
    return [
        Figure(
            "real cluster: cable pulled -> first answer, worst",
            value,
            "ms",
            WORST_MS,
            len(cuts),
            max(answered, default=None),
            refer("worst"),
            note=told,
        ),
        median_of("cable pulled -> first answer, median", answered, "ms", None, refer("answered")),
        worst_of("cable pulled -> gratuitous ARP of another node", announced, "ms", None, refer("announced")),
    ]


def medians(cuts: list[Cut] | None) -> dict[str, float]:
    """What the same run says of the peer, by the keys of RECORDED; nothing without an answer to every cut."""
    answered = [answer for answer, _ in cuts or () if answer is not None]
    announced = [heard for _, heard in cuts or () if heard is not None]
    if not cuts or len(answered) < len(cuts) or not announced:
        return {}
    return {
        "answered": statistics.median(answered),
        "worst": max(answered),
        "announced": statistics.median(announced),
    }


async def run(chosen: argparse.Namespace) -> list[Figure]:
    """Measure pylb and, where it is there, the peer."""
    note, peer = busy(), None
    if chosen.peer:
        async with peer_scene(chosen.peer) as stage:
            peer = await measure(stage, chosen.cuts)
    async with cluster_scene() as stage:
        ours = await measure(stage, chosen.cuts)
    return figures(ours, sources(RECORDED, medians(peer)), note)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=CUTS, help="cables pulled")
    parser.add_argument("--peer", type=peer_folder, default=os.environ.get("PEER", ""), metavar="FOLDER")
    chosen = parser.parse_args()
    run_topic("cluster_failover", lambda: asyncio.run(run(chosen)))


if __name__ == "__main__":
    main()
