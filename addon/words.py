"""What was typed as the range, in every form in which MicroK8s hands it over, as ranges that a pool may hold.

`enable pylb A-B` arrives as it is; `enable pylb:fd00::1-fd00::9` arrives cut at each colon. It knows the shape of
ranges and the networks that no LAN hands out; what a cluster or a LAN uses already is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_network

from pylb.core.errors import ParseError
from pylb.core.ranges import Range, parse_list

EXAMPLE = "192.168.1.240-192.168.1.250"
MAX_TEXT = 4096  # characters of all ranges together

# Short form: 10.0.0.100-200 is 10.0.0.100-10.0.0.200.
_SHORT = re.compile(r"(?<![\d.])((?:\d{1,3}\.){3})(\d{1,3})\s*-\s*(\d{1,3})(?![\d.])")
_DASHES = str.maketrans({"\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2014": "-"})  # what web pages make of "-"
_HEX_GROUP = re.compile(r"[0-9a-fA-F]{0,4}")

# Networks whose addresses no host of a LAN can have (RFC 6890, RFC 5771, RFC 4291).
_UNUSABLE = {
    "0.0.0.0/8": "this network",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
    "::/127": "unspecified or loopback",
    "fe80::/10": "link-local",
    "ff00::/8": "multicast",
}
UNUSABLE = tuple((Range(ip_network(net)[0], ip_network(net)[-1]), net, why) for net, why in _UNUSABLE.items())


def read(words: Sequence[str]) -> tuple[Range, ...]:
    """The ranges that the words of a command line, or an answer, write; raises ParseError that says what is wrong."""
    plain = " ".join(words)
    if len(plain) > MAX_TEXT:
        raise ParseError(f"the ranges have more than {MAX_TEXT} characters: name fewer, or larger ones")
    try:
        return _ranges(plain)
    except ParseError:
        if not _was_cut(words):
            raise
        if "" in words or not any("." in word for word in words):  # nothing but IPv6 looks like this
            return _ranges(":".join(words))
        with suppress(ParseError):
            return _ranges(":".join(words))
        raise


def entry(span: Range) -> str:
    """A range as an entry of a pool; pools want a prefix length with a single address."""
    return f"{span.first}/{span.first.max_prefixlen}" if span.size == 1 else str(span)


def _was_cut(words: Sequence[str]) -> bool:
    """Whether the words can be what MicroK8s leaves of an IPv6 range behind `pylb:`."""
    uncut = any(":" in word for word in words)
    return len(words) > 1 and not uncut and any(_HEX_GROUP.fullmatch(word) for word in words)


def _ranges(text: str) -> tuple[Range, ...]:
    spans = parse_list(_SHORT.sub(r"\1\2-\1\3", text.translate(_DASHES)))
    for span in spans:
        for network, name, why in UNUSABLE:
            if span.overlaps(network):
                raise ParseError(f'"{span}" holds addresses of {name} ({why}), which no host of a LAN can have')
    return spans
