"""What `/state` of the controller says: who has which address, who waits and why, configuration. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pylb import __version__
from pylb.controller.reconcile import Books
from pylb.core.allocator import Decision
from pylb.core.config import Config, Problem


def describe(books: Books, config: Config, problems: Iterable[Problem]) -> dict[str, Any]:
    """The controller's state as a JSON object; `config` is the one in force, the last good one if there are problems."""
    shown = [str(problem) for problem in problems]
    return {
        "version": __version__,
        "allocations": {
            key: {"addresses": [str(address) for address in allocation.addresses], "pool": allocation.pool}
            for key, allocation in sorted(books.ledger.allocations.items())
        },
        "waiting": {key: _waiting(decision) for key, decision in sorted(books.waiting.items())},
        "config": {"stale": bool(shown), "problems": shown, "pools": sorted(config.pools)},
    }


def _waiting(decision: Decision) -> dict[str, Any]:
    reason = decision.reason.value if decision.reason else None
    return {"reason": reason, "text": decision.text, "blockers": list(decision.blockers)}
