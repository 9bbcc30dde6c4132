"""Which addresses this node answers for: a state machine that turns election verdicts into takes and drops.

Two Services may share an address; it has one owner all the same. The rule is MetalLB's for now: whoever is first in
the line owns, at once. Who goes by what evidence is decided in `core.membership`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pylb.core.lines import Line
from pylb.core.membership import Cause, Down
from pylb.core.model import Address, NodeName, ServiceKey
from pylb.core.reasons import Reason

MAX_ADDRESSES = 10_000
FIRST, FIRST_IN_LINE, NO_LONGER_ELIGIBLE = "first_owner", "first_in_line", "no_longer_eligible"  # causes beside Cause's


@dataclass(frozen=True, slots=True)
class Take:
    """Answer for an address from now on. `silent` is how long the lost owner had not been heard, in s."""

    line: Line
    previous: NodeName | None
    cause: str
    silent: float | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """Stop answering for an address."""

    address: Address
    services: tuple[ServiceKey, ...]
    reason: Reason


class Ownership:
    """What one node owns, and whom it takes for the owner of all else."""

    def __init__(self, node: NodeName) -> None:
        self.node = node
        self.lines: dict[Address, Line] = {}
        self._owners: dict[Address, NodeName] = {}

    @property
    def owned(self) -> dict[Address, Line]:
        """The addresses that this node answers for."""
        return {address: line for address, line in self.lines.items() if line.verdict.winner == self.node}

    def update(self, lines: Iterable[Line], lost: Mapping[NodeName, Down]) -> list[Take | Drop]:
        """Go by new verdicts; `lost` are the members that went since the last call."""
        before = self.owned
        self.lines = {line.address: line for line in list(lines)[:MAX_ADDRESSES]}
        after = self.owned
        changes: list[Take | Drop] = [
            Drop(address, line.services, self._why(address)) for address, line in before.items() if address not in after
        ]
        changes += [self._take(line, lost) for address, line in after.items() if address not in before]
        self._remember()
        return changes

    def forget(self) -> None:
        """Nobody is known to have owned anything so far."""
        self._owners.clear()

    def _take(self, line: Line, lost: Mapping[NodeName, Down]) -> Take:
        previous = self._owners.get(line.address)
        if previous is None:
            return Take(line, None, FIRST)
        gone = lost.get(previous)
        if gone is not None:
            return Take(line, previous, gone.cause.value, gone.silent if gone.cause is Cause.SILENT else None)
        return Take(line, previous, FIRST_IN_LINE if previous in line.verdict.ranking else NO_LONGER_ELIGIBLE)

    def _why(self, address: Address) -> Reason:
        line = self.lines.get(address)
        if line is None:
            return Reason.NO_ADDRESS
        return line.verdict.reason or line.verdict.excluded.get(self.node) or Reason.NOT_ELECTED

    def _remember(self) -> None:
        known = {address: line.verdict.winner for address, line in self.lines.items()}
        self._owners = {address: winner for address, winner in known.items() if winner is not None}
