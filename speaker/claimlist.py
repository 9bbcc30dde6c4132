"""The list of what a speaker answers for, dealt out in pages by its sender and put together by those who hear it: pure.

`Pager` decides which pages go out when: one that changed in each of the next COPIES turns, at most BURST datagrams a
turn, and all of them one after the other in the room that is left. `Assembler` decides what its receiver believes. A
list counts as known when the digest of the pages at hand is the one that its sender tells: so it was sent like this,
whatever was lost, repeated or overtaken. Until then the last list that was known goes on, and what a newer page lists
counts already, on top of it; what the newer list leaves out stays until it is known.

While a list does not change, its mapping stays the same object.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType

from pylb.core.model import Address, NodeName
from pylb.core.ownership.beats import STRIDE
from pylb.core.ownership.claims import Claim
from pylb.speaker import claimpage
from pylb.speaker.claimpage import MAX_BITS, PAGE_BYTES
from pylb.speaker.errors import Flaw, WireError

MAX_CLAIMS = 16_384  # that a list has; more are left out
MAX_LISTS = 2048  # that are put together at once, by sender, incarnation and link; the one unheard longest goes first
COPIES = 3  # turns in which a page that changed goes out: of frames that a fifth is lost of, one in 125 loses all
BURST = STRIDE  # datagrams in one turn: each has a sequence of its own
PAGE_HEAD_BYTES = 4  # index and length of a page in a datagram
SPARSE = 8  # a list that fills less than one part in so many of its pages gets half as many

NOTHING: Mapping[Address, Claim] = MappingProxyType({})

Page = tuple[int, bytes]  # its index, its bytes


@dataclass(frozen=True, slots=True)
class Listing:
    """What one datagram tells of a list: which one it is (2**bits pages with that digest), and some of its pages."""

    digest: bytes
    bits: int
    pages: tuple[Page, ...] = ()


class Pager:
    """The sender's side, for one link."""

    def __init__(self, node: NodeName) -> None:
        self._node = node
        self._claims = NOTHING
        self._places: dict[Address, int] = {}
        self._due: dict[int, int] = {}  # pages, and in how many turns they are still to go out
        self._next = 0  # the page whose turn it is when none is due
        self.left_out = 0  # claims that no list has room for
        self._spread(0)

    def take(self, claims: Mapping[Address, Claim]) -> None:
        """List these from now on; ValueError for a claim that has no form. Costs nothing while it is the same object."""
        if claims is self._claims:
            return
        kept = dict(islice(claims.items(), MAX_CLAIMS))
        self._places = {address: self._places.get(address) or claimpage.place(address) for address in kept}
        fits = self._stretches(kept, self.bits)
        sizes = [claimpage.measure(stretch, self._node) for stretch in fits]
        if max(sizes) > PAGE_BYTES or (self.bits and sum(sizes) * SPARSE < PAGE_BYTES << self.bits):
            bits = self._suitable_bits(kept)
            if bits != self.bits:
                self._spread(bits)
                fits = self._stretches(kept, bits)
        for index, stretch in enumerate(fits):
            if stretch != self._stretch[index]:
                self._rewrite(index, stretch)
        self._claims, self.digest = claims, claimpage.digest(self._prints)
        self.left_out = len(claims) - len(kept) + sum(self._omitted.values())

    @property
    def listing(self) -> Listing:
        """Which list it is, without a page."""
        return Listing(self.digest, self.bits)

    def repeat(self) -> None:
        """Send all pages once more, soon: somebody came who has none of them."""
        for index in range(1 << self.bits):
            self._due.setdefault(index, 1)

    def deal(self, first: int, others: int) -> list[Listing]:
        """What this turn's datagrams carry, at least one; they have room for so many bytes of pages each."""
        due = iter(list(self._due))
        hands: list[tuple[Page, ...]] = []
        waiting = next(due, None)
        while waiting is not None and len(hands) < BURST:
            hand, waiting = self._deal_due(waiting, due, others if hands else first)
            hands.append(hand)
        hands = hands or [()]
        hands[-1] += tuple(self._in_turn(hands[-1], (others if len(hands) > 1 else first) - _bytes_of(hands[-1])))
        return [Listing(self.digest, self.bits, hand) for hand in hands]

    def _deal_due(self, index: int, due: Iterator[int], room: int) -> tuple[tuple[Page, ...], int | None]:
        """As many of the due pages as fit, from one on; and the first that did not."""
        hand: list[Page] = []
        waiting: int | None = index
        while waiting is not None and (not hand or PAGE_HEAD_BYTES + len(self._pages[waiting]) <= room):
            hand.append((waiting, self._pages[waiting]))
            room -= PAGE_HEAD_BYTES + len(self._pages[waiting])
            copies = self._due.pop(waiting) - 1
            if copies:
                self._due[waiting] = copies  # behind those that did not go out yet
            waiting = next(due, None)
        return tuple(hand), waiting

    def _in_turn(self, hand: tuple[Page, ...], room: int) -> Iterator[Page]:
        """The pages whose turn it is, as many as fit beside those."""
        held = {index for index, _ in hand}
        for _ in range(1 << self.bits):
            page = self._pages[self._next]
            if self._next not in held:
                room -= PAGE_HEAD_BYTES + len(page)
                if room < 0:
                    return
                yield self._next, page
            self._next = (self._next + 1) % (1 << self.bits)

    def _spread(self, bits: int) -> None:
        """Begin with 2**bits empty pages."""
        self.bits = bits
        self._stretch: list[dict[Address, Claim]] = [{} for _ in range(1 << bits)]
        self._pages = [b""] * (1 << bits)
        self._prints = [claimpage.fingerprint(b"")] * (1 << bits)
        self.digest = claimpage.digest(self._prints)
        self._due = dict.fromkeys(range(1 << bits), COPIES)
        self._omitted: dict[int, int] = {}
        self._next = 0

    def _suitable_bits(self, claims: Mapping[Address, Claim]) -> int:
        """The fewest pages that these fit into, as a power of two."""
        fewest = max(0, (claimpage.measure(claims, self._node) - 1) // PAGE_BYTES).bit_length()
        for bits in range(min(fewest, MAX_BITS), MAX_BITS):
            if all(claimpage.measure(one, self._node) <= PAGE_BYTES for one in self._stretches(claims, bits)):
                return bits
        return MAX_BITS

    def _stretches(self, claims: Mapping[Address, Claim], bits: int) -> list[dict[Address, Claim]]:
        pages: list[dict[Address, Claim]] = [{} for _ in range(1 << bits)]
        for address, claim in claims.items():
            pages[claimpage.page_at(self._places[address], bits)][address] = claim
        return pages

    def _rewrite(self, index: int, stretch: dict[Address, Claim]) -> None:
        fitting = dict(stretch)
        while claimpage.measure(fitting, self._node) > PAGE_BYTES:  # only of 2**MAX_BITS pages, with very long names
            fitting.popitem()
        page = claimpage.write(fitting, self._node)
        self._stretch[index], self._omitted[index] = stretch, len(stretch) - len(fitting)
        if page != self._pages[index]:
            self._pages[index], self._prints[index] = page, claimpage.fingerprint(page)
            self._due[index] = COPIES


def _bytes_of(hand: Iterable[Page]) -> int:
    return sum(PAGE_HEAD_BYTES + len(page) for _, page in hand)


@dataclass(slots=True)
class _Heard:
    """One page as it was last heard."""

    sequence: int
    page: bytes
    claims: dict[Address, Claim]


@dataclass(slots=True)
class _List:
    """One sender's list: the last that was known, and what was heard since."""

    node: NodeName
    sequence: int = -1  # of the newest datagram
    digest: bytes = b""
    bits: int = -1
    pages: dict[int, _Heard] = field(default_factory=dict)
    known: Mapping[Address, Claim] = field(default_factory=lambda: NOTHING)
    known_digest: bytes = b""
    known_pages: dict[int, _Heard] = field(default_factory=dict)
    known_at: int = -1  # the newest sequence that told of the known list
    newer: set[int] = field(default_factory=set)  # pages that came since
    shown: Mapping[Address, Claim] = field(default_factory=lambda: NOTHING)

    def take(self, listing: Listing, sequence: int) -> None:
        """Hear a datagram; WireError, with nothing changed, if its pages have no meaning."""
        overtaken = sequence <= self.sequence
        if overtaken and listing.bits != self.bits:
            return
        read = self._read(listing, sequence)
        if not overtaken:
            self._follow(listing, sequence)
        if self.digest == self.known_digest:
            return
        for index, heard in read.items():
            if heard.sequence > self.known_at:
                self.pages[index] = heard
                self.newer.add(index)
        self._settle(bool(read))

    def _read(self, listing: Listing, sequence: int) -> dict[int, _Heard]:
        """The pages that are news."""
        read: dict[int, _Heard] = {}
        if listing.digest == self.known_digest and self.digest == self.known_digest:
            return read
        for index, page in listing.pages:
            have = self.pages.get(index) if listing.bits == self.bits else None
            if have is not None and have.page == page:
                have.sequence = max(have.sequence, sequence)
            elif have is None or sequence > have.sequence:
                read[index] = _Heard(sequence, page, claimpage.read(page, self.node, index, listing.bits))
        return read

    def _follow(self, listing: Listing, sequence: int) -> None:
        """Go by what the newest datagram tells: which list there is now."""
        if listing.bits != self.bits:
            self.bits = listing.bits
            self.pages, self.newer = {}, set()
        self.sequence, self.digest = sequence, listing.digest
        if listing.digest == self.known_digest:
            self.known_at = sequence
            self.shown = self.known
            if self.newer or len(self.pages) != len(self.known_pages):
                self.pages, self.newer = dict(self.known_pages), set()

    def _settle(self, news: bool) -> None:
        if len(self.pages) == 1 << self.bits:
            prints = (claimpage.fingerprint(self.pages[index].page) for index in range(1 << self.bits))
            if claimpage.digest(prints) == self.digest:
                self._know()
                return
        if news:
            self.shown = {**self.known, **_merge(self.pages[index].claims for index in self.newer)}

    def _know(self) -> None:
        self.known = self.shown = _merge(heard.claims for heard in self.pages.values())
        self.known_digest, self.known_at = self.digest, self.sequence
        self.known_pages, self.newer = dict(self.pages), set()


def _merge(parts: Iterable[Mapping[Address, Claim]]) -> dict[Address, Claim]:
    merged: dict[Address, Claim] = {}
    for part in parts:
        merged.update(part)
    return merged


class Assembler:
    """The receiver's side, for all who are heard."""

    def __init__(self) -> None:
        self._lists: dict[tuple[NodeName, int, str], _List] = {}

    def hear(
        self, node: NodeName, incarnation: int, link: str, sequence: int, listing: Listing
    ) -> tuple[Mapping[Address, Claim], bool]:
        """What that sender answers for, as far as is known after this datagram; and whether it is all.

        WireError if its pages have no meaning.
        """
        key = (node, incarnation, link)
        known = self._lists.pop(key, None) or _List(node)
        self._lists[key] = known
        while len(self._lists) > MAX_LISTS:
            del self._lists[next(iter(self._lists))]
        if any(index >> listing.bits for index, _ in listing.pages):
            raise WireError(Flaw.BAD_LIST)
        known.take(listing, sequence)
        return known.shown, known.digest == known.known_digest
