"""What is held back by annotation: addresses of a pool that are given on request alone, and addresses not remembered. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address

from pylb.core.errors import ParseError
from pylb.core.ranges import Range, parse_list

REMEMBER = "pylb.io/remember"  # of a Service, or of an IPAddressPool for all its addresses
RESERVED = "pylb.io/reserved"  # of an IPAddressPool: ranges that are given to those who ask for an address of them
ANSWERS = {"true": True, "false": False}  # values of REMEMBER
MAX_RESERVED = 100  # ranges of one pool


def parse_remember(text: str) -> bool:
    """Whether addresses are remembered for Services that are gone. Raises ParseError."""
    if text not in ANSWERS:
        raise ParseError(f'"{text}" is none of {", ".join(ANSWERS)}')
    return ANSWERS[text]


def is_remembered(annotations: Mapping[str, str]) -> bool:
    """What a Service's annotations say about it; yes also where that cannot be understood."""
    return ANSWERS.get(annotations.get(REMEMBER, ""), True)


def parse_reserved(text: str, pool: Sequence[Range]) -> tuple[Range, ...]:
    """Addresses and ranges divided by commas or blanks, each in a pool of these ranges. Raises ParseError."""
    spans = parse_list(text)
    if len(spans) > MAX_RESERVED:
        raise ParseError(f"{len(spans)} ranges are reserved: {MAX_RESERVED} are read at most")
    for span in spans:
        if pool and not any(span.overlaps(one) for one in pool):
            raise ParseError(f'"{span}" is not in the pool: correct it, or leave it out')
    return spans


def faults(annotations: Mapping[str, str]) -> dict[str, str]:
    """The annotations of a Service whose values cannot be understood, and why."""
    try:
        if REMEMBER in annotations:
            parse_remember(annotations[REMEMBER])
    except ParseError as error:
        return {REMEMBER: str(error)}
    return {}


def cut(spans: Iterable[Range], out: Sequence[Range]) -> tuple[Range, ...]:
    """What is left of ranges, in their order, without others."""
    return tuple(part for span in spans for part in _cut_one(span, out))


def _cut_one(span: Range, out: Sequence[Range]) -> Iterator[Range]:
    make: type[IPv4Address | IPv6Address] = type(span.first)
    start = int(span.first)
    for one in sorted((one for one in out if one.overlaps(span)), key=lambda one: int(one.first)):
        if int(one.first) > start:
            yield Range(make(start), make(int(one.first) - 1))
        start = max(start, int(one.last) + 1)
    if start <= int(span.last):
        yield Range(make(start), span.last)
