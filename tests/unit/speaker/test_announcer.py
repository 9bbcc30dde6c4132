"""What the announcer answers and announces, where and when, over sockets that only remember."""

from __future__ import annotations

import errno
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv6Address

import pytest

from fakes.announcing import Stage
from pylb.core.model import Address
from pylb.core.reasons import Reason
from pylb.speaker import bpf, conflicts
from pylb.speaker.announcer import HELD_RETRY
from pylb.speaker.arp import DropReason, Reply, classify, gratuitous, request
from pylb.speaker.links import Link

MAC, OTHER_MAC, ASKER = (bytes.fromhex(f"02000a4d00{last}") for last in ("0b", "0c", "05"))
LAN = Link(2, "eth0", MAC, up=True, running=True, broadcast=True, addresses=(IPv4Interface("10.77.0.11/24"),))
WIFI = replace(LAN, index=3, name="wlan0", mac=OTHER_MAC, addresses=(IPv4Interface("192.168.1.7/24"),))
ONE, TWO = IPv4Address("10.77.0.100"), IPv4Address("10.77.0.101")
CLIENT = IPv4Address("10.77.0.5")


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


def question(target: IPv4Address = ONE) -> bytes:
    return request(target, CLIENT, ASKER)


async def test_an_owned_address_is_answered_with_the_links_mac_and_counted(stage: Stage) -> None:
    stage.announcer.take_links((LAN,))
    assert stage.announcer.set({ONE: None}) == {}
    [socket] = stage.sockets
    socket.take()
    socket.on_frame(question())
    assert [Reply(ONE, frame) for frame in socket.take()] == [classify(question(), MAC, {ONE})]
    counts = stage.announcer.counts
    assert (counts.requests[ONE], counts.responses[ONE], counts.drops.total()) == (1, 1, 0)


async def test_nothing_else_is_answered_and_the_reason_is_counted(stage: Stage) -> None:
    stage.announcer.take_links((LAN,))
    stage.announcer.set({ONE: None})
    [socket] = stage.sockets
    socket.take()
    socket.on_frame(question(TWO))
    socket.on_frame(b"\x17" * 50)
    assert socket.take() == []
    assert stage.announcer.counts.drops == {DropReason.NOT_OWNED: 1, DropReason.NOT_ARP: 1}


async def test_the_filter_fits_what_is_owned(stage: Stage) -> None:
    stage.announcer.take_links((LAN,))
    [socket] = stage.sockets
    for owned in ({ONE}, {ONE, TWO}, {TWO}, set()):
        stage.announcer.set(dict.fromkeys(owned))
        assert socket.filters[-1] == bpf.pack(bpf.program(owned, MAC))
    changes = len(socket.filters)
    stage.announcer.set({})
    assert len(socket.filters) == changes


async def test_a_released_address_is_silent_at_once(stage: Stage) -> None:
    stage.announcer.take_links((LAN,))
    stage.announcer.set({ONE: None})
    stage.announcer.set({})
    [socket] = stage.sockets
    socket.take()
    socket.on_frame(question())
    stage.run_until(1200)
    assert socket.take() == []


async def test_a_take_over_is_announced_in_both_forms_as_a_burst(stage: Stage) -> None:
    stage.announcer.take_links((LAN,))
    stage.announcer.set({ONE: None})
    [socket] = stage.sockets
    assert socket.take() == list(gratuitous(ONE, MAC))
    stage.run_until(1000.05)
    assert socket.take() == list(gratuitous(ONE, MAC))
    stage.run_until(1005)
    assert len(socket.take()) == 2 * 5
    stage.run_until(1064)
    assert socket.take() == []
    stage.run_until(1066)
    assert len(socket.take()) == 2
    assert stage.announcer.counts.gratuitous[ONE] == 2 * 8


async def test_setting_the_same_again_announces_nothing(stage: Stage) -> None:
    stage.announcer.take_links((LAN,))
    stage.announcer.set({ONE: None})
    stage.sockets[0].take()
    stage.announcer.set({ONE: None})
    stage.announcer.take_links((LAN,))
    assert stage.sockets[0].take() == []
    assert stage.placed == 1


async def test_each_address_is_announced_on_the_interfaces_that_suit_it(stage: Stage) -> None:
    stage.announcer.take_links((LAN, WIFI))
    home = IPv4Address("192.168.1.240")
    refused = stage.announcer.set({ONE: None, home: None, TWO: frozenset({"wlan0", "eth9"})})
    assert refused == {}
    assert stage.announcer.placements == {ONE: ("eth0",), home: ("wlan0",), TWO: ("wlan0",)}
    lan, wifi = stage.sockets
    assert set(lan.take()) == set(gratuitous(ONE, MAC))
    assert set(wifi.take()) == {*gratuitous(home, OTHER_MAC), *gratuitous(TWO, OTHER_MAC)}
    wifi.on_frame(question(ONE))
    assert wifi.take() == []


async def test_what_cannot_be_announced_has_its_reason(stage: Stage) -> None:
    stage.announcer.take_links((LAN, replace(LAN, index=9, name="docker0")))
    six, far = IPv6Address("fd77::100"), IPv4Address("10.99.0.1")
    owned: dict[Address, frozenset[str] | None] = {
        six: None,
        far: None,
        ONE: frozenset({"eth9"}),
        TWO: frozenset({"docker0"}),
    }
    reasons = {six: Reason.FAMILY_NOT_ANNOUNCED, far: Reason.NO_INTERFACE, ONE: Reason.NO_INTERFACE}
    assert stage.announcer.set(owned) == {**reasons, TWO: Reason.NO_INTERFACE}
    assert stage.announcer.placements == {}
    assert stage.due is None


async def test_an_address_waits_for_its_interface(stage: Stage) -> None:
    assert stage.announcer.set({ONE: None}) == {ONE: Reason.NO_INTERFACE}
    stage.announcer.take_links((replace(LAN, running=False),))
    assert stage.announcer.refused == {ONE: Reason.NO_INTERFACE}
    stage.announcer.take_links((LAN,))
    assert stage.announcer.refused == {}
    assert len(stage.sockets[0].take()) == 2


async def test_a_link_that_comes_back_is_announced_on_anew(stage: Stage) -> None:
    stage.announcer.take_links((LAN,))
    stage.announcer.set({ONE: None})
    stage.run_until(1100)
    stage.announcer.take_links((replace(LAN, running=False),))
    assert not stage.sockets[0].open
    stage.run_until(1200)
    stage.announcer.take_links((LAN,))
    assert stage.sockets[1].take() == list(gratuitous(ONE, MAC))


async def test_a_new_mac_is_answered_with_and_announced(stage: Stage) -> None:
    stage.announcer.take_links((LAN,))
    stage.announcer.set({ONE: None})
    stage.announcer.take_links((replace(LAN, mac=OTHER_MAC),))
    assert not stage.sockets[0].open
    assert stage.sockets[1].take() == list(gratuitous(ONE, OTHER_MAC))


async def test_nothing_is_answered_nor_announced_while_the_guard_says_no(stage: Stage) -> None:
    stage.may = False
    stage.announcer.take_links((LAN,))
    stage.announcer.set({ONE: None})
    [socket] = stage.sockets
    socket.on_frame(question())
    stage.run_until(1003)
    assert socket.take() == []
    assert stage.announcer.counts.drops == {DropReason.STALLED: 1}
    stage.may = True
    stage.run_until(1003 + HELD_RETRY)
    assert len(socket.take()) == 2
    stage.run_until(1003 + HELD_RETRY + 0.16)
    assert len(socket.take()) == 4  # the whole burst follows, later


async def test_another_mac_for_an_owned_address_is_reported_once_a_while(stage: Stage) -> None:
    stage.announcer.take_links((LAN,))
    stage.announcer.set({ONE: None})
    [socket] = stage.sockets
    foreign = gratuitous(ONE, OTHER_MAC)
    for frame in foreign * 5:
        socket.on_frame(frame)
    told = (ONE, "02:00:0a:4d:00:0c", "eth0")
    assert stage.conflicts == [told]
    assert stage.announcer.counts.conflicts == 10
    stage.run_until(1000 + conflicts.INTERVAL)
    socket.on_frame(foreign[1])
    assert stage.conflicts == [told, told]


async def test_a_flood_of_claims_is_told_within_a_bound(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conflicts, "MAX_CONFLICTS", 8)
    stage.announcer.take_links((LAN,))
    stage.announcer.set({ONE: None})
    for last in range(100):
        stage.sockets[0].on_frame(gratuitous(ONE, bytes([2, 0, 0, 0, 0, last]))[1])
    assert len(stage.conflicts) == 8
    stage.run_until(1000 + conflicts.INTERVAL)
    stage.sockets[0].on_frame(gratuitous(ONE, OTHER_MAC)[1])
    assert len(stage.conflicts) == 9


async def test_a_filter_that_the_kernel_finds_too_long_becomes_the_coarse_one(stage: Stage) -> None:
    stage.longest = 100
    stage.announcer.take_links((LAN,))
    stage.announcer.set({IPv4Address(0x0A4D0000 + last): None for last in range(50)})
    assert stage.sockets[0].filters[-1] == bpf.pack(bpf.REQUESTS_ONLY)
    assert stage.announcer.counts.coarse == 1
    stage.sockets[0].take()
    stage.sockets[0].on_frame(question(IPv4Address("10.77.0.49")))
    stage.sockets[0].on_frame(question(IPv4Address("10.77.0.50")))
    assert len(stage.sockets[0].take()) == 1


@pytest.mark.parametrize("code", [errno.ENODEV, errno.ENETDOWN, errno.ENXIO])
async def test_an_interface_that_vanishes_while_it_is_opened_is_no_failure(stage: Stage, code: int) -> None:
    stage.fail = OSError(code, "gone")
    stage.announcer.take_links((LAN,))
    assert stage.announcer.set({ONE: None}) == {ONE: Reason.NO_INTERFACE}
    stage.fail = None
    stage.announcer.take_links((LAN,))
    assert stage.announcer.refused == {}


async def test_a_missing_right_to_raw_sockets_is_a_failure(stage: Stage) -> None:
    stage.fail = PermissionError(errno.EPERM, "no")
    with pytest.raises(PermissionError):
        stage.announcer.take_links((LAN,))


async def test_an_interface_that_bounced_without_an_event_is_announced_on_anew(stage: Stage) -> None:
    stage.announcer.take_links((LAN,))
    stage.announcer.set({ONE: None})
    stage.run_until(1100)
    [socket] = stage.sockets
    socket.take()
    socket.on_gone(errno.ENETDOWN)
    stage.run_until(1100 + HELD_RETRY / 2)
    socket.on_gone(errno.ENETDOWN)  # as each frame tells that cannot be sent: it puts nothing off
    assert stage.announcer.counts.gone == 2
    stage.run_until(1100 + HELD_RETRY)
    assert socket.take() == list(gratuitous(ONE, MAC))


async def test_a_reply_that_cannot_be_sent_is_counted_as_dropped(stage: Stage) -> None:
    stage.announcer.take_links((LAN,))
    stage.announcer.set({ONE: None})
    stage.sockets[0].works = False
    stage.sockets[0].on_frame(question())
    counts = stage.announcer.counts
    assert (counts.requests[ONE], counts.responses[ONE]) == (1, 0)
    assert counts.drops == {DropReason.SEND_FAILED: 1}


async def test_flush_throws_away_what_waits_on_all_interfaces(stage: Stage) -> None:
    stage.announcer.take_links((LAN, WIFI))
    stage.sockets[0].queued, stage.sockets[1].queued = 3, 4
    assert stage.announcer.flush() == 7
    assert stage.announcer.counts.flushed == 7


async def test_announce_begins_anew_and_close_ends_everything(stage: Stage) -> None:
    stage.announcer.take_links((LAN,))
    stage.announcer.set({ONE: None})
    stage.run_until(1010)
    stage.sockets[0].take()
    stage.announcer.announce(TWO)
    assert stage.sockets[0].take() == []
    stage.announcer.announce(ONE)
    assert stage.sockets[0].take() == list(gratuitous(ONE, MAC))
    stage.announcer.close()
    stage.announcer.close()
    stage.announcer.announce(ONE)
    assert not stage.sockets[0].open
    assert stage.due is None
    assert stage.announcer.placements == {}


async def test_counters_of_addresses_long_gone_make_place(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pylb.speaker.counts.MAX_COUNTED", 10)
    stage.announcer.take_links((LAN,))
    for last in range(50):
        stage.announcer.set({IPv4Address(0x0A4D0000 + last): None})
    assert len(stage.announcer.counts.gratuitous) <= 11


async def test_a_link_that_goes_is_announced_on_those_that_are_left(stage: Stage) -> None:
    """Clients of both may know the MAC of the one that is gone."""
    stage.announcer.take_links((LAN, WIFI))
    stage.announcer.set({ONE: frozenset({"eth0", "wlan0"})})
    stage.run_until(1100)
    stage.sockets[1].take()
    stage.announcer.take_links((replace(LAN, running=False), WIFI))
    assert stage.sockets[1].take() == list(gratuitous(ONE, OTHER_MAC))
