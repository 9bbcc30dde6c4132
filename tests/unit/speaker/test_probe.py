"""How questions go out and answers come in, over sockets that only remember; ports over loopback."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv6Address

import pytest

from fakes.announcing import Socket
from pylb.core.ownership.evidence import Port
from pylb.core.ownership.questions import Answer, Question, Subject
from pylb.speaker import arp, bpf, doors
from pylb.speaker.doors import Doors
from pylb.speaker.links import Link
from pylb.speaker.probe import Prober

MAC, OWNER = bytes.fromhex("02000a4d000b"), bytes.fromhex("02000a4d000d")
OWN, ONE = IPv4Address("10.77.0.11"), IPv4Address("10.77.0.100")
LAN = Link(2, "eth0", MAC, up=True, running=True, broadcast=True, addresses=(IPv4Interface("10.77.0.11/24"),))
OWNED = Question(Subject.ADDRESS, "eth0", ONE, "n2", OWNER)
ROUTER = Question(Subject.WITNESS, "eth0", IPv4Address("10.77.0.1"))
PROBE = Question(Subject.PROBE, "eth0", ONE)


class Stage:
    """A prober with a clock in the test's hands."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.fail: OSError | None = None
        self.sockets: list[Socket] = []
        self.answers: list[Answer] = []
        self.prober = Prober(clock=lambda: self.now, on_answer=self.answers.append, open_socket=self.open_socket)

    def open_socket(
        self, name: str, filter_: bytes, on_frame: Callable[[bytes], None], on_gone: Callable[[int], None]
    ) -> Socket:
        if self.fail is not None:
            raise self.fail
        self.sockets.append(Socket(name, filter_, on_frame, on_gone))
        return self.sockets[-1]


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.prober.take_links((LAN, replace(LAN, index=9, name="docker0")))
    return stage


def reply(question: bytes, mac: bytes = OWNER) -> bytes:
    answer = arp.classify(arp.BROADCAST + question[6:], mac, {IPv4Address(question[38:42])})
    assert isinstance(answer, arp.Reply)
    return answer.frame


def test_a_question_goes_by_unicast_where_a_mac_is_known_and_else_to_all(stage: Stage) -> None:
    assert all(stage.prober.ask(question) for question in (OWNED, ROUTER))
    [asker] = stage.sockets
    assert asker.take() == [arp.request(ONE, OWN, MAC, OWNER), arp.request(IPv4Address("10.77.0.1"), OWN, MAC)]
    assert stage.prober.counts.asked == {Subject.ADDRESS: 1, Subject.WITNESS: 1}


def test_a_reply_is_told_with_the_mac_that_it_names(stage: Stage) -> None:
    stage.prober.ask(OWNED)
    [asker] = stage.sockets
    asker.on_frame(reply(asker.sent[0]))
    assert stage.answers == [Answer(OWNED, mac=OWNER)]
    asker.on_frame(b"\x17" * 50)
    asker.on_frame(reply(arp.request(IPv4Address("10.77.0.7"), OWN, MAC)))
    assert len(stage.answers) == 1
    assert stage.prober.counts.answered == {Subject.ADDRESS: 1}


def test_only_a_probe_opens_the_filter_and_only_so_long(stage: Stage) -> None:
    [asker] = stage.sockets
    stage.prober.ask(OWNED)
    assert asker.filters == [bpf.pack(bpf.replies(MAC))]
    stage.prober.ask(replace(PROBE, mac=OWNER))
    assert asker.take()[-1] == arp.request(ONE, IPv4Address("0.0.0.0"), MAC)  # to all, whatever is known
    assert asker.filters[-1] == bpf.pack(bpf.replies(MAC, {ONE}))
    stage.now += 10
    stage.prober.ask(ROUTER)
    assert asker.filters[-1] == bpf.pack(bpf.replies(MAC))


def test_anothers_probe_says_nothing(stage: Stage) -> None:
    stage.prober.ask(PROBE)
    stage.sockets[0].on_frame(arp.request(ONE, IPv4Address("0.0.0.0"), OWNER))
    assert stage.answers == []


@pytest.mark.parametrize(
    "question",
    [
        replace(OWNED, link="eth9"),
        replace(OWNED, link="docker0"),
        replace(OWNED, address=IPv6Address("fd77::100")),
        Question(Subject.PORT, "eth0", IPv4Address("127.0.0.1"), number=0),
        Question(Subject.PORT, "eth0", IPv4Address("127.0.0.1"), number=65536),
    ],
    ids=str,
)
def test_what_cannot_be_asked_says_so(stage: Stage, question: Question) -> None:
    assert not stage.prober.ask(question)
    assert stage.prober.counts.failed == {question.subject: 1}
    assert stage.sockets[0].sent == []


def test_a_frame_that_does_not_go_out_says_so(stage: Stage) -> None:
    stage.sockets[0].works = False
    assert not stage.prober.ask(OWNED)


def test_a_link_that_changes_its_mac_or_goes_is_opened_anew_or_closed(stage: Stage) -> None:
    stage.prober.ask(OWNED)
    stage.prober.take_links((replace(LAN, addresses=(IPv4Interface("10.77.0.12/24"),)),))
    assert len(stage.sockets) == 1
    stage.prober.ask(ROUTER)
    assert stage.sockets[0].sent[-1][28:32] == IPv4Address("10.77.0.12").packed
    stage.prober.take_links((replace(LAN, mac=OWNER),))
    assert [one.open for one in stage.sockets] == [False, True]
    stage.prober.take_links(())
    assert [one.open for one in stage.sockets] == [False, False]
    assert not stage.prober.ask(OWNED)


def test_what_was_asked_before_a_link_went_is_not_answered_after_it(stage: Stage) -> None:
    stage.prober.ask(OWNED)
    answer = reply(stage.sockets[0].sent[0])
    stage.prober.take_links(())
    stage.prober.take_links((LAN,))
    stage.sockets[1].on_frame(answer)
    assert stage.answers == []


def test_an_interface_that_vanishes_while_it_is_opened_is_no_failure_a_missing_right_is(stage: Stage) -> None:
    stage.fail = OSError(errno.ENODEV, "gone")
    stage.prober.take_links((LAN, replace(LAN, index=3, name="eth1")))
    assert stage.prober.ask(OWNED)
    stage.fail = PermissionError(errno.EPERM, "no")
    with pytest.raises(PermissionError):
        stage.prober.take_links((LAN, replace(LAN, index=3, name="eth1")))


def test_flush_and_close(stage: Stage) -> None:
    stage.sockets[0].queued = 3
    assert stage.prober.flush() == 3
    stage.prober.close()
    stage.prober.close()
    assert not stage.sockets[0].open


LOOPBACK = IPv4Address("127.0.0.1")


def door(listener: socket.socket, node: str = "n2") -> Question:
    return Question(Subject.PORT, "eth0", LOOPBACK, node, number=listener.getsockname()[1])


async def settled(asked: Doors) -> None:
    """A bound, not a pause: loopback answers at once."""
    deadline = asyncio.get_running_loop().time() + 10
    while len(asked):
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0)


async def test_a_port_that_accepts_and_one_that_refuses() -> None:
    answers: list[Answer] = []
    asked = Doors(answers.append)
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens
        for question in (door(listener), door(closed)):
            asked.ask(question)
            await settled(asked)
        assert answers == [Answer(door(listener), port=Port.ACCEPTS), Answer(door(closed), port=Port.REFUSES)]


async def test_a_connection_that_stands_behind_a_stall_is_no_sign(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert stage.prober.ask(door(listener))
        stage.prober.flush()
        for _ in range(100):
            await asyncio.sleep(0)
        assert stage.answers == []
        assert stage.prober.ask(door(listener))
        stage.prober.close()


async def test_one_at_a_time_a_node_and_so_many_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "MAX_DOORS", 2)
    answers: list[Answer] = []
    asked = Doors(answers.append)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert [asked.ask(door(listener, node)) for node in ("n2", "n2", "n3", "n4")] == [True, False, True, False]
        await settled(asked)
        assert [one.question.node for one in answers] == ["n2", "n3"]
        assert asked.ask(door(listener))
        asked.close()
        assert len(asked) == 0


async def test_a_port_that_says_nothing_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full backlog is silent, as a firewall is."""
    monkeypatch.setattr(doors, "LIMIT", 0.05)
    answers: list[Answer] = []
    asked = Doors(answers.append)
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for one in (first, second):
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        assert asked.ask(door(listener))
        await settled(asked)
        assert answers == []


async def test_a_connection_leaves_nothing_behind() -> None:
    asked = Doors(lambda answer: None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        asked.ask(door(listener))
        await settled(asked)
        accepted, _ = listener.accept()
        with accepted, pytest.raises(ConnectionResetError):
            accepted.recv(1)
