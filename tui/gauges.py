"""The pools: how full each is, and for whom. Pure; totals are counted from the ends of ranges, never enumerated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pylb.core import requests
from pylb.core.config import Config, Pool
from pylb.core.model import Address
from pylb.tui import words
from pylb.tui.addresses import parsed
from pylb.tui.state import State
from pylb.tui.words import Glyphs, Line, Span, fit

NEARLY_FULL_PERCENT = 85
WIDE_FROM = 90  # cells: from here a pool has a line of its own
MAX_RANGES = 30
NAME_WIDTH, COUNT_WIDTH, SHARE_WIDTH, PINNED_WIDTH, WAY_WIDTH = 10, 11, 6, 5, 13
FIXED_WIDTH = NAME_WIDTH + 1 + COUNT_WIDTH + SHARE_WIDTH + len("   pinned ") + PINNED_WIDTH + WAY_WIDTH
MIN_BAR_WIDTH, SMALL_BAR_WIDTH = 10, 12


@dataclass(frozen=True, slots=True)
class Gauge:
    """One pool."""

    name: str
    ranges: str
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


def lines(gauges: Sequence[Gauge], width: int, limit: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """The pools in at most `limit` lines: one a line where there is room, else two."""
    if width >= WIDE_FROM:
        wished = max((len(gauge.ranges) for gauge in gauges), default=0) + 2
        room = min(wished, MAX_RANGES, width - FIXED_WIDTH - MIN_BAR_WIDTH)
        full = [_wide(gauge, width, room, glyphs) for gauge in gauges]
    else:
        halves = [_small(gauge, width // 2 - 1, glyphs) for gauge in gauges]
        full = [(*pair[0], Span("  "), *pair[1]) if len(pair) > 1 else pair[0] for pair in _pairs(halves)]
    if len(full) <= limit:
        return tuple(full)
    shown = limit - 1
    left = len(gauges) - (shown if width >= WIDE_FROM else 2 * shown)
    return (*full[:shown], (Span(f"and {left} more", "dim"),))


def _pairs(items: Sequence[Line]) -> list[Sequence[Line]]:
    return [items[index : index + 2] for index in range(0, len(items), 2)]


def _bar(gauge: Gauge, width: int, glyphs: Glyphs) -> Line:
    cells = words.bar(gauge.used, gauge.total, width)
    return (Span(glyphs.full * cells, gauge.tone), Span(glyphs.rest * (width - cells), "track"))


def _counts(gauge: Gauge, width: int) -> Line:
    counts = f"{words.count(gauge.used)}/{words.count(gauge.total)}".rjust(width)
    return (Span(counts), Span(f"{gauge.share:>{SHARE_WIDTH}}", gauge.tone if gauge.tone != "info" else "dim"))


def _wide(gauge: Gauge, width: int, room: int, glyphs: Glyphs) -> Line:
    """A pool in `width` cells, of which its ranges have `room` and its bar what is left."""
    tail = f"   pinned {words.count(gauge.pinned):<{PINNED_WIDTH}}"
    way = "not announced" if not gauge.announced else "automatic" if gauge.auto else "by name"
    return (
        Span(words.pad(fit(gauge.name, NAME_WIDTH, glyphs), NAME_WIDTH + 1), "strong"),
        Span(fit(gauge.ranges, room - 1, glyphs).ljust(room), "dim"),
        *_bar(gauge, width - FIXED_WIDTH - room, glyphs),
        *_counts(gauge, COUNT_WIDTH),
        Span(tail, "dim"),
        Span(way, "dim" if gauge.announced else "warn"),
    )


def _small(gauge: Gauge, width: int, glyphs: Glyphs) -> Line:
    left = width - (COUNT_WIDTH - 1) - SHARE_WIDTH
    bar = min(SMALL_BAR_WIDTH, left // 2)
    name = left - bar - 1
    return (
        Span(words.pad(fit(gauge.name, name, glyphs), name + 1), "strong"),
        *_bar(gauge, bar, glyphs),
        *_counts(gauge, COUNT_WIDTH - 1),
    )


def _gauge(config: Config, pool: Pool, taken: frozenset[Address], pinned: frozenset[Address]) -> Gauge:
    versions = sorted({span.version for span in pool.ranges})
    return Gauge(
        name=pool.name,
        ranges=", ".join(words.span_text(span) for span in pool.ranges),
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
        found = {address for address in map(parsed, dated.service.ingress) if address is not None}
        taken |= found
        if requests.pin_source(dated.service):
            pinned |= found
    return frozenset(taken), frozenset(pinned)
