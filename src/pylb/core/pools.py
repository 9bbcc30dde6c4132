"""Which pools an automatic allocation may use, and in which order."""

from __future__ import annotations

from collections.abc import Iterator

from pylb.core import selectors
from pylb.core.config import Config, Pool
from pylb.core.requests import Request


def automatic(config: Config, request: Request) -> list[Pool]:
    """Pools for a request that names none, best first; MetalLB's order, made definite by name where it is random.

    Pools with `serviceAllocation` that picks this Service come first, by priority (1 is best, 0 last); then those
    without any. A pool with `autoAssign: false` is in neither.
    """
    names = sorted(config.pools)
    found = [config.pools[name] for name in names if config.pools[name].auto_assign]
    picked = sorted(_picked(config, request, found), key=lambda pool: (pool.priority == 0, pool.priority))
    return picked + [pool for pool in found if not pool.pinned]


def _picked(config: Config, request: Request, found: list[Pool]) -> Iterator[Pool]:
    for pool in found:
        if pool.pinned and config.allows(pool, request.namespace, request.labels) and _names(pool, request):
            yield pool


def _names(pool: Pool, request: Request) -> bool:
    """Whether the pool's `serviceAllocation` speaks of this Service; one that only sets a priority speaks of all."""
    limited = bool(pool.namespaces or pool.namespace_selectors)
    return limited or not pool.service_selectors or selectors.matches_any(pool.service_selectors, request.labels)
