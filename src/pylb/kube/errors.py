"""What can go wrong with the API server, as one tree of exceptions; it decides which answer is which error.

It knows neither sockets nor retries. Messages are cut, so that no object, and with it no secret, reaches a log.
"""

from __future__ import annotations

import json
from typing import Any

MESSAGE_MAX = 256  # characters of a message that an exception keeps
REASON_MAX = 64  # characters


class ClusterError(Exception):
    """A request to the cluster failed.

    `status` is the HTTP status (None where there was no answer), `reason` Kubernetes' own word for it (or ours),
    `retry_after` the seconds that the server asks to wait, if it does.
    """

    message_max = MESSAGE_MAX

    def __init__(
        self, message: str, *, status: int | None = None, reason: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(cut(message, self.message_max))
        self.status = status
        self.reason = reason[:REASON_MAX]
        self.retry_after = retry_after


class Unreachable(ClusterError):
    """There was no answer, or only a part of one, within the deadline."""


class Withheld(ClusterError):
    """Nothing was sent: the client may not write now (`kube.guard`)."""


class NoCluster(ClusterError):
    """No usable credentials were found; the message, which is pylb's own throughout, says what to do.

    `exit_code` is what a command ends with: 2, wrong input, for a kubeconfig that somebody named or that is broken.
    """

    message_max = 1024
    exit_code = 2


class NowhereFound(NoCluster):
    """No kubeconfig was named, and the usual places have none that may be read: nothing typed was wrong."""

    exit_code = 3


class Unauthorized(ClusterError):
    """401: the API server does not know who we are."""


class Forbidden(ClusterError):
    """403: it knows, and refuses."""


class NotFound(ClusterError):
    """404: there is no such object, or no such kind."""


class AlreadyExists(ClusterError):
    """409 on create: the object is there already."""


class Conflict(ClusterError):
    """409: the object changed since it was read, or another manager owns the field."""


class Gone(ClusterError):
    """410: the resourceVersion or the continue token is too old; list again."""


class Invalid(ClusterError):
    """400, 405, 406, 413, 415, 422 and other refusals of what was sent: repeating it does not help."""


class TooManyRequests(ClusterError):
    """429: later; `retry_after` says when."""


class ServerError(ClusterError):
    """5xx, or an answer that is not what it should be (`reason` NotJSON or TooLarge)."""


_BY_STATUS: dict[int, type[ClusterError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    429: TooManyRequests,
}


def cut(message: str, limit: int = MESSAGE_MAX) -> str:
    """The message on one line and at most `limit` characters long."""
    line = " ".join(message.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def from_answer(status: int, body: bytes, retry_after: str = "") -> ClusterError:
    """The error that an HTTP answer of 400 and above tells: a Status object, or plain text."""
    details = _status_object(body)
    if details is None:
        text = body[: 4 * MESSAGE_MAX].decode("utf-8", "replace").strip()
        return _make(status, text or f"HTTP {status}", "", _seconds(retry_after))
    return from_status(details, status, _seconds(retry_after))


def from_status(raw: dict[str, Any], status: int | None = None, retry_after: float | None = None) -> ClusterError:
    """The error that a Status object tells, such as the object of a watch's ERROR event."""
    code = raw.get("code")
    if status is None:
        status = code if isinstance(code, int) and not isinstance(code, bool) else 500
    details = raw.get("details")
    if retry_after is None and isinstance(details, dict):
        retry_after = _seconds(details.get("retryAfterSeconds"))
    message = raw.get("message")
    reason = raw.get("reason")
    return _make(
        status,
        message if isinstance(message, str) and message else f"HTTP {status}",
        reason if isinstance(reason, str) else "",
        retry_after,
    )


def _make(status: int, message: str, reason: str, retry_after: float | None) -> ClusterError:
    kind = _BY_STATUS.get(status)
    if kind is None:
        kind = ServerError if status >= 500 else Invalid
    if kind is Conflict and reason == "AlreadyExists":
        kind = AlreadyExists
    return kind(message, status=status, reason=reason, retry_after=retry_after)


def _status_object(body: bytes) -> dict[str, Any] | None:
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return raw if isinstance(raw, dict) and raw.get("kind") == "Status" else None


def _seconds(raw: object) -> float | None:
    """Seconds to wait; None for what is no number (the HTTP-date form, which no API server sends, included)."""
    try:
        value = float(str(raw))
    except ValueError:
        return None
    return value if 0 < value < float("inf") else None
