"""The log: one line an entry, as text or JSON, with fields beside the words, and a limit for what repeats.

It is stdlib logging underneath: a module that must not know this one logs with `extra={"fields": {...}}`.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import OrderedDict
from typing import IO, Any

FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")
KEYS_MAX = 1024  # keys of limited entries that are remembered
FIELD_MAX = 2048  # characters of a field's text; a traceback is let through whole
_WHOLE = ("trace",)


def configure(level: str = "info", fmt: str = "text", stream: IO[str] | None = None) -> None:
    """Sends the log to `stream` (stderr). Raises ValueError for an unknown level or format."""
    if level not in LEVELS:
        raise ValueError(f"the log level is one of {', '.join(LEVELS)}, not {level!r}")
    if fmt not in FORMATS:
        raise ValueError(f"the log format is one of {', '.join(FORMATS)}, not {fmt!r}")
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JSONFormatter() if fmt == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(True)


class Logger:
    """Words and fields: `log.info("takes part", node="n1")`."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)
        self._limiter = Limiter()

    def debug(self, text: str, /, **fields: object) -> None:
        """For whoever debugs pylb."""
        self._write(logging.DEBUG, text, fields)

    def info(self, text: str, /, **fields: object) -> None:
        """What happens in the ordinary course."""
        self._write(logging.INFO, text, fields)

    def warning(self, text: str, /, **fields: object) -> None:
        """What somebody should look at one day."""
        self._write(logging.WARNING, text, fields)

    def error(self, text: str, /, **fields: object) -> None:
        """What somebody should look at now."""
        self._write(logging.ERROR, text, fields)

    def every(self, seconds: float, key: str) -> LimitedLogger:
        """A logger for one entry, that is left out if there was one with the same key in the last so many seconds.

        The next entry that is written says how many were left out (`suppressed`).
        """
        return LimitedLogger(self, self._limiter, seconds, key)

    def _write(self, level: int, text: str, fields: dict[str, object]) -> None:
        self._logger.log(level, "%s", text, extra={"fields": fields})


class LimitedLogger:
    """See `Logger.every`."""

    def __init__(self, log: Logger, limiter: Limiter, seconds: float, key: str) -> None:
        self._log = log
        self._limiter = limiter
        self._seconds = seconds
        self._key = key

    def info(self, text: str, /, **fields: object) -> None:
        """See `Logger.info`."""
        self._write(logging.INFO, text, fields)

    def warning(self, text: str, /, **fields: object) -> None:
        """See `Logger.warning`."""
        self._write(logging.WARNING, text, fields)

    def error(self, text: str, /, **fields: object) -> None:
        """See `Logger.error`."""
        self._write(logging.ERROR, text, fields)

    def _write(self, level: int, text: str, fields: dict[str, object]) -> None:
        suppressed = self._limiter.ask(self._key, self._seconds, time.monotonic())
        if suppressed is None:
            return
        if suppressed:
            fields["suppressed"] = suppressed
        self._log._write(level, text, fields)


class Limiter:
    """Which repetitions are let through. Pure; of more than KEYS_MAX keys the oldest is forgotten."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()  # key -> (last let through, left out since)

    def ask(self, key: str, seconds: float, now: float) -> int | None:
        """None to leave it out, else how many were left out since the last that was let through."""
        at, left_out = self._seen.get(key, (float("-inf"), 0))
        if now - at < seconds:
            self._seen[key] = (at, left_out + 1)
            return None
        self._seen[key] = (now, 0)
        self._seen.move_to_end(key)
        if len(self._seen) > KEYS_MAX:
            self._seen.popitem(last=False)
        return left_out


class TextFormatter(logging.Formatter):
    """2026-11-21T01:56:03.123Z info pylb.speaker: takes part node=n1"""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {key}={_word(value)}" for key, value in _fields(record).items())
        head = f"{_time(record.created)} {record.levelname.lower()} {record.name}"
        return f"{head}: {_line(record.getMessage())}{fields}"


class JSONFormatter(logging.Formatter):
    """One object a line: at, level, logger, text, and the fields beside them."""

    def format(self, record: logging.LogRecord) -> str:
        head = {
            "at": _time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": record.getMessage(),
        }
        rest = {f"field_{key}" if key in head else key: value for key, value in _fields(record).items()}
        return json.dumps({**head, **rest}, default=str, ensure_ascii=False)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields = getattr(record, "fields", None)
    found = {str(key): _cut(str(key), value) for key, value in fields.items()} if isinstance(fields, dict) else {}
    if record.exc_info:
        found["trace"] = logging.Formatter().formatException(record.exc_info)
    return found


def _cut(key: str, value: Any) -> Any:
    if isinstance(value, str) and key not in _WHOLE and len(value) > FIELD_MAX:
        return value[: FIELD_MAX - 1] + "…"
    return value


def _word(value: Any) -> str:
    """A value as one word: quoted where it has blanks, quotes or control characters, so that no line can be forged."""
    if isinstance(value, (list, tuple, set, frozenset)):
        value = ",".join(map(str, value))
    text = str(value)
    if text.isprintable() and text and not any(char in text for char in ' "='):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _line(text: str) -> str:
    return text if text.isprintable() else json.dumps(text)


def _time(at: float) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at))}.{int(at % 1 * 1000):03}Z"
