"""What `/state` of a speaker says: members, addresses with their line of nodes, configuration. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pylb import __version__
from pylb.core.config import Problem
from pylb.core.membership import Membership
from pylb.core.model import Address, NodeName
from pylb.core.ownership import Line
from pylb.core.reasons import Reason


def describe(
    membership: Membership,
    lines: Iterable[Line],
    placements: Mapping[Any, tuple[str, ...]],
    refused: Mapping[Address, Reason],
    problems: Iterable[Problem],
    now: float,
) -> dict[str, Any]:
    """The state of one speaker as a JSON object; times in ms since the event."""
    return {
        "node": membership.node,
        "version": __version__,
        "incarnation": f"{membership.incarnation:016x}",
        "state": membership.state.value,
        "members": _members(membership, now),
        "addresses": [_address(line, membership.node, placements, refused) for line in lines],
        "config": _config([str(problem) for problem in problems]),
    }


def _members(membership: Membership, now: float) -> list[dict[str, Any]]:
    alive = membership.alive
    heard = membership.members
    return [
        {"node": name, "alive": name in alive, "last_heard_ms": round((now - heard[name]) * 1000)}
        for name in sorted(heard)
    ]


def _address(
    line: Line, node: NodeName, placements: Mapping[Any, tuple[str, ...]], refused: Mapping[Address, Reason]
) -> dict[str, Any]:
    verdict = line.verdict
    reason = refused.get(line.address) or verdict.reason
    return {
        "address": str(line.address),
        "owner": "" if line.address in refused else verdict.winner or "",
        "mine": verdict.winner == node and line.address not in refused,
        "services": list(line.services),
        "pool": line.pool,
        "candidates": list(verdict.ranking),
        "excluded": {name: why.value for name, why in sorted(verdict.excluded.items())},
        "reason": reason.value if reason else None,
        "interfaces": list(placements.get(line.address, ())),
    }


def _config(problems: list[str]) -> dict[str, Any]:
    return {"stale": bool(problems), "problems": problems}
