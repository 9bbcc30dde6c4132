"""Speakers that are away for longer than others stand in, while their nodes serve: both kinds of it in one minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from fakes import lan as lans
from fakes import takeovers
from fakes.cluster import advertisement, deployment, pool, service, until
from fakes.lan import Lan
from fakes.takeovers import PATIENT_MS, SANE_S, SILENT_S, WATCHED_S, watch
from pylb.core.ownership.evidence import STAND_IN

SHARED, LOCAL = "10.79.0.200", "10.79.0.210"
AWAY_S = 60.0
Say = Callable[[str], None]


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    """Two nodes own an address each: one that any node may have, and one that its node alone may, under policy Local."""
    with lans.start("10.79.0.0/24") as lan:
        lan.create(
            pool("good", "10.79.0.128/25"),
            advertisement(),
            deployment("default/web", {"app": "web"}, 8080, replicas=3),
            service("default/shared", loadBalancerIP=SHARED),
        )
        lan.ask(f"http://{SHARED}/")
        other = next(node for node in lan.nodes if node != lan.owner(SHARED))
        lan.create(
            deployment("default/local", {"app": "local"}, 8080, nodeName=other),
            service("default/local", loadBalancerIP=LOCAL, externalTrafficPolicy="Local", selector={"app": "local"}),
        )
        lan.ask(f"http://{LOCAL}/")
        lan.settled()
        yield lan


@pytest.mark.timeout(120)
def test_one_speaker_stands_still_for_a_minute_and_another_is_dead_for_as_long(lan: Lan, say: Say) -> None:
    """Both are stood in for. Then the third node takes in order what it may have; who goes on gets nothing back and says
    not a word about it. What nobody else may have is answered throughout, with its own node's MAC."""
    frozen, dead = lan.owner(SHARED), lan.owner(LOCAL)
    [third] = set(lan.nodes) - {frozen, dead}
    before, local = lan.claims(SHARED), lan.claims(LOCAL)
    urls = [f"http://{address}/" for address in (SHARED, LOCAL)]
    with (
        lan.probe(urls[0], PATIENT_MS) as shared_probe,
        lan.probe(urls[1], PATIENT_MS) as local_probe,
        lan.asker(SHARED) as shared_asker,
        lan.asker(LOCAL) as local_asker,
        lan.listener() as listener,
    ):
        began = time.time()
        lan.lab.speaker("freeze", frozen)
        lan.lab.speaker("kill", dead)
        try:
            moved = lambda: lan.owners(SHARED) == [third]
            until("the third has it", moved, STAND_IN + SANE_S)
            after = time.time() - began
            assert lan.standing(LOCAL, but=dead) == [third]
            until("a minute is over", lambda: time.time() > began + AWAY_S, AWAY_S)
        finally:
            thawed = time.time()
            lan.lab.speaker("thaw", frozen)
            lan.lab.speaker("start", dead)
        lan.settled()
        until("nobody stands in any more", lambda: not lan.standing(LOCAL))
        watch(WATCHED_S)
        for program in (shared_probe, local_probe, shared_asker, local_asker, listener):
            program.stop()
    failed = takeovers.failures(shared_probe, began)
    say(f"{frozen} to {third} after {after:.1f} s, {len(failed)} requests cut")
    assert after > STAND_IN, "it was stood in for first"
    assert "cause=speaker_gone" in lan.logs(f"speaker-{third}")
    takeovers.served(failed)
    moved_at = next(at for at, mac in shared_asker.answers() if mac == lan.mac(third))
    assert takeovers.told_by(shared_asker) == {lan.mac(frozen), lan.mac(third)}
    assert takeovers.told_by(shared_asker, moved_at) == {lan.mac(third)}, "one MAC, then the other"
    assert takeovers.spoken_by(listener, SHARED, moved_at) == {lan.mac(third)}, "not a frame with a stale claim"
    [(owner, term)] = lan.claims(SHARED).items()
    assert (owner, term > before[frozen]) == (third, True)
    assert local_probe.failed() <= takeovers.LOST
    assert takeovers.told_by(local_asker) == {lan.mac(dead)}
    assert takeovers.spoken_by(listener, LOCAL) <= {lan.mac(dead)}
    assert max(shared_asker.silence(), local_asker.silence()) < SILENT_S
    assert lan.claims(LOCAL) == local
    assert thawed - began >= AWAY_S
