"""One interface of the announcer's: its socket, the filter on it, and the answers prepared for it.

It is told what to answer for. When, and whether at all, is the announcer's matter.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from ipaddress import IPv4Address

from pylb.speaker import bpf
from pylb.speaker.arp import Templates, gratuitous
from pylb.speaker.links import Link
from pylb.speaker.wire import FrameSocket


class Port:
    """A usable interface. `owned` are the addresses at its own MAC, `standing` those at the MACs of their owners."""

    def __init__(self, link: Link) -> None:
        self.name, self.mac = link.name, link.mac
        self.owned: frozenset[IPv4Address] = frozenset()
        self.standing: dict[IPv4Address, bytes] = {}
        self.templates = Templates(self.mac, ())
        self.socket: FrameSocket | None = None
        self.lost_at = float("-inf")

    def answer_for(self, places: Mapping[IPv4Address, bytes], owned: frozenset[IPv4Address]) -> bool:
        """Answer for exactly these addresses from now on; False if the kernel took no better filter than the coarse one."""
        standing = {address: mac for address, mac in places.items() if address not in owned}
        if self.socket is None or (self.owned, self.standing) == (owned, standing):
            return True
        before = self.owned | self.standing.keys()
        self.owned, self.standing = owned, standing
        self.templates = Templates(self.mac, owned, standing)
        return before == places.keys() or self._attach(places)

    def announce(self, address: IPv4Address, place: bytes) -> int:
        """Say by broadcast that the address is at the MAC `place`; how many frames went out."""
        if self.socket is None:
            return 0
        return sum(self.socket.send(frame) for frame in gratuitous(address, place, self.mac))

    def shut(self) -> None:
        """Stop, at once; twice does no harm."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def _attach(self, places: Mapping[IPv4Address, bytes]) -> bool:
        if self.socket is None:
            return True
        try:
            self.socket.attach(bpf.pack(bpf.program(places, self.mac)))
        except OSError as error:
            # An older kernel allows 20 KiB of option memory a socket (net.core.optmem_max), old and new filter at once.
            if error.errno not in (errno.ENOMEM, errno.EINVAL):
                raise
            self.socket.attach(bpf.pack(bpf.REQUESTS_ONLY))
            return False
        return True
