"""A simulated client: what it believes about an address's MAC."""

from __future__ import annotations

from pylb.core.model import Address


class Client:
    """It keeps what it was told and believes each announcement, as a client with a warm neighbour cache does.

    One that forgets asks anew each time: it sees what `Lan.macs` says.
    """

    def __init__(self) -> None:
        self.cache: dict[Address, bytes] = {}
        self.missed: set[Address] = set()  # addresses whose last announcement was lost on the way
        self.heard: set[tuple[Address, bytes]] = set()  # all that was announced so far

    def told(self, address: Address, mac: bytes) -> None:
        """An announcement arrives."""
        self.cache[address] = mac
        self.heard.add((address, mac))
        self.missed.discard(address)
