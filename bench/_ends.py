"""The owner's speaker ends, or stands still, while its node lives; what a client notices that forgets its neighbours."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from bench._outages import Ended
from bench._program import SYSTEM_PYTHON, Program
from bench._requests import begun, failures, longest_silence
from bench._scene import Scene
from pylb.lab import arping

BEFORE = 1.0  # s of requests before each fault
AWAY, BACK = 3.0, 2.0  # s that the speaker is away, and that are watched when it is back
EVERY_MS, LIMIT_MS = 20.0, 3000.0  # a request is given up after three questions of the client's kernel
ASK_EVERY = 0.02  # s between two ARP requests
FORGET_EVERY = 0.2  # s
LISTEN = 60.0  # s
PORT = 80
ENDS = {"SIGTERM": ("stop", "start"), "SIGKILL": ("kill", "start"), "SIGSTOP": ("freeze", "thaw")}


@dataclass(frozen=True, slots=True)
class Clocks:
    """The programs that watch."""

    client: Program  # new connections
    talk: Program  # one connection that lasts
    asker: Program  # who has the address?
    frames: Program  # what the LAN answers


@contextlib.contextmanager
def clocks(stage: Scene, address: IPv4Address) -> Iterator[Clocks]:
    """Clients that ask all the time, one of them with a kernel that forgets who has the address."""
    count = round((BEFORE + AWAY + 2 * BACK + 5) / ASK_EVERY)
    asking = [*SYSTEM_PYTHON, arping.__file__, str(address), "--count", str(count), "--wait", str(count * ASK_EVERY)]
    known = "nud reachable nud stale nud delay nud probe"  # not while it asks: what waits for the answer would fail
    forget = f"while :; do ip neigh flush to {address} dev eth0 {known}; echo; sleep {FORGET_EVERY}; done"
    talk = [*SYSTEM_PYTHON, str(Path(__file__).with_name("_talk.py")), str(address), str(PORT)]
    with (
        Program(stage.lab, "client", ["sh", "-c", forget]),
        stage.probe(f"http://{address}:{PORT}/", EVERY_MS, LIMIT_MS) as client,
        Program(stage.lab, "client", talk) as talker,
        stage.listener("router", LISTEN) as frames,
        Program(stage.lab, "router", asking) as asker,
    ):
        yield Clocks(client, talker, asker, frames)


async def end_speaker(stage: Scene, address: IPv4Address, owner: str, how: str) -> Ended:
    """End the owner's speaker and bring it back, watched until all is as it was."""
    away, back = ENDS[how]
    with clocks(stage, address) as watch:
        for program in (watch.client, watch.talk, watch.frames):
            await program.started()
        await asyncio.sleep(BEFORE)
        ended = time.time()
        await asyncio.to_thread(stage.lab.speaker, away, owner)
        await asyncio.sleep(AWAY)
        await asyncio.to_thread(stage.lab.speaker, back, owner)
        await stage.wait_members()
        await asyncio.sleep(BACK)
        until, talks = time.time(), watch.talk.process.poll() is None
        heard = watch.frames.objects()
        watch.client.stop()
    requests = begun(watch.client.requests(), ended)
    router = stage.lab.hosts["router"]["mac"]
    told = [one for one in heard if one["ip"] == str(address) and one["op"] == "reply" and one["to"] == router]
    answers = [one["at"] for one in told]
    last = max((at for at in answers if at <= ended), default=ended)
    others = {one["mac"] for one in heard if one["ip"] == str(address)} - {stage.lab.hosts[owner]["mac"]}
    failed = failures(requests)
    return Ended(
        len(failed),
        len(requests),
        max((one.ms for one in requests if one.ok), default=math.nan),
        longest_silence(answers, last, until) * 1000,
        tuple(one.text for one in failed),
        moved=bool(others) or await stage.owner(address) != owner,
        reset=not talks,
    )
