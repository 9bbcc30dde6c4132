"""Which of the cluster's nodes speak with a key that this node has not, and what that forbids it: pure.

Nobody can be believed whose beats cannot be checked, and who does not hear another answers for all of that one's
addresses. So a speaker that starts, or was cut off, takes no part while a node whose beats it cannot read takes part: one
of the two will get the other's key within keyring.SPREAD. One that takes part already goes on: those that it
does not hear may have nobody else.

Whoever is on the LAN can send from a node's address, with any key's name in it. So what cannot be read counts for long
only where the API server vouches for it: each speaker tells there which key it signs with. Where it tells another than
the beats, they are a forger's, or of another cluster that is wired wrongly; where it tells nothing, they hold up a start
for BRIEFLY.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pylb.core.model import NodeName
from pylb.core.ownership.peers import DEADLINE
from pylb.speaker.keyring import SPREAD

WINDOW = DEADLINE  # s that a beat counts for, read or not: as long as a member may be silent
BRIEFLY = 5.0  # s that a speaker that starts waits for nodes that nothing but such beats speaks of
UNNAMED = ""  # what a version tells that does not name its key yet
TELL_AFTER, TELL_EVERY = 1.0, 60.0  # s of strangeness before it is told, and between two times that it is
MAX_NODES = 256  # that are watched


@dataclass(slots=True)
class _Source:
    """A node's address, and when what came from it."""

    node: NodeName
    read: float = -math.inf
    refused: float = -math.inf
    answering: float = -math.inf  # a refused beat said that it takes part
    vouched: float = -math.inf  # one did, under the key that the node tells through the API
    since: float = -math.inf  # the first refused beat of those with none between that could be read
    told: float = -math.inf


class Strangers:
    """The memory of one node. Times are seconds of one clock that does not go back."""

    def __init__(self) -> None:
        self._sources: dict[str, _Source] = {}
        self._began = -math.inf
        self._told: Mapping[NodeName, Collection[str]] = {}

    def vouch(self, keys: Mapping[NodeName, Collection[str]]) -> None:
        """These are the keys that nodes tell through the API, by their `keyring` names; UNNAMED: some other version's.

        Of a node that is not among them nothing is known, yet.
        """
        self._told = keys

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

    def refused(self, address: str, key: str, answers: bool, now: float) -> None:
        """A beat came under a key that we have not; `answers`: its sender says that it takes part, or leaves."""
        source = self._sources.get(address)
        if source is None:
            return
        if not _is_strange(source, now):
            source.since = now
        source.refused = now
        if answers:
            source.answering = now
            told = self._told.get(source.node, ())
            source.vouched = now if key in told or UNNAMED in told else source.vouched

    def nodes(self, now: float) -> dict[NodeName, float]:
        """The nodes that share no key with this one, and for how many seconds."""
        return {one.node: now - one.since for one in self._sources.values() if _is_strange(one, now)}

    def begin(self, now: float) -> None:
        """This node has all that it needs to take part: it has just started, or its cable is in again."""
        self._began = now

    def bars(self, now: float) -> bool:
        """Whether this node is to take no part yet."""
        if now >= self._began + SPREAD:
            return False
        brief = now < self._began + BRIEFLY
        strange = [one for one in self._sources.values() if _is_strange(one, now)]
        return any(
            now - one.vouched < WINDOW if one.node in self._told else brief and now - one.answering < WINDOW
            for one in strange
        )

    def doubted(self, now: float) -> list[NodeName]:
        """Those about whom a node that is to take part has to know whether they are what they seem."""
        if now >= self._began + SPREAD:
            return []
        return [one.node for one in self._sources.values() if _is_strange(one, now) and now - one.answering < WINDOW]

    def took_part(self) -> None:
        """This node takes part: from now on nothing bars it."""
        self._began = -math.inf

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
