"""What the announcer has counted; `/metrics` and `/state` render it. It counts, and keeps its own size bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from pylb.speaker.arp import DropReason

MAX_COUNTED = 8192  # addresses with counters of their own; those not owned any more make place


@dataclass(slots=True)
class Counts:
    """Counters since the start, by address as MetalLB's metrics have them; gratuitous counts frames."""

    requests: Counter[IPv4Address] = field(default_factory=Counter)
    responses: Counter[IPv4Address] = field(default_factory=Counter)
    gratuitous: Counter[IPv4Address] = field(default_factory=Counter)
    drops: Counter[DropReason] = field(default_factory=Counter)
    conflicts: int = 0  # claims of other MACs heard, told or not
    flushed: int = 0  # frames thrown away after a stall
    gone: int = 0  # times that an interface vanished under its socket
    coarse: int = 0  # filters that the kernel refused for their length: it then passes every request

    def forget(self, kept: Mapping[IPv4Address, object]) -> None:
        """Make place if there are more than MAX_COUNTED addresses: those not in `kept` lose their counters."""
        for counter in (self.requests, self.responses, self.gratuitous):
            if len(counter) > MAX_COUNTED:
                for address in [one for one in counter if one not in kept]:
                    del counter[address]
