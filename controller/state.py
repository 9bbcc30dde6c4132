"""What `/state` of the controller says: who has which address, who waits and why, configuration. Pure."""

from __future__ import annotations

from typing import Any

from pylb import __version__
from pylb.controller.reconcile import Books
from pylb.core.allocator import Decision
from pylb.kube.configuration import Configuration


def describe(books: Books, configuration: Configuration) -> dict[str, Any]:
    """The controller's state as a JSON object."""
    problems = [str(problem) for problem in configuration.problems]
    return {
        "version": __version__,
        "allocations": {
            key: {"addresses": [str(address) for address in allocation.addresses], "pool": allocation.pool}
            for key, allocation in sorted(books.ledger.allocations.items())
        },
        "waiting": {key: _waiting(decision) for key, decision in sorted(books.waiting.items())},
        "config": {"stale": configuration.stale, "problems": problems, "pools": sorted(configuration.current.pools)},
    }


def _waiting(decision: Decision) -> dict[str, Any]:
    reason = decision.reason.value if decision.reason else None
    return {"reason": reason, "text": decision.text, "blockers": list(decision.blockers)}
