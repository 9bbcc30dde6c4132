"""Which claims of other MACs are told now, and which were told a moment ago: pure, and bounded whoever shouts."""

from __future__ import annotations

from ipaddress import IPv4Address

INTERVAL = 1.0  # s: the same claim on the same interface is told at most once in it
MAX_CONFLICTS = 256  # claims remembered for that; one that finds no place is counted and not told


class Conflicts:
    """The memory of one node. Times are seconds of any clock that does not go back."""

    def __init__(self) -> None:
        self._told: dict[tuple[IPv4Address, bytes, str], float] = {}

    def is_news(self, address: IPv4Address, mac: bytes, interface: str, now: float) -> bool:
        """Whether to tell that a MAC claims an address on an interface; it then counts as told."""
        key = (address, mac, interface)
        if now - self._told.get(key, float("-inf")) < INTERVAL:
            return False
        if len(self._told) >= MAX_CONFLICTS:
            self._told = {one: at for one, at in self._told.items() if now - at < INTERVAL}
        if len(self._told) >= MAX_CONFLICTS and key not in self._told:
            return False
        self._told[key] = now
        return True
