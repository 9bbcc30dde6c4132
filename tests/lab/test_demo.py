"""`pylb demo`, as its user types it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from fakes.terminal import LEFT, terminal
from pylb.demo.stage import MANIFESTS, manifests

SEEDS = Path(__file__).parent.parent / "data" / "seeds"
COMMAND = [sys.executable, "-m", "pylb", "demo"]
KEYS = (  # in this order: each leaves things as the next finds them
    ("x", r"n\d's cable pulled: answered by n\d after \d+ ms"),
    ("b", r"all mended: no request failed"),
    ("s", r"n\d's speaker killed: no request failed, n\d answers"),
    ("b", r"all mended: no request failed"),
    ("z", r"n\d's speaker frozen: no request failed, n\d answers"),
    ("z", r"n\d's speaker back: no request failed"),
    ("F2", r"n\d drained: no request failed"),
    ("b", r"all mended: no request failed"),
    ("F3", r"n1, n2, n3 restarted: no request failed"),
    ("a", r"extra-1 added: has 192\.168\.2\.\d+ after \d+ ms"),
    ("p", r"extra-2 added: has 192\.168\.2\.201 after \d+ ms"),
)
STORY_S, SCREEN_S, GONE_S = 45, 30, 5
ACTS = [
    "lab",
    "apply",
    "apply",
    "address",
    "pods",
    "answer",
    "owner",
    "probe",
    "stood_in",
    "back",
    "cut",
    "move",
    "recovered",
    "calm",
    "mend",
]


def test_the_manifests_are_the_seeds() -> None:
    for file in MANIFESTS:
        assert manifests(file) == list(yaml.safe_load_all((SEEDS / file).read_text()))


def test_the_story_is_told_as_json_and_all_of_it_happens() -> None:
    done = subprocess.run([*COMMAND, "--json"], capture_output=True, text=True, timeout=STORY_S, check=False)
    acts = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stdout + done.stderr
    assert [act["act"] for act in acts] == ACTS
    assert all(act["ok"] for act in acts)
    figures = {act["act"]: act for act in acts}
    assert figures["address"]["address"] == "192.168.2.128"
    assert figures["stood_in"]["by"] != figures["owner"]["node"] == figures["back"]["node"]
    assert figures["back"]["failed"] == 0
    assert figures["move"]["to"] != figures["cut"]["node"]
    assert figures["mend"]["owner"] == figures["move"]["to"]
    print(
        f"stood in {figures['stood_in']['ms']} ms after the kill; detected {figures['move']['detected_ms']} ms, answered {figures['recovered']['ms']} ms after the cut"
    )


def test_too_few_nodes_are_refused() -> None:
    done = subprocess.run([*COMMAND, "--nodes", "1"], capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 2
    assert "1 is not in the range" in done.stderr


def test_on_a_terminal_a_key_pulls_the_cable_and_the_address_moves() -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="100", LINES="32")
        os.execv(COMMAND[0], COMMAND)
    try:
        screen = Screen(terminal)
        screen.wait(r"answers in")
        screen.wait(r"announced by n\d")
        screen.press("x")
        screen.wait(r"cable pulled")
        screen.wait(r"MOVE")
        screen.press("q")
        assert os.waitstatus_to_exitcode(ended(pid)) == 0
    finally:
        os.close(terminal)
        stop(pid)


@pytest.mark.tmux
def test_each_key_tells_what_came_of_it_and_q_ends_it_all(tmp_path: Path) -> None:
    """At 80x24, as a newcomer would press them."""
    with terminal(tmp_path, COMMAND) as window:
        shown = window.until("answers in", "OK   kube-verify/kube-verify", "x cable", "b mend all", "p pin", "WRITE")
        assert len([line for line in shown.split("\n") if line.startswith("│")]) > 8
        for key, told in KEYS:
            window.press(key)
            window.until(well=lambda shown, told=told: bool(re.search(told, shown)))  # type: ignore[misc]
        window.press("D")
        window.until("Drain n", "Cancel", "pylb drain n")
        window.press("Escape")
        window.until(well=lambda shown: "Cancel" not in shown)
        pid = window.pid
        window.press("q")
        last = window.until(LEFT).strip().split("\n")
        assert last[0].startswith("pylb demo: building")
        assert last[1:] == [f"{LEFT} 0"]
        deadline = time.monotonic() + GONE_S
        while processes(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert processes(pid) == []


@pytest.mark.parametrize(
    ("words", "seen", "code"),
    [
        (["--script"], "", 130),
        (["--script"], "3 of 3 pods can serve", 130),
        ([], "building a home network", 130),
        ([], "answers in", 0),
    ],
    ids=["story, at the start", "story, in the middle", "screen, at the start", "screen"],
)
def test_ctrl_c_ends_it_and_leaves_nothing(words: list[str], seen: str, code: int) -> None:
    """On a terminal the screen reads it as a key; else it is a signal. Namespaces end with their processes."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="100", LINES="32")
        os.execv(COMMAND[0], [*COMMAND, *words])
    try:
        screen = Screen(terminal)
        screen.wait(seen or "^")
        if not seen:
            await_lab(pid)
        screen.press("\x03")
        status, rest = ended(pid), screen.rest()
        assert os.waitstatus_to_exitcode(status) == code, rest
        assert "Traceback" not in rest
        deadline = time.monotonic() + GONE_S
        while processes(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert processes(pid) == []
    finally:
        os.close(terminal)
        stop(pid)


def await_lab(pid: int) -> None:
    """Wait until the lab of a demo is about to be built."""
    deadline = time.monotonic() + SCREEN_S
    while not processes(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def processes(pid: int) -> list[str]:
    """The command lines that name the lab which a process started."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if f"lab-{pid}-" in line]


class Screen:
    """What a program writes to its terminal."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._text = ""

    def wait(self, pattern: str) -> None:
        deadline = time.monotonic() + SCREEN_S
        while not re.search(pattern, re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self._text)):
            assert time.monotonic() < deadline, f"{pattern} did not come; the end of it: {self._text[-2000:]!r}"
            if select.select([self._terminal], [], [], 0.2)[0]:
                self._text += os.read(self._terminal, 65536).decode(errors="replace")

    def rest(self) -> str:
        """What is left to read after the program's end."""
        with contextlib.suppress(OSError):
            while select.select([self._terminal], [], [], 0.2)[0]:
                self._text += os.read(self._terminal, 65536).decode(errors="replace")
        return self._text

    def press(self, key: str) -> None:
        self._text = ""
        os.write(self._terminal, key.encode())


def ended(pid: int) -> int:
    deadline = time.monotonic() + SCREEN_S
    while time.monotonic() < deadline:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return status
        time.sleep(0.05)
    raise AssertionError("the demo did not end")


def stop(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass
