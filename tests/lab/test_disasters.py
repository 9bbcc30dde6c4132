"""Disasters on real packets: what of a node, of its speaker or of the LAN is lost, and who answers for its addresses.

The plain losses are played in test_takeover.py. Speed is not asserted beyond its order of magnitude; figures are printed.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from fakes import switching, takeovers
from fakes.cluster import until
from fakes.lan import Lan
from fakes.takeovers import ONE_OWNER_S, PATIENT_MS, SANE_S, TWO_BEATS_S, WATCHED_S, watch

ADDRESS, URL = "10.79.0.200", "http://10.79.0.200/"
FILTERED_S = 3.0
FROZEN_S = 1.5  # of the API server: it takes nodes for lost that it has not heard for longer
PATIENT_S = 10.0  # to take over where nothing proves that the owner is gone
FLAPS, OUT_S = 10, 0.6
Say = Callable[[str], None]

# A node, and what runs on it


def test_kubernetes_and_the_speaker_end_while_the_kernel_lives(lan: Lan, say: Say) -> None:
    """The kubelet's port refuses: another takes over at once, and keeps the address."""
    owner = lan.owner(ADDRESS)
    with lan.asker(ADDRESS) as asker:
        lan.lab.kubelet("stop", owner)
        try:
            killed = time.time()
            lan.lab.speaker("kill", owner)
            other = lan.owner(ADDRESS, beside=owner)
            lan.ask(URL)
        finally:
            lan.lab.kubelet("start", owner)
            lan.lab.speaker("start", owner)
        lan.settled()
        watch(WATCHED_S)
        asker.stop()
    after = next(at for at, mac in asker.answers() if mac == lan.mac(other)) - killed
    say(f"{owner} to {other} after {after * 1000:.0f} ms")
    assert "cause=kubernetes_stopped" in lan.logs(f"speaker-{other}")
    assert after < SANE_S
    assert takeovers.told_by(asker, killed + after + TWO_BEATS_S) == {lan.mac(other)}
    assert list(lan.claims(ADDRESS)) == [other]


def test_a_kubelet_that_ends_moves_nothing(lan: Lan) -> None:
    owner = lan.owner(ADDRESS)
    takeovers.unmoved(
        lan, ADDRESS, lambda: lan.lab.kubelet("stop", owner), lambda: lan.lab.kubelet("start", owner), FILTERED_S
    )


def test_the_speaker_is_killed_while_the_api_server_is_away(lan: Lan) -> None:
    owner, before = lan.owner(ADDRESS), lan.claims(ADDRESS)
    api = lan.lab.status()["processes"]["api"]["pid"]
    with lan.probe(URL, PATIENT_MS) as probe, lan.asker(ADDRESS) as asker:
        os.kill(api, signal.SIGSTOP)
        try:
            lan.lab.speaker("kill", owner)
            watch(FROZEN_S)
        finally:
            os.kill(api, signal.SIGCONT)
            lan.lab.speaker("start", owner)
        lan.settled()
        until("nobody stands in any more", lambda: not lan.standing(ADDRESS))
        asker.stop()
        assert probe.failed() == 0
    assert takeovers.told_by(asker) == {lan.mac(owner)}
    assert asker.silence() < takeovers.SILENT_S
    assert lan.claims(ADDRESS) == before


def test_two_nodes_are_lost_one_after_the_other(lan: Lan, say: Say) -> None:
    first = lan.owner(ADDRESS)
    with lan.probe(URL) as probe:
        began = time.time()
        lan.lab.cut(first)
        try:
            gap = probe.wait_outage(began, SANE_S)
            second = lan.owner(ADDRESS, beside=first)
            again = time.time()
            lan.lab.cut(second)
            other = probe.wait_outage(again, SANE_S)
            third = until("the third has it", lambda: lan.owners(ADDRESS))
        finally:
            lan.lab.mend(first)
            lan.lab.mend(second)
        lan.settled()
        watch(WATCHED_S)
    say(f"{first}, {second}, {third}: answered after {gap * 1000:.0f} and {other * 1000:.0f} ms")
    assert set(lan.nodes) - {first, second} == set(third)
    assert list(lan.claims(ADDRESS)) == third


# The LAN


@pytest.mark.parametrize("ways", [("input", "output"), ("input",), ("output",)], ids=["both ways", "in", "out"])
def test_beats_are_filtered_at_the_owner_and_the_lan_is_well(lan: Lan, ways: tuple[str, ...]) -> None:
    """Its node and its addresses answer: it owns them."""
    owner = lan.owner(ADDRESS)
    takeovers.unmoved(
        lan,
        ADDRESS,
        lambda: switching.block_beats(lan, owner, ways),
        lambda: switching.pass_beats(lan, owner),
        FILTERED_S,
    )


def test_beats_are_filtered_everywhere_and_the_lan_is_well(lan: Lan) -> None:
    def block() -> None:
        for node in lan.nodes:
            switching.block_beats(lan, node)

    def let_pass() -> None:
        for node in lan.nodes:
            switching.pass_beats(lan, node)

    takeovers.unmoved(lan, ADDRESS, block, let_pass, FILTERED_S)


def test_the_gateway_is_gone_and_nothing_moves(lan: Lan) -> None:
    """Whoever owns goes on, provisionally; whoever does not waits."""
    before = lan.claims(ADDRESS)
    with lan.probe(URL, PATIENT_MS) as probe:
        switching.unplug(lan, "router")
        try:
            watch(FILTERED_S)
        finally:
            switching.plug(lan, "router")
        lan.settled()
        assert probe.failed() == 0
    assert lan.claims(ADDRESS) == before


def test_the_owner_is_lost_while_the_gateway_is_gone(lan: Lan, say: Say) -> None:
    """Nobody can tell who was cut off: another takes over all the same, after some seconds."""
    owner = lan.owner(ADDRESS)
    with lan.probe(URL) as probe:
        switching.unplug(lan, "router")
        try:
            watch(FILTERED_S)
            lost = time.time()
            lan.lab.cut(owner)
            outage = probe.wait_outage(lost, PATIENT_S)
        finally:
            switching.plug(lan, "router")
            lan.lab.mend(owner)
    lan.settled()
    [other] = lan.claims(ADDRESS)
    say(f"{owner} to {other}, answered after {outage * 1000:.0f} ms")
    assert other != owner
    assert lan.owner(ADDRESS) == other


def test_something_answers_for_a_dead_node_with_its_mac(lan: Lan, say: Say) -> None:
    """An access point may: the kubelet's port is silent, and the address is answered elsewhere all the same."""
    owner = lan.owner(ADDRESS)
    with lan.probe(URL) as probe, lan.parrot(owner):
        lost = time.time()
        lan.lab.cut(owner)
        try:
            outage = probe.wait_outage(lost, PATIENT_S)
        finally:
            lan.lab.mend(owner)
    lan.settled()
    [other] = lan.claims(ADDRESS)
    say(f"{owner} to {other}, answered after {outage * 1000:.0f} ms")
    assert other != owner
    assert "cause=kubelet_silent" in lan.logs(f"speaker-{other}")


def test_a_cable_flaps(lan: Lan, say: Say) -> None:
    """The address leaves the node once at most, for good; both may answer while the cable comes back as another takes over."""
    owner = lan.owner(ADDRESS)
    with lan.asker(ADDRESS) as asker:
        for _ in range(FLAPS):
            lan.lab.cut(owner)
            watch(OUT_S)
            lan.lab.mend(owner)
            watch(OUT_S)
        lan.settled()
        watch(WATCHED_S)
        asker.stop()
    [other] = lan.claims(ADDRESS)
    answers = asker.answers()
    moved = next(at for at, mac in answers if mac == lan.mac(other))
    say(f"{owner} to {other}, disputed for {asker.longest_dispute() * 1000:.0f} ms")
    assert other != owner
    assert takeovers.told_by(asker, moved + ONE_OWNER_S) == {lan.mac(other)}
    lan.ask(URL)


def test_the_cable_of_another_node_flaps_and_nothing_moves(lan: Lan) -> None:
    owner = lan.owner(ADDRESS)
    flapping = next(node for node in lan.nodes if node != owner)

    def flap() -> None:
        for _ in range(FLAPS):
            lan.lab.cut(flapping)
            watch(OUT_S / 2)
            lan.lab.mend(flapping)
            watch(OUT_S / 2)

    before = lan.claims(ADDRESS)
    with lan.asker(ADDRESS) as asker:
        flap()
        lan.settled()
        watch(WATCHED_S)
        asker.stop()
    assert takeovers.told_by(asker) == {lan.mac(owner)}
    assert lan.claims(ADDRESS) == before
