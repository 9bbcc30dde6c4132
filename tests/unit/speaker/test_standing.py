"""Standing in: what is answered and announced for another owner, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv6Address

import pytest

from fakes.announcing import Stage
from pylb.core.reasons import Reason
from pylb.speaker import bpf
from pylb.speaker.announcer import HELD_RETRY
from pylb.speaker.arp import DropReason, gratuitous, request
from pylb.speaker.links import Link

MAC, OTHER_MAC, ASKER = (bytes.fromhex(f"02000a4d00{last}") for last in ("0b", "0c", "05"))
OWNER = bytes.fromhex("02000a4d000d")  # the node whose speaker is silent
LAN = Link(2, "eth0", MAC, up=True, running=True, broadcast=True, addresses=(IPv4Interface("10.77.0.11/24"),))
WIFI = replace(LAN, index=3, name="wlan0", mac=OTHER_MAC)
ONE, TWO = IPv4Address("10.77.0.100"), IPv4Address("10.77.0.101")
QUESTION = request(ONE, IPv4Address("10.77.0.5"), ASKER)
STOOD_IN = {ONE: {"eth0": OWNER}}


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = Stage(monkeypatch)
    stage.announcer.take_links((LAN,))
    return stage


async def test_it_begins_with_one_announcement_of_the_owners_mac_from_our_own(stage: Stage) -> None:
    assert stage.announcer.set({}, STOOD_IN) == {}
    [socket] = stage.sockets
    assert socket.take() == list(gratuitous(ONE, OWNER, MAC))
    assert {frame[6:12] for frame in gratuitous(ONE, OWNER, MAC)} == {MAC}
    stage.run_until(2000)
    assert socket.take() == []
    assert stage.due is None
    assert stage.announcer.counts.gratuitous[ONE] == 2


async def test_questions_are_answered_with_the_owners_mac(stage: Stage) -> None:
    stage.announcer.set({}, STOOD_IN)
    [socket] = stage.sockets
    socket.take()
    socket.on_frame(QUESTION)
    [reply] = socket.take()
    assert (reply[:6], reply[6:12], reply[22:28]) == (ASKER, MAC, OWNER)
    assert stage.announcer.counts.responses[ONE] == 1
    assert socket.filters[-1] == bpf.pack(bpf.program({ONE}, MAC))


async def test_a_question_to_the_owner_alone_is_not_answered(stage: Stage) -> None:
    stage.announcer.set({}, STOOD_IN)
    [socket] = stage.sockets
    socket.take()
    socket.on_frame(OWNER + QUESTION[6:])
    assert socket.take() == []
    assert stage.announcer.counts.drops == {DropReason.OTHER_DESTINATION: 1}


async def test_it_is_no_placement_of_ours(stage: Stage) -> None:
    stage.announcer.set({TWO: None}, STOOD_IN)
    assert stage.announcer.placements == {TWO: ("eth0",)}
    assert stage.announcer.stood_in == {ONE: ("eth0",)}


async def test_a_take_over_is_announced_as_new(stage: Stage) -> None:
    stage.announcer.set({}, STOOD_IN)
    [socket] = stage.sockets
    socket.take()
    filters = len(socket.filters)
    stage.announcer.set({ONE: None}, STOOD_IN)  # what is owned is not stood in for
    assert socket.take() == list(gratuitous(ONE, MAC))
    assert len(socket.filters) == filters
    stage.run_until(1005)
    assert len(socket.take()) == 2 * 6
    socket.on_frame(QUESTION)
    assert [reply[22:28] for reply in socket.take()] == [MAC]
    assert stage.announcer.stood_in == {}


async def test_what_is_owned_but_has_no_place_is_not_stood_in_for_either(stage: Stage) -> None:
    assert stage.announcer.set({ONE: frozenset({"eth9"})}, STOOD_IN) == {ONE: Reason.NO_INTERFACE}
    [socket] = stage.sockets
    socket.on_frame(QUESTION)
    assert socket.take() == []


async def test_handing_back_ends_it_without_a_word(stage: Stage) -> None:
    stage.announcer.set({}, STOOD_IN)
    [socket] = stage.sockets
    socket.take()
    stage.announcer.set({}, {})
    socket.on_frame(QUESTION)
    assert socket.take() == []
    assert stage.announcer.stood_in == {}


async def test_the_same_again_announces_nothing_and_another_mac_once_more(stage: Stage) -> None:
    stage.announcer.set({}, STOOD_IN)
    [socket] = stage.sockets
    socket.take()
    stage.announcer.set({TWO: None}, STOOD_IN)
    assert socket.take() == list(gratuitous(TWO, MAC))
    stage.announcer.set({TWO: None}, {ONE: {"eth0": ASKER}})
    assert socket.take() == list(gratuitous(ONE, ASKER, MAC))


async def test_announce_says_it_once_again(stage: Stage) -> None:
    stage.announcer.set({}, STOOD_IN)
    [socket] = stage.sockets
    socket.take()
    stage.announcer.announce(ONE)
    stage.run_until(2000)
    assert socket.take() == list(gratuitous(ONE, OWNER, MAC))


async def test_each_link_has_the_owners_mac_there_and_other_links_nothing(stage: Stage) -> None:
    stage.announcer.take_links((LAN, WIFI))
    stage.announcer.set({}, {ONE: {"wlan0": ASKER}, TWO: {"eth0": OWNER, "wlan0": ASKER}})
    lan, wifi = stage.sockets
    assert lan.take() == list(gratuitous(TWO, OWNER, MAC))
    assert wifi.take() == [*gratuitous(ONE, ASKER, OTHER_MAC), *gratuitous(TWO, ASKER, OTHER_MAC)]


async def test_a_link_that_comes_back_is_told_once(stage: Stage) -> None:
    stage.announcer.set({}, STOOD_IN)
    stage.announcer.take_links((replace(LAN, running=False),))
    assert stage.announcer.stood_in == {}
    stage.announcer.take_links((LAN,))
    stage.run_until(2000)
    assert stage.sockets[1].take() == list(gratuitous(ONE, OWNER, MAC))


async def test_nothing_is_said_while_the_guard_says_no(stage: Stage) -> None:
    stage.may = False
    stage.announcer.set({}, STOOD_IN)
    [socket] = stage.sockets
    socket.on_frame(QUESTION)
    assert socket.take() == []
    stage.may = True
    stage.run_until(1000 + HELD_RETRY)
    assert socket.take() == list(gratuitous(ONE, OWNER, MAC))


async def test_the_owner_and_other_stand_ins_are_no_conflict_but_a_third_mac_is(stage: Stage) -> None:
    stage.announcer.set({}, STOOD_IN)
    [socket] = stage.sockets
    for frame in (*gratuitous(ONE, OWNER), *gratuitous(ONE, OWNER, ASKER)):
        socket.on_frame(frame)
    assert stage.conflicts == []
    socket.on_frame(gratuitous(ONE, ASKER)[0])
    assert stage.conflicts == [(ONE, "02:00:0a:4d:00:05", "eth0")]


async def test_an_owner_that_is_stood_in_for_hears_no_conflict_in_it(stage: Stage) -> None:
    stage.announcer.set({ONE: None})
    for frame in gratuitous(ONE, MAC, OTHER_MAC):
        stage.sockets[0].on_frame(frame)
    assert stage.conflicts == []


async def test_other_families_wait_for_their_time(stage: Stage) -> None:
    assert stage.announcer.set({}, {IPv6Address("fd77::100"): {"eth0": OWNER}}) == {}
    assert stage.announcer.stood_in == {}
