"""Times as Go writes them, and so Kubernetes: `90s`, `1m30s`, `1.5h`. Read to seconds, and written again."""

from __future__ import annotations

import re

from pylb.core.errors import ParseError

UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}  # s
MAX_TEXT = 64  # characters; longer text is no time
MAX = 2**63 / 1e9  # s: Go counts ns in 64 bits with a sign
_PART = r"(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h)"
_WHOLE = re.compile(rf"[-+]?(?:0|(?:{_PART})+)", re.ASCII)
_ONE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?", re.ASCII)


def parse(text: str) -> float:
    """Seconds; raises ParseError in Go's words."""
    if _NUMBER.fullmatch(text) and text.lstrip("+-") != "0" and len(text) <= MAX_TEXT:
        raise ParseError(f'time: missing unit in duration "{text}"')
    if len(text) > MAX_TEXT or not _WHOLE.fullmatch(text):
        raise ParseError(f'time: invalid duration "{text[:MAX_TEXT]}"')
    seconds = sum(float(number) * UNITS[unit] for number, unit in _ONE.findall(text))
    if seconds >= MAX:
        raise ParseError(f'time: invalid duration "{text}"')
    return -seconds if text.startswith("-") else seconds


def write(seconds: float) -> str:
    """The same as Go writes it: `1m30s`, `500ms`, `0s`."""
    sign, left = ("-" if seconds < 0 else ""), abs(seconds)
    if left and left < 1:
        return f"{sign}{left * 1000:g}ms"
    hours, left = divmod(left, 3600)
    minutes, left = divmod(left, 60)
    text = f"{hours:.0f}h" if hours else ""
    text += f"{minutes:.0f}m" if hours or minutes else ""
    return f"{sign}{text}{left:g}s"
