"""The cluster's secret is replaced: nobody notices, whoever gets the new one late, and whoever restarts meanwhile."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fakes import forger, takeovers
from fakes import lan as lans
from fakes.clocks import Clock
from fakes.cluster import until
from fakes.lan import Lan
from pylb.core.explanation.checks import BEAT_PORT
from pylb.speaker.strangers import BRIEFLY

ADDRESS, URL = "10.78.0.200", "http://10.78.0.200/"
WATCHED_S = 3.0  # longer than a speaker takes to look at the file again, and to find another silent
Say = Callable[[str], None]


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with lans.start("10.78.0.0/24") as lan:
        lan.front(ADDRESS, "10.78.0.128/25")
        lan.settled()
        lan.owner(ADDRESS)
        lan.ask(URL)
        yield lan


def new_key(lan: Lan) -> Path:
    """A secret that no node has yet."""
    path = lan.kubeconfig.parent / f"{secrets.token_hex(4)}.key"
    path.touch(mode=0o600)
    path.write_text(secrets.token_hex(32))
    return path


def bring(lan: Lan, node: str, key: Path) -> None:
    """The kubelet of a node brings the new secret."""
    link = lan.kubeconfig.parent / f"beats-{node}.key"
    fresh = link.with_suffix(".new")
    fresh.symlink_to(key)
    fresh.rename(link)


def strangers(lan: Lan, node: str) -> set[str]:
    return {one["node"] for one in lan.state(f"speaker-{node}")["strangers"]}


def watch() -> None:
    began = time.monotonic()
    until("it was watched", lambda: time.monotonic() > began + WATCHED_S)


def took_it(lan: Lan, node: str, times: int) -> bool:
    return lan.logs(f"speaker-{node}").count("took the new key") == times


def test_each_node_gets_the_new_secret_in_its_turn(lan: Lan) -> None:
    owner, key = lan.owner(ADDRESS), new_key(lan)
    before = {node: lan.logs(f"speaker-{node}").count("took the new key") for node in lan.nodes}
    with lan.probe(URL) as probe, lan.asker(ADDRESS) as asker:
        for node in lan.nodes:
            bring(lan, node, key)
            until("it is taken", lambda node=node: took_it(lan, node, before[node] + 1))
            watch()
            assert strangers(lan, node) == set()
        asker.stop()
        assert probe.failed() == 0
    assert {mac for _, mac in asker.answers()} == {lan.mac(owner)}


def test_a_speaker_that_restarts_with_the_new_secret_waits_for_the_others(lan: Lan, say: Say) -> None:
    """It is the owner. It answers again once one of the others has the new secret and the last one, too; until then
    they answer in its place."""
    lan.settled()
    owner, key, claims = lan.owner(ADDRESS), new_key(lan), lan.claims(ADDRESS)
    others = [node for node in lan.nodes if node != owner]
    with lan.asker(ADDRESS) as asker, lan.probe(URL) as probe:
        lan.lab.speaker("stop", owner)
        bring(lan, owner, key)
        until("another stands in", lambda: lan.standing(ADDRESS, but=owner))
        lan.lab.speaker("start", owner)
        until("it sees that it cannot read them", lambda: strangers(lan, owner) == set(others))
        until("the others see that, too", lambda: all(strangers(lan, node) == {owner} for node in others))
        watch()
        assert lan.state(f"speaker-{owner}")["state"] == "joining"
        bring(lan, others[0], key)
        until("it reads one", lambda: strangers(lan, owner) == {others[1]})
        assert lan.state(f"speaker-{owner}")["state"] == "joining"
        assert lan.standing(ADDRESS, but=owner)
        bring(lan, others[1], key)
        lan.settled()
        until("nobody stands in any more", lambda: not lan.standing(ADDRESS))
        asker.stop()
        assert probe.failed() == 0
    assert takeovers.told_by(asker) == {lan.mac(owner)}
    assert lan.claims(ADDRESS) == claims
    say(f"{owner} stayed, ARP silent for {asker.silence() * 1000:.0f} ms")
    assert "shares no key with the speaker there" in lan.logs(f"speaker-{owner}")


def test_beats_that_a_forger_sends_from_a_silent_nodes_address_hold_up_no_start(lan: Lan, say: Say) -> None:
    """That node's speaker is away, so that none of its own beats shows that those are not its."""
    lan.settled()
    claims, owner = lan.claims(ADDRESS), lan.owner(ADDRESS)
    silent, started = (node for node in lan.nodes if node != owner)
    hosts = lan.lab.hosts
    argv = [sys.executable, forger.__file__, silent, hosts[silent]["lan"], str(BEAT_PORT), hosts[started]["lan"]]
    lan.lab.speaker("stop", silent)
    try:
        with Clock(lan.lab, "router", argv):
            lan.lab.speaker("stop", started)
            lan.lab.speaker("start", started)
            began = time.monotonic()
            until("it cannot read them", lambda: strangers(lan, started) == {silent})
            until("it takes part", lambda: lan.state(f"speaker-{started}")["state"] == "active", 2 * BRIEFLY)
            say(f"took part after {time.monotonic() - began:.1f} s")
            assert strangers(lan, started) == {silent}, "they still come"
    finally:
        lan.lab.speaker("start", silent)
    lan.settled()
    assert lan.claims(ADDRESS) == claims
