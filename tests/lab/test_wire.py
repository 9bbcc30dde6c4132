"""The speaker's wire side on real frames: two namespaces, a veth pair, an announcer at one end and a client at the other."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from fakes.wire import MAC, OWNED, WAIT, Wire, build, until

PATIENCE = 0.3  # s in which an answer would have come
SECOND, OLD_MAC = "10.77.0.101", "02:00:0a:4d:00:0c"


@pytest.fixture
def wire() -> Iterator[Wire]:
    yield from build(apart=os.geteuid() != 0)


@pytest.fixture
def rootless() -> Iterator[Wire]:
    yield from build(apart=True)


def resolve(wire: Wire) -> None:
    wire.own(OWNED)
    wire.client.do("touch", OWNED)
    until(lambda: wire.neighbour() == MAC)
    state = wire.speaker.do("state")
    assert state["responses"] == {OWNED: 1}
    assert state["drops"] == {}
    assert state["conflicts"] == []  # its own announcements are none


def test_a_neighbour_resolves_the_address(wire: Wire) -> None:
    resolve(wire)


@pytest.mark.users
def test_a_neighbour_resolves_the_address_without_root(rootless: Wire) -> None:
    resolve(rootless)


def test_an_entry_of_a_moment_ago_switches_on_take_over(wire: Wire) -> None:
    """Linux ignores most announcements for a second after an entry was made: its locktime."""
    wire.own(SECOND)
    wire.client_place.ip(f"neigh replace {OWNED} lladdr {OLD_MAC} dev lan0 nud reachable")
    begin = time.monotonic()
    wire.own(OWNED, SECOND)
    until(lambda: wire.neighbour() == MAC)
    assert time.monotonic() - begin < 0.9


def test_a_probe_is_answered(wire: Wire) -> None:
    wire.own(OWNED)
    assert wire.ask(sender="0.0.0.0") == [MAC]


def test_unrelated_frames_do_not_reach_python(wire: Wire) -> None:
    until(lambda: wire.speaker.do("state")["open"] == ["eth0"])
    assert wire.ask(wait=0, count=50) == []
    wire.own(OWNED)
    assert wire.ask("10.77.0.77", wait=0, count=500) == []
    assert wire.ask() == [MAC]
    assert wire.speaker.do("state")["drops"] == {}


def test_a_frame_of_another_vlan_is_not_answered(wire: Wire) -> None:
    """The kernel strips the tag before a packet socket sees the frame."""
    wire.own(OWNED)
    assert wire.ask(tag="81000005", wait=PATIENCE) == []
    assert wire.ask(tag="81000000") == [MAC]  # only a priority: the same LAN
    assert wire.ask() == [MAC]


def test_a_released_address_is_answered_no_more(wire: Wire) -> None:
    wire.own(OWNED, SECOND)
    wire.own(SECOND)
    assert wire.ask(wait=PATIENCE) == []
    assert wire.ask(SECOND) == [MAC]


def test_a_link_that_goes_down_and_up_heals(wire: Wire) -> None:
    wire.own(OWNED)
    for place, name in ((wire.node, "eth0"), (wire.client_place, "lan0")):  # switched off; then, no carrier
        place.ip(f"link set {name} down")
        until(lambda: wire.placed() == {})
        place.ip(f"link set {name} up")
        until(lambda: wire.placed() == {OWNED: ["eth0"]})
        assert wire.ask() == [MAC]


def test_a_link_that_came_up_is_announced_on(wire: Wire) -> None:
    wire.own(OWNED)
    wire.node.ip("link set eth0 down")
    until(lambda: wire.placed() == {})
    wire.client_place.ip(f"neigh replace {OWNED} lladdr {OLD_MAC} dev lan0 nud reachable")
    wire.node.ip("link set eth0 up")
    until(lambda: wire.neighbour() == MAC)


def test_an_interface_that_is_taken_away_and_put_in_again_heals(wire: Wire) -> None:
    wire.own(OWNED)
    wire.client.program.kill()
    wire.node.ip("link del eth0")
    until(lambda: wire.placed() == {})
    wire.plug()
    wire.client = wire.client_place.start("client")
    until(lambda: wire.placed() == {OWNED: ["eth0"]})
    assert wire.ask() == [MAC]


def test_an_interface_that_joins_a_bridge_hands_over_to_it_and_back(wire: Wire) -> None:
    wire.own(OWNED)
    wire.node.ip("link add br0 type bridge")
    wire.node.ip("link set eth0 master br0")
    until(lambda: wire.placed() == {})
    wire.node.ip("addr add 10.77.0.12/24 dev br0")
    wire.node.ip("link set br0 up")
    until(lambda: wire.placed() == {OWNED: ["br0"]})
    assert wire.ask() != []
    wire.node.ip("link del br0")
    until(lambda: wire.placed() == {OWNED: ["eth0"]})
    assert wire.ask() == [MAC]


def test_the_filter_is_replaced_without_losing_a_frame(wire: Wire) -> None:
    wire.own(OWNED)
    wire.client.begin("ask", {"target": OWNED, "wait": WAIT, "count": 1000, "gap": 0.0005})
    rounds = 0
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        wire.speaker.do("own", dict.fromkeys([OWNED] if rounds % 2 else [OWNED, SECOND]))
        rounds += 1
    assert wire.client.finish() == [MAC] * 1000
    assert rounds > 20


def test_what_queued_up_during_a_stall_is_not_answered(wire: Wire) -> None:
    wire.own(OWNED)
    assert wire.speaker.do("stall", 1.0) is None
    assert wire.ask(count=20, wait=0) == []
    assert wire.speaker.finish() == 20
    assert wire.ask() == [MAC]
    assert wire.speaker.do("state")["responses"] == {OWNED: 1}


def test_nothing_is_answered_nor_announced_while_the_guard_says_no(wire: Wire) -> None:
    wire.speaker.do("guard", False)
    wire.client.do("hear", 0)
    wire.own(OWNED)
    assert wire.ask(wait=PATIENCE) == []
    assert wire.speaker.do("state")["drops"] == {"stalled": 1}
    wire.client.do("hear", 0)
    wire.speaker.do("guard", True)
    assert wire.client.do("hear", PATIENCE) != []
    assert wire.ask() == [MAC]


def test_another_macs_claim_is_heard(wire: Wire) -> None:
    wire.own(OWNED)
    wire.client.do("claim", OWNED)
    until(lambda: len(wire.speaker.do("state")["conflicts"]) == 1)
    assert wire.speaker.do("state")["conflicts"][0].endswith(" eth0")


def test_a_kernel_with_little_option_memory_gets_the_coarse_filter(wire: Wire) -> None:
    """Old kernels allow 20 KiB, old and new filter together; newer ones are held to less here."""
    limit = "/proc/sys/net/core/optmem_max"
    wire.node.run("sh", "-c", f"test ! -e {limit} || echo 4096 > {limit}")
    many = [f"10.77.{third}.{last}" for third in range(1, 15) for last in range(1, 101)]
    until(lambda: wire.speaker.do("own", {one: ["eth0"] for one in [*many, OWNED]}) == {})
    assert wire.speaker.do("state")["coarse"] == 1
    assert wire.ask() == [MAC]
    assert wire.ask("10.77.0.77", wait=PATIENCE) == []


@pytest.mark.parametrize("earlier", range(4))
def test_events_that_overran_the_queue_are_made_up_for(wire: Wire, earlier: int) -> None:
    """Whichever event is the first that is lost: an address's end must not be."""
    wire.own(OWNED)
    before = "".join(f"link set eth0 alias a{number}\n" for number in range(earlier))
    addresses = [f"10.{second}.{third}.1/24" for second in range(100, 108) for third in range(250)]
    adds = "".join(f"addr add {one} dev eth0\naddr del {one} dev eth0\n" for one in addresses)
    wire.speaker.program.send_signal(signal.SIGSTOP)
    wire.node.run("ip", "-batch", "-", text=before + adds + "addr add 10.99.0.11/24 dev eth0\n")
    wire.speaker.program.send_signal(signal.SIGCONT)
    until(lambda: wire.speaker.do("state")["resyncs"] > 0)
    until(lambda: "10.99.0.11/24" in wire.speaker.do("state")["links"].get("eth0", ()))
    state = wire.speaker.do("state")
    assert [one for one in state["links"]["eth0"] if "." in one] == ["10.77.0.11/24", "10.99.0.11/24"]
    assert state["placed"] == {OWNED: ["eth0"]}
