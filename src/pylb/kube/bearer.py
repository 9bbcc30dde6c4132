"""Where a bearer token comes from, and when it is read again; it knows no HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pylb.kube.errors import NoCluster

REREAD_AFTER = (
    60.0  # seconds; the kubelet renews a mounted token well before it ends (client-go reads it each minute too)
)
TOKEN_MAX = 64 * 1024  # bytes of a token file


class Bearer(Protocol):
    """A source of tokens."""

    async def token(self) -> str | None:
        """The token to send now; None for none. Raises ClusterError."""
        ...

    def expire(self) -> None:
        """The server refused the last token: do not answer it from memory again."""
        ...


class StaticBearer:
    """One token for ever, or none."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    async def token(self) -> str | None:
        return self._token

    def expire(self) -> None:
        """Nothing to do: there is no other token."""


class FileBearer:
    """The token in a file, read again every minute; where it cannot be read any more the last one stays."""

    def __init__(self, path: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._now = now
        self._token: str | None = None
        self._read_at: float | None = None

    async def token(self) -> str | None:
        if self._read_at is None or self._now() - self._read_at >= REREAD_AFTER:
            self._read()
        return self._token

    def expire(self) -> None:
        self._read_at = None

    def _read(self) -> None:
        try:
            with self._path.open("rb") as file:
                token = file.read(TOKEN_MAX).decode("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            if self._token is None:
                raise NoCluster(f"cannot read the token file {self._path}: {error}") from error
            token = ""
        if token:
            self._token = token
        self._read_at = self._now()
