"""What is remembered of Services that are gone, beside the ledger of those that are here: nobody is in both. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pylb.core.allocation.ledger import Allocation
from pylb.core.allocation.memory import Memory
from pylb.core.allocation.reserves import is_remembered
from pylb.core.config.loader import Config
from pylb.core.model import Service, ServiceKey


class Recollection:
    """A memory, and what goes into it."""

    def __init__(self) -> None:
        self.memory = Memory()

    def replace(self, memory: Memory, present: Iterable[ServiceKey]) -> None:
        """This is what is remembered from now on, but for those who have addresses."""
        for key in present:
            memory.forget(key)
        self.memory = memory

    def note(self, config: Config, service: Service, allocation: Allocation | None) -> None:
        """A Service had this and has it no more, for a reason that may pass: it is gone, of another type, or waits."""
        pool = config.pools.get(allocation.pool) if allocation else None
        if allocation and is_remembered(service.annotations) and (pool is None or pool.remembered):
            self.memory.remember(service.key, allocation.addresses)
