"""Which pages of a list go out when, and what is believed of it until all of them are there."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

import pytest

from pylb.core.model import Address, NodeName
from pylb.core.ownership.claims import Claim
from pylb.speaker import claimlist, claimpage
from pylb.speaker.claimlist import BURST, COPIES, MAX_CLAIMS, MAX_LISTS, Assembler, Listing, Pager
from pylb.speaker.claimpage import PAGE_BYTES
from pylb.speaker.errors import WireError

N1, N2 = NodeName("n1"), NodeName("n2")
ROOM = 1000  # bytes, for pages in a datagram
LEFT, RIGHT, EXTRA = (  # the first two of the left page of two, and one of the right
    next(ip for ip in map(IPv4Address, range(start, start + 99)) if claimpage.page_at(claimpage.place(ip), 1) == page)
    for start, page in ((0x0A000000, 0), (0x0A000000, 1), (0x0B000000, 0))
)


def listing(told: tuple[int, ...], **terms: int) -> Listing:
    """A list of two pages, by the terms of LEFT, EXTRA and RIGHT, of which these pages are told."""
    where = {"left": (0, LEFT), "extra": (0, EXTRA), "right": (1, RIGHT)}
    stretches: list[dict[Address, Claim]] = [{}, {}]
    for name, term in terms.items():
        page, address = where[name]
        stretches[page][address] = Claim(N1, term)
    pages = [claimpage.write(stretch, N1) for stretch in stretches]
    digest = claimpage.digest(map(claimpage.fingerprint, pages))
    return Listing(digest, 1, tuple((index, pages[index]) for index in told))


A = {"left": 1, "right": 1}
HISTORIES = {
    "what is new counts at once": (
        [(1, listing((0, 1), **A)), (2, listing((0,), left=1, extra=1, right=2))],
        {"left": 1, "extra": 1, "right": 1},
        False,
    ),
    "what is missing stays until all is known": (
        [(1, listing((0, 1), **A)), (2, listing((0,), right=2))],
        {"left": 1, "right": 1},
        False,
    ),
    "a page that did not change need not come again": (
        [(1, listing((0, 1), **A)), (2, listing((1,), left=1, right=2))],
        {"left": 1, "right": 2},
        True,
    ),
    "a page counts for all lists that it is of": (
        [(1, listing((0,), **A)), (2, listing((1,), left=1, right=2))],
        {"left": 1, "right": 2},
        True,
    ),
    "a list that comes again is known": (
        [(1, listing((0, 1), **A)), (2, listing((0,), left=3, extra=1, right=2)), (3, listing((), **A))],
        {"left": 1, "right": 1},
        True,
    ),
    "what was said between is forgotten when a list comes again": (
        [
            (1, listing((0, 1), **A)),
            (2, listing((0,), left=3, extra=1, right=2)),
            (3, listing((), **A)),
            (4, listing((1,), left=4, right=4)),
        ],
        {"left": 1, "right": 4},
        False,
    ),
    "an overtaken page does not replace a newer one": (
        [(1, listing((0, 1), **A)), (5, listing((0,), left=5, right=5)), (3, listing((0,), left=3, right=3))],
        {"left": 5, "right": 1},
        False,
    ),
    "nor one that was told again since": (
        [
            (1, listing((0, 1), **A)),
            (2, listing((0,), left=2, right=2)),
            (5, listing((0,), left=2, right=5)),
            (4, listing((0,), left=4, right=4)),
        ],
        {"left": 2, "right": 1},
        False,
    ),
    "nor one of a list that became known since": (
        [
            (1, listing((0, 1), **A)),
            (3, listing((1,), left=1, right=3)),
            (4, listing((), left=1, right=4)),
            (2, listing((0,), left=2, right=2)),
        ],
        {"left": 1, "right": 3},
        False,
    ),
    "nor one of a list that was told again since": (
        [
            (1, listing((0, 1), **A)),
            (5, listing((), **A)),
            (6, listing((), left=1, right=4)),
            (3, listing((0,), left=3, extra=3, right=3)),
        ],
        {"left": 1, "right": 1},
        False,
    ),
    "an overtaken page fills a gap": (
        [(2, listing((1,), **A)), (1, listing((0,), **A))],
        {"left": 1, "right": 1},
        True,
    ),
}


@pytest.mark.parametrize(("heard", "terms", "whole"), HISTORIES.values(), ids=HISTORIES)
def test_what_is_believed(heard: list[tuple[int, Listing]], terms: dict[str, int], whole: bool) -> None:
    assembler = Assembler()
    for sequence, told in heard:
        claims, known = assembler.hear(N1, 7, "eth0", sequence, told)
    names = {LEFT: "left", RIGHT: "right", EXTRA: "extra"}
    assert {names[IPv4Address(str(address))]: claim.term for address, claim in claims.items()} == terms
    assert known is whole


def test_the_mapping_is_the_same_object_while_the_list_does_not_change() -> None:
    assembler = Assembler()
    first, _ = assembler.hear(N1, 7, "eth0", 1, listing((0, 1), **A))
    assert assembler.hear(N1, 7, "eth0", 2, listing((0, 1), **A))[0] is first
    between, _ = assembler.hear(N1, 7, "eth0", 3, listing((0,), left=1, extra=1, right=2))
    assert assembler.hear(N1, 7, "eth0", 4, listing((0,), left=1, extra=1, right=2))[0] is between
    assert assembler.hear(N1, 7, "eth0", 5, listing((), **A))[0] is first


def test_nodes_incarnations_and_links_are_kept_apart() -> None:
    assembler = Assembler()
    whole = listing((0, 1), **A)
    assembler.hear(N1, 7, "eth0", 9, whole)
    for key in ((N2, 7, "eth0"), (N1, 8, "eth0"), (N1, 7, "eth1")):
        assert assembler.hear(*key, 1, Listing(whole.digest, 1)) == ({}, False)
    assert assembler.hear(N1, 7, "eth0", 10, Listing(whole.digest, 1))[1]


def test_a_page_without_meaning_changes_nothing() -> None:
    assembler = Assembler()
    claims, _ = assembler.hear(N1, 7, "eth0", 1, listing((0, 1), **A))
    for pages in (((2, b""),), ((0, b"\1"),), ((1, listing((0,), **A).pages[0][1]),)):
        with pytest.raises(WireError):
            assembler.hear(N1, 7, "eth0", 2, Listing(b"12345678", 1, pages))
    again, whole = assembler.hear(N1, 7, "eth0", 2, listing((), **A))
    assert (again is claims, whole) == (True, True)


def test_the_list_that_is_unheard_longest_makes_room() -> None:
    assembler = Assembler()
    whole = listing((0, 1), **A)
    for incarnation in range(MAX_LISTS):
        assembler.hear(N1, incarnation, "eth0", 1, whole)
    assembler.hear(N1, 0, "eth0", 2, listing((), **A))
    assembler.hear(N1, MAX_LISTS, "eth0", 1, whole)
    assert assembler.hear(N1, 0, "eth0", 3, listing((), **A))[1]
    assert not assembler.hear(N1, 1, "eth0", 3, listing((), **A))[1]


def many(count: int, term: int = 1, start: str = "10.0.0.0") -> dict[Address, Claim]:
    return {ip_address(start) + at: Claim(N1, term) for at in range(count)}


def indices(hand: Listing) -> list[int]:
    return [index for index, _ in hand.pages]


def test_a_short_list_is_in_each_datagram() -> None:
    pager = Pager(N1)
    pager.take(many(60))
    for _ in range(COPIES + 3):
        [hand] = pager.deal(ROOM, ROOM)
        assert sorted(indices(hand)) == list(range(1 << hand.bits))


def test_a_long_list_goes_out_in_bursts_and_then_page_by_page() -> None:
    pager = Pager(N1)
    pager.take(many(5000))
    count, sent = 1 << pager.bits, list[int]()
    for _ in range(2 * count):
        hands = pager.deal(ROOM, ROOM)
        assert len(hands) <= BURST
        assert all(sum(4 + len(page) for _, page in hand.pages) <= ROOM for hand in hands)
        sent += [index for hand in hands for index in indices(hand)]
        if len(hands) == 1:
            break
    assert set(sent[:count]) == set(range(count)), "no page goes out a second time before each did once"
    assert min(sent.count(index) for index in range(count)) >= COPIES
    turns = [indices(hand) for _ in range(count) for hand in pager.deal(ROOM, ROOM)]
    assert len(turns) == count, "one datagram a turn"
    seen = set[int]()
    needed = next(at for at, turn in enumerate(turns, 1) if len(seen := seen | set(turn)) == count)
    assert needed <= count // len(turns[0]) * 2


def settled(count: int) -> Pager:
    pager = Pager(N1)
    pager.take(many(count))
    while len(pager.deal(ROOM, ROOM)) > 1:
        pass
    pager.deal(ROOM, ROOM)
    return pager


def test_a_page_that_changed_goes_out_first_for_some_turns() -> None:
    pager = settled(5000)
    claims = many(5000)
    address = ip_address("10.0.0.7")
    claims[address] = Claim(N1, 2)
    pager.take(claims)
    page = claimpage.page_at(claimpage.place(address), pager.bits)
    firsts = [indices(hand)[0] for _ in range(COPIES + 1) for hand in pager.deal(ROOM, ROOM)]
    assert firsts[:COPIES] == [page] * COPIES
    assert firsts[COPIES] != page


def test_a_list_is_repeated_for_one_who_came_late() -> None:
    pager = settled(1000)
    pager.repeat()
    count = 1 << pager.bits
    assert sorted({index for hand in pager.deal(ROOM, ROOM) for index in indices(hand)}) == list(range(count))


def test_pages_grow_and_shrink_with_their_list_and_not_at_each_change() -> None:
    pager = Pager(N1)
    bits = []
    for count in (1, 30, 100, 5000, 4990, 4000, 30, 0):
        pager.take(many(count))
        bits.append(pager.bits)
        assert pager.left_out == 0
    assert bits[0] == bits[1] == bits[-1] == 0
    assert 0 < bits[2] < bits[3] == bits[4] == bits[5] > bits[6]


def test_a_list_that_needs_many_pages_for_little_is_not_spread_anew_at_each_change() -> None:
    """Two owners with very long names, whose addresses stand close: a page each, and most of the others are empty."""
    close = [ip for ip in map(IPv4Address, range(0x0A000000, 0x0A000000 + 999)) if claimpage.place(ip) >> 10 == 5][:2]
    pager, before = Pager(N1), -1
    for term in range(1, COPIES + 3):
        pager.take({ip: Claim(NodeName(name * 200), term) for ip, name in zip(close, "ab", strict=True)})
        assert before in (-1, pager.bits)
        before = pager.bits
        hands = pager.deal(ROOM, ROOM)
        first = indices(hands[0])
    assert pager.bits >= 6
    pages = {claimpage.page_at(claimpage.place(ip), pager.bits) for ip in close}
    assert set(first[:2]) == pages, "these alone are due"


def test_what_no_list_has_room_for_is_counted() -> None:
    pager = Pager(N1)
    pager.take(many(MAX_CLAIMS + 5))
    assert pager.left_out == 5
    pager.take(many(10))
    assert pager.left_out == 0


def test_what_no_page_has_room_for_is_counted_until_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """With very long names of owners, two claims of one page may not fit however many pages there are."""
    monkeypatch.setattr(claimlist, "MAX_BITS", 1)
    owners = {LEFT: "a" * 200, EXTRA: "b" * 200, RIGHT: "c" * 200}
    pager = Pager(N1)
    pager.take({address: Claim(NodeName(owner), 1) for address, owner in owners.items()})
    assert pager.left_out == 1
    pager.take({address: Claim(NodeName(owner), 2) for address, owner in owners.items() if address != EXTRA})
    assert pager.left_out == 0
    assert all(len(page) <= PAGE_BYTES for hand in pager.deal(ROOM, ROOM) for _, page in hand.pages)


def test_a_claim_without_a_form_is_refused_each_time() -> None:
    pager = Pager(N1)
    pager.take(many(3))
    digest, bad = pager.digest, {**many(3), LEFT: Claim(N1, 2**32)}
    for _ in range(2):
        with pytest.raises(ValueError, match="term"):
            pager.take(bad)
    assert pager.digest == digest
    for wrong in ("N1", "", "n1\n"):
        with pytest.raises(ValueError, match="name"):
            pager.take({LEFT: Claim(NodeName(wrong), 1)})
