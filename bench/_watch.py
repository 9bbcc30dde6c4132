"""The programs that watch an address from the LAN: who answers ARP, what is announced, clients of every kind.

All are programs on hosts of a lab; what they tell is in Unix time, of the one clock that all hosts share.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from bench._front import PORT, UDP_PORT, Front
from bench._objects import Json
from bench._program import SYSTEM_PYTHON, Program
from bench._requests import longest_silence
from bench._scene import Scene
from fakes import asker, talker
from fakes.clocks import ASK_EVERY_MS, longest_dispute

LISTEN = 3600.0  # s: longer than any topic
FORGET_EVERY = 0.2  # s
KNOWN = "nud reachable nud stale nud delay nud probe"  # not while it asks: what waits for the answer would fail


@dataclass(frozen=True, slots=True)
class Eyes:
    """What the router asks and hears."""

    address: IPv4Address
    asker: Program  # who has the address? each ASK_EVERY_MS
    frames: Program  # all ARP that reaches it

    def answers(self, since: float, until: float) -> list[Json]:
        """The answers to its questions."""
        return [one for one in self.asker.objects() if since <= one["at"] < until]

    def spoken(self, since: float, until: float) -> list[Json]:
        """The frames that give a MAC for the address: answers, and announcements."""
        frames = self.frames.objects()
        return [one for one in frames if one["ip"] == str(self.address) and since <= one["at"] < until]

    def silent(self, since: float, until: float) -> float:
        """The longest time, in s, in which nobody answered; it may have begun before `since`."""
        told = [one["at"] for one in self.answers(0.0, until)]
        last = max((at for at in told if at <= since), default=since)
        return longest_silence(told, last, until)

    def disputed(self, since: float, until: float) -> float:
        """The longest time, in s, in which each question was answered with several MACs."""
        return longest_dispute(self.answers(since, until))


@contextlib.contextmanager
def eyes(stage: Scene, address: IPv4Address) -> Iterator[Eyes]:
    """Ask and listen as long as the block lasts."""
    ask = [sys.executable, asker.__file__, str(address), str(ASK_EVERY_MS)]
    with stage.listener("router", LISTEN) as frames, Program(stage.lab, "router", ask) as asking:
        yield Eyes(address, asking, frames)


def forgetting(stage: Scene, address: IPv4Address) -> Program:
    """The client's kernel has to ask again who has an address, five times a second."""
    forget = f"while :; do ip neigh flush to {address} dev eth0 {KNOWN}; echo; sleep {FORGET_EVERY}; done"
    return Program(stage.lab, "client", ["sh", "-c", forget])


def talk(front: Front) -> Program:
    """One connection of the client's that lasts, and asks 20 times a second; the program ends when it breaks."""
    words = [*SYSTEM_PYTHON, talker.__file__, str(front.address), str(PORT)]
    return Program(front.stage.lab, "client", words)


def datagrams(front: Front, every_ms: float) -> Program:
    """A client that sends datagrams from one port."""
    file = str(Path(__file__).with_name("_datagrams.py"))
    return Program(front.stage.lab, "client", [*SYSTEM_PYTHON, file, str(front.address), str(UDP_PORT), str(every_ms)])
