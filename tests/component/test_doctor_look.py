"""What the doctor reads: from the embedded API server, with a speaker behind its pod proxy; what is refused is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from fakes.rest import Rest
from fakes.tui_cluster import READER, TOKEN, Speaker, add_service, add_speaker, credentials, define, serving
from pylb.addon.iproute import Machine
from pylb.cli import main
from pylb.core.explanation.checks import examine
from pylb.core.explanation.diagnosis import Check, Level, Report
from pylb.embedded.server import Server
from pylb.install import doctor_look
from pylb.install.doctor_facts import facts
from pylb.install.doctor_look import Look, look
from pylb.kube.bearer import StaticBearer
from pylb.kube.client import Client
from pylb.kube.errors import Unauthorized
from pylb.runtime import http
from pylb.tui import reporters


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving("n1") as made:
        yield made


async def put_speaker(server: Server, monkeypatch: pytest.MonkeyPatch, token: str = READER) -> Speaker:
    """A speaker on n1, whose pages open with this token; the Secret holds READER."""
    speaker = Speaker()
    speaker.server = http.Server({"/state": speaker.tell}, token=token)
    await add_speaker(server, speaker, monkeypatch)
    monkeypatch.setattr(doctor_look, "SPEAKER_PORT", reporters.PORTS["speaker"])
    return speaker


async def read(server: Server) -> Look:
    async with Client(credentials(server)) as client:
        return await look(client)


async def test_a_cluster_without_pylb(server: Server) -> None:
    """Kinds that are not defined are in no list, and are not refused either; the first line says what is to be done."""
    found = await read(server)
    assert not {"pools", "advertisements"} & {*found.lists, *found.refused}
    rows = examine(facts(found, Machine()))
    assert (rows[0].check, rows[0].level, rows[0].fix) == (Check.PODS, Level.FAIL, ("pylb install",))


async def test_the_embedded_server_cannot_be_asked_for_rights(server: Server) -> None:
    """It knows no SubjectAccessReview, as a user without the right to ask gets no answer."""
    found = await read(server)
    assert found.lacks == ()
    assert found.lacks_unseen


async def test_pools_and_the_addresses_in_use(server: Server) -> None:
    await define(server)
    add_service(server, "blog", "10.0.0.10")
    known = facts(await read(server), Machine())
    assert known.loaded.config is not None
    assert known.used == {"lan": 1}


async def test_a_speaker_says_whom_it_hears_and_where_it_announces(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker = await put_speaker(server, monkeypatch)
    speaker.state["members"] = [{"node": "n1", "alive": True}, {"node": "n2", "alive": False}]
    speaker.state["addresses"] = [
        {"address": "10.0.0.10", "owner": "n1", "mine": True, "interfaces": ["wlan0"]},
        {"address": "10.0.0.11", "owner": "n2", "mine": False, "interfaces": ["eth9"]},
    ]
    assert (await read(server)).reports == {"n1": Report(frozenset({"n1"}), frozenset({"wlan0"}))}
    await speaker.server.close()
    [report] = (await read(server)).reports.values()
    assert report.obstacle
    assert not report.token_refused


async def test_a_speaker_with_another_token_is_no_silent_one(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    speaker = await put_speaker(server, monkeypatch, token="another")
    [report] = (await read(server)).reports.values()
    assert report.token_refused
    await speaker.server.close()


async def test_the_leader_tells_who_else_writes_services(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A follower does not know; a controller that does not answer is told as such."""
    leader = Speaker()
    contested = {"web/blog": {"by": "k3s", "wrote": ["10.0.0.9"]}}
    leader.state = {"role": "leader", "contested": contested}
    await add_speaker(server, leader, monkeypatch, "controller")
    monkeypatch.setattr(doctor_look, "CONTROLLER_PORT", reporters.PORTS["controller"])
    found = await read(server)
    assert (found.contests["web/blog"].by, found.contests_unseen) == ("k3s", "")
    assert [row.level for row in examine(facts(found, Machine())) if row.check is Check.RIVALS] == [Level.FAIL]
    leader.state["role"] = "follower"
    assert not (await read(server)).contests
    await leader.server.close()
    found = await read(server)
    assert not found.contests
    assert found.contests_unseen


async def test_without_the_readers_token_nobody_is_asked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    speaker = await put_speaker(server, monkeypatch)
    await Rest(server.url, TOKEN).delete(reporters.SECRET)
    found = await read(server)
    assert found.reports == {}
    assert "pylb-reader" in found.reports_unseen
    await speaker.server.close()


async def test_peers_are_asked_again_after_one_was_silent(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes them half a second to miss it, and our own question ends later than theirs."""
    speaker = await put_speaker(server, monkeypatch)
    speaker.state["members"] = [{"node": "n2", "alive": True}]
    raw = (await Rest(server.url, TOKEN).get("/api/v1/namespaces/pylb-system/pods/pylb-speaker-n1")).json
    away = {
        **raw,
        "metadata": {**raw["metadata"], "name": "pylb-speaker-n2"},
        "spec": {**raw["spec"], "nodeName": "n2"},
    }
    asked = 0

    async def tell(request: http.Request) -> http.Answer:
        nonlocal asked
        asked += 1
        return {**speaker.state, "members": [{"node": "n2", "alive": asked == 1}]}

    speaker.server._routes = {"/state": tell}
    async with Client(credentials(server)) as client:
        reports, unseen = await doctor_look._hear(client, asyncio.Semaphore(2), [raw, away])
    assert unseen == ""
    assert reports["n2"].obstacle
    assert (asked, reports["n1"].alive) == (2, frozenset())
    await speaker.server.close()


@pytest.mark.parametrize(
    ("words", "parts"), [([], ["FAIL  pods", "-> pylb install"]), (["--json"], ['"level": "fail"'])]
)
async def test_the_command(server: Server, tmp_path: Path, words: list[str], parts: list[str]) -> None:
    """Lines or JSON, and exit code 1 where something fails."""
    cluster = {"name": "c", "cluster": {"server": server.url}}
    user = {"name": "u", "user": {"token": TOKEN}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    text = {"clusters": [cluster], "contexts": [context], "current-context": "c", "users": [user]}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **text}))
    run = asyncio.to_thread(CliRunner().invoke, main, ["doctor", "--kubeconfig", str(path), *words])
    done = await run
    assert done.exit_code == 1, done.output
    for part in parts:
        assert part in done.stdout


async def test_who_is_not_let_in_is_told_that_the_cluster_cannot_be_reached(server: Server) -> None:
    other = replace(credentials(server), bearer=StaticBearer("another"))
    async with Client(other) as client:
        with pytest.raises(Unauthorized):
            await look(client)
