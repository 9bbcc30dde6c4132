"""What a speaker asks on the wire, and standing in: real frames between two namespaces, and the kernels that answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from fakes.wire import MAC, OWNED, PROGRAM, End, Wire, build, until
from pylb.lab.client import Lab

PATIENCE = 0.3  # s in which an answer would have come
CLIENT, NOBODY, STATION = "10.77.0.5", "10.77.0.9", "02:00:0a:4d:00:0d"


@pytest.fixture
def wire() -> Iterator[Wire]:
    for wire in build(apart=os.geteuid() != 0):
        is_open(wire.speaker, "eth0")
        yield wire


def is_open(speaker: End, link: str) -> None:
    until(lambda: speaker.do("state")["open"] == [link])


def ask(wire: Wire, subject: str, address: str, **more: Any) -> None:
    assert wire.speaker.do("put", {"subject": subject, "link": "eth0", "address": address, **more})


def answers(wire: Wire, count: int = 1) -> list[list[str]]:
    """The answers, once there are so many."""
    found: list[list[str]] = []

    def are_there() -> bool:
        found.extend(wire.speaker.do("answers"))
        return len(found) >= count

    until(are_there)
    return found


def silence(wire: Wire) -> bool:
    time.sleep(PATIENCE)
    return wire.speaker.do("answers") == []


def client_mac(wire: Wire) -> str:
    return str(json.loads(wire.client_place.ip("-json link show lan0"))[0]["address"])


def another_speaker(wire: Wire, **command: Any) -> End:
    """On the client's side."""
    end = wire.client_place.start("speaker")
    is_open(end, "lan0")
    for name, argument in command.items():
        end.do(name, argument)
    return end


def test_the_kernel_of_the_asked_node_answers_a_question_by_unicast(wire: Wire) -> None:
    ask(wire, "node", CLIENT, node="n2", mac=client_mac(wire))
    assert answers(wire) == [["node", client_mac(wire)]]


def test_it_answers_one_that_comes_from_no_address_too(wire: Wire) -> None:
    wire.client_place.ip("addr add 10.99.0.5/24 dev lan0")
    ask(wire, "node", "10.99.0.5", node="n2", mac=client_mac(wire))
    assert answers(wire) == [["node", client_mac(wire)]]


def test_a_question_to_a_mac_that_is_not_there_is_not_answered(wire: Wire) -> None:
    ask(wire, "node", CLIENT, node="n2", mac=STATION)
    assert silence(wire)


def test_the_speaker_that_owns_an_address_answers_for_it(wire: Wire) -> None:
    another_speaker(wire, own={OWNED: None})
    ask(wire, "address", OWNED, node="n2", mac=client_mac(wire))
    assert answers(wire) == [["address", client_mac(wire)]]


def test_a_stand_ins_answer_is_no_sign_of_the_owner(wire: Wire) -> None:
    """It names the very MAC that was asked; but nobody hears a question to that MAC, and its voice is another."""
    another_speaker(wire, stand_in={OWNED: {"lan0": STATION}})
    ask(wire, "address", OWNED, node="n3", mac=STATION)
    ask(wire, "probe", OWNED)
    assert answers(wire) == [["probe", STATION]]
    assert silence(wire)


def test_the_gateway_is_asked_by_broadcast(wire: Wire) -> None:
    ask(wire, "witness", CLIENT)
    assert answers(wire) == [["witness", client_mac(wire)]]
    ask(wire, "witness", NOBODY)
    assert silence(wire)


def test_a_probe_that_nobody_answers_shows_that_an_address_is_free(wire: Wire) -> None:
    ask(wire, "probe", OWNED)
    assert silence(wire)


def test_a_probe_is_answered_by_who_has_the_address_speaker_or_kernel(wire: Wire) -> None:
    another_speaker(wire, own={OWNED: None})
    for address in (OWNED, CLIENT):
        ask(wire, "probe", address)
        assert answers(wire) == [["probe", client_mac(wire)]]


def test_an_announcement_answers_a_probe_and_anothers_probe_does_not(wire: Wire) -> None:
    wire.client.do("claim", OWNED)
    assert silence(wire)  # nothing was asked yet
    ask(wire, "probe", OWNED)
    wire.client.do("ask", {"target": OWNED, "sender": "0.0.0.0", "wait": 0})
    assert silence(wire)
    wire.client.do("claim", OWNED)
    assert answers(wire)[0] == ["probe", client_mac(wire)]


def test_a_port_refuses_accepts_or_says_nothing(wire: Wire) -> None:
    door = {"node": "n2", "number": 10250}
    ask(wire, "port", CLIENT, **door)
    assert answers(wire) == [["port", "refuses"]]
    wire.client.do("open", 10250)
    ask(wire, "port", CLIENT, **door)
    assert answers(wire) == [["port", "accepts"]]
    ask(wire, "port", NOBODY, **door)
    assert not wire.speaker.do("put", {"subject": "port", "link": "eth0", "address": NOBODY, **door})  # one at a time
    assert silence(wire)


def test_who_asks_goes_on_answering(wire: Wire) -> None:
    wire.own(OWNED)
    for _ in range(100):
        wire.speaker.begin("put", {"subject": "node", "link": "eth0", "address": CLIENT, "mac": client_mac(wire)})
        assert wire.ask() == [MAC]
        assert wire.speaker.finish() is True
    assert len(answers(wire, 100)) == 100
    assert wire.speaker.do("state")["drops"] == {}


def test_what_is_not_asked_does_not_reach_python(wire: Wire) -> None:
    """The client's announcements and questions wake nobody: a flood of them costs nothing."""
    ask(wire, "node", CLIENT, node="n2", mac=client_mac(wire))
    assert len(answers(wire)) == 1
    wire.client.do("ask", {"target": NOBODY, "wait": 0, "count": 500})
    wire.client.do("claim", NOBODY)
    assert silence(wire)


# Standing in


def test_a_neighbour_learns_the_owners_mac_from_a_stand_in(wire: Wire) -> None:
    wire.client.do("hear", 0)
    wire.speaker.do("stand_in", {OWNED: {"eth0": STATION}})
    wire.client.do("touch", OWNED)
    until(lambda: wire.neighbour() == STATION)
    assert wire.ask() == [STATION]
    assert wire.ask(sender="0.0.0.0") == [STATION]


def test_every_frame_of_a_stand_in_comes_from_its_own_mac(wire: Wire) -> None:
    wire.client.do("hear", 0)
    wire.speaker.do("stand_in", {OWNED: {"eth0": STATION}})
    announced = [bytes.fromhex(one) for one in wire.client.do("hear", PATIENCE)]
    assert len(announced) == 2  # once: a request and a reply
    assert {(frame[6:12].hex(":"), frame[22:28].hex(":")) for frame in announced} == {(MAC, STATION)}


def test_a_take_over_by_the_stand_in_switches_the_neighbours(wire: Wire) -> None:
    wire.speaker.do("stand_in", {OWNED: {"eth0": STATION}})
    wire.client.do("touch", OWNED)
    until(lambda: wire.neighbour() == STATION)
    wire.own(OWNED)
    until(lambda: wire.neighbour() == MAC)
    assert wire.ask() == [MAC]
    assert wire.speaker.do("state")["conflicts"] == []


# Gateways


def port_of(lab: Lab, mac: str) -> list[str]:
    """The bridge's ports at which it learnt a MAC."""
    table = json.loads(lab.exec("lan", ["bridge", "-json", "fdb", "show", "br", "lan0", "dynamic"]).stdout)
    return [entry["ifname"] for entry in table if entry["mac"] == mac]


def test_no_switch_learns_anything_wrong_and_the_owners_traffic_goes_on(bare_lab: Lab) -> None:
    """n1 stands in for an address that n2's kernel serves; the client reaches n2 all the time, by n2's own port."""
    owner = bare_lab.hosts["n2"]["mac"]
    bare_lab.exec("n2", ["ip", "addr", "add", f"{OWNED}/32", "dev", "lo"])
    bare_lab.exec("n2", ["sysctl", "-qw", "net.ipv4.conf.eth0.arp_ignore=1"])  # its speaker is gone: nobody answers
    program = bare_lab.popen("n1", [sys.executable, PROGRAM, "speaker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert bare_lab.arp("client", OWNED) == {OWNED: []}
        stand_in = End(program)
        until(lambda: "eth0" in stand_in.do("state")["open"])
        stand_in.do("stand_in", {OWNED: {"eth0": owner}})
        assert bare_lab.arp("client", OWNED) == {OWNED: [owner]}
        for _ in range(5):
            refused = bare_lab.request("client", f"http://{OWNED}:9/")  # nobody listens there, but n2 itself says so
            assert "refused" in refused.error
        assert port_of(bare_lab, owner) == ["l-n2"]
    finally:
        program.kill()
        program.communicate()
        bare_lab.exec("n2", ["ip", "addr", "del", f"{OWNED}/32", "dev", "lo"])
        bare_lab.exec("n2", ["sysctl", "-qw", "net.ipv4.conf.eth0.arp_ignore=0"])


class Gateway:
    """What the speaker was told of eth0's, in order."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.told: list[str | None] = [None]

    def look(self) -> list[str | None]:
        self.told += [told.get("eth0") for told in self.wire.speaker.do("gateways")]
        return self.told

    def becomes(self, expected: str | None) -> None:
        until(lambda: self.look()[-1] == expected)


def test_the_gateway_of_a_link_is_told_as_it_comes_and_goes(wire: Wire) -> None:
    gateway = Gateway(wire)
    assert set(gateway.look()) == {None}
    for change, expected in (
        ("route add default via 10.77.0.1 metric 100", "10.77.0.1"),
        ("route replace default via 10.77.0.2 metric 100", "10.77.0.2"),
        ("route add default via 10.77.0.3 metric 50", "10.77.0.3"),
        ("route del default via 10.77.0.3 metric 50", "10.77.0.2"),
        ("route add default via 10.77.0.4 metric 7 table 99", "10.77.0.2"),
        ("route add 10.88.0.0/16 via 10.77.0.4", "10.77.0.2"),
        ("route del default", None),
        ("route add default nexthop via 10.77.0.1 dev eth0 nexthop via 10.77.0.2 dev eth0", "10.77.0.1"),
    ):
        wire.node.ip(change)
        gateway.becomes(expected)


@pytest.mark.parametrize("change", ["link set eth0 down", "addr del 10.77.0.11/24 dev eth0"])
def test_a_gateway_that_the_kernel_drops_without_a_word_is_gone(wire: Wire, change: str) -> None:
    wire.node.ip("route add default via 10.77.0.1")
    gateway = Gateway(wire)
    gateway.becomes("10.77.0.1")
    wire.node.ip(change)
    gateway.becomes(None)
    assert "default" not in wire.node.ip("route show")


def test_a_gateway_outlives_an_address_that_it_does_not_need(wire: Wire) -> None:
    wire.node.ip("addr add 10.77.1.11/24 dev eth0")
    wire.node.ip("route add default via 10.77.0.1")
    gateway = Gateway(wire)
    gateway.becomes("10.77.0.1")
    wire.node.ip("addr del 10.77.1.11/24 dev eth0")
    until(lambda: "10.77.1.11/24" not in wire.speaker.do("state")["links"]["eth0"])
    before = gateway.told.index("10.77.0.1")
    assert set(gateway.look()[before:]) == {"10.77.0.1"}
