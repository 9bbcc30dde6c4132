"""The state as plain lines, for pipes, dumb terminals and readers aloud. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pylb.tui import columns, gauges, rows, summary, words
from pylb.tui.rows import PROBLEMS, ServiceRow
from pylb.tui.state import State

IN_FORCE = "in force is the last good configuration; for daemons that started since, what is valid of this one"
WIDTH = columns.WHY_FROM  # cells of a pool's line; a pipe has no edge


def has_problems(found: tuple[ServiceRow, ...], state: State) -> bool:
    """Whether something is wrong that somebody should look at."""
    return any(row.word in PROBLEMS for row in found) or bool(summary.problems(state))


def report(state: State, now: float, text: str = "") -> Iterator[str]:
    """The state as lines; of the Services those that the filter `text` keeps."""
    found = rows.services(state, now)
    yield words.plain(summary.standing(state, found, now))
    for problem in summary.problems(state):
        yield f"configuration invalid: {problem}"
    if summary.problems(state):
        yield IN_FORCE
    yield ""
    pools = gauges.pools(state)
    for line in gauges.lines(pools, WIDTH, max(len(pools), 1), words.ASCII):
        yield words.plain(line).rstrip()
    if not pools:
        yield "no pool is known" if summary.problems(state) else "no pool is defined"
    yield ""
    yield from _table(rows.matching(found, text))


def _table(found: tuple[ServiceRow, ...]) -> Iterator[str]:
    """The Services, each column as wide as it needs; why a row is not well comes last, whole."""
    if not found:
        yield "no Service of type LoadBalancer"
        return
    table = [("ST", "SERVICE", "ADDRESS", "POOL", "HOW", "NODE", "SINCE", "AGE", "WHY")]
    for row in found:
        shared = f" *{row.shared}" if row.shared > 1 else ""
        how = f"{row.how} {row.source}".strip()
        name = f"{row.namespace}/{row.name}"
        address = f"{row.address or '-'}{shared}"
        pool = words.fit(row.pool or "-", columns.POOL_MAX)
        table.append((row.word.name, name, address, pool, how, row.node, row.since, row.age, row.why))
    widths = [max(len(line[index]) for line in table) for index in range(len(table[0]))]
    for line in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
