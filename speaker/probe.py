"""Puts the questions that one node has about others on the wire, and tells what is answered.

It carries out `core.ownership.questions` as they are: ARP on the link that a question names, TCP for a port. When to ask, how often,
and what an answer is worth, is not its matter. Its sockets are its own: what it hears, the announcer does not miss.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from pylb.core.ownership.questions import Answer, Question, Subject
from pylb.speaker import arp, bpf
from pylb.speaker.asked import Asked, sender
from pylb.speaker.doors import Doors
from pylb.speaker.links import DEFAULT_EXCLUSION, Link, usable
from pylb.speaker.wire import GONE, FrameSocket, OpenSocket, PacketSocket


@dataclass(slots=True)
class ProbeCounts:
    """Since the start; `failed` are questions that could not be put: no room, no such link, not IPv4, not sent."""

    asked: Counter[Subject] = field(default_factory=Counter)
    answered: Counter[Subject] = field(default_factory=Counter)
    failed: Counter[Subject] = field(default_factory=Counter)
    flushed: int = 0  # frames thrown away after a stall


@dataclass(slots=True)
class _Ear:
    """A link's socket."""

    link: Link
    socket: FrameSocket
    probed: frozenset[IPv4Address] = frozenset()


class Prober:
    """Asks on the interfaces of this node; to be used inside a running loop."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        on_answer: Callable[[Answer], None],
        exclude: re.Pattern[str] = DEFAULT_EXCLUSION,
        open_socket: OpenSocket = PacketSocket,
    ) -> None:
        """`clock` gives seconds and never goes back; `on_answer` may be told several answers to one question."""
        self._clock, self._on_answer = clock, on_answer
        self._exclude, self._open_socket = exclude, open_socket
        self._asked = Asked()
        self._doors = Doors(self._tell)
        self._ears: dict[str, _Ear] = {}
        self.counts = ProbeCounts()

    def take_links(self, links: tuple[Link, ...]) -> None:
        """Ask on these interfaces from now on; what was asked on one that is gone is not answered any more."""
        wanted = {link.name: link for link in usable(links, self._exclude).usable}
        for name, ear in list(self._ears.items()):
            link = wanted.get(name)
            if link is not None and (link.index, link.mac) == (ear.link.index, ear.link.mac):
                ear.link = link
            else:
                self._ears.pop(name).socket.close()
        self._asked.keep(self._ears)
        for name in wanted.keys() - self._ears.keys():
            self._open(wanted[name])

    def ask(self, question: Question) -> bool:
        """Put one question, now; False if that cannot be done: nothing will be answered."""
        put = self._doors.ask(question) if question.subject is Subject.PORT else self._ask_by_arp(question)
        (self.counts.asked if put else self.counts.failed)[question.subject] += 1
        return put

    def flush(self) -> int:
        """Throw away what is queued or under way: after a stall, an old answer is no sign of life."""
        self._doors.close()
        count = sum(ear.socket.flush() for ear in self._ears.values())
        self.counts.flushed += count
        return count

    def close(self) -> None:
        """Stop asking, at once; no answer follows."""
        self._doors.close()
        for ear in self._ears.values():
            ear.socket.close()
        self._ears = {}

    def _open(self, link: Link) -> None:
        filter_ = bpf.pack(bpf.replies(link.mac))
        on_frame = functools.partial(self._receive, link.name)
        try:
            self._ears[link.name] = _Ear(link, self._open_socket(link.name, filter_, on_frame, _nothing))
        except OSError as error:
            if error.errno not in GONE:
                raise  # else the kernel's next event says what became of it

    def _ask_by_arp(self, question: Question) -> bool:
        ear, target = self._ears.get(question.link), question.address
        if ear is None or not isinstance(target, IPv4Address) or not self._asked.put(question, self._clock()):
            return False
        if ear.probed or question.subject is Subject.PROBE:
            self._fit(ear)
        unicast = question.mac and question.subject is not Subject.PROBE
        destination = question.mac if unicast else arp.BROADCAST
        return ear.socket.send(arp.request(target, sender(ear.link, question), ear.link.mac, destination))

    def _fit(self, ear: _Ear) -> None:
        """Have the filter let through what answers the probes of this link."""
        probed = self._asked.probed(ear.link.name)
        if probed != ear.probed:
            ear.socket.attach(bpf.pack(bpf.replies(ear.link.mac, probed)))
            ear.probed = probed

    def _receive(self, name: str, frame: bytes) -> None:
        ear = self._ears.get(name)
        heard = arp.hear(frame, ear.link.mac) if ear is not None else None
        if heard is None:
            return
        for answer in self._asked.answers(heard, name, self._clock()):
            self._tell(answer)

    def _tell(self, answer: Answer) -> None:
        self.counts.answered[answer.question.subject] += 1
        self._on_answer(answer)


def _nothing(_code: int) -> None:
    """What a socket does when its interface goes: the link's own event says so."""
