"""A real terminal for a test: tmux, on a server of its own, with a command in it and a shell that is there after it."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

LIMIT_S = 30.0
LOOK_S = 0.05
LEFT = "the command ended with"
FLAGS = ("alternate_on", "mouse_any_flag", "mouse_button_flag", "mouse_sgr_flag", "keypad_flag", "keypad_cursor_flag")
COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")


class Terminal:
    """A window of tmux."""

    def __init__(self, directory: Path) -> None:
        self._socket, self._pid = directory / "tmux", directory / "pid"

    def start(self, argv: Sequence[str], size: tuple[int, int], environment: Mapping[str, str]) -> None:
        """Run a command, in a shell that says how it ended and then copies what is typed."""
        settings = [f"{name}={value}" for name, value in environment.items()]
        inner = f"echo $$ >{shlex.quote(str(self._pid))}; exec {shlex.join(['env', *settings, *argv])}"
        outer = f"sh -c {shlex.quote(inner)}; echo '{LEFT}' $?; exec cat"
        columns, rows = map(str, size)
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", columns, "-y", rows, outer)

    def stop(self) -> None:
        subprocess.run(["tmux", "-S", str(self._socket), "kill-server"], check=False, capture_output=True, timeout=10)

    def press(self, *keys: str) -> None:
        """Type keys, by tmux's names for them."""
        self._tmux("send-keys", *keys)

    def resize(self, size: tuple[int, int]) -> None:
        self._tmux("resize-window", "-x", str(size[0]), "-y", str(size[1]))

    @property
    def pid(self) -> int:
        """The command's process."""
        return int(self._pid.read_text())

    def signal(self, number: signal.Signals) -> None:
        """Send the command a signal."""
        os.kill(self.pid, number)

    def screen(self, *, dressed: bool = False) -> str:
        """What the window shows; with its colours as escape sequences, if `dressed`."""
        return self._tmux("capture-pane", "-p", "-J" if not dressed else "-e")

    def flags(self) -> dict[str, str]:
        """What modes the terminal is in: all are 0 where nothing asked for them."""
        told = self._tmux("display-message", "-p", " ".join(f"#{{{name}}}" for name in FLAGS))
        return dict(zip(FLAGS, told.split(), strict=True))

    def until(self, *parts: str, well: Callable[[str], bool] = bool) -> str:
        """Wait until the window shows all these texts, and `well` holds of what it shows."""
        deadline = time.monotonic() + LIMIT_S
        while True:
            shown = self.screen()
            if all(part in shown for part in parts) and well(shown):
                return shown
            assert time.monotonic() < deadline, f"never all of {parts}:\n{shown}"
            time.sleep(LOOK_S)

    def _tmux(self, *words: str) -> str:
        environment = {key: value for key, value in os.environ.items() if key != "TMUX"}
        argv = ["tmux", "-S", str(self._socket), *words]
        done = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=10, env=environment)
        return done.stdout


@contextmanager
def terminal(
    directory: Path, argv: Sequence[str], size: tuple[int, int] = (80, 24), **environment: str
) -> Iterator[Terminal]:
    """A window in which a command runs, with its own settings and in UTF-8 if nothing else is said."""
    found = Terminal(directory)
    usual = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", "HOME": str(directory)}
    homes = {"XDG_STATE_HOME": str(directory / "state"), "XDG_CONFIG_HOME": str(directory / "config")}
    try:
        found.start(argv, size, {**usual, **homes, **environment})
        yield found
    finally:
        found.stop()
