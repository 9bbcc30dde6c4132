"""Every "no" has its sentence, and every event its fields as the JSON tells them."""

from __future__ import annotations

import re

import pytest

from pylb.core import events
from pylb.core.reasons import Reason


@pytest.mark.parametrize("reason", Reason)
def test_reason_has_a_text(reason: Reason) -> None:
    """A sentence for people: not empty, no full stop, not the code once more."""
    assert len(reason.text.split()) >= 3
    assert not reason.text.endswith(".")
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", reason.value)


def test_texts_differ() -> None:
    texts = [reason.text for reason in Reason]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("kind", events.KINDS)
def test_event_kinds_are_documented(kind: str) -> None:
    assert events.KINDS[kind].__doc__
