"""`pylb status`, `record`, `explain` and `tui --replay`: formats, exit codes, files."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from fakes.tui_cluster import TOKEN, add_controller, add_service, define, kubeconfig, serving
from pylb.embedded.resources import SERVICES
from pylb.embedded.server import Server
from pylb.tui import tape
from pylb.tui.document import SCHEMA

PATIENCE_S = 30.0


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving("n1") as made:
        yield made


async def start(*words: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pylb", *words),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        env={**os.environ, "TZ": "UTC"},
    )


async def run(*words: str) -> tuple[int, str, str]:
    done = await start(*words)
    out, error = await asyncio.wait_for(done.communicate(), PATIENCE_S)
    return done.returncode or 0, out.decode(), error.decode()


async def test_formats_tell_the_same(server: Server, tmp_path: Path) -> None:
    await define(server)
    add_service(server, "blog", "10.0.0.10")
    add_service(server, "late")
    to = ("--kubeconfig", kubeconfig(tmp_path, server.url))
    (code, table, _), (wide_code, wide, _), (_, text, _), (_, text_yaml, _), (_, lines, _) = await asyncio.gather(
        *(run("status", *to, "-o", output) for output in ("table", "wide", "json", "yaml", "jsonl"))
    )
    assert (code, wide_code) == (1, 1)
    assert "PEND  web/late" in table
    assert "TCP/80" in wide
    whole = json.loads(text)
    assert (whole["schema"], whole["ok"], whole["counts"]["services"]) == (SCHEMA, False, 2)
    assert next((one["name"], one["state"]) for one in whole["services"]) == ("late", "PEND")
    assert [pool["ranges"] for pool in whole["pools"]] == [["10.0.0.10-10.0.0.19"]]
    told = yaml.safe_load(text_yaml)
    objects = [json.loads(line) for line in lines.splitlines()]
    assert objects[0]["kind"] == "summary"
    for key in ("services", "pools", "nodes"):
        assert told[key] == whole[key] == [_less(one) for one in objects if one["kind"] == key[:-1]]


def _less(one: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in one.items() if name != "kind"}


async def test_all_well_is_exit_code_0_and_a_filter_narrows(server: Server, tmp_path: Path) -> None:
    await define(server)
    to = ("--kubeconfig", kubeconfig(tmp_path, server.url))
    code, out, _ = await run("status", *to)
    assert (code, "no controller is ready" in out) == (1, True)
    add_controller(server)
    assert (await run("status", *to))[0] == 0
    add_service(server, "blog")
    code, out, _ = await run("status", *to, "--filter", "svc:other", "-o", "json")
    assert (code, json.loads(out)["services"]) == (0, [])


async def test_away_is_exit_code_3_and_wrong_words_are_2(tmp_path: Path) -> None:
    away = kubeconfig(tmp_path, "http://127.0.0.1:9")
    for words in (("status",), ("status", "--watch"), ("explain", "web/blog")):
        code, out, error = await run(*words, "--kubeconfig", away)
        assert (code, out, error.count("\n")) == (3, "", 1)
        assert error.startswith("the cluster at 127.0.0.1:9 cannot be reached: ")
    wrong: tuple[tuple[tuple[str, ...], str], ...] = (
        (("status", "-o", "xml"), "xml"),
        (("status", "--at", "3"), "--at needs --replay"),
        (("status", "--filter", "st:nope"), "'nope' is no state; there are conf, "),
        (("status", "--filter", "re:["), "this pattern cannot be read: re:["),
        (("status", "--replay", "x", "-n", "web"), "filter by ns:web"),
        (("tui", "--replay", "x", "-n", "web"), "filter by ns:web"),
        (("drain", "n1", "--wait", "nan"), "'nan' is no number of seconds"),
        (("status", "--kubeconfig", str(tmp_path / "none")), "none"),
        (("explain", "blog"), "'blog' is not NAMESPACE/NAME"),
    )
    for line, said in wrong:
        code, _, error = await run(*line)
        assert code == 2, error
        assert said in error
        assert "Traceback" not in error


async def test_a_recording_of_a_cluster_that_is_away_is_not_begun(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    code, out, error = await run("record", str(file), "--kubeconfig", kubeconfig(tmp_path, "http://127.0.0.1:9"))
    assert (code, out, error.count("\n")) == (3, "", 1)
    assert error.startswith("the cluster at 127.0.0.1:9 cannot be reached: ")
    assert not file.exists()


@asynccontextmanager
async def watching(*words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command that goes on, and is interrupted at the end."""
    running = await start(*words)
    try:
        yield running
    finally:
        with suppress(ProcessLookupError):
            running.kill()
        await running.communicate()


async def line_with(running: asyncio.subprocess.Process, text: str) -> str:
    assert running.stdout is not None
    while True:
        line = (await asyncio.wait_for(running.stdout.readline(), PATIENCE_S)).decode()
        assert line, f"it ended without {text!r}"
        if text in line:
            return line


async def test_watch_tells_changes_one_object_a_line(server: Server, tmp_path: Path) -> None:
    await define(server)
    to = ("--kubeconfig", kubeconfig(tmp_path, server.url))
    add_service(server, "blog", "10.0.0.10")
    async with watching("status", "--watch", "-o", "jsonl", *to) as running:
        assert json.loads(await line_with(running, '"name":"blog"'))["state"] == "NOAN"
        add_service(server, "late")
        new = json.loads(await line_with(running, '"name":"late"'))
        assert (new["kind"], new["change"], new["key"], new["state"]) == ("service", "new", "web/late|", "PEND")
        running.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(running.wait(), PATIENCE_S) == 1
    add_controller(server)
    async with watching("status", "--watch", *to) as running:
        await line_with(running, "PEND  web/late")
        for name in ("late", "blog"):
            server.store.delete(SERVICES, "web", name)
            assert (await line_with(running, f"web/{name}")).rstrip().endswith("gone")
        running.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(running.wait(), PATIENCE_S) == 0


async def test_explain(server: Server, tmp_path: Path) -> None:
    await define(server)
    add_service(server, "late")
    to = ("--kubeconfig", kubeconfig(tmp_path, server.url))
    code, out, _ = await run("explain", "web/late", *to)
    assert code == 1
    assert "Is a pod ready behind it?\n  FAIL     endpoints" in out
    assert "kubectl -n web get pods -o wide -l app=late" in out
    code, out, _ = await run("explain", "web/late", "-o", "json", *to)
    assert {row["question"] for row in json.loads(out)["rows"]} >= {"allocated", "endpoints", "elected"}
    code, _, error = await run("explain", "web/none", *to)
    assert (code, error) == (2, "Error: there is no Service web/none of type LoadBalancer; there is: web/late\n")


async def test_explain_probes(server: Server, tmp_path: Path) -> None:
    """Of an address of this host itself nothing can be seen, and that is said."""
    add_service(server, "blog", "127.0.0.1")
    code, out, _ = await run("explain", "web/blog", "--probe", "--kubeconfig", kubeconfig(tmp_path, server.url))
    assert "this host itself has the address (seen from " in out
    assert "TCP/80 " in out
    assert code in (0, 1)


async def recorded(server: Server, folder: Path, file: Path) -> None:
    """A recording of a Service that comes and gets an address."""
    running = await start("record", str(file), "--kubeconfig", kubeconfig(folder, server.url))
    try:
        await until(lambda: file.exists() and "web/blog" in file.read_text())
        add_service(server, "late")
        await until(lambda: "web/late" in file.read_text())
        running.send_signal(signal.SIGINT)
        _, error = await asyncio.wait_for(running.communicate(), PATIENCE_S)
    finally:
        with suppress(ProcessLookupError):
            running.kill()
    assert running.returncode == 0, error
    assert f"facts are in {file}" in error.decode()


async def until(ready: Any) -> None:
    for _ in range(int(PATIENCE_S / 0.05)):
        if ready():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("never so")


async def test_what_was_recorded_is_played(server: Server, tmp_path: Path) -> None:
    await define(server)
    add_service(server, "blog", "10.0.0.10")
    file = tmp_path / "night.jsonl"
    await recorded(server, tmp_path, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert TOKEN not in file.read_text()
    code, out, error = await run("status", "--replay", str(file), "-o", "json")
    assert (code, error) == (1, "")
    assert {one["name"] for one in json.loads(out)["services"]} == {"blog", "late"}
    again = await run("status", "--replay", str(file), "-o", "json")
    assert again == (code, out, error)
    _, early, _ = await run("status", "--replay", str(file), "-o", "json", "--at", "0.3")
    assert {one["name"] for one in json.loads(early)["services"]} <= {"blog"}
    code, out, _ = await run("tui", "--replay", str(file))
    assert (code, "PEND  web/late" in out) == (1, True)
    code, _, error = await run("record", str(file), "--kubeconfig", kubeconfig(tmp_path, server.url))
    assert (code, error) == (2, f"Error: {file} is there already: nothing is overwritten; name another file\n")


HEADER = tape.header_line(tape.Header("test", "0", 1.0))
ONLINE = '{"t":1.0,"is":"Online","at":1.0}\n'
LISTED = '{"t":1.0,"is":"Listed","kind":"service"}\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: it is not JSON, or cut off"),
        ("kind: Service\n", "line 1: it is not JSON, or cut off"),
        ('{"kind": "Service"}\n', "line 1: it is no recording of pylb record"),
        (HEADER.replace(":1,", ":9,", 1), "line 1: it is a recording of version 9, and this pylb reads version 1"),
        (HEADER, "line 2: there is none"),
        (HEADER + "nonsense\n", "line 2: it is not JSON"),
    ],
)
async def test_what_is_no_recording_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(text)
    for words in (("status", "--replay"), ("tui", "--replay")):
        code, out, error = await run(*words, str(file))
        assert (code, out, error.count("\n")) == (2, "", 1)
        assert f"{file}, {said}" in error


async def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    code, out, error = await run("status", "--replay", str(pipe))
    assert (code, out) == (2, "")
    assert error == f"Error: {pipe} is no file, and might never end: copy what comes from it to a file\n"


async def test_a_truncated_recording_is_shown_with_a_note(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(HEADER + LISTED + ONLINE + ONLINE[:20])
    code, out, error = await run("status", "--replay", str(file))
    assert code == 0
    assert "no Service of type LoadBalancer" in out
    assert error == f"{file}, line 4: it is not JSON, or cut off; what came before it is shown\n"


async def test_a_line_of_another_shape_ends_it_with_a_note(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(HEADER + LISTED + '{"t":2.0,"is":"Online","at":"noon"}\n' + ONLINE)
    _, _, error = await run("status", "--replay", str(file))
    assert error == f"{file}, line 3: Online.at is no float; what came before it is shown\n"
    code, _, error = await run("status", "--replay", str(file), "--at", "99")
    assert (code, "outside of the recording" in error) == (2, True)
    code, _, error = await run("status", "--replay", str(file), "--at", "noon")
    assert (code, "'noon' is no time" in error) == (2, True)


async def test_plain_pylb_without_a_terminal_is_help() -> None:
    code, out, _ = await run()
    assert (code, "Usage: " in out, "status" in out) == (2, True, True)


async def test_plain_pylb_with_a_terminal_is_the_screen(tmp_path: Path) -> None:
    """A terminal that cannot place text shows that it was the screen that was asked for."""
    ours, theirs = pty.openpty()
    away = {"KUBECONFIG": kubeconfig(tmp_path, "http://127.0.0.1:9"), "HOME": str(tmp_path)}
    env = {**os.environ, "TERM": "dumb", **away}
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    running = await asyncio.create_subprocess_exec(sys.executable, "-m", "pylb", **streams, env=env)  # type: ignore[arg-type]
    os.close(theirs)
    assert await asyncio.wait_for(running.wait(), PATIENCE_S) == 3
    said = os.read(ours, 4096).decode()
    os.close(ours)
    assert said.startswith("the terminal cannot place text (TERM='dumb'): this is what pylb status prints")
