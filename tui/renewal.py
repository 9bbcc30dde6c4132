"""The table of Services, with the rows of the last drawing where they still hold. Pure.

A row costs 20 microseconds and more, and at most drawings one Service of thousands is another than before. Which may be
is found table by table: what stands there under a Service's key or its address, and what time alone changes. Where
anything is another that all rows depend on, all are made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pylb.tui import holders, rows, words
from pylb.tui.knowledge import View, worked_out
from pylb.tui.rows import FOREIGN_SHOWN_S, MOVE_SHOWN_S, ServiceRow
from pylb.tui.state import State, Trail

RESTLESS_S = max(MOVE_SHOWN_S, FOREIGN_SHOWN_S, holders.FLAP_WINDOW_S)  # so long time alone changes a verdict


@dataclass(frozen=True, slots=True)
class Roll:
    """All rows, in order and by Service, and what they were made from."""

    view: View
    rows: tuple[ServiceRow, ...]
    by_service: Mapping[str, tuple[ServiceRow, ...]]


def roll(state: State, now: float, before: Roll | None = None) -> Roll:
    """The rows of all Services; hand in the last ones."""
    view = worked_out(state, now, before.view.evidence if before is not None else None)
    earlier = before.by_service if before is not None else {}
    touched = None if before is None else _touched(before.view, view)
    made: dict[str, tuple[ServiceRow, ...]] = {}
    for key, dated in state.services.items():
        known = earlier.get(key)
        if known is None or touched is None or not _hold(known, (key, dated.service.key), view.now, touched):
            found = rows.of_service(view, dated)
            known = known if known == found else found  # two generations of all rows would need twice the memory
        made[key] = known
    if before is not None and len(made) == len(earlier) and all(earlier.get(key) is some for key, some in made.items()):
        return Roll(view, before.rows, made)
    return Roll(view, rows.in_order(row for some in made.values() for row in some), made)


def _hold(known: tuple[ServiceRow, ...], keys: tuple[str, str], now: float, touched: set[str]) -> bool:
    return touched.isdisjoint(keys) and all(_holds(row, now, touched) for row in known)


def _holds(row: ServiceRow, now: float, touched: set[str]) -> bool:
    if row.address in touched or len(row.nodes) > 1:  # who announces besides is a conflict after a while
        return False
    since = "-" if row.since_at is None else words.age(now - row.since_at)
    return since == row.since and (row.created is None or words.age(now - row.created) == row.age)


def _touched(before: View, after: View) -> set[str] | None:
    """Keys and addresses of which something else is known than before, or may be now; None for all."""
    if after.now < before.now or _common(before) != _common(after):
        return None
    tables = [
        (_table(before, name), _table(after, name)) for name in ("services", "waits", "contests", "foreign", "trails")
    ]
    tables += [
        (before.evidence.told, after.evidence.told),
        (before.evidence.statuses, after.evidence.statuses),
        (before.evidence.guesses, after.evidence.guesses),
        (before.shares, after.shares),
        (before.failures, after.failures),
        *((one.claims, after.evidence.speakers[node].claims) for node, one in before.evidence.speakers.items()),
    ]
    return {key for old, new in tables for key in _differing(old, new)} | set(_restless(before))


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


def _restless(view: View) -> Iterator[str]:
    """What time alone may have changed since: what was lately on the move, and whom two write."""
    yield from view.state.contests
    yield from (address for address, seen in view.state.foreign.items() if view.now - seen.at < RESTLESS_S)
    yield from (key for key, trail in view.evidence.trails.items() if view.now - _last(trail) < RESTLESS_S)


def _last(trail: Trail) -> float:
    return max((*(take.since for take in trail.takes), *trail.changes), default=float("-inf"))
