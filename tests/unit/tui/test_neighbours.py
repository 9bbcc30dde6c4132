"""rtnetlink and ARP as bytes: what the kernel says is read, and whatever else comes is left out."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylb.tui import arping, neighbours
from pylb.tui.neighbours import Neighbour, Route

IP = IPv4Address("10.0.0.1")
MAC = bytes.fromhex("020000000001")


def attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def message(kind: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body + bytes(-len(body) % 4)


def neighbour(state: int, *attributes: bytes) -> bytes:
    return message(28, struct.pack("=BxxxiHBB", 2, 3, state, 0, 1) + b"".join(attributes))


def route(kind: int, *attributes: bytes) -> bytes:
    return message(24, struct.pack("=BBBBBBBBI", 2, 32, 0, 0, 254, 0, 0, kind, 0) + b"".join(attributes))


OUT = attribute(4, struct.pack("=i", 7))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (neighbour(2, attribute(1, IP.packed), attribute(2, MAC)), [Neighbour(IP, 3, 2, "02:00:00:00:00:01")]),
        (neighbour(1, attribute(1, IP.packed)), [Neighbour(IP, 3, 1)]),
        (neighbour(2, attribute(2, MAC)), []),
        (neighbour(2, attribute(1, IP.packed), attribute(2, b"\x01")), [Neighbour(IP, 3, 2)]),
        (route(1, OUT), [Route(7)]),
        (route(1, OUT, attribute(5, IP.packed)), [Route(7, "10.0.0.1")]),
        (route(1, OUT, attribute(18, struct.pack("=H", 10) + ip_address("fe80::1").packed)), [Route(7, "fe80::1")]),
        (route(2, OUT), [Route(7, local=True)]),
        (route(7, OUT), []),  # unreachable
        (route(1), []),
        (message(2, struct.pack("=i", -101)), []),
        (route(1, OUT) + neighbour(1, attribute(1, IP.packed)), [Route(7), Neighbour(IP, 3, 1)]),
    ],
)
def test_answers(data: bytes, found: list[Neighbour | Route]) -> None:
    assert list(neighbours.read(data)) == found


@pytest.mark.parametrize("address", [IP, ip_address("fd00::1")])
def test_questions_are_messages_of_the_right_length(address: IPv4Address) -> None:
    for made, kind in ((neighbours.ask_neighbours(address), 30), (neighbours.ask_route(address), 26)):
        ((found, body),) = neighbours.messages(made)
        assert (found, len(body)) == (kind, len(made) - 16)
    assert address.packed in neighbours.ask_route(address)


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    list(neighbours.read(data))
    assert isinstance(arping.answer(data, IP), str)


@given(
    st.sampled_from([neighbour(2, attribute(1, IP.packed), attribute(2, MAC)), route(1, OUT)]),
    st.integers(0, 60),
    st.binary(max_size=4),
)
def test_bytes_that_are_nearly_an_answer(data: bytes, at: int, other: bytes) -> None:
    list(neighbours.read(data[:at] + other + data[at + len(other) :]))


def test_arp() -> None:
    asked = arping.question(MAC, IP)
    assert (len(asked), asked[:6], asked[12:14]) == (42, b"\xff" * 6, b"\x08\x06")
    assert arping.answer(asked, IP) == ""
    told = (
        b"\x02" * 6
        + MAC
        + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 2)
        + MAC
        + IP.packed
        + b"\x02" * 6
        + bytes(4)
    )
    assert arping.answer(told + bytes(18), IP) == "02:00:00:00:00:01"
    assert arping.answer(told, IPv4Address("10.0.0.2")) == ""
