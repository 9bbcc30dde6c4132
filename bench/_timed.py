"""The `pylb` command, which also tells how much of its processor time was decisions.

python -m bench._timed FILE controller …      as FILE, rewritten with each round: JSON of seconds of this thread's time

A round is all that the controller decides at once (`Books.settle`), with what it keeps of it; `decide` is a part of that.
The clock is asked twice for each, which takes less than a microsecond.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pylb.cli import main
from pylb.controller import reconcile
from pylb.controller.reconcile import Books
from pylb.core.allocation.allocator import Decision

EVERY = 0.2  # s between two writes of the file


class Watch:
    """Seconds, and how often."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._spent = {"decide": 0.0, "settle": 0.0}
        self._calls = {"decide": 0, "settle": 0}
        self._written = 0.0

    def around(self, name: str, done: Callable[..., Any]) -> Callable[..., Any]:
        """The same, with its time taken."""

        def timed(*args: Any, **named: Any) -> Any:
            began = time.thread_time()
            try:
                return done(*args, **named)
            finally:
                self._spent[name] += time.thread_time() - began
                self._calls[name] += 1
                if name == "settle":
                    self._write()

        return timed

    def _write(self) -> None:
        now = time.monotonic()
        if now - self._written >= EVERY:
            self._written = now
            self._file.write_text(json.dumps({**self._spent, "calls": self._calls}))


def watch(file: Path) -> None:
    """Have all decisions counted."""
    found = Watch(file)
    decide: Callable[..., Decision] = getattr(reconcile, "decide")  # noqa: B009 - the name that `Books` calls it by
    setattr(reconcile, "decide", found.around("decide", decide))  # noqa: B010 - mypy lets no function be assigned to
    setattr(Books, "settle", found.around("settle", Books.settle))  # noqa: B010 - as above


if __name__ == "__main__":
    watch(Path(sys.argv.pop(1)))
    main()
