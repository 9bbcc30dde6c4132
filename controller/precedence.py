"""In which order Services are decided on that are decided on together. Pure.

Who goes on with what it has, or gets its old address back, comes before who is given another: where nothing else is left
that may be the very address. Who asks for an address comes before all who ask for any.
"""

from __future__ import annotations

from collections.abc import Iterable

from pylb.core.allocation import requests
from pylb.core.allocation.ledger import Allocation
from pylb.core.allocation.memory import Memory
from pylb.core.model import Address, Service


def recorded_first(service: Service) -> tuple[int, str]:
    """Who has addresses comes first, then by name."""
    return -len(service.ingress), service.key


def divided(services: Iterable[Service], memory: Memory) -> tuple[list[Service], list[Service]]:
    """Those who may have an address of their own, in their order, and those who have, had and name none, in theirs.

    Of two who had one address the last that had it comes first.
    """
    first: list[tuple[int, bool, float, str, Service]] = []
    rest: list[Service] = []
    for one in services:
        had, pinned = memory.entries.get(one.key), bool(requests.pin_source(one))
        if one.ingress or had or pinned:
            gone = had.gone if had and not pinned else 0.0
            first.append((-len(one.ingress), not pinned, -gone, one.key, one))
        else:
            rest.append(one)
    return [one for *_, one in sorted(first, key=lambda row: row[:4])], sorted(rest, key=recorded_first)


def strangers(service: Service, own: Iterable[Address], given: Allocation | None) -> int:
    """How much of what a Service is given may be another's that is decided on with it: 0 where it names it, or it is its
    `own`, 1 for a part, 2 for all."""
    if given is None or requests.pin_source(service):
        return 0
    kept = set(given.addresses) & set(own)
    return 2 if not kept else int(len(kept) < len(set(given.addresses)))
