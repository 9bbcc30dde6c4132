"""Bad input in a running cluster: what serves goes on serving, noise on the LAN moves nothing, and all of it is counted.

Which words are told about it is settled in tests/component/test_bad_input.py.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import lan as lans
from fakes import noise, takeovers
from fakes.cluster import JSON, config_map, pool, service, until
from fakes.lan import Lan

POOL, ADDRESS, URL = "10.77.0.128/25", "10.77.0.200", "http://10.77.0.200/"
BEAT_PORT = "7946"
FRAMES = 500
KEY = "another secret than the cluster's"


@pytest.fixture(scope="module")
def shared() -> Iterator[Lan]:
    """A lab, with a Service that answers on an address."""
    with lans.start("10.77.0.0/24") as lan:
        lan.front(ADDRESS, POOL)
        lan.settled()
        lan.owner(ADDRESS)
        lan.ask(URL)
        yield lan


def claims(lan: Lan) -> dict[str, str]:
    """Whom each speaker takes for the owner."""
    return {node: lan.state(f"speaker-{node}")["addresses"][0]["owner"] for node in lan.nodes}


@pytest.fixture
def lan(shared: Lan) -> Iterator[Lan]:
    """The same; through all of a test every request is answered, and nobody takes the address over."""
    shared.settled()
    owner = shared.owner(ADDRESS)
    with shared.probe(URL) as probe, shared.listener() as listener:
        yield shared
        assert probe.failed() == 0
        listener.stop()
    assert {frame["mac"] for frame in listener.frames() if frame["ip"] == ADDRESS} <= {shared.mac(owner)}
    assert claims(shared) == dict.fromkeys(shared.nodes, owner)
    shared.settled()


def beats(lan: Lan) -> dict[str, dict[str, float]]:
    """What became of the beats that each node heard, by node."""
    return {node: metric(lan, node) for node in lan.nodes}


def metric(lan: Lan, node: str) -> dict[str, float]:
    found = lan.metrics(f"speaker-{node}")
    return {name.split('"')[1]: value for name, value in found.items() if name.startswith("pylb_beats_total")}


def send(lan: Lan, host: str, *words: str) -> dict[str, int]:
    """Make noise on a host."""
    done = lan.lab.exec(host, [sys.executable, noise.__file__, *words])
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def grown(lan: Lan, node: str, before: dict[str, float], sent: dict[str, int]) -> bool:
    after = metric(lan, node)
    return all(after.get(kind, 0) - before.get(kind, 0) == count for kind, count in sent.items())


BAD = {
    "garbage": config_map("address-pools: [}\n\t- %"),
    "unknown key": config_map("adress-pools: []\n"),
    "overlap": pool("second", "10.77.0.192/26"),
    "reversed": pool("bad", "10.9.9.20-10.9.9.10"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_with_a_bad_configuration_the_last_good_one_serves(lan: Lan, bad: JSON) -> None:
    """The Service goes on answering, a new one gets an address and answers; all is well again without the bad object."""
    try:
        lan.create(bad)
        everybody = ["controller", *(f"speaker-{node}" for node in lan.nodes)]
        until("all refuse it", lambda: all(lan.state(one)["config"]["problems"] for one in everybody))
        lan.create(service("default/new"))
        lan.ask(f"http://{lan.address('default/new')}/")
    finally:
        lan.remove(service("default/new"), bad)
    until("all is well", lambda: not any(lan.state(one)["config"]["problems"] for one in everybody))
    until("the new address is free", lambda: list(lan.state("controller")["allocations"]) == ["default/front"])
    until(
        "nobody answers for it", lambda: [len(lan.state(f"speaker-{n}")["addresses"]) for n in lan.nodes] == [1, 1, 1]
    )


def test_a_speaker_that_finds_a_bad_configuration_leaves_the_address_to_those_who_know(shared: Lan) -> None:
    """The owner's speaker starts anew and never read a good configuration: who has one goes on answering in its place."""
    shared.settled()
    bad, owner = BAD["overlap"], shared.owner(ADDRESS)
    claims, others = shared.claims(ADDRESS), [node for node in shared.nodes if node != owner]
    with shared.probe(URL) as probe, shared.asker(ADDRESS) as asker:
        try:
            shared.lab.speaker("stop", owner)
            shared.create(bad)
            until(
                "they refuse it", lambda: all(shared.state(f"speaker-{node}")["config"]["problems"] for node in others)
            )
            shared.lab.speaker("start", owner)
            until("it refuses it", lambda: shared.state(f"speaker-{owner}")["config"]["problems"])
            until("it has had its time", lambda: shared.state(f"speaker-{owner}")["members"])
            for _ in range(10):
                assert shared.standing(ADDRESS, but=owner)
                assert shared.owners(ADDRESS) == [owner]
        finally:
            shared.remove(bad)
        shared.settled()
        until("nobody stands in any more", lambda: not shared.standing(ADDRESS))
        asker.stop()
        assert probe.failed() == 0
    assert takeovers.told_by(asker) == {shared.mac(owner)}
    assert shared.claims(ADDRESS) == claims
    shared.ask(URL)


def test_random_and_truncated_frames_are_not_answered(lan: Lan) -> None:
    with lan.listener() as listener:
        sent = send(lan, "router", "frames", str(FRAMES), "7", ADDRESS)
        assert lan.owners(ADDRESS) != []
        listener.stop()
    to_us = [frame for frame in listener.frames() if (frame["ip"], frame["to"]) == (ADDRESS, lan.mac("router"))]
    assert sent["noise"] == FRAMES
    assert len(to_us) == 1, "the one whole question alone is answered"


def test_datagrams_that_no_speaker_sent_are_counted_and_change_nothing(lan: Lan) -> None:
    """Garbage, and beats in the name of each node, signed with another key, that say that it leaves."""
    before = beats(lan)
    addresses = [lan.lab.hosts[node]["lan"] for node in lan.nodes]
    sent = send(lan, "client", "beats", KEY, BEAT_PORT, *addresses)
    for node in lan.nodes:
        until(f"all are counted on {node}", lambda node=node: grown(lan, node, before[node], sent))


def test_beats_that_are_repeated_are_stale(lan: Lan) -> None:
    """What n1 heard of n2 is sent to n3 again, by n1, a moment later."""
    before = beats(lan)["n3"]
    hosts = lan.lab.hosts
    sent = send(lan, "n1", "replay", "0.5", hosts["n2"]["lan"], hosts["n3"]["lan"], BEAT_PORT)
    assert sent["stale"] > 1
    until("they are counted", lambda: metric(lan, "n3")["stale"] - before["stale"] >= sent["stale"] - 1)


def test_the_beats_key_is_in_no_log(shared: Lan) -> None:
    key = Path(f"{shared.kubeconfig.parent}/beats.key").read_text()
    logs = [shared.lab.logs(name) for name in ("controller", *(f"speaker-{node}" for node in shared.nodes))]
    assert not [log for log in logs if key in log]
