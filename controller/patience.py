"""Who of those who wait may have what they wait for by now: as long as nobody left an address, none of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from pylb.core.allocation.allocator import Decision
from pylb.core.allocation.ledger import Ledger
from pylb.core.model import ServiceKey


class Patience:
    """What was so when those who wait were decided on last."""

    def __init__(self) -> None:
        self._known: tuple[object, ...] = ()
        self._left = self._joined = -1

    def stirred(
        self, waiting: tuple[Mapping[ServiceKey, Decision], ...], ledger: Ledger, known: tuple[object, ...]
    ) -> set[ServiceKey]:
        """Those to decide on again, since they may be helped, or others are in their way by now; counts as done.

        `known` is all that decisions depend on besides the ledger, as the very objects.
        """
        same = len(known) == len(self._known) and all(a is b for a, b in zip(known, self._known, strict=True))
        helped = not same or ledger.left != self._left
        others = ledger.joined != self._joined
        self._known, self._left, self._joined = known, ledger.left, ledger.joined
        if helped:
            return {key for decisions in waiting for key in decisions}
        if others:
            return {key for decisions in waiting for key, decision in decisions.items() if decision.blockers}
        return set()

    def end(self) -> None:
        """They were not decided on after all."""
        self._known = ()
