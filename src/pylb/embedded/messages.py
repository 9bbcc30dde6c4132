"""Requests and responses as values: what the operations take and give. No socket, no loop."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    """A request with its whole body; header names are lower case, the path is decoded, a query field counts once."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    target: str = ""  # as it came

    def flag(self, name: str) -> bool:
        """Whether a query field says true, as Go reads it."""
        return self.query.get(name, "").lower() in ("true", "1", "t")

    def accepts_json(self) -> bool:
        """Whether the client reads JSON: all that is written here."""
        accepted = self.headers.get("accept") or "*/*"
        kinds = {part.split(";")[0].strip().lower() for part in accepted.split(",")}
        return bool(kinds & {"*/*", JSON_TYPE})


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response, or one whose body is streamed."""

    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()
    stream: AsyncGenerator[bytes, None] | None = field(default=None, compare=False)


def as_json(status: int, value: Any, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """A JSON response."""
    return Response(status, json.dumps(value, separators=(",", ":")).encode(), JSON_TYPE, headers)


def as_text(status: int, text: str) -> Response:
    """A plain text response."""
    return Response(status, text.encode(), "text/plain; charset=utf-8")
