"""A page of a speaker's list of claims, in bytes: pure.

Each address has its place by hash, and a page holds those of a stretch of places. So a claim that changes changes one
page, and the others are where they were: whoever has them need not hear them again. A list has 2**bits pages.

    page: group*    group: owner length 1 | owner | IPv4 count 1 | IPv6 count 1 | (address 4, claim 5)* | (address 16, claim 5)*
    claim: term 4 | flags 1                                                                           (all big-endian)

An owner of length 0 is the sender itself. Groups stand in the order of the owners' names, addresses in their own, so a
page has one form only; the digest of a list is made of its pages' bytes. A reader passes over flags that it does not know.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address

from pylb.core.model import Address, NodeName
from pylb.core.ownership.claims import Claim
from pylb.speaker.beat import is_name
from pylb.speaker.errors import Flaw, WireError

PAGE_BYTES = 320  # at most; one fits into a datagram beside the longest name, many addresses and 20 acks
MAX_BITS = 12  # pages of a list, as a power of two
DIGEST_BYTES = 8  # of SHA-256: the list is signed, this tells versions apart and keeps nobody out

_PLACE_BITS = 16
_COUNTS = struct.Struct("!BB")
_IPV4, _IPV6 = struct.Struct("!4sIB"), struct.Struct("!16sIB")
_PROVISIONAL, _TAKEN, _RESTORED, _YIELDS = 1, 2, 4, 8


def place(address: Address) -> int:
    """Where an address stands in any list; of 16 bits."""
    return int.from_bytes(hashlib.sha256(address.packed).digest()[:2], "big")


def page_at(place: int, bits: int) -> int:
    """The page that holds a place, where there are 2**bits pages."""
    return place >> (_PLACE_BITS - bits)


def measure(claims: Mapping[Address, Claim], sender: NodeName) -> int:
    """How many bytes `write` would make of these, whether they may have a page or not."""
    owners = {claim.node for claim in claims.values()}
    heads = sum(1 + _COUNTS.size + (len(owner) if owner != sender else 0) for owner in owners)
    return heads + sum(_IPV4.size if address.version == 4 else _IPV6.size for address in claims)


def write(claims: Mapping[Address, Claim], sender: NodeName) -> bytes:
    """The page of these claims. ValueError for what has no form: a term out of range, a name that is none."""
    groups: dict[str, list[Address]] = {}
    for address in sorted(claims, key=lambda address: (address.version, int(address))):
        owner = claims[address].node
        if owner != sender and not is_name(owner):
            raise ValueError(f"{owner!r} is no node name")
        groups.setdefault("" if owner == sender else owner, []).append(address)
    return b"".join(_write_group(owner, groups[owner], claims) for owner in sorted(groups))


def _write_group(owner: str, addresses: list[Address], claims: Mapping[Address, Claim]) -> bytes:
    older = sum(address.version == 4 for address in addresses)
    parts = [bytes([len(owner)]), owner.encode(), _COUNTS.pack(older, len(addresses) - older)]
    for address in addresses:
        claim = claims[address]
        entry = _IPV4 if address.version == 4 else _IPV6
        try:
            parts.append(entry.pack(address.packed, claim.term, _flags(claim)))
        except struct.error:
            raise ValueError(f"{claim.term} is no term") from None
    return b"".join(parts)


def _flags(claim: Claim) -> int:
    return claim.provisional * _PROVISIONAL + claim.taken * _TAKEN + claim.restored * _RESTORED + claim.yields * _YIELDS


def read(page: bytes, sender: NodeName, index: int, bits: int) -> dict[Address, Claim]:
    """The claims of the page at `index`; WireError for anything that `write` does not make."""
    claims: dict[Address, Claim] = {}
    at = entries = 0
    while at < len(page):  # ends: each step is at least as long as a group's head
        owner, at = _read_owner(page, at, sender)
        older, newer = _read_counts(page, at)
        at += _COUNTS.size
        end = at + older * _IPV4.size
        last = end + newer * _IPV6.size
        if last > len(page):
            raise WireError(Flaw.BAD_LENGTH)
        claims.update(_read_entries(IPv4Address, _IPV4, page[at:end], owner))
        claims.update(_read_entries(IPv6Address, _IPV6, page[end:last], owner))
        at, entries = last, entries + older + newer
    if len(claims) != entries or any(page_at(place(address), bits) != index for address in claims):
        raise WireError(Flaw.BAD_LIST)
    return claims


def _read_owner(page: bytes, at: int, sender: NodeName) -> tuple[NodeName, int]:
    end = at + 1 + page[at]
    if page[at] == 0:
        return sender, end
    name = page[at + 1 : end].decode("ascii", "replace")
    if end > len(page):
        raise WireError(Flaw.BAD_LENGTH)
    if not is_name(name):
        raise WireError(Flaw.BAD_NAME)
    return NodeName(name), end


def _read_counts(page: bytes, at: int) -> tuple[int, int]:
    if at + _COUNTS.size > len(page):
        raise WireError(Flaw.BAD_LENGTH)
    return page[at], page[at + 1]


def _read_entries(
    kind: type[IPv4Address | IPv6Address], entry: struct.Struct, run: bytes, owner: NodeName
) -> Iterator[tuple[Address, Claim]]:
    for packed, term, flags in entry.iter_unpack(run):
        claim = Claim(
            owner,
            term,
            bool(flags & _PROVISIONAL),
            bool(flags & _TAKEN),
            bool(flags & _RESTORED),
            bool(flags & _YIELDS),
        )
        yield kind(packed), claim


def fingerprint(page: bytes) -> bytes:
    """What tells a page from others."""
    return hashlib.sha256(page).digest()[:DIGEST_BYTES]


def digest(fingerprints: Iterable[bytes]) -> bytes:
    """What tells a list from others, by the fingerprints of all of its pages in their order."""
    return fingerprint(b"".join(fingerprints))
