"""Heartbeats on loopback: what a node learns of another that starts, owns, ends and is cut off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from ipaddress import IPv4Address

import pytest

from fakes.beating import Lan, until, watched
from pylb.core.model import NodeName
from pylb.core.ownership.effects import Down, Lost

N1, N2 = NodeName("n1"), NodeName("n2")
ADDRESSES = [IPv4Address(f"127.0.6.{last}") for last in range(100, 110)]
HOME, AWAY = (N1, N2), (N2, N1)


@pytest.fixture
async def lan() -> AsyncIterator[Lan]:
    made = Lan("127.0.6")
    yield made
    await made.close()


async def test_those_that_start_together_share_the_addresses_out(lan: Lan) -> None:
    lines = [(address, HOME if number % 2 else AWAY) for number, address in enumerate(ADDRESSES)]
    one, other = lan.start("n1"), lan.start("n2")
    for node in (one, other):
        node.want(lines)
    await until("all is owned", lambda: len(one.arbiter.owned) + len(other.arbiter.owned) == len(ADDRESSES))
    assert set(one.arbiter.owned) == set(ADDRESSES[1::2])
    await until("each knows it", lambda: all(node.arbiter.owner(ADDRESSES[0]) == N2 for node in (one, other)))
    assert one.heartbeat.knows(other.link.mac)
    assert one.heartbeat.knows(one.link.mac)
    assert not one.heartbeat.knows(b"\2\0\0\0\0\x63")


async def test_what_a_node_has_it_keeps_when_the_first_in_line_comes(lan: Lan) -> None:
    one = lan.start("n1")
    one.want([(address, AWAY) for address in ADDRESSES])
    await until("it waits for its turn, and has all", lambda: set(one.arbiter.answered) == set(ADDRESSES))
    other = lan.start("n2")
    other.want([(address, AWAY) for address in ADDRESSES])
    await until("it hears who has them", lambda: all(other.arbiter.owner(address) == N1 for address in ADDRESSES))
    await watched(1.0)
    assert (set(one.arbiter.answered), other.arbiter.owned) == (set(ADDRESSES), {})


async def test_one_that_is_gone_is_missed_once_and_its_addresses_are_taken(lan: Lan) -> None:
    one, other = lan.start("n1"), lan.start("n2")
    for node in (one, other):
        node.want([(address, HOME) for address in ADDRESSES])
    await until("n1 has them", lambda: set(one.arbiter.answered) == set(ADDRESSES))
    await until("n2 knows", lambda: other.arbiter.owner(ADDRESSES[-1]) == N1)
    await lan.stop("n1")
    await until("n2 has them", lambda: set(other.arbiter.answered) == set(ADDRESSES))
    [down] = [effect for effect in other.effects if isinstance(effect, Down)]
    assert (down.node, down.cause) == (N1, Lost.SILENT)


async def test_one_that_is_cut_off_says_nothing_and_asks_before_it_answers_again(lan: Lan) -> None:
    one = lan.start("n1")
    one.want([(ADDRESSES[0], HOME)])
    await until("it has it", lambda: one.arbiter.answered)
    one.plug(False)
    sent = one.heartbeat.sent
    await watched(0.3)
    assert (one.heartbeat.sent, dict(one.arbiter.answered)) == (sent, {})
    one.plug(True)
    await until("it has it again", lambda: one.arbiter.answered)
    assert [(str(asked.address), asked.link) for asked in one.questions] == [("127.0.6.100", "eth0")]
