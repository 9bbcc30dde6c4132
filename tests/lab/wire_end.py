"""One end of a wire, as a process that a test starts in a namespace of its own: `speaker` or `client`.

Each line on stdin is a JSON object with one command, answered by one line; the end of stdin ends the process.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import Callable
from ipaddress import IPv4Address, ip_address
from typing import Any

from pylb.core.ownership.questions import Answer, Question, Subject
from pylb.speaker import arp
from pylb.speaker.announcer import Announcer
from pylb.speaker.links import Link
from pylb.speaker.linkwatch import LinkWatch
from pylb.speaker.probe import Prober

INTERFACE = "lan0"  # the client's


class SpeakerEnd:
    """An announcer and a prober on the interfaces of this namespace."""

    def __init__(self) -> None:
        self.may = True
        self.conflicts: list[str] = []
        self.announcer = Announcer(
            clock=time.monotonic,
            may_answer=lambda now: self.may,
            on_conflict=lambda address, mac, interface: self.conflicts.append(f"{address} {mac} {interface}"),
        )
        self.answered: list[Answer] = []
        self.prober = Prober(clock=time.monotonic, on_answer=self.answered.append)
        self.told: list[dict[str, str]] = []  # the gateways, at each change of anything
        self.watch = LinkWatch(self.take_links)
        self.watch.start()

    def take_links(self, links: tuple[Link, ...]) -> None:
        self.announcer.take_links(links)
        self.prober.take_links(links)
        self.told.append({link.name: str(link.gateway) for link in links if link.gateway is not None})

    def gateways(self, _: None) -> list[dict[str, str]]:
        """What was told since it was last asked."""
        told, self.told = self.told, []
        return told

    def stand_in(self, addresses: dict[str, dict[str, str]]) -> None:
        """Answer for these, on each interface with the MAC named, and own nothing."""
        macs = {name: {link: _mac(mac) for link, mac in places.items()} for name, places in addresses.items()}
        self.announcer.set({}, {ip_address(name): places for name, places in macs.items()})

    def put(self, words: dict[str, Any]) -> bool:
        """Put a question."""
        fields = {**words, "address": ip_address(words["address"]), "mac": _mac(words.get("mac", ""))}
        return self.prober.ask(Question(**{**fields, "subject": Subject(words["subject"])}))

    def answers(self, _: None) -> list[list[str]]:
        """What was answered since it was last asked: the subject, and the MAC or what the port did."""
        told = [[one.question.subject.value, one.port.value if one.port else one.mac.hex(":")] for one in self.answered]
        self.answered.clear()
        return told

    def own(self, addresses: dict[str, list[str] | None]) -> Any:
        """Own exactly these, on the interfaces named."""
        owned = {ip_address(text): None if names is None else frozenset(names) for text, names in addresses.items()}
        return {str(address): str(reason) for address, reason in self.announcer.set(owned).items()}

    def guard(self, may: bool) -> None:
        """Let the stall guard say yes or no."""
        self.may = may

    def stall(self, seconds: float) -> int:
        """Say null and be held up; then throw away what queued up meanwhile, and say how much it was."""
        print("null", flush=True)
        time.sleep(seconds)
        return self.announcer.flush()

    def state(self, _: None) -> Any:
        """What is announced and counted."""
        counts = self.announcer.counts
        return {
            "placed": {str(address): names for address, names in self.announcer.placements.items()},
            "responses": {str(address): count for address, count in counts.responses.items()},
            "drops": {str(reason): count for reason, count in counts.drops.items()},
            "conflicts": self.conflicts,
            "coarse": counts.coarse,
            "resyncs": self.watch.resyncs,
            "open": sorted(port.name for port in self.announcer._ports.values()),
            "links": {link.name: [str(one) for one in link.addresses] for link in self.watch.links},
        }


class ClientEnd:
    """A raw socket for ARP."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setblocking(False)
        self.socket.bind((INTERFACE, arp.ETHERTYPE_ARP))
        self.mac: bytes = self.socket.getsockname()[4]

    def touch(self, address: str) -> None:
        """Have the kernel want to know where an address is."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.sendto(b"", (address, 9))

    def ask(self, question: dict[str, Any]) -> list[str]:
        """Ask `count` times who has `target`, `gap` s apart; the MACs of all replies within `wait` s after the last."""
        target, sender = IPv4Address(question["target"]), IPv4Address(question.get("sender", "10.77.0.5"))
        frame, tag = arp.request(target, sender, self.mac), bytes.fromhex(question.get("tag", ""))
        self.listen(0)
        count = question.get("count", 1)
        heard: list[bytes] = []
        for _ in range(count):
            self.socket.send(frame[:12] + tag + frame[12:])
            heard += self.listen(question.get("gap", 0))
        answers = [one for one in heard if self.is_answer(one, target)]
        answers += self.listen(question["wait"], count - len(answers), lambda one: self.is_answer(one, target))
        return [one[22:28].hex(":") for one in answers]

    def is_answer(self, frame: bytes, target: IPv4Address) -> bool:
        """To us alone: an announcement is none."""
        return frame[:6] == self.mac and frame[20:22] == b"\0\2" and frame[28:32] == target.packed

    def hear(self, seconds: float) -> list[str]:
        """All ARP frames that come within so many seconds."""
        return [frame.hex() for frame in self.listen(seconds)]

    def claim(self, address: str) -> None:
        """Say that an address is here."""
        for frame in arp.gratuitous(IPv4Address(address), self.mac):
            self.socket.send(frame)

    def open(self, port: int) -> None:
        """Accept connections."""
        self.door = socket.create_server(("", port))

    def listen(
        self, seconds: float, enough: int | None = None, wanted: Callable[[bytes], bool] = lambda frame: True
    ) -> list[bytes]:
        frames: list[bytes] = []
        end = time.monotonic() + seconds
        while enough is None or len(frames) < enough:
            try:
                frame = self.socket.recv(64)
            except OSError:  # nothing there, or the link went down meanwhile
                if time.monotonic() >= end:
                    break
                time.sleep(0.0002)
                continue
            frames += [frame] if wanted(frame) else []
        return frames


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


async def serve(end: SpeakerEnd | ClientEnd) -> None:
    done = asyncio.Event()

    def on_line() -> None:
        line = sys.stdin.readline()
        if not line:
            done.set()
            return
        [(name, argument)] = json.loads(line).items()
        command: Callable[[Any], Any] = getattr(end, name)
        print(json.dumps(command(argument)), flush=True)

    asyncio.get_running_loop().add_reader(sys.stdin, on_line)
    await done.wait()


async def main(kind: str) -> None:
    await serve(SpeakerEnd() if kind == "speaker" else ClientEnd())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
