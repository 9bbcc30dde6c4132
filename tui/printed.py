"""The state as text for pipes, dumb terminals, readers aloud and programs: tables, JSON, YAML, and what changes. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pylb.core.events import Event, encode
from pylb.core.explanation.findings import Question, Row
from pylb.tui import columns, document, exports, gauges, holders, leaders, rows, summary, words
from pylb.tui.document import Record, has_problems
from pylb.tui.rows import ServiceRow
from pylb.tui.state import State

__all__ = ["Changes", "explanation", "has_problems", "report", "written"]
IN_FORCE = "in force is the last good configuration; for daemons that started since, what is valid of this one"
WIDTH = columns.WHY_FROM  # cells of a pool's line; a pipe has no edge
AGAIN_S = 1.0  # verdicts change with time alone, too
MAX_PAD = 48  # cells that a column is filled up to: what is longer pushes its own row alone, and is not cut
HEADINGS = ("ST", "SERVICE", "ADDRESS", "POOL", "HOW", "NODE", "SINCE", "AGE", "WHY")
WIDE_HEADINGS = (*HEADINGS[:-1], "PORTS", "CLASS", "WHY")


def written(state: State, now: float, source: str, output: str, wanted: str = "") -> str:
    """The state in one of the formats: table, wide, json, yaml, jsonl; of the Services those that a filter keeps."""
    if output in ("table", "wide"):
        return "".join(f"{line}\n" for line in report(state, now, wanted, wide=output == "wide"))
    found = rows.matching(rows.services(state, now), wanted)
    if output == "jsonl":
        return "".join(_objects(state, now, source, found))
    made = document.whole(state, now, source, found)
    return exports.yaml_text(made) if output == "yaml" else json.dumps(made, indent=2) + "\n"


def _objects(state: State, now: float, source: str, found: tuple[ServiceRow, ...]) -> Iterator[str]:
    """First what there is one of, then one object a line."""
    head = document.whole(state, now, source, found)
    lists = {name: head.pop(f"{name}s") for name in ("pool", "service", "node", "controller", "move")}
    yield _line({"kind": "summary", **head})
    for kind, several in lists.items():
        for one in several:
            yield _line({"kind": kind, **one})


def _line(value: Record) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"


def report(state: State, now: float, text: str = "", *, wide: bool = False) -> Iterator[str]:
    """The state as lines for people; of the Services those that the filter `text` keeps."""
    found = rows.services(state, now)
    yield words.plain(summary.standing(state, found, now))
    for problem in summary.problems(state):
        yield f"configuration invalid: {problem}"
    if summary.problems(state):
        yield IN_FORCE
    for warning in state.warnings:
        yield _printable(f"configuration: {warning}")
    for caution in leaders.cautions(state, holders.seen_at(state, now)):
        yield _printable(f"{caution.text}: {caution.command}")
    for kind, why in sorted(state.denied.items()):
        yield f"may not be read here: {kind.value} ({why})"
    yield ""
    pools = gauges.pools(state)
    for line in gauges.lines(pools, WIDTH, max(len(pools), 1), words.ASCII):
        yield words.plain(line).rstrip()
    if not pools:
        yield "no pool is known" if summary.problems(state) or state.config is None else "no pool is defined"
    yield ""
    kept = rows.matching(found, text)
    if kept:
        yield from _table(state, kept, wide=wide)
    else:
        yield _printable(_nothing(state, len(found), text))


def _nothing(state: State, rows_there: int, text: str) -> str:
    """Why no Service is shown, and what to leave out to see some."""
    if rows_there:
        one = "the one row" if rows_there == 1 else f"any of the {rows_there} rows"
        return f"the filter {text.strip()!r} does not keep {one}: without --filter all are shown"
    where = f" in the namespace {state.scope}: without -n those of all namespaces are shown" if state.scope else ""
    return f"no Service of type LoadBalancer{where}"


def _table(state: State, found: tuple[ServiceRow, ...], *, wide: bool) -> Iterator[str]:
    """The Services, each column as wide as most need; why a row is not well comes last, whole."""
    yield from aligned([WIDE_HEADINGS if wide else HEADINGS, *(_cells(state, row, wide=wide) for row in found)])


def _cells(state: State, row: ServiceRow, *, wide: bool) -> tuple[str, ...]:
    shared = f" *{row.shared}" if row.shared > 1 else ""
    how = f"{row.how} {row.source}".strip()
    name = f"{row.namespace}/{row.name}"
    pool = words.fit(row.pool or "-", columns.POOL_MAX)
    cells = (row.word.name, name, f"{row.address or '-'}{shared}", pool, how, row.node, row.since, row.age)
    if not wide:
        return (*cells, row.why)
    dated = state.services.get(name)
    ports = ",".join(map(str, dated.service.ports)) if dated is not None else ""
    named = (dated.service.load_balancer_class or "") if dated is not None else ""
    return (*cells, ports or "-", named or "-", row.why)


def aligned(table: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows of cells, each column as wide as it needs, up to MAX_PAD. What a terminal would obey is shown as `?`."""
    clean = [[_printable(cell) for cell in line] for line in table]
    columns_of = [[words.cells(line[index]) for line in clean] for index in range(len(clean[0]))]
    widths = [max(size for size in (0, *sizes) if size <= MAX_PAD) for sizes in columns_of]
    for line in clean:
        yield "  ".join(
            cell + " " * (width - words.cells(cell)) for cell, width in zip(line, widths, strict=True)
        ).rstrip()


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)


def explanation(service: str, found: Sequence[Row]) -> Iterator[str]:
    """What is to say of a Service: a heading for each question, a line for each check, and what helps below it."""
    yield _printable(service)
    width = max((len(row.check) for row in found), default=0)
    for question in Question:
        several = [row for row in found if row.question is question]
        if several:
            yield ""
            yield question.text
        for row in several:
            yield f"  {row.mark.value:7}  {row.check:{width}}  {_printable(row.text)}"
            for fix in row.fixes:
                yield f"           -> {_printable(fix.text)}"
                for command in fix.command.splitlines():
                    yield f"              {_printable(command)}"


class Changes:
    """What is printed of a state that goes on: all of it first, then what changed."""

    def __init__(self, source: str, output: str, wanted: str = "") -> None:
        self._source, self._output, self._wanted = source, output, wanted
        self._before: dict[tuple[str, str], Record] | None = None
        self._seen: State | None = None
        self._shown_at = 0.0

    def show(self, state: State, now: float) -> str:
        """The text of what is new; "" where nothing is."""
        if state is self._seen and 0 <= now - self._shown_at < AGAIN_S:
            return ""
        happened = () if self._seen is None else _since(self._seen, state)
        self._seen, self._shown_at = state, now
        found = rows.matching(rows.services(state, now), self._wanted)
        before, self._before = self._before, document.records(state, now, found)
        if before is None:
            return written(state, now, self._source, self._output, self._wanted)
        told = list(document.changes(before, self._before))
        if self._output == "jsonl":
            lines = [
                _line({"kind": kind, "change": change, "at": now, "key": key, **one}) for change, kind, key, one in told
            ]
            return "".join((*lines, *(_line({"kind": "event", **_event(one)}) for one in happened)))
        if not told:
            return ""
        if self._output in ("json", "yaml"):
            whole = written(state, now, self._source, self._output, self._wanted)
            return f"---\n{whole}" if self._output == "yaml" else whole
        return "".join(f"{line}\n" for line in _changed_lines(now, told))


def _since(before: State, after: State) -> tuple[Event, ...]:
    known = set(before.events)
    return tuple(one for one in after.events if one not in known)


def _event(event: Event) -> Record:
    told = encode(event)
    return {"event": told.pop("kind"), **told}


def _changed_lines(now: float, told: Sequence[tuple[str, str, str, Record]]) -> Iterator[str]:
    """A line for each change: when, of what, and how it stands."""
    for change, kind, key, one in told:
        name = f"{one['namespace']}/{one['name']}" if kind == "service" else key
        head = f"{words.clock(now)}  {kind:13}  {_printable(name)}"
        yield f"{head}  {change if change == 'gone' else _printable(_how(kind, one))}".rstrip()


def _how(kind: str, one: Record) -> str:
    if kind == "service":
        nodes = ",".join(one["nodes"]) or "-"
        return f"{one['state']}  {one['address'] or '-'}  {nodes}  {one['why']}"
    if kind == "pool":
        return f"{'?' if one['used'] is None else one['used']} of {one['total']} in use"
    if kind == "node":
        ready = {True: "Ready", False: "NotReady"}.get(one["ready"], "unknown")
        return (
            f"{ready}{', drained' if one['drained'] else ''}, speaker {one['speaker'] or '-'}, owns {len(one['owns'])}"
        )
    if kind == "controller":
        return one["silent"] or one["trouble"] or ("leads" if one["leads"] else "follows")
    if kind == "link":
        return one["offline_reason"] or "online"
    return "; ".join((*one["problems"], *one["warnings"])) or "valid"
