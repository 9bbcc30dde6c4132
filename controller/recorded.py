"""What a Service has, whether or not anything was decided on it yet: by the ledger, or as its status records it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pylb.core.allocation import requests
from pylb.core.allocation.ledger import Allocation, Ledger
from pylb.core.allocation.requests import ALLOCATED_FROM
from pylb.core.config.loader import Config
from pylb.core.model import PoolName, Service
from pylb.core.ownership import lines


@dataclass(frozen=True, slots=True)
class Standing(Service):
    """A Service of whose addresses at least one has another ipMode than VIP. It equals no Service that has not."""


def held(ledger: Ledger, service: Service) -> Allocation | None:
    """What a Service has: by the ledger, else as its status and annotation record it."""
    known = ledger.allocations.get(service.key)
    if known is not None:
        return known
    recorded = lines.recorded(service)
    return Allocation(recorded, PoolName(service.annotations.get(ALLOCATED_FROM, ""))) if recorded else None


def still_its_own(config: Config, ledger: Ledger, service: Service) -> Allocation | None:
    """What the status of a Service that was released says, as far as it is still nobody else's."""
    recorded, mine = lines.recorded(service), requests.use(service)
    pool = config.pool_of(recorded)
    others = [use for address in recorded for use in ledger.users(address).values()]
    if pool is None or any(not use.sharing or use.sharing != mine.sharing for use in others):
        return None
    return Allocation(recorded, pool.name)
