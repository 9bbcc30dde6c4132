"""A secret in a file that is replaced while a daemon runs, as the kubelet replaces the files of a mounted Secret.

What the secret is for, its reader knows. A file that is gone, empty or too short changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

LOOK_EVERY = 2.0  # s between two looks; one costs a stat
MAX_BYTES = 65536  # that are read of it

log = logging.getLogger(__name__)


class SecretFile:
    """The file at `path`, whose content was `value` when it was read first, and is never shorter than `shortest`."""

    def __init__(self, path: str, value: bytes, shortest: int = 1) -> None:
        self._path, self._value, self._shortest = Path(path), value, shortest
        self._seen: tuple[int, ...] = ()

    def look(self) -> bytes:
        """The secret as it stands there now, without white space around it; the last good one if it does not."""
        try:
            now = _signature(self._path.stat())
            if now != self._seen:
                self._seen = now
                self._take()
        except OSError as error:
            if self._seen:
                log.warning("a secret cannot be read", extra=_fields(self._path, error.strerror))
            self._seen = ()
        return self._value

    async def follow(self, take: Callable[[bytes], None]) -> None:
        """Hand on the secret now and whenever it is another, for ever."""
        while True:
            take(self.look())
            await asyncio.sleep(LOOK_EVERY)

    def _take(self) -> None:
        with self._path.open("rb") as opened:
            found = opened.read(MAX_BYTES).strip()
        if len(found) >= self._shortest:
            self._value = found
        else:
            log.warning("a secret is too short", extra=_fields(self._path, f"{len(found)} bytes"))


def _signature(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)


def _fields(path: Path, error: str | None) -> dict[str, object]:
    return {"fields": {"file": str(path), "error": error}}
