"""Who is told that an address is here: answers to ARP, and announcements, on the interfaces that suit the address.

It is told what is owned and what is stood in for (`set`), which interfaces there are (`take_links`), and asks before
each frame whether it may answer. It does not decide ownership. Frames are judged by `arp`, interfaces by `links`, times
by `schedule`.
"""

from __future__ import annotations

import asyncio
import functools
import random
import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address
from types import MappingProxyType

from pylb.core.model import Address
from pylb.core.reasons import Reason
from pylb.speaker import bpf
from pylb.speaker.arp import Drop, DropReason, classify, format_mac, heard_claim
from pylb.speaker.conflicts import Conflicts
from pylb.speaker.counts import Counts
from pylb.speaker.links import DEFAULT_EXCLUSION, Choice, Link, interfaces_for, usable
from pylb.speaker.port import Port
from pylb.speaker.schedule import Schedule
from pylb.speaker.wire import GONE, OpenSocket, PacketSocket

HELD_RETRY = 0.05  # s until an announcement that may not be sent now is tried again

Names = frozenset[str]
NOTHING: Mapping[Address, Mapping[str, bytes]] = MappingProxyType({})
OnConflict = Callable[[IPv4Address, str, str], None]  # address, MAC, interface


Places = Mapping[Port, bytes]  # the interfaces on which an address is told, and the MAC that is told there


class Announcer:
    """Answers and announces addresses of IPv4 on the interfaces of this node; to be used inside a running loop."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        may_answer: Callable[[float], bool],
        on_conflict: OnConflict,
        on_placement: Callable[[], None] = lambda: None,
        exclude: re.Pattern[str] = DEFAULT_EXCLUSION,
        jitter: Callable[[], float] = random.random,
        open_socket: OpenSocket = PacketSocket,
    ) -> None:
        """`clock` gives seconds and never goes back; `on_placement` is told when `placements` or `refused` change."""
        self._clock, self._may_answer, self._on_conflict = clock, may_answer, on_conflict
        self._on_placement, self._exclude, self._open_socket = on_placement, exclude, open_socket
        self._schedule = Schedule(jitter)
        self._timer: asyncio.TimerHandle | None = None
        self._owned: dict[Address, Names | None] = {}
        self._standing: dict[Address, dict[str, bytes]] = {}
        self._links: tuple[Link, ...] = ()
        self._ports: dict[tuple[int, str, bytes], Port] = {}
        self._placed: dict[IPv4Address, dict[Port, bytes]] = {}
        self._refused: dict[Address, Reason] = {}
        self._conflicts = Conflicts()
        self.counts = Counts()

    @property
    def placements(self) -> Mapping[IPv4Address, tuple[str, ...]]:
        """The names of the interfaces on which each owned address is announced now."""
        return {
            address: tuple(sorted(port.name for port in places))
            for address, places in self._placed.items()
            if address in self._owned
        }

    @property
    def stood_in(self) -> Mapping[IPv4Address, tuple[str, ...]]:
        """The names of the interfaces on which each address of another owner is answered now."""
        return {
            address: tuple(sorted(port.name for port in places))
            for address, places in self._placed.items()
            if address not in self._owned
        }

    @property
    def refused(self) -> Mapping[Address, Reason]:
        """The owned addresses that are announced nowhere now, and why."""
        return dict(self._refused)

    def set(
        self, owned: Mapping[Address, Names | None], standing: Mapping[Address, Mapping[str, bytes]] = NOTHING
    ) -> Mapping[Address, Reason]:
        """Answer for exactly these addresses, each on the interfaces named or, for None, on those whose subnet holds it.

        Those that are new are announced at once. Returned are the owned ones that cannot be announced now. `standing`
        are addresses of others: on the interfaces named they are answered with their owner's MAC there, and announced
        one time. An address that is in both is owned.
        """
        self._owned = dict(owned)
        self._standing = {address: dict(macs) for address, macs in standing.items() if address not in owned}
        self._place()
        return self.refused

    def take_links(self, links: tuple[Link, ...]) -> None:
        """Go by these interfaces from now on; what can now be reached anew is announced there."""
        self._links = links
        self._place()

    def announce(self, address: IPv4Address) -> None:
        """Begin the announcements of an address anew: a burst, or once if it is stood in for; without a place, nothing."""
        if address in self._placed:
            self._start(address, self._clock())
            self._tick()

    def flush(self) -> int:
        """Throw away what is queued on all interfaces; the app calls it when it notices that it was held up."""
        count = sum(port.socket.flush() for port in self._ports.values() if port.socket)
        self.counts.flushed += count
        return count

    def close(self) -> None:
        """Stop answering, at once; nothing is sent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for port in self._ports.values():
            port.shut()
        self._ports, self._placed, self._owned, self._standing = {}, {}, {}, {}

    # What is answered where

    def _place(self) -> None:
        before = (self._placed, self._refused)
        selection = usable(self._links, self._exclude)
        self._open_ports(selection.usable)
        choices = {address: self._choose(address, names, selection.usable) for address, names in self._owned.items()}
        self._refused = {address: choice.reason for address, choice in choices.items() if choice.reason is not None}
        self._placed = {**self._stand(), **self._hold(choices)}
        for port in self._ports.values():
            places = {address: macs[port] for address, macs in self._placed.items() if port in macs}
            if not port.answer_for(places, frozenset(places.keys() & self._owned.keys())):
                self.counts.coarse += 1
        self._reschedule(before[0])
        self.counts.forget(self._placed)
        if before != (self._placed, self._refused):
            self._on_placement()

    def _choose(self, address: Address, names: Names | None, links: tuple[Link, ...]) -> Choice:
        if not isinstance(address, IPv4Address):
            return Choice((), Reason.FAMILY_NOT_ANNOUNCED)
        return interfaces_for(address, [link for link in links if _key(link) in self._ports], names)

    def _hold(self, choices: Mapping[Address, Choice]) -> dict[IPv4Address, dict[Port, bytes]]:
        return {
            address: {port: port.mac for port in (self._ports[_key(link)] for link in choice.links)}
            for address, choice in choices.items()
            if isinstance(address, IPv4Address) and choice.links
        }

    def _stand(self) -> dict[IPv4Address, dict[Port, bytes]]:
        found = {
            address: {port: macs[port.name] for port in self._ports.values() if port.name in macs}
            for address, macs in self._standing.items()
            if isinstance(address, IPv4Address)
        }
        return {address: places for address, places in found.items() if places}

    def _reschedule(self, before: Mapping[IPv4Address, Places]) -> None:
        now = self._clock()
        for address in before.keys() - self._placed.keys():
            self._schedule.stop(address)
        for address, places in self._placed.items():
            if places != before.get(address):  # on a place that is left, too: clients may know the one that is lost
                self._start(address, now)
        self._tick()

    def _start(self, address: IPv4Address, at: float) -> None:
        if address in self._owned:
            self._schedule.start(address, at)
        else:
            self._schedule.start_once(address, at)

    def _open_ports(self, links: tuple[Link, ...]) -> None:
        wanted = {_key(link): link for link in links}
        for key in self._ports.keys() - wanted.keys():
            self._ports.pop(key).shut()
        for key in [one for one in wanted if one not in self._ports]:
            port = Port(wanted[key])
            program = bpf.pack(bpf.program((), port.mac))
            on_frame, on_gone = functools.partial(self._receive, port), functools.partial(self._lose, port)
            try:
                port.socket = self._open_socket(port.name, program, on_frame, on_gone)
            except OSError as error:
                if error.errno not in GONE:
                    raise
                self.counts.gone += 1  # the kernel's next event says what became of it
                continue
            self._ports[key] = port

    # Frames

    def _receive(self, port: Port, frame: bytes) -> None:
        now = self._clock()
        if not self._may_answer(now):
            self.counts.drops[DropReason.STALLED] += 1
            return
        reply = port.templates.answer(frame)
        if reply is not None:
            self._answer(port, *reply)
        else:
            verdict = classify(frame, port.mac, port.owned, port.standing)
            if isinstance(verdict, Drop):
                self.counts.drops[verdict.reason] += 1
        claim = heard_claim(frame, port.mac, port.owned, port.standing)
        if claim is not None:
            self._report(claim.address, claim.mac, port.name, now)

    def _answer(self, port: Port, address: IPv4Address, frame: bytes) -> None:
        if port.socket is not None and port.socket.send(frame):
            self.counts.responses[address] += 1
        else:
            self.counts.drops[DropReason.SEND_FAILED] += 1
        self.counts.requests[address] += 1

    def _report(self, address: IPv4Address, mac: bytes, interface: str, now: float) -> None:
        self.counts.conflicts += 1
        if self._conflicts.is_news(address, mac, interface, now):
            self._on_conflict(address, format_mac(mac), interface)

    def _lose(self, port: Port, code: int) -> None:
        """The interface went away under the socket; if it comes back so fast that no link event shows it, announce."""
        self.counts.gone += 1
        now = self._clock()
        if now - port.lost_at < HELD_RETRY:  # each frame that is not sent comes here, too
            return
        port.lost_at = now
        for address in [one for one, places in self._placed.items() if port in places]:
            self._start(address, now + HELD_RETRY)
        self._wake()

    # Announcements

    def _tick(self) -> None:
        now = self._clock()
        if not self._may_answer(now):
            self._wake(HELD_RETRY)
            return
        for address in self._schedule.due(now):
            for port, mac in self._placed[address].items():
                self.counts.gratuitous[address] += port.announce(address, mac)
        self._wake()

    def _wake(self, at_least: float = 0.0) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._schedule.next_at()
        if due is not None:
            delay = max(at_least, due - self._clock())
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)


def _key(link: Link) -> tuple[int, str, bytes]:
    return link.index, link.name, link.mac
