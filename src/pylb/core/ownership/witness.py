"""Whether this node is the one that was cut off: a third party on the link that answers when it is asked. Pure.

The gateway, where the link has one that ever answered; else another speaker that hears us. With neither there is
nothing to ask, and only time speaks.
"""

from __future__ import annotations

from dataclasses import dataclass

from pylb.core.ownership.evidence import ASK_AGAIN

ASK_IDLE = 1.0  # s between two questions while nothing is wrong
LOST = 0.25  # s without an answer after which it is lost: below every peer's deadline, as the stall limit is
PATIENCE = 3.0  # s after which a node acts without a witness, provisionally


@dataclass(slots=True)
class Witness:
    """What the gateway of one link said; times in seconds."""

    answered: float | None = None  # None: never
    asked: float = float("-inf")
    unanswered: float | None = None  # when the first question was put that had no answer yet

    def is_due(self, urgent: bool, now: float) -> bool:
        """Whether to ask (again): at once and often while somebody is suspected, or an answer is missing."""
        return now >= self.due(urgent, now)

    def due(self, urgent: bool, now: float) -> float:
        """When to ask (again)."""
        return self.asked + (ASK_AGAIN if urgent or self.is_late(now) else ASK_IDLE)

    def ask(self, now: float) -> None:
        """The question is put."""
        self.asked = now
        if self.unanswered is None:
            self.unanswered = now

    def answer(self, now: float) -> None:
        """It answered."""
        self.answered, self.unanswered = now, None

    def is_late(self, now: float) -> bool:
        """Whether an answer is missing."""
        return self.answered is not None and self.unanswered is not None and now > self.unanswered + ASK_AGAIN

    def is_lost(self, now: float, room: float = 0.0) -> bool:
        """Whether it answered once and does not any more; `room`: s more where frames come unevenly or get lost."""
        return self.answered is not None and self.unanswered is not None and now > self.unanswered + LOST + room

    def start_anew(self) -> None:
        """We were held up or cut off: that it did not answer meanwhile says nothing."""
        self.unanswered = None
