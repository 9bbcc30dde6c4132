"""From the beats of core to what datagrams tell, and back: pure.

`Outgoing` spreads one beat over as many datagrams as its news need, `Incoming` joins them again. Neither knows bytes,
keys or addresses to send to; whether a beat is fresh, and what it means, is decided in core.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping
from dataclasses import replace

from pylb.core.model import Address, NodeName
from pylb.core.ownership.beats import Ack, Beat
from pylb.speaker.claimlist import NOTHING, PAGE_HEAD_BYTES, Assembler, Pager
from pylb.speaker.claimpage import PAGE_BYTES
from pylb.speaker.datagram import ACK_BYTES, MAX_ACKS, MAX_ADDRESSES, MAX_MACS, Telling, room

_LEAST = PAGE_HEAD_BYTES + PAGE_BYTES  # left for pages beside the acks


class Outgoing:
    """What one node tells on one of its links."""

    def __init__(self, node: NodeName) -> None:
        self._pager = Pager(node)
        self._acked = ""  # the last node that the turn came to

    @property
    def left_out(self) -> int:
        """Claims that no list has room for."""
        return self._pager.left_out

    def repeat(self) -> None:
        """Tell the whole list of claims soon: somebody came who has not heard it."""
        self._pager.repeat()

    def tell(
        self, beat: Beat, macs: Collection[bytes] = (), addresses: Collection[Address] = (), partial: bool = False
    ) -> list[Telling]:
        """What goes out at this beat, one to BURST tellings; they have this beat's sequence and those that follow it.

        So the caller's next beat has a sequence higher by their number. ValueError for a value that has no form.
        """
        self._pager.take(beat.claims)
        bare = Telling(
            replace(beat, claims=NOTHING, acks={}),
            self._pager.listing,
            tuple(sorted(macs)[:MAX_MACS]),
            tuple(addresses)[:MAX_ADDRESSES],
            partial,
        )
        most = room(bare)
        acks = self._choose(beat.acks, min(MAX_ACKS, (most - _LEAST) // ACK_BYTES))
        hands = self._pager.deal(most - ACK_BYTES * len(acks), most)
        return [
            replace(bare, beat=_numbered(bare.beat, number, acks if number == 0 else {}), listing=hand)
            for number, hand in enumerate(hands)
        ]

    def _choose(self, acks: Mapping[NodeName, Ack], most: int) -> dict[NodeName, Ack]:
        """These, or where there are more, those whose turn it is."""
        nodes = sorted(acks)
        if len(nodes) > most:
            start = bisect_right(nodes, self._acked)
            nodes = (nodes[start:] + nodes[:start])[:most]
            self._acked = nodes[-1]
        return {node: acks[node] for node in nodes}


def _numbered(beat: Beat, number: int, acks: Mapping[NodeName, Ack]) -> Beat:
    return replace(beat, sequence=beat.sequence + number, acks=acks)


class Incoming:
    """What one node is told, by all the others and on all links."""

    def __init__(self) -> None:
        self._assembler = Assembler()

    def read(self, telling: Telling) -> tuple[Beat, bool]:
        """The beat with what its sender answers for, as far as is known, and whether that is all of it.

        A beat of the first format lists nothing, and that is never all. WireError if its pages have no meaning.
        """
        beat = telling.beat
        if telling.listing is None:
            return beat, False
        claims, whole = self._assembler.hear(beat.node, beat.incarnation, beat.link, beat.sequence, telling.listing)
        return replace(beat, claims=claims), whole
