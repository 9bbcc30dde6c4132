"""The state as JSON for programs, with keys that stay: what `pylb status` prints, and what it calls a change. Pure.

docs/status.md lists the keys. Times are Unix seconds; what is not known is null, and what there is none of an empty list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from pylb.core.model import PoolName
from pylb.tui import gauges, holders, leaders, rows, summary
from pylb.tui.rows import PROBLEMS, ServiceRow
from pylb.tui.state import Dated, State

SCHEMA = "pylb-status/1"
Record = dict[str, Any]


def whole(state: State, now: float, source: str, found: tuple[ServiceRow, ...]) -> Record:
    """Everything, of the Services the rows `found`."""
    link, seen = state.link, holders.seen_at(state, now)
    return {
        "schema": SCHEMA,
        "source": source,
        "at": now,
        "ok": not has_problems(found, state, now),
        "namespace": state.scope or None,
        "online": link.online,
        "heard_at": link.heard_at,
        "offline_reason": link.reason or None,
        "problems": list(summary.problems(state)),
        "warnings": list(state.warnings),
        "unreadable": [{"kind": kind.value, "reason": why} for kind, why in sorted(state.denied.items())],
        "remarks": list(state.remarks),
        "cautions": [{"text": one.text, "command": one.command} for one in leaders.cautions(state, seen)],
        "counts": counts(found),
        "pools": [pool for _, pool in pools(state)],
        "services": [service for _, service in services(state, found)],
        "nodes": [node for _, node in nodes(state, now)],
        "controllers": [controller for _, controller in controllers(state)],
        "moves": [asdict(move) for move in state.moves],
    }


def has_problems(found: tuple[ServiceRow, ...], state: State, now: float) -> bool:
    """Whether something is wrong at `now` that somebody should look at; that no controller is there counts, too."""
    wrong = any(row.word in PROBLEMS for row in found) or bool(summary.problems(state))
    return wrong or bool(leaders.leaderless(state, holders.seen_at(state, now)))


def counts(found: tuple[ServiceRow, ...]) -> dict[str, int]:
    """How many rows are in each state, and how many Services there are."""
    words = {word.name: 0 for word in rows.Word}
    for row in found:
        words[row.word.name] += 1
    return {"services": summary.shown(found), **words}


def records(state: State, now: float, found: tuple[ServiceRow, ...]) -> dict[tuple[str, str], Record]:
    """Everything that has a state of its own, by kind and key: what is compared to find changes."""
    made: dict[tuple[str, str], Record] = {}
    for kind, several in (
        ("service", services(state, found)),
        ("pool", pools(state)),
        ("node", nodes(state, now)),
        ("controller", controllers(state)),
    ):
        made.update(((kind, key), record) for key, record in several)
    online, reason = state.link.online, state.link.reason
    made["link", ""] = {"online": online, "offline_reason": reason or None if online is False else None}
    made["configuration", ""] = {"problems": list(summary.problems(state)), "warnings": list(state.warnings)}
    return made


def services(state: State, found: tuple[ServiceRow, ...]) -> Iterator[tuple[str, Record]]:
    """One record for each address of a Service, or for a Service without any."""
    for row in found:
        dated: Dated | None = state.services.get(f"{row.namespace}/{row.name}")
        service = dated.service if dated is not None else None
        yield (
            row.key,
            {
                "namespace": row.namespace,
                "name": row.name,
                "state": row.word.name,
                "address": row.address or None,
                "shared_by": row.shared,
                "pool": row.pool or None,
                "how": row.how,
                "pinned_by": row.source or None,
                "nodes": list(row.nodes),
                "announced_since": row.since_at,
                "created": row.created,
                "ports": [str(port) for port in service.ports] if service is not None else [],
                "class": service.load_balancer_class if service is not None else None,
                "why": row.why,
            },
        )


def pools(state: State) -> Iterator[tuple[str, Record]]:
    """One record for each pool of the configuration in force."""
    config = state.config
    for gauge in gauges.pools(state):
        pool = config.pools.get(PoolName(gauge.name)) if config is not None else None
        yield (
            gauge.name,
            {
                "name": gauge.name,
                "ranges": [str(span) for span in pool.ranges] if pool is not None else [],
                "used": gauge.used,
                "total": gauge.total,
                "pinned": gauge.pinned,
                "automatic": gauge.auto,
                "announced": gauge.announced,
            },
        )


def nodes(state: State, now: float) -> Iterator[tuple[str, Record]]:
    """One record for each node, with what its speaker says of itself."""
    seen = holders.seen_at(state, now)
    silent, fresh = holders.silent_speakers(state, seen), holders.fresh_speakers(state, seen)
    pods = {str(pod.node): pod for pod in state.pods.values() if holders.is_speaker(pod.labels)}
    for name in sorted({*state.nodes, *state.speakers}):
        node, speaker = state.nodes.get(name), state.speakers.get(name)
        pod = pods.get(name)
        snapshot = speaker.snapshot if speaker is not None else None
        yield (
            name,
            {
                "name": name,
                "ready": node.ready if node is not None else None,
                "drained": node.drained if node is not None else None,
                "speaker": _speaker(name in fresh, name in silent, pod.ready if pod is not None else None),
                "speaker_state": snapshot.state or None if snapshot is not None else None,
                "version": snapshot.version or None if snapshot is not None else None,
                "hears": [one.node for one in snapshot.members if one.alive] if snapshot is not None else [],
                "owns": [address for address, held in snapshot.said.items() if held.mine]
                if snapshot is not None
                else [],
            },
        )


def _speaker(fresh: bool, silent: bool, ready: bool | None) -> str | None:
    """How a node's speaker is: heard, silent, ready or unready (its pod, where nobody can ask it); None without one."""
    if silent:
        return "silent"
    if fresh:
        return "heard"
    return None if ready is None else "ready" if ready else "unready"


def controllers(state: State) -> Iterator[tuple[str, Record]]:
    """One record for each controller that was asked."""
    for key, one in sorted(state.controllers.items()):
        yield (
            key,
            {
                "pod": key,
                "node": one.seat.node or None,
                "leads": one.seat.leads,
                "may_write": one.seat.writes,
                "silent": one.silent or None,
                "trouble": one.seat.trouble or None,
                "version": one.seat.version or None,
            },
        )


def changes(
    before: Mapping[tuple[str, str], Record], after: Mapping[tuple[str, str], Record]
) -> Iterator[tuple[str, str, str, Record]]:
    """(what became of it, kind, key, record) of all that is new, changed or gone; what is gone as it was."""
    for (kind, key), record in after.items():
        known = before.get((kind, key))
        if known != record:
            yield "new" if known is None else "changed", kind, key, record
    for (kind, key), record in before.items():
        if (kind, key) not in after:
            yield "gone", kind, key, record
