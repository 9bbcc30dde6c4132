"""Addresses as texts have them, mostly read once: the same thousands stand there at each drawing. Pure."""

from __future__ import annotations

from functools import lru_cache

from pylb.core.errors import ParseError
from pylb.core.model import Address
from pylb.core.ranges import parse_address

MAX_KNOWN = 2_500  # half a MB; to read one takes 1.5 microseconds
NO_ADDRESS = (9, 0)  # after all addresses


@lru_cache(maxsize=MAX_KNOWN)
def parsed(text: str) -> Address | None:
    """The address; None for what is none."""
    try:
        return parse_address(text)
    except ParseError:
        return None


def number(text: str) -> tuple[int, int]:
    """An address as what it sorts by: IPv4 before IPv6, each as a number; what is none comes last."""
    address = parsed(text)
    return NO_ADDRESS if address is None else (address.version, int(address))
