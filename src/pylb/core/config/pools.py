"""IPAddressPools: one object read, and what several of them may not have in common. Rules and texts are MetalLB's."""

from __future__ import annotations

import difflib
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from pylb.core.allocation.reserves import ANSWERS, REMEMBER, RESERVED, parse_remember, parse_reserved
from pylb.core.config.objects import Pool, Problem
from pylb.core.config.sheets import Sheet
from pylb.core.errors import ParseError
from pylb.core.model import PoolName
from pylb.core.ownership.moves import FAILBACK, MODES, parse_failback
from pylb.core.ranges import EXAMPLES, Network, Range, parse, require_possible

T = TypeVar("T")

MAX_RANGES = 1000  # of one pool
MAX_SLIPS = 3  # annotations of one pool that are told
PREFIX = "pylb.io/"
OWN = (FAILBACK, REMEMBER, RESERVED)  # annotations that are read of pools
ALIKE, SAME = 0.8, 0.9  # of difflib's ratio: `pylb.io/reserve` has 0.97, `pylb.io/move` 0.71, `plb.io/reserved` 0.97
_ALLOCATION = "spec.serviceAllocation"
_ADVICE = re.compile(r": (?=(?:write|name free) )")  # where a text of `core.ranges` goes on with what to do


def read_pool(sheet: Sheet) -> Pool | None:
    """The pool that an IPAddressPool describes; None if anything is wrong with it, which the sheet then tells."""
    sheet.prefix = f"parsing address pool {sheet.name}: "
    _warn_of_unknown(sheet)
    if not sheet.name:
        sheet.say("metadata.name", "missing pool name", "give it a name")
    ranges = _ranges(sheet)
    limits = sheet.spec.get("serviceAllocation")
    said = limits or {}
    pool = Pool(
        name=PoolName(sheet.name),
        ref=sheet.ref,
        ranges=ranges,
        auto_assign=sheet.spec["autoAssign"],
        avoid_buggy=sheet.spec["avoidBuggyIPs"],
        pinned=limits is not None,
        priority=said.get("priority", 0),
        namespaces=_namespaces(sheet, said.get("namespaces", ())),
        namespace_selectors=sheet.selectors(said.get("namespaceSelectors", ()), f"{_ALLOCATION}.namespaceSelectors"),
        service_selectors=sheet.selectors(said.get("serviceSelectors", ()), f"{_ALLOCATION}.serviceSelectors"),
        failback=_failback(sheet),
        reserved=_reserved(sheet, ranges),
        remembered=_remembered(sheet),
    )
    return None if sheet.problems else pool


def _ranges(sheet: Sheet) -> tuple[Range, ...]:
    texts = sheet.spec.get("addresses", ())
    if not texts:
        fix = f"give it at least one range in spec.addresses, such as {EXAMPLES}"
        sheet.say("spec.addresses", "pool has no prefixes defined", fix)
    if len(texts) > MAX_RANGES:
        text = f"pool has {len(texts)} ranges, and {MAX_RANGES} are read at most"
        sheet.say("spec.addresses", text, "divide it in several pools")
    found = (_range(sheet, number, text) for number, text in enumerate(texts[:MAX_RANGES]))
    return tuple(span for span in found if span is not None)


def _range(sheet: Sheet, number: int, text: str) -> Range | None:
    where, wrap = f"spec.addresses[{number}]", f'invalid CIDR "{text}" in pool "{sheet.name}": {{}}'
    try:
        span = parse(text)
        require_possible(span)
    except ParseError as error:
        said, *fix = _ADVICE.split(str(error), maxsplit=1)
        sheet.say(where, wrap.replace("{}", said), fix[0] if fix else f"write a range, such as {EXAMPLES}")
        return None
    return span


def _namespaces(sheet: Sheet, names: Sequence[str]) -> frozenset[str]:
    for number, name in enumerate(names):
        if name in names[:number]:
            where = f"{_ALLOCATION}.namespaces[{number}]"
            sheet.say(where, "duplicate definition in namespaces field", f'name "{name}" once')
    return frozenset(names)


def _failback(sheet: Sheet) -> bool:
    return bool(_said(sheet, FAILBACK, parse_failback, f"write one of {', '.join(MODES)}"))


def _remembered(sheet: Sheet) -> bool:
    said = _said(sheet, REMEMBER, parse_remember, f"write one of {', '.join(ANSWERS)}")
    return said is not False


def _reserved(sheet: Sheet, ranges: Sequence[Range]) -> tuple[Range, ...]:
    fix = f"write addresses or ranges of the pool, divided by commas, such as {EXAMPLES}"
    return _said(sheet, RESERVED, lambda text: parse_reserved(text, ranges), fix) or ()


def _warn_of_unknown(sheet: Sheet) -> None:
    """Annotations that are meant for pylb, and that it does not read of pools."""
    for key in islice((key for key in sorted(sheet.annotations) if key not in OWN and _is_meant(key)), MAX_SLIPS):
        near = difflib.get_close_matches(key.lower(), OWN, n=1, cutoff=ALIKE)
        text = f"annotation {key} is not known of pools: there are {', '.join(OWN)}"
        sheet.warn(f"metadata.annotations[{key}]", text, f"write {near[0]}" if near else "leave it out")


def _is_meant(key: str) -> bool:
    """Whether it has pylb's prefix, or one that is hardly another one, with a name that is hardly another one."""
    return key.startswith(PREFIX) or bool(difflib.get_close_matches(key.lower(), OWN, n=1, cutoff=SAME))


def _said(sheet: Sheet, key: str, parse: Callable[[str], T], fix: str) -> T | None:
    """What an annotation of the pool says; None where it is not there, or not understood."""
    text = sheet.annotations.get(key)
    if text is None:
        return None
    where, wrap = f"metadata.annotations[{key}]", f"annotation {key}: {{}}"
    return sheet.read(where, parse, str(text), fix, wrap)


def repeated(pools: Sequence[Pool]) -> Iterator[Problem]:
    """Pools that share a name."""
    seen: dict[str, Pool] = {}
    for pool in pools:
        other = seen.setdefault(pool.name, pool)
        if other is not pool:
            text = f'duplicate definition of pool "{pool.name}": also in {other.ref}'
            yield Problem(pool.ref, "metadata.name", text, "remove one of the two, or give it another name")


def overlaps(pools: Sequence[Pool]) -> Iterator[Problem]:
    """Ranges that hold an address which an earlier one holds."""
    ends: list[tuple[int, int]] = []  # (IP version, last address) of each range that overlaps none, ascending
    seen: list[tuple[Range, Pool]] = []  # the same ranges, and whose they are
    for pool in pools:
        for number, span in enumerate(pool.ranges):
            place = bisect_left(ends, (span.version, int(span.first)))
            other, owner = seen[place] if place < len(seen) else (None, pool)
            if other is None or not span.overlaps(other):
                ends.insert(place, (span.version, int(span.last)))
                seen.insert(place, (span, pool))
                continue
            mine, theirs = _clash(span, other)
            where = "" if owner is pool else f" of {owner.ref}"
            text = f'CIDR "{mine}" in pool "{pool.name}" overlaps with already defined CIDR "{theirs}"{where}'
            yield Problem(pool.ref, f"spec.addresses[{number}]", text, "leave each address in one range alone")


def _clash(span: Range, other: Range) -> tuple[Network, Network]:
    """The first blocks of two overlapping ranges that overlap, which is what MetalLB's text names."""
    return next(
        (a, b) for a in span.blocks() for b in other.blocks() if Range(a[0], a[-1]).overlaps(Range(b[0], b[-1]))
    )
