"""A speaker beside one of the version before, whose beats of the first format say only that it lives: on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from ipaddress import IPv4Address

import pytest

from fakes.beating import SECRET, Lan, Node, until, watched
from pylb.core.model import NodeName
from pylb.core.ownership.claims import Cause
from pylb.core.ownership.effects import Down, Lost, Took
from pylb.core.ownership.presence import LISTEN
from pylb.speaker import beat as frame
from pylb.speaker.beat import Beat, State
from pylb.speaker.heartbeat import clock
from pylb.speaker.keyring import Keyring
from pylb.speaker.wire import BeatSocket

N1, N2, N3 = NodeName("n1"), NodeName("n2"), NodeName("n3")
HIS, OURS = IPv4Address("127.0.9.100"), IPv4Address("127.0.9.101")
LINES = [(HIS, (N2, N1, N3)), (OURS, (N1, N2, N3))]
EVERY_S = 0.1
MACS_FIELD = 1
MAC = b"\2\0\0\0\0\2"


class Old:
    """The version before on n2: beats that it lives, and listens."""

    def __init__(self, lan: Lan) -> None:
        self.place, self._port = lan.invite("n2", 2)
        self._lan, self._numbers = lan, itertools.count(1)
        self.state = State.ACTIVE
        [key] = Keyring(SECRET).valid(clock())
        self._key = key
        self.incarnation = 99
        self.heard: list[Beat] = []
        self._socket = BeatSocket(self.place, self._port, self._hear)
        self._task: asyncio.Task[None] | None = None

    def _hear(self, datagram: bytes, peer: tuple[str, int]) -> None:
        self.heard.append(frame.decode(datagram, self._key.signing))

    def start(self) -> None:
        self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        while True:
            self.beat()
            await asyncio.sleep(EVERY_S)

    def beat(self) -> None:
        told = ((MACS_FIELD, MAC),)
        beat = Beat(self._key.cluster, "n2", self.state, self.incarnation, next(self._numbers), told)
        datagram = frame.encode(beat, self._key.signing)
        for node in self._lan.nodes.values():
            self._socket.send(datagram, (node.address, self._port))

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self._socket.close()


@pytest.fixture
async def lan() -> AsyncIterator[Lan]:
    made = Lan("127.0.9")
    yield made
    await made.close()


@pytest.fixture
async def old(lan: Lan) -> AsyncIterator[Old]:
    made = Old(lan)
    yield made
    await made.stop()


def started(lan: Lan, name: str) -> Node:
    node = lan.start(name)
    node.want(LINES)
    return node


def taken(node: Node) -> list[tuple[str, str]]:
    return [(str(one.line.address), str(one.cause)) for one in node.effects if isinstance(one, Took)]


async def test_what_the_old_one_answers_for_is_left_to_it_and_what_it_gives_up_is_taken(lan: Lan, old: Old) -> None:
    old.start()
    one = started(lan, "n1")
    await until("it has its own", lambda: OURS in one.arbiter.answered)
    await watched(2 * LISTEN)
    assert (set(one.arbiter.owned), one.arbiter.owner(HIS), one.alive) == ({OURS}, N2, {"n1", "n2"})
    assert {(beat.node, beat.state) for beat in old.heard} == {("n1", State.JOINING), ("n1", State.ACTIVE)}


async def test_before_a_node_takes_part_all_is_the_old_ones(lan: Lan, old: Old) -> None:
    """It is the only one alive then, by its own rule; and it hears at once that it is not any more."""
    old.start()
    one = started(lan, "n1")
    await until("n1 knows", lambda: one.arbiter.owner(OURS) == one.arbiter.owner(HIS) == N2)
    await until("it has its own", lambda: OURS in one.arbiter.answered)
    assert taken(one) == [(str(OURS), str(Cause.NOT_ELIGIBLE))]


async def test_when_the_old_one_leaves_its_addresses_are_taken_at_once(lan: Lan, old: Old) -> None:
    old.start()
    one = started(lan, "n1")
    await until("it has its own", lambda: OURS in one.arbiter.answered)
    await until("it knows the other's", lambda: one.arbiter.owner(HIS) == N2)
    old.state = State.LEAVING
    await until("it has both", lambda: set(one.arbiter.answered) == {HIS, OURS})
    await watched(0.5)
    assert set(one.arbiter.answered) == {HIS, OURS}, "while the other leaves, too"


async def test_when_the_old_one_is_gone_its_addresses_are_taken(lan: Lan, old: Old) -> None:
    old.start()
    one, third = started(lan, "n1"), started(lan, "n3")
    await until("all know", lambda: one.arbiter.owner(HIS) == third.arbiter.owner(HIS) == N2)
    await until("n1 takes part", lambda: OURS in one.arbiter.answered)
    await old.stop()
    await until("n1 has both", lambda: set(one.arbiter.answered) == {HIS, OURS})
    assert [effect.cause for effect in one.effects if isinstance(effect, Down)] == [Lost.SILENT]
    assert third.arbiter.owned == {}


async def test_an_old_one_that_comes_back_gets_what_it_takes_for_its_own(lan: Lan, old: Old) -> None:
    """In a rollback: it claims at once, whoever has it. Two that answer would be worse."""
    one = started(lan, "n1")
    await until("n1 has both", lambda: set(one.arbiter.answered) == {HIS, OURS})
    third = started(lan, "n3")
    old.start()
    await until("n1 has its own", lambda: set(one.arbiter.answered) == {OURS})
    await watched(1.0)
    assert (set(one.arbiter.answered), third.arbiter.owned) == ({OURS}, {})
    assert one.arbiter.owner(HIS) == third.arbiter.owner(HIS) == N2


async def test_a_recorded_beat_of_the_old_one_does_not_stand_against_the_new_one(lan: Lan, old: Old) -> None:
    one = started(lan, "n1")
    await until("n1 has both", lambda: set(one.arbiter.answered) == {HIS, OURS})
    await old.stop()
    new = started(lan, "n2")
    await until("n2 is heard", lambda: "n2" in one.alive)
    [key] = Keyring(SECRET).valid(clock())
    beat = Beat(key.cluster, "n2", State.ACTIVE, 99, 10**6)
    for _ in range(3):
        new.heartbeat._post(frame.encode(beat, key.signing), (one.address, lan.port))
        await watched(EVERY_S)
    assert set(one.arbiter.answered) == {HIS, OURS}
    assert one.alive == {"n1", "n2"}
