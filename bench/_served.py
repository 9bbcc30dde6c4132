"""The API server of `_listed` as a process, and terminals with `pylb tui` on it, in a home of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench._terminal import Terminal
from bench.results import FOLDER

ROOT = FOLDER.parent.parent
UNWANTED = ("NO_COLOR", "TEXTUAL", "PYLB", "KUBECONFIG", "XDG", "COLUMNS", "LINES", "PYTHONPATH")  # how names begin


class Served:
    """The server, and where it is."""

    def __init__(self, folder: Path, services: int) -> None:
        self._folder = folder
        words = [sys.executable, "-m", "bench._listed", "--services", str(services)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self._url = f"http://127.0.0.1:{self._line()}"
        self.kubeconfig = self._written("config", {"token": "token"})

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, line: str) -> float:
        """Have something changed; gives the moment at which the watches were told."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return float(self._line())

    def _written(self, name: str, user: dict[str, Any]) -> Path:
        raw = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "bench",
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
            "clusters": [{"name": "bench", "cluster": {"server": self._url}}],
            "users": [{"name": "bench", "user": user}],
        }
        path = self._folder / name
        path.write_text(json.dumps(raw))
        return path

    def with_plugin(self) -> Path:
        """A kubeconfig whose token comes from a program."""
        version = "client.authentication.k8s.io/v1"
        told = json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": {"token": "token"}})
        exec_ = {"apiVersion": version, "command": "/bin/echo", "args": [told], "interactiveMode": "Never"}
        return self._written("exec", {"exec": exec_})

    def environment(self) -> dict[str, str]:
        """What a terminal's program gets: nobody's settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(UNWANTED)}
        return {**kept, "HOME": str(self._folder), "TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}

    def screen(self, kubeconfig: Path | None = None) -> Terminal:
        """A terminal that shows this cluster."""
        words = [sys.executable, "-m", "pylb", "tui", "--kubeconfig", str(kubeconfig or self.kubeconfig)]
        return Terminal(words, self.environment())

    def watched_screen(self, told: int) -> Terminal:
        """The same, which also tells on a file descriptor when it begins to fold."""
        words = [sys.executable, "-m", "bench._folds", str(told), "tui", "--kubeconfig", str(self.kubeconfig)]
        return Terminal(words, {**self.environment(), "PYTHONPATH": str(ROOT)}, pass_fds=(told,))

    def end(self) -> None:
        """It is gone, and all connections with it."""
        self.process.kill()
        self.process.wait()


@contextmanager
def served(folder: Path, services: int) -> Iterator[Served]:
    """A server of so many Services, as long as the block lasts."""
    folder.mkdir()
    api = Served(folder, services)
    try:
        yield api
    finally:
        api.end()


def replayed(recording: Path, environment: dict[str, str]) -> Terminal:
    """A terminal that plays a recording."""
    words: Sequence[str] = (sys.executable, "-m", "pylb", "tui", "--replay", str(recording))
    return Terminal(words, environment)
