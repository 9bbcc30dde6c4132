"""What counts as a write in the API server's audit log."""

from __future__ import annotations

import json
from typing import Any

from bench._audit import Write, told, writes

BEGAN = 1_000_000_000.0  # 2001-09-09T01:46:40Z


def line(number: int, verb: str, resource: str, sub: str = "", second: int = 41) -> str:
    event: dict[str, Any] = {
        "auditID": str(number),
        "verb": verb,
        "requestReceivedTimestamp": f"2001-09-09T01:46:{second}.500000Z",
        "objectRef": {"resource": resource, **({"subresource": sub} if sub else {})},
    }
    return json.dumps(event) + "\n"


def test_writes_since_then_without_leases_and_reads() -> None:
    lines = [
        line(1, "patch", "services", "status"),
        line(1, "patch", "services", "status"),  # a request has several stages
        line(2, "get", "services"),
        line(3, "update", "leases"),
        line(4, "create", "events", second=39),
        line(5, "create", "events"),
        line(6, "delete", "servicel2statuses")[:-1],  # under way
    ]
    assert writes(lines, BEGAN) == [
        Write(BEGAN + 1.5, "patch", "services/status"),
        Write(BEGAN + 1.5, "create", "events"),
    ]


def test_what_is_shared_by_services() -> None:
    shared = [Write(0, "patch", what).shared for what in ("ipaddresspools/status", "services/status", "events")]
    assert shared == [True, False, False]


def test_told_the_most_frequent_first() -> None:
    found = [Write(0, "create", "events"), Write(0, "patch", "services/status"), Write(1, "create", "events")]
    assert told(found) == "2 create events, 1 patch services/status"
