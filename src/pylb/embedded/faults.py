"""Faults that tests order: the next requests fail, all are slow, watches drop, freeze or find their past forgotten."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from pylb.embedded.errors import ApiError
from pylb.embedded.messages import Request, Response, as_json
from pylb.embedded.store import Store
from pylb.embedded.watches import Gate

_REASONS = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


@dataclass(slots=True)
class Faults:
    """What goes wrong on purpose. `failed` counts the requests that were refused, `seen` all that were asked."""

    store: Store
    gate: Gate
    delay: float = 0.0  # seconds before each request is answered
    failed: int = 0
    seen: int = 0
    _left: int = 0
    _status: int = 500
    _match: re.Pattern[str] = re.compile("")

    def fail_next(self, count: int, status: int = 500, match: str = "") -> None:
        """Answer the next `count` requests whose `METHOD /path?query` contains the pattern `match` with a status."""
        self._left, self._status, self._match = count, status, re.compile(match)

    def drop_watches(self) -> None:
        """End all watch streams now, in order (the connections stay)."""
        self.gate.epoch += 1
        self.gate.wake()

    def freeze_watches(self, frozen: bool = True) -> None:
        """Keep watch streams open and silent, as a half-open connection is; False lets them tell what they missed."""
        self.gate.frozen = frozen
        self.gate.wake()

    def compact(self) -> None:
        """Forget all changes: watches and continue tokens of an older version than now are answered with 410."""
        self.store.history.compact()
        self.gate.wake()

    async def apply(self, request: Request) -> Response | None:
        """Delay a request, and refuse it if it is one of those that shall fail."""
        self.seen += 1
        if self.delay > 0:
            await asyncio.sleep(self.delay)
        if self._left <= 0 or not self._match.search(f"{request.method} {request.target}"):
            return None
        self._left -= 1
        self.failed += 1
        reason = _REASONS.get(self._status, "Unknown")
        headers = (("retry-after", "1"),) if self._status == 429 else ()
        return as_json(self._status, ApiError(self._status, reason, "a fault that a test ordered").body(), headers)
