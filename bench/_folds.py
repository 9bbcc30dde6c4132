"""The `pylb` command, which also tells when the screen begins to fold what came in.

python -m bench._folds FD tui …      each moment (`time.monotonic`) is a line on file descriptor FD
"""

from __future__ import annotations

import os
import sys
import time

from pylb.cli import main
from pylb.tui.pulse import Pulse


def watch(told: int) -> None:
    """Have each look at what came in told."""
    look = Pulse.look

    def watched(pulse: Pulse) -> None:
        os.write(told, f"{time.monotonic()}\n".encode())
        look(pulse)

    setattr(Pulse, "look", watched)  # noqa: B010 - mypy lets no method be assigned to


if __name__ == "__main__":
    watch(int(sys.argv.pop(1)))
    main()
