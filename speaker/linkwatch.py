"""Interfaces by netlink events, at once: a socket that keeps `links.Table` true and tells of every change.

A bare socket instead of pyroute2, for the memory: see the ADR. It does not decide which interface is of use.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

from pylb.speaker import netlink
from pylb.speaker.errors import WireError
from pylb.speaker.links import Link, Table

DATAGRAM_BYTES = 65536  # the kernel sends at most 32 KiB at once
DRAIN_LIMIT = 64  # datagrams read at one wake-up
FLUSH_LIMIT = 8192  # datagrams thrown away at once; a full queue has some thousand
RECEIVE_BUFFER_BYTES = 1 << 20  # events that may wait while Python does something else; the kernel caps it
RETRY_SECONDS = 0.1  # pause before a dump that failed is asked for again


class LinkWatch:
    """Tells `on_change` all interfaces once they are known, and again after each change, one call per change."""

    def __init__(self, on_change: Callable[[tuple[Link, ...]], None]) -> None:
        self._on_change = on_change
        self._table = Table()
        self._known: tuple[Link, ...] | None = None
        self._sequence = 0
        self._asked: int | None = None  # which dump is under way: netlink.GET_LINKS, GET_ADDRESSES, then GET_ROUTES
        self._again = False  # something was lost during the dump
        self._retry: asyncio.TimerHandle | None = None
        self.resyncs = 0  # dumps after the first: events were lost
        self.malformed = 0  # datagrams that could not be read
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)

    @property
    def links(self) -> tuple[Link, ...]:
        """The interfaces as last told; empty until the first dump is in."""
        return self._known or ()

    def start(self) -> None:
        """Begin to listen, in the running loop."""
        self._socket.bind((0, netlink.GROUPS))  # before the dump: what changes meanwhile is queued behind it
        asyncio.get_running_loop().add_reader(self._socket, self._on_readable)
        self._dump()

    def close(self) -> None:
        """Stop listening; no call follows."""
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket)
        if self._retry is not None:
            self._retry.cancel()
        self._socket.close()

    def resync(self) -> None:
        """Ask the kernel for everything anew; an interface that it does not name any more is gone."""
        self.resyncs += 1
        self._flush()
        self._dump()  # one that is under way has lost answers too

    def _dump(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._table = Table()
        self._again = False
        self._ask(netlink.GET_LINKS)

    def _ask(self, kind: int) -> None:
        self._asked = kind
        self._sequence = self._sequence % 0xFFFF_FFFF + 1
        try:
            self._socket.send(netlink.encode_dump(kind, self._sequence))
        except OSError:  # no memory for it just now
            self._dump_later()

    def _ask_routes(self) -> None:
        self._table.forget_gateways()
        self._ask(netlink.GET_ROUTES)

    def _dump_later(self) -> None:
        self._asked = None
        self._again = True  # and until then, what is known is not told
        self._retry = asyncio.get_running_loop().call_later(RETRY_SECONDS, self._dump)

    def _on_readable(self) -> None:
        for _ in range(DRAIN_LIMIT):
            try:
                datagram, (port, _) = self._socket.recvfrom(DATAGRAM_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self.resync()
                return
            if port == 0:  # from the kernel; any process of the node may send to us
                self._take(datagram)

    def _flush(self) -> None:
        """Throw away what is queued: it is older than what was lost, and until the queue is empty the kernel adds no event
        to it, and does not tell again."""
        for _ in range(FLUSH_LIMIT):
            try:
                self._socket.recv(DATAGRAM_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise

    def _take(self, datagram: bytes) -> None:
        try:
            messages = netlink.parse(datagram)
        except WireError:
            self.malformed += 1
            return
        for message in messages:
            if isinstance(message, netlink.DumpEnd):
                self._end_dump(message)
            else:
                self._table.apply(message)
        if self._asked is None and self._table.doubts_gateways and not self._again:
            self._ask_routes()
        if self._asked is None:
            self._tell()

    def _end_dump(self, end: netlink.DumpEnd) -> None:
        if end.sequence != self._sequence or self._asked is None:
            return
        if self._again or not end.complete:
            self._dump_later()
        elif self._asked == netlink.GET_LINKS:
            self._ask(netlink.GET_ADDRESSES)
        elif self._asked == netlink.GET_ADDRESSES:
            self._ask_routes()
        else:
            self._asked = None

    def _tell(self) -> None:
        links = self._table.links()
        if not self._again and links != self._known:
            self._known = links
            self._on_change(links)
