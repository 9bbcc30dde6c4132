"""The promises as they are written down: each a sentence, each difference one of a promise, the document current."""

from __future__ import annotations

from pathlib import Path

from conformance.differences import DIFFERENCES
from fakes.scripted import script

ROOT = Path(__file__).parents[2]
document = script("conformance")

PROMISES = [promise for _, promises in document.sections(document.TESTS) for promise in promises]
MIN_PROMISES = 100


def test_the_document_is_current() -> None:
    """`.venv/bin/python scripts/conformance.py` writes it."""
    assert document.DOCUMENT.read_text(encoding="utf-8") == document.render(document.TESTS)


def test_each_promise_is_a_sentence_of_its_own() -> None:
    """Named once, said once."""
    names = [name for name, _ in PROMISES]
    assert len(names) >= MIN_PROMISES
    assert len(set(names)) == len(names)
    assert len({sentence for _, sentence in PROMISES}) == len(names)
    assert [name for name, sentence in PROMISES if not sentence.endswith(".")] == []


def test_each_difference_is_one_of_a_promise() -> None:
    """And tells both halves."""
    assert DIFFERENCES.keys() - {name for name, _ in PROMISES} == set()
    assert document.differences(document.TESTS) == {name: tuple(found) for name, found in DIFFERENCES.items()}
    assert all(found.instead.endswith(".") and found.why.endswith(".") for found in DIFFERENCES.values())
