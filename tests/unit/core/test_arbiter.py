"""What one node decides, told by beats and answers alone: the door of the machine, without a LAN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address, ip_network

from pylb.core.model import Address, NodeName
from pylb.core.ownership.arbiter import TICK, Arbiter
from pylb.core.ownership.beats import STRIDE, Ack, Beat, State
from pylb.core.ownership.claims import Cause, Claim
from pylb.core.ownership.effects import Announce, Dropped, Effect, StoodDown, StoodIn, Took
from pylb.core.ownership.election import Verdict
from pylb.core.ownership.evidence import Port
from pylb.core.ownership.lines import Line
from pylb.core.ownership.questions import Answer, Question, Subject
from pylb.core.ownership.segment import Link

ME, PEER = NodeName("me"), NodeName("peer")
ADDRESS, HOME, GATEWAY = ip_address("10.0.0.9"), ip_address("10.0.0.2"), ip_address("10.0.0.1")
ETH0 = Link("eth0", b"mymac_", (ip_network("10.0.0.0/8"),), GATEWAY)
PEERS_MAC = b"peermc"


class Stage:
    """One arbiter, and what its peer and the LAN say."""

    def __init__(self, line: tuple[NodeName, ...] = (PEER, ME)) -> None:
        self.now = 0.0
        self.arbiter = Arbiter(ME, 1, 0.0)
        self.told: list[Effect] = []
        self.questions: list[Question] = []
        self.answering: dict[Subject, object] = {Subject.WITNESS: b"gatewy"}
        self.peer: Beat | None = None
        self.bystanders: tuple[NodeName, ...] = ()  # heard, with nothing to claim
        self.arbiter.use([ETH0], 0.0)
        wanted = [Line(ADDRESS, (), Verdict(line))]
        self.arbiter.follow(wanted, {ME: (), PEER: (HOME,)}, 0.0)
        self.arbiter.ready(True, 0.0)
        self._turns = 0

    def says(self, claims: Mapping[Address, Claim] | None, state: State = State.ACTIVE, incarnation: int = 5) -> None:
        """What the peer's beats say from now on; None: it is silent."""
        self.peer = None
        if claims is not None:
            self.peer = Beat(PEER, incarnation, 0, state, "eth0", PEERS_MAC, claims)

    def run(self, seconds: float) -> list[Effect]:
        """Let time pass; what happened."""
        start = len(self.told)
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            self._turn()
        return [effect for effect in self.told[start:] if isinstance(effect, Took | Dropped | StoodIn | StoodDown)]

    def _turn(self) -> None:
        self.arbiter.tick(self.now)
        self._turns += 1
        for question in self.arbiter.questions(self.now):
            self.questions.append(question)
            found = self.answering.get(question.subject)
            if isinstance(found, Port):
                self.arbiter.learn(Answer(question, port=found), self.now)
            elif isinstance(found, bytes):
                self.arbiter.learn(Answer(question, mac=found), self.now)
        if self._turns % 2:
            return
        for mine in self.arbiter.beats(self.now):
            said = [Beat(node, 7, 0, State.ACTIVE, "eth0", b"bystdr") for node in self.bystanders]
            for one in [*said, *([self.peer] if self.peer is not None else [])]:
                heard = replace(one, sequence=self._turns * STRIDE, acks={ME: Ack(1, mine.sequence)})
                self.arbiter.hear(heard, "eth0", self.now)
        self.told.extend(self.arbiter.effects())


def owned_by_peer() -> Stage:
    """The peer owns the address, and has said so for a while."""
    stage = Stage()
    stage.says({ADDRESS: Claim(PEER, 3)})
    assert stage.run(2.0) == []
    assert stage.arbiter.owner(ADDRESS) == PEER
    return stage


def test_the_first_in_line_takes_what_nobody_has() -> None:
    stage = Stage(line=(ME, PEER))
    stage.says({})
    (took,) = stage.run(2.0)
    assert isinstance(took, Took)
    assert (took.cause, took.previous, took.claim) == (Cause.FIRST, None, Claim(ME, 1))
    assert stage.arbiter.answers() == {ADDRESS: None}


def test_what_another_owns_is_left_to_it_whatever_the_line_says() -> None:
    stage = Stage(line=(ME, PEER))
    stage.says({ADDRESS: Claim(PEER, 3)})
    assert stage.run(20.0) == []
    assert stage.arbiter.answers() == {}


def test_a_node_that_answers_nothing_any_more_is_replaced() -> None:
    stage = owned_by_peer()
    stage.says(None)
    (took,) = stage.run(1.0)
    assert isinstance(took, Took)
    assert (took.cause, took.previous, took.claim) == (Cause.GONE, PEER, Claim(ME, 4, taken=True))
    assert took.silent is not None
    assert 0.4 <= took.silent < 0.6


def test_a_silent_speaker_is_stood_in_for_with_its_owners_mac_and_replaced_after_half_a_minute() -> None:
    stage = owned_by_peer()
    stage.says(None)
    stage.answering |= {Subject.NODE: PEERS_MAC, Subject.PORT: Port.ACCEPTS}
    assert stage.run(20.0) == [StoodIn(ADDRESS, PEER)]
    assert stage.arbiter.answers() == {ADDRESS: PEERS_MAC}
    (down, took) = stage.run(20.0)
    assert down == StoodDown(ADDRESS, PEER)
    assert isinstance(took, Took)
    assert took.cause is Cause.SPEAKERLESS


def test_standing_in_ends_when_the_owner_says_that_it_answers_and_not_before() -> None:
    stage = owned_by_peer()
    stage.says(None)
    stage.answering |= {Subject.NODE: PEERS_MAC, Subject.PORT: Port.ACCEPTS}
    stage.run(3.0)
    stage.says({}, State.JOINING, incarnation=6)
    assert stage.run(1.0) == []
    stage.says({ADDRESS: Claim(PEER, 3, restored=True)}, incarnation=6)
    assert stage.run(1.0) == [StoodDown(ADDRESS, PEER)]


def test_an_answer_from_another_mac_proves_nothing() -> None:
    stage = owned_by_peer()
    stage.says(None)
    stage.answering |= {Subject.NODE: b"proxy_", Subject.ADDRESS: b"proxy_"}
    (took,) = stage.run(1.0)
    assert isinstance(took, Took)
    assert took.cause is Cause.GONE


def test_an_owner_whose_beats_alone_are_lost_keeps_it() -> None:
    stage = owned_by_peer()
    stage.says(None)
    stage.answering |= {Subject.ADDRESS: PEERS_MAC}
    assert stage.run(60.0) == []


def test_all_alone_and_without_its_witness_a_node_takes_nothing() -> None:
    stage = owned_by_peer()
    stage.says(None)
    stage.answering.clear()
    assert stage.run(10.0) == []


def test_without_its_witness_a_node_takes_nothing_at_first_and_provisionally_then() -> None:
    stage = owned_by_peer()
    stage.bystanders = (NodeName("other"),)
    stage.run(1.0)
    stage.says(None)
    stage.answering.clear()
    assert stage.run(2.5) == []
    (took,) = stage.run(2.0)
    assert isinstance(took, Took)
    assert took.claim.provisional


def test_a_refusing_kubelet_is_replaced_at_once() -> None:
    stage = owned_by_peer()
    stage.says(None)
    stage.answering |= {Subject.NODE: PEERS_MAC, Subject.PORT: Port.REFUSES}
    took = stage.run(0.8)[-1]
    assert isinstance(took, Took)
    assert took.cause is Cause.STOPPED


def test_who_keeps_it_announces_after_the_other_has_stopped() -> None:
    stage = Stage(line=(ME, PEER))
    stage.says({})
    stage.run(2.0)
    stage.says({ADDRESS: Claim(PEER, 1)})
    stage.told.clear()
    stage.run(0.5)
    assert Announce(ADDRESS) not in stage.told
    stage.says({})
    stage.run(0.5)
    assert Announce(ADDRESS) in stage.told
    assert stage.arbiter.owner(ADDRESS) == ME


def test_a_weaker_claim_yields() -> None:
    stage = Stage(line=(ME, PEER))
    stage.says({})
    stage.run(2.0)
    stage.says({ADDRESS: Claim(PEER, 7)})
    (dropped,) = stage.run(0.5)
    assert isinstance(dropped, Dropped)
    assert dropped.to == PEER
    assert stage.arbiter.answers() == {}


def test_nobody_is_asked_about_while_all_is_well() -> None:
    stage = owned_by_peer()
    stage.questions.clear()
    stage.run(5.0)
    assert {question.subject for question in stage.questions} == {Subject.WITNESS}
    assert len(stage.questions) <= 6


def test_a_stall_silences_a_node_until_its_peer_has_heard_it_again() -> None:
    stage = Stage(line=(ME, PEER))
    stage.says({})
    stage.run(2.0)
    stage.now += 1.0
    assert not stage.arbiter.may_answer(stage.now)
    stage.run(TICK)
    assert stage.arbiter.answers() == {}
    stage.run(1.0)
    assert stage.arbiter.answers() == {ADDRESS: None}
