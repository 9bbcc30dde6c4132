"""What `/state` of the controller says: its role, who has which address, who waits and why, configuration. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pylb import __version__
from pylb.controller.reconcile import Books
from pylb.core.allocation.allocator import Decision
from pylb.core.config.loader import Config, Problem
from pylb.core.model import ServiceKey
from pylb.core.rivalry import Contest


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a controller stands among the others, for people."""

    leads: bool
    writes: bool  # it may write now; a leader may not while the API server does not answer
    identity: str = ""  # what it is called in the Lease; "" where there is none
    holder: str = ""  # whom the Lease names
    trouble: str = ""  # why it can neither take nor keep the Lease


def describe(
    seat: Seat,
    books: Books,
    config: Config,
    problems: Iterable[Problem],
    contests: Mapping[ServiceKey, Contest] | None = None,
    now: float = 0.0,
    partial: bool = False,
    warnings: Iterable[Problem] = (),
) -> dict[str, Any]:
    """The controller's state as a JSON object; `config` is the one in force, the last good one if there are problems,
    or, where it is `partial`, what is valid of the one that has them. `warnings` hold nothing back.

    A follower knows of no allocations: the leader's count.
    """
    shown = [str(problem) for problem in problems]
    odd = [str(warning) for warning in warnings]
    return {
        "version": __version__,
        "role": "leader" if seat.leads else "follower",
        "lease": {
            "identity": seat.identity,
            "holder": seat.holder,
            "may_write": seat.writes,
            "trouble": seat.trouble,
        },
        "allocations": {
            key: {"addresses": [str(address) for address in allocation.addresses], "pool": allocation.pool}
            for key, allocation in sorted(books.ledger.allocations.items())
        },
        "waiting": {key: _waiting(decision) for key, decision in sorted(books.waiting.items())},
        "contested": {key: _contested(contest, now) for key, contest in sorted((contests or {}).items())},
        "config": {
            "stale": bool(shown),
            "partial": partial,
            "problems": shown,
            **({"warnings": odd} if odd else {}),
            "pools": sorted(config.pools),
        },
    }


def _contested(contest: Contest, now: float) -> dict[str, Any]:
    """A Service that somebody else writes, too, and whom it is left to."""
    return {"by": contest.by, "wrote": list(contest.wrote), "left_alone_s": round(max(0.0, contest.until - now))}


def _waiting(decision: Decision) -> dict[str, Any]:
    reason = decision.reason.value if decision.reason else None
    return {"reason": reason, "text": decision.text, "blockers": list(decision.blockers), "fix": decision.fix}
