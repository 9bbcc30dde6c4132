"""Runs the topics of this folder one after the other, each a program of its own: python -m bench [TOPIC…].

Exit 0 once every topic ran (a MISS is a figure, not a crash), 1 where one broke, 2 for a topic that is not there.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
    broken = [topic for topic in wanted or known if run(topic) != 0]
    for topic in broken:
        print(f"{topic}: broke, see above", file=sys.stderr)
    return int(bool(broken))


def run(topic: str) -> int:
    """The exit code of a topic's program."""
    print(f"# {topic}", flush=True)
    return subprocess.run([sys.executable, "-m", f"bench.{topic}"], cwd=FOLDER.parent, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
