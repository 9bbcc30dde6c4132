"""Hands on an API server: rights are asked for, a patch changes the object, a command of pylb's runs and is told."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from fakes import tui_source as fake
from fakes.tui_cluster import TOKEN, add_service, credentials
from pylb.embedded.resources import NAMESPACES, NODES, SERVICES
from pylb.embedded.server import Options, Server, serve
from pylb.kube.credentials import Credentials
from pylb.tui import hands, words
from pylb.tui.hands import ClusterHands
from pylb.tui.pages import orders
from pylb.tui.pages.look import Look
from pylb.tui.pages.orders import Order, Right
from pylb.tui.seams import Selection
from pylb.tui.state import State
from pylb.tui.store import fold_all

BLOG = Selection("web", "blog", "192.168.1.240")
NOWHERE = Credentials("http://127.0.0.1:9", "nowhere")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serve(Options(token=TOKEN)) as made:
        with suppress(Exception):  # it may be there from the start
            made.store.create(NAMESPACES, "", {"metadata": {"name": "web"}})
        made.store.create(NODES, "", {"metadata": {"name": "n1"}})
        add_service(made, "blog", BLOG.address)
        yield made


def pin() -> Order:
    facts = [*fake.homelab(), fake.change("web", "blog", BLOG.address)]
    made = orders.pin(Look(fold_all(State(), facts), fake.NOW, 100, 30, words.ASCII), BLOG, BLOG.address)
    assert isinstance(made, Order)
    return made


def pylb(*arguments: str) -> Order:
    return replace(pin(), arguments=arguments, path="", patch=None)


async def test_a_patch_changes_the_service(server: Server) -> None:
    assert (await ClusterHands(credentials(server)).carry_out(pin())).done
    annotations = server.store.get(SERVICES, "web", "blog")["metadata"]["annotations"]
    assert annotations == {"metallb.io/loadBalancerIPs": BLOG.address}


async def test_what_the_api_server_refuses_is_told(server: Server) -> None:
    gone = replace(pin(), path="/api/v1/namespaces/web/services/gone")
    outcome = await ClusterHands(credentials(server)).carry_out(gone)
    assert not outcome.done
    assert "not found" in outcome.said


async def test_a_right_is_asked_for(server: Server) -> None:
    assert await ClusterHands(credentials(server)).forbidden(Right("patch", "services", "web")) == ""
    assert "cannot be asked" in await ClusterHands(NOWHERE).forbidden(Right("patch", "services", "web"))


async def test_a_right_that_is_missing_is_named(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def post(*_: object, **__: object) -> object:
        return {"status": {"allowed": False}}

    monkeypatch.setattr(hands.Client, "post", post)
    said = await ClusterHands(credentials(server)).forbidden(Right("patch", "nodes"))
    assert said == "you may not patch nodes: kubectl auth can-i patch nodes"


async def test_a_command_is_run_on_the_same_cluster(server: Server, tmp_path: Path) -> None:
    config = tmp_path / "kubeconfig"
    config.write_text(
        "{kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}],"
        f" clusters: [{{name: c, cluster: {{server: '{server.url}'}}}}], users: [{{name: u, user: {{token: {TOKEN}}}}}]}}"
    )
    outcome = await ClusterHands(credentials(server), ("--kubeconfig", str(config))).carry_out(pylb("undrain", "n9"))
    assert not outcome.done
    assert "n9" in outcome.said
    assert "n1" in outcome.said  # what there is


async def test_a_command_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(slow))
    monkeypatch.setattr(hands, "LIMIT_S", 0.2)
    outcome = await ClusterHands(NOWHERE).carry_out(pylb("drain", "n1"))
    assert not outcome.done
    assert "not done within" in outcome.said
