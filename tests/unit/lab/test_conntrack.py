"""Netlink messages about flows: one that a kernel sent, the deletion of a flow, and which flows are stale."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylb.lab import conntrack
from pylb.lab.conntrack import Flow

# What Linux 6.18 tells of a datagram from 10.77.0.5:4001 to 10.77.0.100:80 that went, masked as 10.77.0.21, to
# 10.244.2.2:8080: the two tuples, then status, mark, id, use and timeout.
ORIGINAL = bytes.fromhex(
    "14000180080001000a4d0005080002000a4d0064"  # addresses
    "1c0002800500010011000000060002000fa100000600030000500000"  # protocol and ports
)
REPLY = bytes.fromhex(
    "14000180080001000af40202080002000a4d0015"
    "1c0002800500010011000000060002001f900000060003000fa10000"
)  # fmt: skip
REST = bytes.fromhex("08000300000001ba080008000000000008000c0078fa362e08000b0000000001080007000000001d")
TUPLES = b"\x02\x00\x00\x00" + bytes.fromhex("34000180") + ORIGINAL + bytes.fromhex("34000280") + REPLY
CONTENT = TUPLES + REST


def test_a_flow_is_read() -> None:
    assert conntrack.flow(CONTENT) == Flow(17, "10.77.0.100", 80, "10.244.2.2", ORIGINAL)


def test_its_deletion_names_it_by_the_same_bytes() -> None:
    found = conntrack.flow(CONTENT)
    assert found is not None
    ((kind, content),) = conntrack.messages(conntrack.deletion(found))
    assert kind == conntrack.DELETE
    assert content == b"\x02\x00\x00\x00" + bytes.fromhex("34000180") + ORIGINAL


@given(st.binary(max_size=300))
def test_whatever_comes_is_a_flow_or_nothing(data: bytes) -> None:
    for _kind, content in conntrack.messages(data):
        conntrack.flow(content)
    conntrack.flow(data)


@given(st.integers(min_value=0, max_value=len(TUPLES) - 1))
def test_a_flow_that_is_cut_short_is_none(length: int) -> None:
    assert conntrack.flow(CONTENT[:length]) is None


@pytest.mark.parametrize(
    ("flow", "is_stale"),
    [
        (Flow(17, "10.77.0.100", 80, "10.244.1.2", b""), False),
        (Flow(17, "10.77.0.100", 80, "10.244.9.9", b""), True),
        (Flow(17, "10.77.0.100", 80, "10.77.0.100", b""), True),  # from before there were rules
        (Flow(17, "10.77.0.100", 81, "10.244.9.9", b""), False),
        (Flow(17, "10.77.0.7", 80, "10.77.0.7", b""), False),
        (Flow(6, "10.77.0.100", 80, "10.244.9.9", b""), False),  # TCP ends by itself
    ],
)
def test_udp_flows_to_endpoints_that_are_gone_are_stale(flow: Flow, is_stale: bool) -> None:
    wanted = {("10.77.0.100", 80): frozenset({"10.244.1.2"})}
    assert conntrack.stale([flow], wanted) == ([flow] if is_stale else [])
