"""The table of Services, with the rows of the last drawing where they still hold. Pure.

A row costs 20 microseconds and more, and at most drawings one Service of thousands is another than before. Which may be
is found table by table: what stands there under a Service's key or its address, and what time alone changes. Only those
are looked at, and put into their place among the others. Where anything is another that all rows depend on, all are
made anew.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pylb.tui import holders, rows
from pylb.tui.knowledge import View, worked_out
from pylb.tui.rows import FOREIGN_SHOWN_S, MOVE_SHOWN_S, ServiceRow
from pylb.tui.state import State, Trail

RESTLESS_S = max(MOVE_SHOWN_S, FOREIGN_SHOWN_S, holders.FLAP_WINDOW_S)  # so long time alone changes a verdict
FRESH_S = 10.0  # so long a row is marked after it became another
SETTLED_S = 10.0  # after the first rows: what changes until then is what was not read yet
MAX_FRESH = 1_000
MAX_PLACED = 200  # rows that are put into their places one by one; where more changed all are sorted
Some = tuple[ServiceRow, ...]  # the rows of one Service


@dataclass(frozen=True, slots=True)
class Roll:
    """All rows, in order and by Service, and what they were made from."""

    view: View
    rows: Some
    by_service: Mapping[str, Some]
    began: float  # when the first rows were made
    restless: Mapping[str, float]  # by key of a trail, when it last went on, where that was lately
    changed: Mapping[str, float] = field(default_factory=dict)  # by row, when it became another, where that was lately

    def is_fresh(self, row: ServiceRow) -> bool:
        """Whether it became another a moment ago."""
        return row.key in self.changed


def roll(state: State, now: float, before: Roll | None = None) -> Roll:
    """The rows of all Services; hand in the last ones."""
    view = worked_out(state, now, before.view if before is not None else None)
    if before is None or view.now < before.view.now:
        return _anew(view)
    touched = _touched(before, view)
    asked = state.services if touched is None else _asked(before, view, touched)
    made = {key: _made(view, key, before.by_service.get(key, ())) for key in asked}
    changed = {key: some for key, some in made.items() if some is not before.by_service.get(key)}
    gone = before.by_service.keys() - state.services.keys()
    moving = _restless(before, view)
    fresh = _fresh(before, view.now, changed)
    if not changed and not gone:
        return Roll(view, before.rows, before.by_service, before.began, moving, fresh)
    by_service = {**before.by_service, **changed}
    for key in gone:
        del by_service[key]
    old = [row for key in (*changed, *gone) for row in before.by_service.get(key, ())]
    new = [row for some in changed.values() for row in some]
    return Roll(view, _placed(before.rows, old, new, by_service), by_service, before.began, moving, fresh)


def _anew(view: View) -> Roll:
    made = {key: rows.of_service(view, dated) for key, dated in view.state.services.items()}
    restless = dict(_lately(view, view.evidence.trails))
    return Roll(view, rows.in_order(row for some in made.values() for row in some), made, view.now, restless)


def _made(view: View, key: str, known: Some) -> Some:
    """The rows of a Service: those that are known where they are the same, for two generations need twice the memory."""
    found = rows.of_service(view, view.state.services[key])
    return known if known == found else found


def _asked(before: Roll, view: View, touched: set[str]) -> Iterable[str]:
    """The Services whose rows may be others now."""
    services = view.state.services
    found = [key for key in touched if key in services]
    found += [
        key
        for key, some in before.by_service.items()
        for row in some
        if (row.address in touched or len(row.nodes) > 1) and key in services  # two are a conflict after a while
    ]
    return dict.fromkeys(found)


def _placed(known: Some, old: list[ServiceRow], new: list[ServiceRow], by_service: Mapping[str, Some]) -> Some:
    """The rows in order, where some went and some came."""
    if len(old) + len(new) > MAX_PLACED:
        return rows.in_order(row for some in by_service.values() for row in some)
    found = list(known)
    for row in old:
        place = bisect_left(found, row.order, key=_order)
        del found[next(at for at in range(place, len(found)) if found[at] is row)]
    for row in new:
        insort(found, row, key=_order)
    return tuple(found)


def _order(row: ServiceRow) -> tuple[int, int, int, str, str]:
    return row.order


def _fresh(before: Roll, now: float, changed: Mapping[str, Some]) -> Mapping[str, float]:
    """The rows that became others lately: in state, address, node or asking, and not in words alone."""
    kept = {key: at for key, at in before.changed.items() if now - at < FRESH_S}
    if now - before.began >= SETTLED_S:
        for key, some in changed.items():
            known = {_looks(row) for row in before.by_service.get(key, ())}
            kept |= {row.key: now for row in some if _looks(row) not in known}
    return dict(list(kept.items())[-MAX_FRESH:])


def _looks(row: ServiceRow) -> tuple[object, ...]:
    return row.word, row.address, row.node, row.how


def _touched(before: Roll, after: View) -> set[str] | None:
    """Keys and addresses of which something else is known than before, or may be now; None for all."""
    view = before.view
    if _common(view) != _common(after):
        return None
    tables = [
        (_table(view, name), _table(after, name)) for name in ("services", "waits", "contests", "foreign", "trails")
    ]
    tables += [
        *((said, after.evidence.told[node]) for node, said in view.evidence.told.items()),
        (view.evidence.statuses, after.evidence.statuses),
        (view.evidence.guesses, after.evidence.guesses),
        (view.shares, after.shares),
        (view.failures, after.failures),
        *((one.claims, after.evidence.speakers[node].claims) for node, one in view.evidence.speakers.items()),
    ]
    quarrels = (address for address, seen in view.state.foreign.items() if view.now - seen.at < RESTLESS_S)
    return {key for old, new in tables for key in _differing(old, new)}.union(
        before.restless, view.state.contests, quarrels
    )


def _table(view: View, name: str) -> Mapping[str, object]:
    found: Mapping[str, object] = getattr(view.state, name)
    return found


def _common(view: View) -> tuple[object, ...]:
    """What any row may depend on."""
    state, evidence = view.state, view.evidence
    strangers = {node: one.snapshot.strangers for node, one in state.speakers.items()}
    return evidence.statuses_known, evidence.silent, set(evidence.speakers), strangers, _Same(state.config), state.nodes


@dataclass(frozen=True, slots=True, eq=False)
class _Same:
    """Something that is dear to compare: it is another unless it is the same object."""

    of: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.of is other.of

    __hash__ = None  # type: ignore[assignment]  # nobody keeps it


def _differing(old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    if old is new:
        return
    yield from old.keys() - new.keys()
    for key, value in new.items():
        known = old.get(key)
        if known is not value and known != value:
            yield key


def _restless(before: Roll, after: View) -> Mapping[str, float]:
    """Which trails went on lately: those that are known to have, and those that are others now."""
    old, new = before.view.evidence.trails, after.evidence.trails
    kept = {key: at for key, at in before.restless.items() if after.now - at < RESTLESS_S and key in new}
    if new is not old:
        kept.update(_lately(after, (key for key in _differing(old, new) if key in new)))
    return kept


def _lately(view: View, keys: Iterable[str]) -> Iterator[tuple[str, float]]:
    trails = view.evidence.trails
    return ((key, at) for key in keys if view.now - (at := _last(trails[key])) < RESTLESS_S)


def _last(trail: Trail) -> float:
    return max((*(take.since for take in trail.takes), *trail.changes), default=float("-inf"))
