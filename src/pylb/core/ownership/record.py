"""What a node tells of its claims through the API server, in annotations of its status objects: the texts. Pure.

Whatever stands there is read: anybody may have written it. What cannot be understood tells nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from pylb.core.errors import ParseError
from pylb.core.model import Address, NodeName
from pylb.core.ownership.claims import MAX_TERM, Claim
from pylb.core.ranges import parse_address

CLAIMS, RENEWED = "pylb.io/claims", "pylb.io/renewed"  # annotations of a ServiceL2Status
MAX_TEXT = 16_384  # characters: some 50 addresses of one Service, or 60 nodes
MAX_STAMP = 64  # characters
MAX_NAMED = 64  # nodes of which a renewal says that they are not heard
FLAGS = ("provisional", "taken", "restored", "yields")  # of a claim
MAC_BYTES = 6
KNOWN = 16_384  # texts whose meaning is kept: those of as many Services


@dataclass(frozen=True, slots=True)
class Record:
    """A claim, and by link the MAC that its node answers with."""

    claim: Claim
    macs: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Renewal:
    """That all records of a node held when it wrote this: `stamp` is another one each time.

    `unheard` are those for whom it is written: nodes that should be there and are not heard.
    """

    stamp: str
    unheard: frozenset[NodeName] = frozenset()


@dataclass(frozen=True, slots=True)
class Notice:
    """All that one node tells through the API; of its renewals the newest may stand beside older ones."""

    claims: Mapping[Address, Claim] = field(default_factory=dict)
    renewals: frozenset[Renewal] = frozenset()


NOTHING: Mapping[Address, Record] = MappingProxyType({})


def render(records: Mapping[Address, Record]) -> str:
    """Records as the text that is written; "" for none."""
    told = {str(address): _told(one) for address, one in records.items()}
    return json.dumps(told, sort_keys=True, separators=(",", ":")) if told else ""


def _told(record: Record) -> dict[str, Any]:
    claim = record.claim
    flags = [flag for flag in FLAGS if getattr(claim, flag)]
    macs = {link: mac.hex(":") for link, mac in record.macs.items()}
    return {"term": claim.term, **({"is": flags} if flags else {}), **({"mac": macs} if macs else {})}


@lru_cache(maxsize=KNOWN)
def parse(text: str, node: NodeName) -> Mapping[Address, Record]:
    """What a text tells of a node's claims; entries that cannot be understood are left out."""
    found: dict[Address, Record] = {}
    for key, raw in _mapping(text).items():
        try:
            address = parse_address(key)
        except ParseError:
            continue
        record = _record(raw, node)
        if record is not None:
            found[address] = record
    return MappingProxyType(found) if found else NOTHING


def _record(raw: Any, node: NodeName) -> Record | None:
    if not isinstance(raw, dict):
        return None
    term, flags, macs = raw.get("term"), raw.get("is", []), raw.get("mac", {})
    if isinstance(term, bool) or not isinstance(term, int) or not 0 < term <= MAX_TERM:
        return None
    if not isinstance(flags, list) or not isinstance(macs, dict):
        return None
    known = {flag: True for flag in FLAGS if flag in flags}
    found = {str(link): mac for link, text in macs.items() if (mac := _mac(text)) is not None}
    return Record(Claim(node, term, **known), found)


def _mac(text: Any) -> bytes | None:
    try:
        mac = bytes.fromhex(str(text).replace(":", ""))
    except ValueError:
        return None
    return mac if len(mac) == MAC_BYTES else None


def render_renewal(renewal: Renewal) -> str:
    """A renewal as it is written."""
    told = {"stamp": renewal.stamp, "unheard": sorted(renewal.unheard)[:MAX_NAMED]}
    return json.dumps(told, separators=(",", ":"))


@lru_cache(maxsize=KNOWN)
def parse_renewal(text: str) -> Renewal | None:
    """What a text says of a renewal; None if it is none."""
    told = _mapping(text)
    stamp, unheard = told.get("stamp"), told.get("unheard", [])
    if not isinstance(stamp, str) or not 0 < len(stamp) <= MAX_STAMP or not isinstance(unheard, list):
        return None
    return Renewal(stamp, frozenset(NodeName(name) for name in unheard[:MAX_NAMED] if isinstance(name, str)))


def _mapping(text: str) -> dict[str, Any]:
    if not text or len(text) > MAX_TEXT:
        return {}
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
