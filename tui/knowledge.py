"""A state with what all rows of Services need of it, worked out once. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from pylb.tui import holders
from pylb.tui.holders import Evidence
from pylb.tui.state import State

FAILED_NOTES = frozenset({"AllocationFailed", "LoadBalancerFailed", "InternalError", "AdditionalAssignFailed"})


@dataclass(frozen=True, slots=True)
class View:
    """The state with what all rows need of it, worked out once."""

    state: State
    now: float  # of `holders.seen_at`
    evidence: Evidence
    shares: Mapping[str, int]  # by address, how many Services use it, where these are several
    failures: Mapping[str, tuple[float, str]]  # by Service, when it got no address and why

    @property
    def silent(self) -> frozenset[str]:
        """Nodes whose speaker is not heard."""
        return self.evidence.silent


def worked_out(state: State, now: float, before: View | None = None) -> View:
    """The state, and that; what did not change since `before` is kept."""
    seen = holders.seen_at(state, now)
    evidence = holders.gather(state, seen, before.evidence if before is not None else None)
    same = before is not None and before.state.services is state.services
    shares = before.shares if before is not None and same else _shared(state)
    same = before is not None and before.state.notes is state.notes
    return View(state, seen, evidence, shares, before.failures if before is not None and same else _failed(state))


@lru_cache(maxsize=1_024)
def once(nodes: tuple[str, ...]) -> tuple[str, ...]:
    """The same nodes, which stand in memory once: they announce thousands of addresses."""
    return nodes


def _shared(state: State) -> dict[str, int]:
    users = Counter(
        ip
        for dated in state.services.values()
        for ip in (dated.service.ingress if len(dated.service.ingress) < 2 else set(dated.service.ingress))
    )
    return {ip: count for ip, count in users.items() if count > 1}


def _failed(state: State) -> dict[str, tuple[float, str]]:
    failures: dict[str, tuple[float, str]] = {}
    for note in state.notes.values():
        if note.reason in FAILED_NOTES and note.at >= failures.get(note.service, (0.0, ""))[0]:
            failures[note.service] = (note.at, note.text)
    return failures
