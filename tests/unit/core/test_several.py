"""Several things as one short text."""

from __future__ import annotations

import pytest

from pylb.core.several import count, some


@pytest.mark.parametrize(
    ("items", "limit", "text"),
    [
        ((), 5, ""),
        (("a",), 5, "a"),
        ("abcde", 5, "a, b, c, d, e"),
        ("abcdef", 5, "a, b, c, d, e and 1 more"),
        ((1, 2, 3), 1, "1 and 2 more"),
    ],
)
def test_the_first_few_are_named(items: tuple[object, ...], limit: int, text: str) -> None:
    assert some(iter(items), limit) == text


def test_another_word_between() -> None:
    assert some(["a", "b", "c"], 2, "; ") == "a; b and 1 more"


def test_one_is_no_plural() -> None:
    assert [count(number, "node") for number in (0, 1, 2)] == ["0 nodes", "1 node", "2 nodes"]
