"""Whether a write would change anything: objects compared after the API server's defaulting. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

JSON = Any


def merged(current: JSON, patch: JSON) -> JSON:
    """What a merge patch makes of a value (RFC 7396)."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(current) if isinstance(current, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def would_change(current: JSON, patch: JSON) -> bool:
    """Whether the merge patch changes the value, as far as the API server can tell them apart."""
    return bool(plain(merged(current, patch)) != (plain(current) or {}))


def plain(value: JSON) -> JSON:
    """The value without what is empty, and without what the API server fills in: `ipMode: VIP` beside an `ip`."""
    if isinstance(value, Mapping):
        kept = {key: plain(item) for key, item in value.items()}
        if kept.get("ipMode") == "VIP" and "ip" in kept:
            del kept["ipMode"]
        return {key: item for key, item in kept.items() if item is not None and item != {} and item != []}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
