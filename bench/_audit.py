"""What the API server's audit log says about writes. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

WRITING = {"create", "update", "patch", "delete"}
SHARED = {"ipaddresspools/status", "configurationstates", "configurationstates/status"}  # one for many Services


@dataclass(frozen=True, slots=True)
class Write:
    """A request that was to change something, whatever came of it. `at` is Unix time."""

    at: float
    verb: str
    what: str  # resource, and subresource behind a stroke

    @property
    def shared(self) -> bool:
        """Whether it is about no Service of its own."""
        return self.what in SHARED


def writes(lines: Iterable[str], since: float) -> list[Write]:
    """The writes since then, but those of Leases; a line without its end is under way, and left out."""
    found = {}
    for line in lines:
        if line.endswith("\n"):
            event = json.loads(line)
            one = _write(event)
            if one.at >= since and one.verb in WRITING and not one.what.startswith("leases"):
                found[event["auditID"]] = one
    return list(found.values())


def _write(event: dict[str, Any]) -> Write:
    ref = event.get("objectRef") or {}
    what = "/".join(filter(None, (ref.get("resource"), ref.get("subresource"))))
    at = datetime.fromisoformat(event["requestReceivedTimestamp"].replace("Z", "+00:00"))
    return Write(at.timestamp(), event["verb"], what)


def told(found: Iterable[Write]) -> str:
    """How many of each, the most frequent first."""
    counts = Counter(f"{one.verb} {one.what}" for one in found)
    return ", ".join(f"{number} {what}" for what, number in counts.most_common())
