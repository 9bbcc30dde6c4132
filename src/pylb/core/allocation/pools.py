"""Which pools an automatic allocation may use, and in which order."""

from __future__ import annotations

from pylb.core.allocation.poolindex import Ranks
from pylb.core.allocation.requests import Request
from pylb.core.config.loader import Config, Pool


def automatic(config: Config, request: Request) -> list[Pool]:
    """Pools for a request that names none, best first; MetalLB's order, made definite by name where it is random.

    Pools with `serviceAllocation` that picks this Service come first, by priority (1 is best, 0 last); then those
    without any. A pool with `autoAssign: false` is in neither. One that only sets a priority picks all Services.
    """
    return [pool for rank in ranked(config, request) for pool in rank]


def ranked(config: Config, request: Request) -> Ranks:
    """The same pools, those together that MetalLB makes no difference between; best first, each by name."""
    return config.index.ranks(request.namespace, request.labels)
