"""`pylb tui` for pipes and dumb terminals: what `pylb status` prints, and its exit code."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fakes.tui_cluster import add_controller, add_service, credentials, define, kubeconfig, serving
from pylb.embedded.resources import NAMESPACES
from pylb.embedded.server import Server
from pylb.tui import asking, once
from pylb.tui.source import ClusterSource

HINT = "this is no terminal: this is what pylb status prints\n"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving("n1") as made:
        yield made


async def test_one_namespace_alone(server: Server) -> None:
    server.store.create(NAMESPACES, "", {"metadata": {"name": "other"}})
    add_service(server, "blog")
    assert list((await once.collect(ClusterSource(credentials(server)))).services) == ["web/blog"]
    seen = await once.collect(ClusterSource(credentials(server), namespace="other"))
    assert (seen.services, seen.scope) == ({}, "other")


async def run_tui(*arguments: str) -> tuple[int, str, str]:
    """`pylb tui` as a user without a terminal runs it."""
    done = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pylb", "tui", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await asyncio.wait_for(done.communicate(), 30)
    return done.returncode or 0, out.decode(), error.decode()


async def test_it_prints_and_its_exit_code_tells(server: Server, tmp_path: Path) -> None:
    await define(server)
    add_controller(server)
    config = kubeconfig(tmp_path, server.url)
    code, out, _ = await run_tui("--kubeconfig", config)
    assert code == asking.OK
    assert "no Service of type LoadBalancer" in out
    add_service(server, "blog")
    code, out, error = await run_tui("--kubeconfig", config)
    assert code == asking.PROBLEM
    assert error == HINT
    assert out.isascii()
    assert "PEND  web/blog" in out
    assert "lan" in out


async def test_a_cluster_that_is_away_is_exit_code_3(tmp_path: Path) -> None:
    code, out, error = await run_tui("--kubeconfig", kubeconfig(tmp_path, "http://127.0.0.1:9"))
    assert (code, out) == (asking.UNREACHABLE, "")
    assert error.startswith(f"{HINT}the cluster at 127.0.0.1:9 cannot be reached: ")
    assert error.count("\n") == 2
