"""What `/state` of a speaker says: members, addresses with their line of nodes, configuration. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pylb import __version__
from pylb.core.config.loader import Problem
from pylb.core.model import Address, NodeName
from pylb.core.ownership.arbiter import Arbiter
from pylb.core.ownership.beats import State
from pylb.core.ownership.seats import Seat
from pylb.core.reasons import Reason

SILENT = 60.0  # s that a member that is not heard any more is still listed


def describe(
    arbiter: Arbiter,
    placements: Mapping[Any, tuple[str, ...]],
    refused: Mapping[Address, Reason],
    problems: Iterable[Problem],
    now: float,
    strangers: Mapping[NodeName, float],
    partial: bool = False,
) -> dict[str, Any]:
    """The state of one speaker as a JSON object; times in ms since the event. `strangers` share no key, for seconds.

    `partial`: it goes by what is valid of an invalid configuration.
    """
    return {
        "node": arbiter.node,
        "version": __version__,
        "incarnation": f"{arbiter.incarnation:016x}",
        "state": arbiter.state.value,
        "members": _members(arbiter, now),
        "strangers": [{"node": node, "for_ms": round(seconds * 1000)} for node, seconds in sorted(strangers.items())],
        "addresses": [_address(seat, arbiter, placements, refused) for seat in arbiter.seats.values()],
        "config": _config([str(problem) for problem in problems], partial),
    }


def _members(arbiter: Arbiter, now: float) -> list[dict[str, Any]]:
    alive = arbiter.presence.members
    heard: dict[NodeName, float] = {}
    for segment in arbiter.presence.segments.values():
        for peer in segment.peers:
            heard[peer.node] = max(peer.heard, heard.get(peer.node, peer.heard))
    return [
        {"node": name, "alive": name in alive, "last_heard_ms": round((now - at) * 1000)}
        for name, at in sorted(heard.items())
        if name in alive or now < at + SILENT
    ]


def draining(arbiter: Arbiter) -> set[NodeName]:
    """The nodes that say that they give all to others."""
    peers = (peer for segment in arbiter.presence.segments.values() for peer in segment.peers)
    found = {peer.node for peer in peers if peer.state is State.DRAINING}
    return found | ({arbiter.node} if arbiter.state is State.DRAINING else set())


def _address(
    seat: Seat, arbiter: Arbiter, placements: Mapping[Any, tuple[str, ...]], refused: Mapping[Address, Reason]
) -> dict[str, Any]:
    line, alive = seat.line, {*arbiter.presence.members, *([arbiter.node] if arbiter.state.takes_part else [])}
    drained = [node for node in draining(arbiter) if node in alive and node in line.verdict.ranking]
    owner, silent = arbiter.owner(line.address), [node for node in line.verdict.ranking if node not in alive]
    obstacle = refused.get(line.address) or _unconfirmed(seat)
    reason = obstacle or line.verdict.reason
    if reason is None and owner is None and len(silent) == len(line.verdict.ranking):
        reason = Reason.NOT_ALIVE
    claim = seat.mine.claim if seat.mine is not None else seat.owner
    excluded = {**line.verdict.excluded, **dict.fromkeys(silent, Reason.NOT_ALIVE)}
    excluded.update(dict.fromkeys(drained, Reason.NODE_DRAINS))
    return {
        "address": str(line.address),
        "owner": "" if obstacle else owner or "",
        "mine": seat.mine is not None and obstacle is None,
        "standing": seat.standing or "",
        "term": claim.term if claim is not None else 0,
        "provisional": claim is not None and claim.provisional,
        "services": list(line.services),
        "pool": line.pool,
        "candidates": [node for node in line.verdict.ranking if node in alive and node not in drained],
        "excluded": {name: why.value for name, why in sorted(excluded.items())},
        "reason": reason.value if reason else None,
        "interfaces": list(placements.get(line.address, ())),
    }


def _unconfirmed(seat: Seat) -> Reason | None:
    """Why a node does not answer for what was its own; another may have it by now. None where it may, or never had it."""
    if seat.mine is None or seat.mine.confirmed:
        return None
    return Reason.STALLED if seat.segments else Reason.NO_LINK


def _config(problems: list[str], partial: bool) -> dict[str, Any]:
    return {"stale": bool(problems), "partial": partial, "problems": problems}
