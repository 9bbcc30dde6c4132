"""Who is told that an address is here: answers to ARP, and announcements, on the interfaces that suit the address.

It is told what is owned (`set`), which interfaces there are (`take_links`), and asks before each frame whether it may
answer. It does not decide ownership. Frames are judged by `arp`, interfaces by `links`, times by `schedule`.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import random
import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address
from typing import Protocol

from pylb.core.model import Address
from pylb.core.reasons import Reason
from pylb.speaker import bpf
from pylb.speaker.arp import Drop, DropReason, Templates, classify, format_mac, gratuitous, heard_claim
from pylb.speaker.counts import Counts
from pylb.speaker.links import DEFAULT_EXCLUSION, Choice, Link, interfaces_for, usable
from pylb.speaker.schedule import Schedule
from pylb.speaker.wire import GONE, PacketSocket

CONFLICT_INTERVAL = 1.0  # s: the same claim on the same interface is told at most once in it
MAX_CONFLICTS = 256  # claims remembered for that; one that finds no place is counted and not told
HELD_RETRY = 0.05  # s until an announcement that may not be sent now is tried again

Names = frozenset[str]
OnConflict = Callable[[IPv4Address, str, str], None]  # address, MAC, interface


class FrameSocket(Protocol):
    """What the announcer needs of `wire.PacketSocket`."""

    def attach(self, filter_: bytes) -> None: ...
    def send(self, frame: bytes) -> bool: ...
    def flush(self) -> int: ...
    def close(self) -> None: ...


OpenSocket = Callable[[str, bytes, Callable[[bytes], None], Callable[[int], None]], FrameSocket]


class _Port:
    """One usable interface with its socket and the addresses that it answers for."""

    def __init__(self, link: Link) -> None:
        self.name, self.mac = link.name, link.mac
        self.addresses: frozenset[IPv4Address] = frozenset()
        self.templates = Templates(self.mac, ())
        self.socket: FrameSocket | None = None
        self.lost_at = float("-inf")


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
        self._links: tuple[Link, ...] = ()
        self._ports: dict[tuple[int, str, bytes], _Port] = {}
        self._placed: dict[IPv4Address, frozenset[_Port]] = {}
        self._refused: dict[Address, Reason] = {}
        self._told: dict[tuple[IPv4Address, bytes, str], float] = {}
        self.counts = Counts()

    @property
    def placements(self) -> Mapping[IPv4Address, tuple[str, ...]]:
        """The names of the interfaces on which each address is announced now."""
        return {address: tuple(sorted(port.name for port in ports)) for address, ports in self._placed.items()}

    @property
    def refused(self) -> Mapping[Address, Reason]:
        """The owned addresses that are announced nowhere now, and why."""
        return dict(self._refused)

    def set(self, owned: Mapping[Address, Names | None]) -> Mapping[Address, Reason]:
        """Answer for exactly these addresses, each on the interfaces named or, for None, on those whose subnet holds it.

        Those that are new are announced at once. Returned are those that cannot be announced now.
        """
        self._owned = dict(owned)
        self._place()
        return self.refused

    def take_links(self, links: tuple[Link, ...]) -> None:
        """Go by these interfaces from now on; what can now be reached anew is announced there."""
        self._links = links
        self._place()

    def announce(self, address: IPv4Address) -> None:
        """Begin the announcements of an owned address anew; nothing happens to one that has no place."""
        if address in self._placed:
            self._schedule.start(address, self._clock())
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
            self._shut(port)
        self._ports, self._placed, self._owned = {}, {}, {}

    # What is answered where

    def _place(self) -> None:
        before = (self._placed, self._refused)
        selection = usable(self._links, self._exclude)
        self._open_ports(selection.usable)
        choices = {address: self._choose(address, names, selection.usable) for address, names in self._owned.items()}
        self._refused = {address: choice.reason for address, choice in choices.items() if choice.reason is not None}
        placed = {
            address: frozenset(self._ports[_key(link)] for link in choice.links)
            for address, choice in choices.items()
            if isinstance(address, IPv4Address) and choice.links
        }
        self._placed = placed
        for port in self._ports.values():
            self._answer_on(port, frozenset(address for address, ports in placed.items() if port in ports))
        self._reschedule(before[0])
        self.counts.forget(placed)
        if before != (self._placed, self._refused):
            self._on_placement()

    def _choose(self, address: Address, names: Names | None, links: tuple[Link, ...]) -> Choice:
        if not isinstance(address, IPv4Address):
            return Choice((), Reason.FAMILY_NOT_ANNOUNCED)
        return interfaces_for(address, [link for link in links if _key(link) in self._ports], names)

    def _reschedule(self, before: Mapping[IPv4Address, frozenset[_Port]]) -> None:
        now = self._clock()
        for address in before.keys() - self._placed.keys():
            self._schedule.stop(address)
        for address, ports in self._placed.items():
            if ports - before.get(address, frozenset()):
                self._schedule.start(address, now)
        self._tick()

    def _open_ports(self, links: tuple[Link, ...]) -> None:
        wanted = {_key(link): link for link in links}
        for key in self._ports.keys() - wanted.keys():
            self._shut(self._ports.pop(key))
        for key in [one for one in wanted if one not in self._ports]:
            port = _Port(wanted[key])
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

    def _answer_on(self, port: _Port, addresses: frozenset[IPv4Address]) -> None:
        if port.socket is None or port.addresses == addresses:
            return
        port.addresses, port.templates = addresses, Templates(port.mac, addresses)
        try:
            port.socket.attach(bpf.pack(bpf.program(addresses, port.mac)))
        except OSError as error:
            # An older kernel allows 20 KiB of option memory a socket (net.core.optmem_max), old and new filter at once.
            if error.errno not in (errno.ENOMEM, errno.EINVAL):
                raise
            self.counts.coarse += 1
            port.socket.attach(bpf.pack(bpf.REQUESTS_ONLY))

    def _shut(self, port: _Port) -> None:
        if port.socket is not None:
            port.socket.close()
            port.socket = None

    # Frames

    def _receive(self, port: _Port, frame: bytes) -> None:
        now = self._clock()
        if not self._may_answer(now):
            self.counts.drops[DropReason.STALLED] += 1
            return
        reply = port.templates.answer(frame)
        if reply is not None:
            self._answer(port, *reply)
        else:
            verdict = classify(frame, port.mac, port.addresses)
            if isinstance(verdict, Drop):
                self.counts.drops[verdict.reason] += 1
        claim = heard_claim(frame, port.mac, port.addresses)
        if claim is not None:
            self._report(claim.address, claim.mac, port.name, now)

    def _answer(self, port: _Port, address: IPv4Address, frame: bytes) -> None:
        if port.socket is not None and port.socket.send(frame):
            self.counts.responses[address] += 1
        else:
            self.counts.drops[DropReason.SEND_FAILED] += 1
        self.counts.requests[address] += 1

    def _report(self, address: IPv4Address, mac: bytes, interface: str, now: float) -> None:
        self.counts.conflicts += 1
        key = (address, mac, interface)
        if now - self._told.get(key, float("-inf")) < CONFLICT_INTERVAL:
            return
        if len(self._told) >= MAX_CONFLICTS:
            self._told = {one: at for one, at in self._told.items() if now - at < CONFLICT_INTERVAL}
        if len(self._told) < MAX_CONFLICTS or key in self._told:
            self._told[key] = now
            self._on_conflict(address, format_mac(mac), interface)

    def _lose(self, port: _Port, code: int) -> None:
        """The interface went away under the socket; if it comes back so fast that no link event shows it, announce."""
        self.counts.gone += 1
        now = self._clock()
        if now - port.lost_at < HELD_RETRY:  # each frame that is not sent comes here, too
            return
        port.lost_at = now
        for address in port.addresses & self._placed.keys():
            self._schedule.start(address, now + HELD_RETRY)
        self._wake()

    # Announcements

    def _tick(self) -> None:
        now = self._clock()
        if not self._may_answer(now):
            self._wake(HELD_RETRY)
            return
        for address in self._schedule.due(now):
            for port in self._placed[address]:
                self._send_both(address, port)
        self._wake()

    def _send_both(self, address: IPv4Address, port: _Port) -> None:
        for frame in gratuitous(address, port.mac):
            if port.socket is not None and port.socket.send(frame):
                self.counts.gratuitous[address] += 1

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
