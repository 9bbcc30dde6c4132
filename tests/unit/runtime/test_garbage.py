"""What a daemon asks of Python's search for cycles."""

from __future__ import annotations

import gc

from pylb.runtime import garbage


def test_what_is_loaded_is_searched_no_more_and_what_comes_is_searched_seldom() -> None:
    before = gc.get_threshold()
    try:
        garbage.begin()
        assert gc.get_threshold() == garbage.SEARCHES
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
