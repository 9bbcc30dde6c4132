"""Which of the cluster's nodes speak with a key that this node has not, and what that forbids it: pure.

Nobody can be believed whose beats cannot be checked, and who does not hear another answers for all of that one's
addresses. So a speaker that starts, or was cut off, takes no part while a node whose beats it cannot read takes part: one
of the two will get the other's key within keyring.SPREAD. One that takes part already goes on: those that it
does not hear may have nobody else. A forger who sends from a node's address can hold up a start by that time, no longer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pylb.core.model import NodeName
from pylb.core.peers import DEADLINE
from pylb.speaker.keyring import SPREAD

WINDOW = DEADLINE  # s that a beat counts for, read or not: as long as a member may be silent
TELL_AFTER, TELL_EVERY = 1.0, 60.0  # s of strangeness before it is told, and between two times that it is
MAX_NODES = 256  # that are watched


@dataclass(slots=True)
class _Source:
    """A node's address, and when what came from it."""

    node: NodeName
    read: float = -math.inf
    refused: float = -math.inf
    answering: float = -math.inf  # a refused beat said that it takes part
    since: float = -math.inf  # the first refused beat of those with none between that could be read
    told: float = -math.inf


class Strangers:
    """The memory of one node. Times are seconds of one clock that does not go back."""

    def __init__(self) -> None:
        self._sources: dict[str, _Source] = {}
        self._patient_until = -math.inf

    def expect(self, nodes: Mapping[str, NodeName]) -> None:
        """These are the other nodes, by the address that their beats come from; what comes from elsewhere is noise."""
        kept = sorted(nodes.items())[:MAX_NODES]
        known = self._sources
        self._sources = {
            address: known[address] if address in known and known[address].node == node else _Source(node)
            for address, node in kept
        }

    def read(self, address: str, now: float) -> None:
        """A beat came that one of our keys signed."""
        if source := self._sources.get(address):
            source.read = now

    def refused(self, address: str, answers: bool, now: float) -> None:
        """A beat came that none of our keys signed; `answers`: its sender says that it takes part, or leaves."""
        source = self._sources.get(address)
        if source is None:
            return
        if not _is_strange(source, now):
            source.since = now
        source.refused = now
        if answers:
            source.answering = now

    def nodes(self, now: float) -> dict[NodeName, float]:
        """The nodes that share no key with this one, and for how many seconds."""
        return {one.node: now - one.since for one in self._sources.values() if _is_strange(one, now)}

    def begin(self, now: float) -> None:
        """This node has all that it needs to take part: it has just started, or its cable is in again."""
        self._patient_until = now + SPREAD

    def bars(self, now: float) -> bool:
        """Whether this node is to take no part yet."""
        if now >= self._patient_until:
            return False
        return any(_is_strange(one, now) and now - one.answering < WINDOW for one in self._sources.values())

    def took_part(self) -> None:
        """This node takes part: from now on nothing bars it."""
        self._patient_until = -math.inf

    def untold(self, now: float) -> list[NodeName]:
        """The nodes of which it is time to tell; they count as told."""
        due = [
            one
            for one in self._sources.values()
            if _is_strange(one, now) and now - one.since >= TELL_AFTER and now - one.told >= TELL_EVERY
        ]
        for one in due:
            one.told = now
        return [one.node for one in due]


def _is_strange(source: _Source, now: float) -> bool:
    return now - source.refused < WINDOW and now - source.read >= WINDOW
