"""`pylb history`: the table, JSON, and the exit codes."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fakes.quiet import OURS, Counted, counted
from pylb.core import history
from pylb.core.history import Entry

PATH = f"/api/v1/namespaces/{OURS}/configmaps"
MOVES = (
    Entry(1_795_183_402.0, "192.0.2.1", ("default/web", "default/dns"), "n1", "n2", "node_gone", 3, 402.4, 415.0),
    Entry(1_795_183_403.0, "192.0.2.2", (), "n2", "n1", history.STOOD_IN, lasted_ms=12_400.0),
    Entry(1_795_183_404.0, "192.0.2.3", ("a/b",), "n2", "n\x1b[2J", "drained", 4),
)


@pytest.fixture
async def cluster() -> AsyncIterator[Counted]:
    async with counted() as one:
        yield one


async def run(folder: Path, url: str, *words: str) -> tuple[int, str, str]:
    config = folder / "config"
    config.write_text(
        f"apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: '{url}'}}}}]\n"
        "users: [{name: c, user: {token: test}}]\ncontexts: [{name: c, context: {cluster: c, user: c}}]\n"
    )
    done = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pylb", "history", "--kubeconfig", str(config), *words),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"TZ": "UTC", "PATH": ""},
    )
    out, error = await asyncio.wait_for(done.communicate(), 30)
    return done.returncode or 0, out.decode(), error.decode()


async def test_what_moved_is_a_table_and_json(cluster: Counted, tmp_path: Path) -> None:
    data = {history.KEY: "garbage\n" + history.render(MOVES)}
    await cluster.admin.post(PATH, {"metadata": {"name": history.NAME}, "data": data})
    code, out, error = await run(tmp_path, cluster.server.url)
    assert (code, error) == (0, "")
    heading, *lines = [" ".join(line.split()) for line in out.splitlines()]
    assert heading == "WHEN ADDRESS SERVICES FROM TO CAUSE DETECTED ANNOUNCED"
    assert lines == [
        "2026-11-20 14:03:22 192.0.2.1 default/web,default/dns n1 -> n2 node gone 402 ms 415 ms",
        "2026-11-20 14:03:23 192.0.2.2 - n2 <- n1 stood in for 12 s - -",
        "2026-11-20 14:03:24 192.0.2.3 a/b n2 -> n?[2J drained - -",
    ]
    code, out, _ = await run(tmp_path, cluster.server.url, "-o", "json")
    assert code == 0
    assert [one["cause"] for one in json.loads(out)] == ["node_gone", "stood_in", "drained"]
    assert json.loads(out)[0]["services"] == ["default/web", "default/dns"]
    code, out, _ = await run(tmp_path, cluster.server.url, "-o", "jsonl")
    assert (code, history.parse(out)) == (0, MOVES)


async def test_an_empty_history_is_said_to_be_one(cluster: Counted, tmp_path: Path) -> None:
    await cluster.admin.post(PATH, {"metadata": {"name": history.NAME}})
    assert await run(tmp_path, cluster.server.url) == (0, "nothing has moved so far\n", "")
    assert await run(tmp_path, cluster.server.url, "-o", "json") == (0, "[]\n", "")
    assert await run(tmp_path, cluster.server.url, "-o", "jsonl") == (0, "", "")


async def test_none_at_all_is_a_problem_and_says_what_helps(cluster: Counted, tmp_path: Path) -> None:
    code, out, error = await run(tmp_path, cluster.server.url)
    assert (code, out) == (1, "")
    assert error == "Error: the ConfigMap pylb-system/pylb-history is not there: pylb install makes it\n"


async def test_a_cluster_that_is_away_is_exit_code_3(tmp_path: Path) -> None:
    code, out, error = await run(tmp_path, "http://127.0.0.1:9")
    assert (code, out, error.count("\n")) == (3, "", 1)


async def test_what_is_no_format_is_wrong_input(tmp_path: Path) -> None:
    code, _, error = await run(tmp_path, "http://127.0.0.1:9", "-o", "xml")
    assert code == 2
    assert "xml" in error
