"""Play for long what must move nothing: `python -m soak [loss] [busy] [local] [--seconds N]`, with `src` and `tests` on
PYTHONPATH.

It prints what it saw; exit 1 if an address moved, another MAC was answered, or requests failed that must not. Without
`--seconds` loss and busy last ten minutes each, local five. The short form is tests/lab/test_endurance.py.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from fakes import endurance
from fakes.endurance import Saw, Say
from fakes.lan import Lan

Part = Callable[[Lan, float, Say], Saw]
PARTS: dict[str, tuple[str, Part, float]] = {
    "loss": (f"{endurance.LOST_PERCENT} % of all frames between nodes lost, each way", endurance.lossy, 600.0),
    "busy": (f"{endurance.LOOPS} busy loops", endurance.busy, 600.0),
    "local": ("policy Local, one replica, its node's speaker dead", endurance.speakerless, 300.0),
}


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def play(names: list[str], seconds: float | None) -> int:
    """Play parts one after the other, on one lab; how many were not as they must be."""
    wrong = 0
    with endurance.stage() as lan:
        for name in names:
            title, part, lasts = PARTS[name]
            say(f"{name}: {title}")
            saw = part(lan, seconds or lasts, lambda text, name=name: say(f"{name}: {text}"))
            say(f"{name}: {'ok' if saw.is_calm else 'FAILED'}: {saw}")
            wrong += not saw.is_calm
    return wrong


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m soak", description="What must move nothing, for long.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all without one")
    parser.add_argument("--seconds", type=float, help="for each part")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.parts if name not in PARTS]
    if unknown:
        parser.error(f"part {unknown[0]!r}: there are {', '.join(PARTS)}")
    if given.seconds is not None and not given.seconds > 0:
        parser.error(f"--seconds {given.seconds:g}: give more than 0")
    return int(play(given.parts or list(PARTS), given.seconds) > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
