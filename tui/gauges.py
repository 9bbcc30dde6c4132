"""The pools: how full each is, and for whom. Pure; totals are counted from the ends of ranges, never enumerated."""

from __future__ import annotations

from dataclasses import dataclass

from pylb.core import requests
from pylb.core.config import Config, Pool
from pylb.core.errors import ParseError
from pylb.core.model import Address
from pylb.core.ranges import parse_address
from pylb.tui import words
from pylb.tui.store import State

NEARLY_FULL_PERCENT = 85


@dataclass(frozen=True, slots=True)
class Gauge:
    """One pool."""

    name: str
    ranges: str
    families: str  # v4, v6 or v4+v6
    announced: bool  # an L2Advertisement selects it
    used: int
    total: int
    pinned: int  # of the used ones, those that a Service asked for by address
    auto: bool  # it gives addresses without being named

    @property
    def full(self) -> bool:
        """Whether no address is left."""
        return self.used >= self.total

    @property
    def tone(self) -> str:
        """How worrying its filling is."""
        if self.full:
            return "bad"
        return "warn" if words.percent(self.used, self.total) >= NEARLY_FULL_PERCENT else "info"

    @property
    def share(self) -> str:
        """How full, in words."""
        return "full" if self.full else f"{words.percent(self.used, self.total)}%"


def pools(state: State) -> tuple[Gauge, ...]:
    """All pools, by name; none while no valid configuration is known."""
    config = state.config
    if config is None:
        return ()
    taken, pinned = _in_use(state)
    return tuple(_gauge(config, config.pools[name], taken, pinned) for name in sorted(config.pools))


def _gauge(config: Config, pool: Pool, taken: frozenset[Address], pinned: frozenset[Address]) -> Gauge:
    versions = sorted({span.version for span in pool.ranges})
    return Gauge(
        name=pool.name,
        ranges=", ".join(words.span_text(span) for span in pool.ranges),
        families="+".join(f"v{version}" for version in versions),
        announced=bool(config.advertisements.get(pool.name)),
        used=sum(address in pool for address in taken),
        total=sum(pool.capacity(version) for version in versions),
        pinned=sum(address in pool for address in pinned),
        auto=pool.auto_assign,
    )


def _in_use(state: State) -> tuple[frozenset[Address], frozenset[Address]]:
    """Addresses that Services have, and those among them that a Service is pinned to."""
    taken: set[Address] = set()
    pinned: set[Address] = set()
    for dated in state.services.values():
        found = {address for address in map(_parsed, dated.service.ingress) if address is not None}
        taken |= found
        if requests.pin_source(dated.service):
            pinned |= found
    return frozenset(taken), frozenset(pinned)


def _parsed(text: str) -> Address | None:
    try:
        return parse_address(text)
    except ParseError:
        return None
