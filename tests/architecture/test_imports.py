"""What happens when modules are imported: each alone, quietly, and the daemons without what is dear."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from house.tree import SOURCE, modules

IMPORT_LIMIT = 170  # seconds for all modules together; 7 on four cores with nothing beside
# Reads module names; imports each in a child forked before anything of pylb was loaded; writes {name: what went wrong}.
EACH_ALONE = """
import importlib, json, os, sys, tempfile, traceback
wrong, running = {}, {}
def end_one():
    pid, status = os.wait()
    name, out = running.pop(pid)
    out.seek(0)
    said = out.read()
    if status or said:
        wrong[name] = said or "exit status %d" % status
for name in json.load(sys.stdin):
    if len(running) >= os.cpu_count():
        end_one()
    out = tempfile.TemporaryFile("w+")
    pid = os.fork()
    if pid == 0:
        os.dup2(out.fileno(), 1), os.dup2(out.fileno(), 2)
        try:
            importlib.import_module(name)
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(0)
    running[pid] = name, out
while running:
    end_one()
json.dump(wrong, sys.stdout)
"""
DEAR = ("kubernetes", "pyroute2", "textual", "rich", "aiohttp", "requests", "urllib3", "cryptography")


def run(code: str, stdin: str = "") -> str:
    """What an interpreter of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=stdin,
        env={"PYTHONPATH": str(SOURCE), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=IMPORT_LIMIT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(IMPORT_LIMIT + 10)
def test_each_module_imports_alone_and_says_nothing() -> None:
    """No module needs another to have been imported first, and none acts when it is imported."""
    wrong = json.loads(run(EACH_ALONE, json.dumps(sorted(modules()))))
    assert not wrong, "\n".join(f"{name}: {said.strip().splitlines()[-1]}" for name, said in wrong.items())


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("pylb.speaker.app", DEAR),
        ("pylb.controller.app", DEAR),
        ("pylb.cli", DEAR),
        ("pylb.tui.store", ("textual", "rich", "kubernetes")),
    ],
)
def test_what_must_be_small_loads_nothing_dear(module: str, unwanted: tuple[str, ...]) -> None:
    """A Pi has little memory, and a command's first line should not wait."""
    loaded = json.loads(run(f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"))
    assert sorted(set(unwanted) & set(loaded)) == []
