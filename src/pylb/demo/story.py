"""The story that `pylb demo --script` plays, act by act; each act says what it saw and whether that is as it should be.

The acts are played on real packets. The first that fails ends the story.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from pylb.demo.stage import MANIFESTS, NAME, Stage, manifests
from pylb.demo.watcher import Watcher

ADDRESS_S = 5.0  # until the Service has its address
PODS_S = 10.0  # until all its pods can serve
ANSWER_S = 5.0  # until the client is answered
STAND_IN_S = 10.0  # until another answers in a speaker's place, or does so no more
TAKE_OVER_S = 15.0  # until another node answers; MetalLB needs 5 to 7
CALM_S = 15.0  # until Kubernetes has noticed that the node is gone, and no request fails any more
PODS = 3  # as the manifest has it
CALM_ROW = 25  # requests in a row that make it calm: half a second
SETTLE_S = 1.0


@dataclass(frozen=True, slots=True)
class Act:
    """What happened in one act, and whether it is what should happen."""

    name: str
    ok: bool
    text: str
    figures: dict[str, Any] = field(default_factory=dict)


async def play(stage: Stage, started: float) -> AsyncIterator[Act]:
    """The whole story; `started` is when the lab was asked for (monotonic seconds)."""
    nodes = sum("management" in host for host in stage.lab.hosts.values())
    ms = round((time.monotonic() - started) * 1000)
    yield Act("lab", True, f"a LAN with {nodes} nodes, a client and a router stands", {"ms": ms})
    for file in MANIFESTS[:1]:
        yield await _apply(stage, file)
    applied = time.monotonic()
    yield await _apply(stage, MANIFESTS[1])
    address = await stage.wait_address(ADDRESS_S)
    ms = round((time.monotonic() - applied) * 1000)
    said = f"Service {NAME} has the address {address}" if address else f"Service {NAME} got no address"
    yield Act("address", bool(address), said, {"address": address, "ms": ms})
    if address:
        async for act in _serve(stage, address):
            yield act


async def _apply(stage: Stage, file: str) -> Act:
    objects = manifests(file)
    for raw in objects:
        await stage.create(raw)
    names = ", ".join(f"{raw['kind']} {raw['metadata']['name']}" for raw in objects)
    return Act("apply", True, f"applied {file}: {names}", {"file": file})


async def _serve(stage: Stage, address: str) -> AsyncIterator[Act]:
    pods = await _wait_pods(stage)
    yield Act("pods", pods >= PODS, f"{pods} of {PODS} pods can serve", {"pods": pods})
    if pods < PODS:
        return
    url = f"http://{address}/"
    reply = await stage.do(stage.lab.request, "client", url, ANSWER_S)
    ok = reply.status == 200
    said = (
        f"the client asked {url} and heard: {reply.body.strip()}"
        if ok
        else f"the client was not answered: {reply.error}"
    )
    yield Act("answer", ok, said, {"ms": round(reply.ms, 1)})
    owner = await _wait_owner(stage, address)
    yield Act("owner", bool(owner), f"{owner or 'no single node'} answers ARP for {address}", {"node": owner})
    if ok and owner:
        async with Watcher(stage.lab, url) as watcher:
            steady = await watcher.wait_answers(CALM_ROW, ANSWER_S)
            yield Act("probe", steady, "the client asks every 20 ms, and every request is answered", {})
            async for act in _lose_speaker(stage, address, owner, watcher):
                yield act
            async for act in _lose_node(stage, address, owner, watcher):
                yield act


async def _lose_speaker(stage: Stage, address: str, owner: str, watcher: Watcher) -> AsyncIterator[Act]:
    killed_at, asked = time.time(), watcher.requests
    await stage.do(stage.lab.speaker, "kill", owner)
    stood_in = await stage.wait_stood_in(address, killed_at, STAND_IN_S)
    ms = round((stood_in.at - killed_at) * 1000) if stood_in else None
    by = stood_in.node if stood_in else "nobody"
    said = f"the speaker of {owner} is killed; {by} answers in its place, with the MAC of {owner}: nothing moves"
    yield Act("stood_in", stood_in is not None, said, {"by": by, "ms": ms})
    started_at = time.time()
    await stage.do(stage.lab.speaker, "start", owner)
    down = await stage.wait_stood_down(address, started_at, STAND_IN_S)
    steady = await watcher.wait_answers(CALM_ROW, ANSWER_S)
    now, failed = await _wait_owner(stage, address), watcher.failed(killed_at)
    said = f"it is started again; of {watcher.requests - asked} requests since, {failed} failed; {now or 'nobody'} is the owner"
    ok = down is not None and steady and now == owner and not failed
    yield Act("back", ok, said, {"failed": failed, "node": now})


async def _lose_node(stage: Stage, address: str, owner: str, watcher: Watcher) -> AsyncIterator[Act]:
    cut_at = time.time()
    await stage.do(stage.lab.cut, owner, "both")
    yield Act("cut", True, f"the cable of {owner} is pulled", {"node": owner})
    moved = await stage.wait_move(address, cut_at, TAKE_OVER_S)
    outage = await watcher.wait_outage(cut_at, TAKE_OVER_S)
    ok = moved is not None and moved.to_node != owner
    yield Act("move", ok, _told_move(address, owner, moved), _move_figures(moved))
    heard = outage is not None
    said = f"requests answer again after {outage['ms']:.0f} ms" if outage else "no request was answered again"
    yield Act("recovered", heard, said, {"ms": outage["ms"] if outage else None})
    calm = heard and await watcher.wait_answers(CALM_ROW, CALM_S)
    seconds = round(time.time() - cut_at, 1)
    failed = watcher.failed(cut_at)
    said = f"since then every request is, {seconds} s after the cut; {failed} failed, most on their way to the pod on {owner}"
    yield Act("calm", calm, said if calm else "requests still fail", {"failed": failed, "s": seconds})
    await stage.do(stage.lab.mend, owner, "both")
    await asyncio.sleep(SETTLE_S)
    still = await watcher.wait_answers(CALM_ROW, ANSWER_S)
    stays = await _wait_owner(stage, address)
    ok = still and moved is not None and stays == moved.to_node
    said = f"the cable of {owner} is back; {stays or 'nobody'} keeps the address, which answers all the time"
    yield Act("mend", ok, said, {"node": owner, "owner": stays})


async def _wait_pods(stage: Stage) -> int:
    deadline, ready = time.monotonic() + PODS_S, 0
    while ready < PODS and time.monotonic() < deadline:
        ready = len(await stage.ready_pods())
        await asyncio.sleep(0.02)
    return ready


async def _wait_owner(stage: Stage, address: str) -> str:
    deadline, owner = time.monotonic() + ANSWER_S, ""
    while not owner and time.monotonic() < deadline:
        owner = await stage.owner(address)
    return owner


def _told_move(address: str, owner: str, moved: Any) -> str:
    if moved is None:
        return f"no node took {address} over from {owner}"
    return f"{moved.to_node} took {address} over from {moved.from_node} ({moved.cause})"


def _move_figures(moved: Any) -> dict[str, Any]:
    if moved is None:
        return {}
    return {"to": moved.to_node, "detected_ms": moved.detected_ms, "announced_ms": moved.announced_ms}
