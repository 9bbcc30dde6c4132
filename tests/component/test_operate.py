"""`pylb drain`, `undrain`, `move` and `rebalance` against an API server, with speakers whose words are the test's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import click
import pytest
from click.testing import CliRunner

from fakes.tui_cluster import Speaker, add_service, add_speaker, credentials, serving
from pylb.cli import main
from pylb.core.ownership.moves import DRAIN, MOVE
from pylb.embedded.resources import NODES, SERVICES
from pylb.embedded.server import Server
from pylb.kube.client import Client
from pylb.operate import cli, orders
from pylb.operate.cluster import Cluster
from pylb.operate.orders import Orders, WrongInput

ONE, TWO = "10.0.0.10", "10.0.0.11"


class Stage:
    """A cluster of two nodes, whose one speaker, that of n1, says what the test has it say."""

    def __init__(self, server: Server, client: Client) -> None:
        self.server, self.speaker, self.said = server, Speaker(), list[str]()
        self.orders = Orders(Cluster(client), self.said.append)

    def owns(self, *addresses: str, owner: str = "n1", term: int = 3, **more: Any) -> None:
        """n1's speaker says that somebody owns these."""
        self.speaker.state["addresses"] = [
            {
                "address": address,
                "owner": owner,
                "mine": True,
                "term": term,
                "services": ["web/blog"],
                "candidates": ["n1", "n2"],
                "excluded": {},
                **more,
            }
            for address in addresses
        ]

    def annotations(self, resource: Any, namespace: str, name: str) -> dict[str, str]:
        found = self.server.store.get(resource, namespace, name)
        return dict(found["metadata"].get("annotations") or {})

    async def when(self, asked: Callable[[], bool], act: Callable[[], None]) -> None:
        """Do something as a speaker would, as soon as it is asked for."""
        for _ in range(500):
            if asked():
                break
            await asyncio.sleep(0.01)
        assert asked()
        act()

    def request(self) -> str:
        return self.annotations(SERVICES, "web", "blog").get(MOVE, "")


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(orders, "STUCK_S", 0.3)
    monkeypatch.setattr(orders, "MOVE_S", 0.5)
    async with serving("n1", "n2") as server:
        async with Client(credentials(server)) as client:
            made = Stage(server, client)
            add_service(server, "blog", ONE)
            await add_speaker(server, made.speaker, monkeypatch)
            yield made
            await made.speaker.server.close()
        assert server.problems == []


async def test_a_drain_waits_until_all_has_gone_and_says_where_to(stage: Stage) -> None:
    stage.owns(ONE)

    def hand_over() -> None:
        stage.owns(ONE, owner="n2", term=4)
        stage.speaker.state["state"] = "draining"

    asked = stage.when(lambda: stage.annotations(NODES, "", "n1").get(DRAIN) == "true", hand_over)
    done, _ = await asyncio.gather(stage.orders.drain("n1", 10.0), asked)
    assert done
    assert stage.said == [
        "n1 owns 1 address",
        f"{ONE}: n1 -> n2",
        "n1 owns nothing, and takes nothing until: pylb undrain n1",
    ]


async def test_a_drain_names_what_stays_and_why_and_does_not_wait_for_ever(stage: Stage) -> None:
    stage.owns(ONE, candidates=[], excluded={"n1": "node_drains", "n2": "not_alive"})
    stage.speaker.state["state"] = "draining"
    assert not await asyncio.wait_for(stage.orders.drain("n1", 60.0), 10.0)
    assert f"{ONE} stays on n1: n2: the node's speaker is not heard" in stage.said


async def test_a_drain_ends_after_the_time_that_was_given(stage: Stage) -> None:
    """Another node could take the address, and does not."""
    stage.owns(ONE)
    stage.speaker.state["state"] = "draining"
    assert not await asyncio.wait_for(stage.orders.drain("n1", 0.2), 10.0)
    assert f"{ONE} stays on n1: no other node has taken it so far" in stage.said


async def test_a_node_whose_speaker_is_silent_is_drained_all_the_same(stage: Stage) -> None:
    stage.owns(ONE, owner="n2", mine=False)
    assert not await stage.orders.drain("n2", 0.2)
    assert stage.annotations(NODES, "", "n2") == {DRAIN: "true"}
    assert "n2: its speaker does not answer; it drains as soon as it runs" in stage.said


async def test_undrain_takes_the_annotation_away_and_waits_for_the_speaker(stage: Stage) -> None:
    await stage.orders.drain("n1", 0.0)
    stage.said.clear()
    stage.speaker.state["state"] = "active"
    assert await stage.orders.undrain("n1", 5.0)
    assert stage.annotations(NODES, "", "n1") == {}
    assert stage.said == ["n1 may own addresses again; nothing moves back by itself: pylb rebalance"]
    stage.speaker.state["state"] = "joining"
    assert not await stage.orders.undrain("n1", 0.2)
    assert stage.said[-2:] == ["n1 is not drained", "n1: its speaker does not take part; `pylb doctor` tells more"]


async def test_a_move_is_asked_for_at_the_claims_term_and_the_request_is_taken_away(stage: Stage) -> None:
    stage.owns(ONE)
    asked = stage.when(lambda: stage.request() == "n2@3", lambda: stage.owns(ONE, owner="n2", term=4))
    done, _ = await asyncio.gather(stage.orders.move(ONE, "n2"), asked)
    assert done
    assert stage.said[0].startswith(f"{ONE}: n1 -> n2 in ")
    assert stage.request() == ""


async def test_another_request_that_came_meanwhile_is_not_taken_away(stage: Stage) -> None:
    stage.owns(ONE)

    def other() -> None:
        body = {"metadata": {"annotations": {MOVE: "n1@9"}}}
        stage.server.store.update(
            SERVICES, "web", "blog", lambda old: {**old, "metadata": {**old["metadata"], **body["metadata"]}}
        )

    await asyncio.gather(stage.orders.move(ONE, "n2"), stage.when(lambda: bool(stage.request()), other))
    assert stage.request() == "n1@9"


@pytest.mark.parametrize(
    ("after", "text"),
    [
        (
            {"term": 4, "candidates": ["n1"], "excluded": {"n2": "node_excluded"}},
            "the node is labelled node.kubernetes.io",
        ),
        ({"term": 4, "owner": "n3"}, "n3 has it meanwhile"),
        ({}, "nothing came of it within "),
    ],
)
async def test_a_move_that_did_not_come_says_why(stage: Stage, after: dict[str, Any], text: str) -> None:
    stage.owns(ONE)
    asked = stage.when(lambda: bool(stage.request()), lambda: stage.owns(ONE, **after))
    done, _ = await asyncio.gather(stage.orders.move(ONE, "n2"), asked)
    assert not done
    assert stage.said[0].startswith(f"{ONE} did not move to n2: {text}")
    assert stage.request() == ""


async def test_what_cannot_move_is_not_asked_for(stage: Stage) -> None:
    for facts, text in (
        ({"candidates": ["n1"], "excluded": {"n2": "node_drains"}}, "the node is drained; pylb undrain ends that"),
        ({"candidates": ["n1"]}, "its speaker does not answer"),
        ({"owner": ""}, "nobody owns it"),
    ):
        stage.owns(ONE, **facts)  # type: ignore[arg-type]  # a table's rows
        assert not await stage.orders.move(ONE, "n2")
        assert stage.said.pop() == f"{ONE} cannot move to n2: {text}"
    stage.owns(ONE)
    assert await stage.orders.move(ONE, "n1")
    assert (stage.said, stage.request()) == ([f"{ONE} is on n1 already"], "")


async def test_input_that_names_nothing_is_told_what_there_is(stage: Stage) -> None:
    stage.owns(ONE, TWO)
    for order, text in (
        (
            stage.orders.move("10.0.0.300", "n2"),
            "ADDRESS '10.0.0.300' is no address; for example: pylb move 192.168.1.240 n2",
        ),
        (stage.orders.move("10.0.0.99", "n2"), f"10.0.0.99: no Service has that address; there are {ONE}, {TWO}"),
        (stage.orders.move(ONE, "n7"), "NODE 'n7': the cluster has none of that name; there are n1, n2"),
        (stage.orders.undrain("n7", 0.0), "NODE 'n7': the cluster has none of that name; there are n1, n2"),
    ):
        with pytest.raises(WrongInput) as refused:
            await order
        assert str(refused.value) == text


async def test_rebalance_moves_what_is_not_at_the_first_of_its_line(stage: Stage) -> None:
    stage.owns(ONE, candidates=["n2", "n1"])
    assert await stage.orders.rebalance(dry_run=True)
    assert (stage.said, stage.request()) == ([f"{ONE}: n1 -> n2", "1 address would move"], "")
    asked = stage.when(lambda: stage.request() == "n2@3", lambda: stage.owns(ONE, owner="n2", term=4))
    done, _ = await asyncio.gather(stage.orders.rebalance(dry_run=False), asked)
    assert done
    assert stage.said[-1] == "1 address moved"
    stage.owns(ONE, owner="n2", candidates=["n2", "n1"])
    assert await stage.orders.rebalance(dry_run=False)
    assert stage.said[-1] == "every address is at the first node of its line: nothing to do"


async def test_rebalance_says_what_did_not_move(stage: Stage) -> None:
    """One Service has both: its requests come one after the other."""
    stage.owns(ONE, TWO, candidates=["n2", "n1"])
    assert not await stage.orders.rebalance(dry_run=False)
    assert stage.said[-1] == "0 addresses moved, 2 did not"


@pytest.mark.parametrize("words", [["drain", "n1"], ["undrain", "n1"], ["move", ONE, "n1"], ["rebalance"]])
def test_a_cluster_that_is_away_is_one_line_and_exit_code_3(words: list[str], tmp_path: Any) -> None:
    config = tmp_path / "config"
    config.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}]\n"
        "users: [{name: c, user: {token: t}}]\ncontexts: [{name: c, context: {cluster: c, user: c}}]\n"
    )
    done = CliRunner().invoke(main, [*words, "--kubeconfig", str(config)])
    assert done.exit_code == cli.UNREACHABLE
    assert done.output.startswith("Error: the cluster cannot be reached: ")
    assert done.output.count("\n") == 1


def test_the_commands_are_in_the_list_and_have_help() -> None:
    context = click.Context(main)
    for name in ("drain", "undrain", "move", "rebalance"):
        assert name in main.list_commands(context)
        assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0
