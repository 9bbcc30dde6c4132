"""The pools: how full each is, and for whom. Pure; totals are counted from the ends of ranges, never enumerated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pylb.core.config.loader import Config, Pool
from pylb.tui import takings, words
from pylb.tui.state import State
from pylb.tui.takings import Takings
from pylb.tui.words import Glyphs, Line, Span, fit

NEARLY_FULL_PERCENT = 85
WIDE_FROM = 90  # cells: from here a pool has a line of its own
MAX_RANGES, MIN_RANGES = 30, 16
NAME_WIDTH, COUNT_WIDTH, SHARE_WIDTH, PINNED_WIDTH, WAY_WIDTH = 10, 11, 6, 5, 13
FIXED_WIDTH = 1 + COUNT_WIDTH + SHARE_WIDTH + len("   pinned ") + PINNED_WIDTH + WAY_WIDTH  # beside the name
MAX_NAME_SHARE = 3  # a name may have one part in so many of the line
MIN_BAR_WIDTH, SMALL_BAR_WIDTH = 10, 12


@dataclass(frozen=True, slots=True)
class Gauge:
    """One pool."""

    name: str
    ranges: str
    announced: bool  # an L2Advertisement selects it
    used: int | None  # None where Services of other namespaces are not seen, and the pool's status tells no count
    total: int
    pinned: int | None  # of the used ones, those that a Service asked for by address; None where not all are seen
    auto: bool  # it gives addresses without being named

    @property
    def full(self) -> bool:
        """Whether no address is left."""
        return self.used is not None and self.used >= self.total

    @property
    def tone(self) -> str:
        """How worrying its filling is."""
        if self.full:
            return "bad"
        return "warn" if words.percent(self.used or 0, self.total) >= NEARLY_FULL_PERCENT else "info"

    @property
    def share(self) -> str:
        """How full, in words."""
        if self.used is None:
            return "?"
        return "full" if self.full else f"{words.percent(self.used, self.total)}%"


def pools(state: State, found: Takings | None = None) -> tuple[Gauge, ...]:
    """All pools, by name; none while no valid configuration is known. `found` is what is in use, where that is known."""
    config = state.config
    if config is None:
        return ()
    used = (found or takings.count(state)).by_pool
    gauges = (_gauge(config, config.pools[name], *used.get(name, (0, 0))) for name in sorted(config.pools))
    if not state.scope:
        return tuple(gauges)
    written = {one.pool: one.assigned_v4 + one.assigned_v6 for one in state.pools.values()}
    return tuple(replace(one, used=written.get(one.name), pinned=None) for one in gauges)


def lines(gauges: Sequence[Gauge], width: int, limit: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """The pools in at most `limit` lines: one a line where there is room, else two."""
    if width >= WIDE_FROM:
        wished = max((len(gauge.ranges) for gauge in gauges), default=0) + 2
        longest = max((words.cells(gauge.name) for gauge in gauges), default=0)
        name = max(NAME_WIDTH, min(longest, width // MAX_NAME_SHARE, width - FIXED_WIDTH - MIN_RANGES - MIN_BAR_WIDTH))
        room = min(wished, MAX_RANGES, width - FIXED_WIDTH - name - MIN_BAR_WIDTH)
        full = [_wide(gauge, width, name, room, glyphs) for gauge in gauges]
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
    cells = words.bar(gauge.used or 0, gauge.total, width)
    return (Span(glyphs.full * cells, gauge.tone), Span(glyphs.rest * (width - cells), "track"))


def _told(number: int | None) -> str:
    return "?" if number is None else words.count(number)


def _counts(gauge: Gauge, width: int) -> Line:
    counts = f"{_told(gauge.used)}/{words.count(gauge.total)}".rjust(width)
    return (Span(counts), Span(f"{gauge.share:>{SHARE_WIDTH}}", gauge.tone if gauge.tone != "info" else "dim"))


def _wide(gauge: Gauge, width: int, name: int, room: int, glyphs: Glyphs) -> Line:
    """A pool in `width` cells, of which its name has `name`, its ranges `room`, and its bar what is left."""
    tail = f"   pinned {_told(gauge.pinned):<{PINNED_WIDTH}}"
    way = "not announced" if not gauge.announced else "automatic" if gauge.auto else "by name"
    return (
        Span(words.pad(fit(gauge.name, name, glyphs), name + 1), "strong"),
        Span(fit(gauge.ranges, room - 1, glyphs).ljust(room), "dim"),
        *_bar(gauge, width - FIXED_WIDTH - name - room, glyphs),
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


def _gauge(config: Config, pool: Pool, used: int, pinned: int) -> Gauge:
    versions = sorted({span.version for span in pool.ranges})
    return Gauge(
        name=pool.name,
        ranges=", ".join(words.span_text(span) for span in pool.ranges),
        announced=bool(config.advertisements.get(pool.name)),
        used=used,
        total=sum(pool.capacity(version) for version in versions),
        pinned=pinned,
        auto=pool.auto_assign,
    )
