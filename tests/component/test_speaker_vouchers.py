"""Which key a speaker signs with, as its ConfigurationState tells, and as another that starts reads it there."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

import pytest

from fakes.beating import until
from fakes.cluster import advertisement, pool
from fakes.quiet import OURS, Counted, counted, running
from pylb.core import verdicts
from pylb.core.model import NodeName
from pylb.kube import report
from pylb.kube.configuration import Configuration
from pylb.kube.report import Report
from pylb.speaker import vouchers
from pylb.speaker.vouchers import Vouchers

N1, N2, N3, N4 = (NodeName(f"n{number}") for number in range(1, 5))
STATES = f"/apis/metallb.io/v1beta1/namespaces/{OURS}/configurationstates"


@pytest.fixture(autouse=True)
def _sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "DEBOUNCE", 0.05)
    monkeypatch.setattr(vouchers, "AGAIN", 0.05)


async def told_by(cluster: Counted, node: NodeName) -> Any:
    objects = (await cluster.admin.get(STATES))["items"]
    [found] = [one for one in objects if one["metadata"]["name"] == verdicts.speaker(node).name]
    return found["metadata"].get("annotations")


async def test_which_key_a_node_signs_with_is_told_and_told_anew_when_it_is_another() -> None:
    """Which, not the key itself: the name is in each beat."""
    async with counted(pool("p", "192.0.2.0/24"), advertisement()) as cluster, cluster.client() as client:
        key, seen = "old", asyncio.Event()
        configuration = Configuration(client, seen.set)
        kept = Report(client, OURS, "", verdicts.speaker(N1), configuration, notes=lambda: {verdicts.KEY: key})
        async with running(configuration.run(), kept.run()):
            await until("the configuration is read", lambda: configuration.synced)
            kept.consider()
            await until("it is written", cluster.taken)
            await cluster.quiet(0.3)
            assert await told_by(cluster, N1) == {verdicts.KEY: "old"}
            cluster.taken()
            key = "new"
            kept.again()
            await until("it is written", lambda: cluster.log)
            await cluster.quiet(0.3)
            assert await told_by(cluster, N1) == {verdicts.KEY: "new"}
            assert sum(cluster.taken().values()) == 1


async def test_who_is_asked_about_is_read_and_read_again() -> None:
    """Of n3 there is a version that names no key, of n4 there is nothing: that is known, and that is not."""
    async with counted() as cluster, cluster.client() as client:
        for node, notes in ((N2, {verdicts.KEY: "0123"}), (N3, {})):
            await cluster.admin.post(STATES, verdicts.body(verdicts.speaker(node), None, notes))
        heard: list[Mapping[NodeName, Collection[str]]] = []
        asks = Vouchers(client, OURS, heard.append)
        async with running(asks.run()):
            asks.want([N2, N3, N4])
            await until("the API tells", lambda: heard)
            assert {node: list(keys) for node, keys in heard[0].items()} == {N2: ["0123"], N3: [""]}
            await cluster.admin.patch(f"{STATES}/{verdicts.speaker(N2).name}", {"metadata": {"annotations": None}})
            asks.want([N2])
            await until("and tells again", lambda: len(heard) > 1)
            assert {node: list(keys) for node, keys in heard[1].items()} == {N2: [""]}
