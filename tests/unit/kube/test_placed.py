"""Values of YAML as kubectl reads them; each was tried on a real one, as an annotation, which has to be a text."""

from __future__ import annotations

from typing import Any

import pytest

from pylb.kube.placed import build

BOOLEANS = "y Y n N yes No on OFF true True TRUE"
NUMBERS = "1e3 1E3 1.5e3 1e+3 0x10 0X10 0o17 0O17 017 08 0b1 0B1 1_000 .5 5. +1 -1 +.5 0 00 -017 1.e3 0.1_2 .5_1 .inf -.Inf .nan"
TEXTS = "yES tRUE _1 1.2.3 2024-01-01 12:30 190:20:30 1e 0x 0o 0xg + . nul = e3 1,000 1e400 v1 10.0.0.1"


def value(text: str) -> Any:
    [(found, _, _)] = build(f"a: {text}\n")
    return found["a"]


@pytest.mark.parametrize("text", BOOLEANS.split())
def test_booleans(text: str) -> None:
    assert value(text) is (text.lower() in ("y", "yes", "on", "true"))


@pytest.mark.parametrize("text", NUMBERS.split())
def test_numbers(text: str) -> None:
    assert isinstance(value(text), (int, float))
    assert not isinstance(value(text), bool)


@pytest.mark.parametrize("text", TEXTS.split())
def test_texts(text: str) -> None:
    assert value(text) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("017", 15), ("0o17", 15), ("0X1f", 31), ("08", 8.0), ("-0b11", -3), ("1_000", 1000), ("1e3", 1000.0), ("~", None),
        ("", None), ("Null", None), ("'y'", "y"), ('"08"', "08"), ("!!str y", "y"), ("!!int '5'", 5), ("|\n  y\n", "y\n"),
        ("99999999999999999999999", 1e23),
    ],
)  # fmt: skip
def test_values(text: str, wanted: Any) -> None:
    assert (value(text), type(value(text))) == (wanted, type(wanted))
