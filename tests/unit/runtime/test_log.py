"""The log's lines."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from pylb.runtime import log
from pylb.runtime.log import Limiter, Logger, configure


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the log goes; the root logger is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, ""),
        ({"node": "n1", "count": 3}, " node=n1 count=3"),
        ({"text": "also a field", "reason": "r"}, ' text="also a field" reason=r'),
        ({"a": "x y", "b": 'q"q', "c": "", "d": "e=f"}, ' a="x y" b="q\\"q" c="" d="e=f"'),
        ({"a": "line\nforged=1"}, ' a="line\\nforged=1"'),
        ({"a": "\x1b[31m"}, ' a="\\u001b[31m"'),
        ({"a": ["x", "y"], "b": None}, " a=x,y b=None"),
        ({"a": "ü"}, " a=ü"),
    ],
)
def test_text(stream: io.StringIO, fields: dict[str, Any], told: str) -> None:
    configure("info", "text", stream)
    Logger("pylb.test").info("takes part", **fields)
    line = stream.getvalue()
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info pylb\.test: takes part", line)
    assert line.partition("takes part")[2] == told + "\n"


def test_json(stream: io.StringIO) -> None:
    configure("info", "json", stream)
    Logger("pylb.test").warning("a % and\na line", reason="r", text="t", addresses=("a", "b"), odd={1})
    found = json.loads(stream.getvalue())
    del found["at"]
    assert found == {
        "level": "warning",
        "logger": "pylb.test",
        "text": "a % and\na line",
        "reason": "r",
        "field_text": "t",
        "addresses": ["a", "b"],
        "odd": "{1}",
    }


def test_levels(stream: io.StringIO) -> None:
    configure("warning", "text", stream)
    logger = Logger("pylb.test")
    for write in (logger.debug, logger.info, logger.warning, logger.error):
        write("x")
    assert stream.getvalue().count("\n") == 2


def test_modules_that_know_only_stdlib(stream: io.StringIO) -> None:
    configure("info", "text", stream)
    logging.getLogger("pylb.kube").warning("a %s", "b", extra={"fields": {"path": "/api"}})
    logging.getLogger("other").warning("plain")
    assert "pylb.kube: a b path=/api\n" in stream.getvalue()
    assert "other: plain\n" in stream.getvalue()


def test_exceptions_stay_on_a_line(stream: io.StringIO) -> None:
    configure("info", "text", stream)
    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger("x").exception("failed")
    assert stream.getvalue().count("\n") == 1
    assert "ValueError: boom" in stream.getvalue()


def test_a_long_field_is_cut(stream: io.StringIO) -> None:
    configure("info", "text", stream)
    Logger("x").info("a", b="y" * 10_000)
    assert len(stream.getvalue()) < log.FIELD_MAX + 100


def test_repetitions_are_left_out_and_counted(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    configure("info", "text", stream)
    logger = Logger("x")
    for second in (0, 1, 2, 59, 60):
        now[0] = second
        logger.every(60, "arp").warning("again", second=second)
    logger.every(60, "other").warning("again")
    told = [line.partition("again")[2] for line in stream.getvalue().splitlines()]
    assert told == [" second=0", " second=60 suppressed=3", ""]


def test_the_limiter_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "KEYS_MAX", 2)
    limiter = Limiter()
    assert [limiter.ask(key, 60, 0) for key in "abc"] == [0, 0, 0]
    assert limiter.ask("c", 60, 1) is None
    assert limiter.ask("a", 60, 1) == 0, "forgotten"


@pytest.mark.parametrize(("level", "fmt"), [("loud", "text"), ("info", "xml")])
def test_unknown_settings(level: str, fmt: str) -> None:
    with pytest.raises(ValueError, match="is one of"):
        configure(level, fmt)
