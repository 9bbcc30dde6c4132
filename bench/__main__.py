"""Runs the topics of this folder one after the other, each a program of its own: python -m bench [TOPIC…].

Exit 0 once every topic ran (a MISS is a figure, not a crash) or said what this machine lacks for it, 1 where one broke,
2 for a topic that is not there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.results import SKIPPED

FOLDER = Path(__file__).resolve().parent
FRAME = {"__init__", "__main__", "report", "results"}  # every other module is a topic, but those that start with _


def topics() -> list[str]:
    """The topics, in the order of their names."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in FRAME and path.stem[0] != "_")


def main(wanted: list[str]) -> int:
    """Run the wanted topics, or all."""
    known = topics()
    unknown = [topic for topic in wanted if topic not in known]
    if unknown:
        print(f"no topic {', '.join(unknown)}; there are: {', '.join(known) or 'none yet'}", file=sys.stderr)
        return 2
    codes = {topic: run(topic) for topic in wanted or known}
    for topic, code in codes.items():
        if code == SKIPPED:
            print(f"{topic}: SKIPPED, see above", flush=True)
        elif code != 0:
            print(f"{topic}: broke, see above", file=sys.stderr)
    return int(any(code not in (0, SKIPPED) for code in codes.values()))


def run(topic: str) -> int:
    """The exit code of a topic's program."""
    print(f"# {topic}", flush=True)
    paths = [str(FOLDER.parent / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]  # `cluster` stands there
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run([sys.executable, "-m", f"bench.{topic}"], cwd=FOLDER.parent, check=False, env=env).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
