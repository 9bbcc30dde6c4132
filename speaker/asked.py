"""The ARP questions that were put and may still be answered: pure, bounded, and forgotten in time.

An answer does not end a question: where two boxes answer, the wrong one may be the faster.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address

from pylb.core.ownership.questions import Answer, Question, Subject
from pylb.speaker.arp import UNSPECIFIED, Heard
from pylb.speaker.links import Link

PATIENCE = (
    2.5  # s that an answer is waited for: above the longest deadline of a peer (core.ownership.peers.MAX_DEADLINE)
)
MAX_ASKED = 1024  # questions that wait at a time
MAX_PROBED = 256  # of them by broadcast probe: each costs instructions in the kernel's filter


class Asked:
    """The memory of one node. Times are seconds of any clock that does not go back."""

    def __init__(self) -> None:
        self._at: dict[Question, float] = {}  # in the order of their times

    def __len__(self) -> int:
        return len(self._at)

    def put(self, question: Question, now: float) -> bool:
        """A question is asked, perhaps again; False if there is no room for it."""
        self.forget(now)
        known = self._at.pop(question, None) is not None
        if not known and not self._has_room(question):
            return False
        self._at[question] = now
        return True

    def forget(self, now: float) -> None:
        """What was asked too long ago waits no more."""
        while self._at:
            oldest = next(iter(self._at))
            if now - self._at[oldest] < PATIENCE:
                return
            del self._at[oldest]

    def keep(self, links: Iterable[str]) -> None:
        """Questions on other links than these wait no more."""
        kept = frozenset(links)
        self._at = {question: at for question, at in self._at.items() if question.link in kept}

    def probed(self, link: str) -> frozenset[IPv4Address]:
        """The addresses for which any sign counts on a link, not only a reply."""
        return frozenset(
            question.address
            for question in self._at
            if question.subject is Subject.PROBE and question.link == link and isinstance(question.address, IPv4Address)
        )

    def answers(self, heard: Heard, link: str, now: float) -> list[Answer]:
        """The answers that a frame gives to what was asked on its link."""
        self.forget(now)
        return [
            Answer(question, mac=heard.mac)
            for question in self._at
            if question.link == link and question.address == heard.address and _counts(heard, question)
        ]

    def _has_room(self, question: Question) -> bool:
        if len(self._at) >= MAX_ASKED:
            return False
        if question.subject is not Subject.PROBE:
            return True
        return sum(one.subject is Subject.PROBE for one in self._at) < MAX_PROBED


def _counts(heard: Heard, question: Question) -> bool:
    if question.subject is Subject.PROBE:
        return True
    # Who stands in names the owner's MAC, too: of the one that was asked by unicast, only its own voice is a sign of life.
    return heard.to_us and (heard.first_hand or not question.mac)


def sender(link: Link, question: Question) -> IPv4Address:
    """The address that a question is asked from: this node's own in the target's subnet, else none (RFC 5227)."""
    if question.subject is not Subject.PROBE:
        for own in link.addresses:
            if isinstance(own.ip, IPv4Address) and question.address in own.network:
                return own.ip
    return IPv4Address(UNSPECIFIED[:4])
