"""Sockets of the speaker: raw frames on one interface, and beats over UDP. The only place that opens a raw socket.

It moves bytes, with bounds; what they mean is decided by `arp` and `beat`.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import socket
import struct
from collections.abc import Callable
from typing import Protocol

from pylb.speaker.arp import ETHERTYPE_ARP
from pylb.speaker.beat import MAX_BYTES
from pylb.speaker.bpf import ACCEPT_BYTES

DRAIN_LIMIT = 64  # frames or datagrams handed on at one wake-up, before the loop does something else
FLUSH_LIMIT = 8192  # frames or datagrams thrown away at once; a full queue of the kernel's usual size has some hundred
_SO_ATTACH_FILTER = 26  # asm-generic/socket.h; Python's socket module has no name for it
_INSTRUCTION_BYTES = 8

GONE = frozenset({errno.ENETDOWN, errno.ENODEV, errno.ENXIO})  # the interface went down, or is there no more

Peer = tuple[str, int]


class FrameSocket(Protocol):
    """What is needed of a `PacketSocket`, so that tests can do without one."""

    def attach(self, filter_: bytes) -> None: ...
    def send(self, frame: bytes) -> bool: ...
    def flush(self) -> int: ...
    def close(self) -> None: ...


OpenSocket = Callable[[str, bytes, Callable[[bytes], None], Callable[[int], None]], FrameSocket]
"""An interface's name, the filter, what takes a frame, and what is told the errno when the interface goes."""


class PacketSocket:
    """ARP frames of one interface, in and out.

    The filter is attached before the socket is bound, so nothing that it refuses is ever queued. A vanishing interface
    is told to `on_gone` (an errno of GONE, or what else the kernel says); the socket itself stays valid until `close`.
    """

    def __init__(
        self, name: str, filter_: bytes, on_frame: Callable[[bytes], None], on_gone: Callable[[int], None]
    ) -> None:
        """Open the socket on the interface called `name` and listen in the running loop; OSError if that fails."""
        self._on_frame, self._on_gone = on_frame, on_gone
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._receive = self._socket.recv
        try:
            self._socket.setblocking(False)
            self.attach(filter_)
            self._socket.bind((name, ETHERTYPE_ARP))
        except BaseException:
            self._socket.close()
            raise
        asyncio.get_running_loop().add_reader(self._socket, self._on_readable)

    def attach(self, filter_: bytes) -> None:
        """Replace the filter in one step; what is queued stays. OSError ENOMEM or EINVAL if the kernel finds it too long."""
        buffer = ctypes.create_string_buffer(filter_, len(filter_))
        program = struct.pack("@HP", len(filter_) // _INSTRUCTION_BYTES, ctypes.addressof(buffer))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)

    def send(self, frame: bytes) -> bool:
        """Send one frame; False if it is lost (queue full, interface gone)."""
        try:
            self._socket.send(frame)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                self._on_gone(error.errno or 0)
            return False
        return True

    def flush(self) -> int:
        """Throw away what is queued and say how much it was: after a stall, old questions must not be answered."""
        return _flush(self._socket)

    def close(self) -> None:
        """Stop listening; may be called twice."""
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _on_readable(self) -> None:
        for _ in range(DRAIN_LIMIT):
            try:
                frame = self._receive(ACCEPT_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                self._on_gone(error.errno or 0)
                return
            self._on_frame(frame)
            if self._socket.fileno() < 0:  # closed by what the frame brought about
                return


class BeatSocket:
    """Datagrams of the beats on one local address and port, in and out."""

    def __init__(self, address: str, port: int, on_datagram: Callable[[bytes, Peer], None]) -> None:
        """Bind and listen in the running loop; OSError if that fails. Port 0 takes any: see `port`."""
        self._on_datagram = on_datagram
        self.errors = 0  # receive errors, which are counted and survived
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((address, port))
        except BaseException:
            self._socket.close()
            raise
        asyncio.get_running_loop().add_reader(self._socket, self._on_readable)

    @property
    def port(self) -> int:
        """The port that the socket is bound to."""
        return int(self._socket.getsockname()[1])

    def send(self, datagram: bytes, peer: Peer) -> bool:
        """Send one datagram; False if it is lost here (no route, queue full)."""
        try:
            self._socket.sendto(datagram, peer)
        except OSError:
            return False
        return True

    def flush(self) -> int:
        """Throw away what is queued and say how much it was."""
        return _flush(self._socket)

    def close(self) -> None:
        """Stop listening; may be called twice."""
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _on_readable(self) -> None:
        for _ in range(DRAIN_LIMIT):
            try:
                datagram, peer = self._socket.recvfrom(MAX_BYTES + 1)  # one more: what is too long shows as such
            except BlockingIOError:
                return
            except OSError:
                self.errors += 1
                return
            self._on_datagram(datagram, (peer[0], peer[1]))
            if self._socket.fileno() < 0:
                return


def _flush(open_socket: socket.socket) -> int:
    for count in range(FLUSH_LIMIT):
        try:
            open_socket.recv(1)
        except BlockingIOError:
            return count
        except OSError:  # a pending error counts as taken, too
            continue
    return FLUSH_LIMIT
