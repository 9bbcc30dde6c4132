"""What counts as heard of what nodes tell through the API, and when a node has to tell so itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import ip_network
from itertools import pairwise

import pytest

from pylb.core.model import Address, NodeName
from pylb.core.ownership import gazette
from pylb.core.ownership.arbiter import TICK, Arbiter
from pylb.core.ownership.beats import STRIDE, Ack, Beat, State
from pylb.core.ownership.claims import Cause, Claim
from pylb.core.ownership.effects import Announce, Dropped, Effect, StoodIn, Took
from pylb.core.ownership.election import Verdict
from pylb.core.ownership.evidence import Port
from pylb.core.ownership.gazette import EVERY, HEARD, LAG, SECOND, SPARED, UNHEARD
from pylb.core.ownership.lines import Line
from pylb.core.ownership.presence import RECORDED
from pylb.core.ownership.questions import Answer, Question, Subject
from pylb.core.ownership.record import Notice, Record, Renewal
from pylb.core.ownership.segment import Link
from pylb.core.ranges import parse_address

ME, PEER, THIRD = NodeName("me"), NodeName("peer"), NodeName("third")
A = parse_address("10.0.0.9")
GATEWAY = parse_address("10.0.0.1")
HOME = parse_address("10.0.0.2")
PEERS_MAC = b"peermc"
WHOLE = 20.0  # s in which a lost owner is replaced, whatever the deadline has grown to


class Stage:
    """One arbiter that hears its peer while `hears`, and reads in the API what the test puts there."""

    def __init__(self, ready: Collection[NodeName] = (ME, PEER)) -> None:
        self.now, self.hears, self.ready = 0.0, False, ready
        self.claims: Mapping[Address, Claim] = {}
        self.told: list[Effect] = []
        self.answering: dict[Subject, object] = {Subject.WITNESS: b"gatewy"}
        self.notices: dict[NodeName, Notice] = {}
        self.arbiter = Arbiter(ME, 1, 0.0)
        self.arbiter.use([Link("eth0", b"mymac_", (ip_network("10.0.0.0/8"),), GATEWAY)], 0.0)
        self.arbiter.follow([Line(A, (), Verdict((PEER, ME)))], {ME: (), PEER: (HOME,)}, 0.0)
        self.arbiter.ready(True, 0.0)
        self.read()
        self._turns = 0

    def read(self) -> None:
        self.arbiter.read(self.notices, self.ready, self.now)

    def peer_writes(self, claim: Claim | None, stamp: str = "", unheard: tuple[NodeName, ...] = (ME,)) -> None:
        """What stands there of the peer now."""
        renewals = frozenset({Renewal(stamp, frozenset(unheard))}) if stamp else frozenset()
        self.notices = {PEER: Notice({A: claim} if claim else {}, renewals)}
        self.read()

    def run(self, seconds: float) -> list[Effect]:
        """Let time pass; what is told meanwhile, but for who is there."""
        start = len(self.told)
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            self._turns += 1
            for mine in self.arbiter.beats(self.now):
                if self.hears:
                    acks = {ME: Ack(1, mine.sequence)}
                    beat = Beat(PEER, 5, self._turns * STRIDE, State.ACTIVE, "eth0", PEERS_MAC, self.claims, acks)
                    self.arbiter.hear(beat, "eth0", self.now)
            self.arbiter.tick(self.now)
            self.told += self.arbiter.effects()
            for question in self.arbiter.questions(self.now):
                self._answer(question)
        return [one for one in self.told[start:] if isinstance(one, (Took, Dropped, Announce, StoodIn))]

    def _answer(self, question: Question) -> None:
        found = self.answering.get(question.subject)
        if isinstance(found, Port):
            self.arbiter.learn(Answer(question, port=found), self.now)
        elif isinstance(found, bytes):
            self.arbiter.learn(Answer(question, mac=found), self.now)

    @property
    def owns(self) -> bool:
        return A in self.arbiter.owned


def deaf(after: float = 2.0) -> Stage:
    """The peer owned the address, was heard, and is not heard any more: this node has taken it over."""
    stage = Stage()
    stage.hears, stage.claims = True, {A: Claim(PEER, 3)}
    stage.run(2.0)
    stage.peer_writes(Claim(PEER, 3))
    stage.hears = False
    stage.run(after)
    assert stage.owns
    return stage


def test_two_renewals_since_its_last_sign_and_the_order_of_claims_decides() -> None:
    """It never lost its witness, and this node took its address: it stands."""
    stage = deaf()
    stage.peer_writes(Claim(PEER, 3), "a-1")
    stage.run(1.0)
    assert stage.owns, "one may have been on its way for long"
    stage.peer_writes(Claim(PEER, 3), "a-2")
    assert [type(one) for one in stage.run(1.0)] == [Dropped]
    assert stage.arbiter.owner(A) == PEER


def test_the_weaker_claim_is_outdone_and_announced_against_at_once_and_once_it_is_gone() -> None:
    stage = Stage()
    stage.run(5.0)
    assert stage.owns
    for stamp in ("a-1", "a-2"):
        stage.peer_writes(Claim(PEER, 1, provisional=True), stamp)
        told = [type(effect) for effect in stage.run(1.0)]
    assert told == [Announce, Took]
    assert stage.arbiter.seats[A].mine is not None
    assert stage.arbiter.seats[A].mine.claim.term == 2
    stage.peer_writes(None, "a-2")
    assert stage.run(1.0) == [Announce(A)], "whoever keeps the address announces last"


def test_who_yielded_takes_nothing_while_the_other_renews_and_all_once_it_does_not() -> None:
    stage = deaf()
    for number in range(6):
        stage.peer_writes(Claim(PEER, 3), f"a-{number}")
        stage.run(EVERY)
    assert not stage.owns
    stage.run(HEARD - EVERY - 1.0)
    assert not stage.owns
    stage.run(WHOLE)
    assert stage.owns


def test_nothing_flips_back_when_the_other_is_heard_again() -> None:
    stage = deaf()
    for number in range(2):
        stage.peer_writes(Claim(PEER, 3), f"a-{number}")
        stage.run(1.0)
    stage.hears = True
    assert stage.run(HEARD + WHOLE) == []
    assert stage.arbiter.owner(A) == PEER


@pytest.mark.parametrize(
    ("claim", "stamps", "unheard"),
    [
        (Claim(PEER, 3), ("", "", ""), (ME,)),  # it stands there, and nobody says that it holds
        (Claim(PEER, 3), ("a-1", "a-1", "a-1"), (ME,)),  # said once
        (Claim(PEER, 3), ("a-1", "a-2", "a-3"), (THIRD,)),  # said to another
        (None, ("a-1", "a-2", "a-3"), (ME,)),  # and nothing is claimed
    ],
)
def test_what_does_not_count(claim: Claim | None, stamps: tuple[str, ...], unheard: tuple[NodeName, ...]) -> None:
    stage = deaf()
    for stamp in stamps:
        stage.peer_writes(claim, stamp, unheard)
        stage.run(2.0)
    assert stage.owns


def test_a_stamp_that_was_seen_before_is_none() -> None:
    """As where the object with the newest one was deleted, and an older one is left."""
    stage = deaf()
    for stamp in ("a-1", "", "a-1", "", "a-1"):
        stage.peer_writes(Claim(PEER, 3), stamp)
        stage.run(1.0)
    assert stage.owns


def test_a_dead_owner_is_replaced_at_once_whatever_it_wrote_before() -> None:
    """It renewed while it did not hear us, was heard again, and died."""
    stage = Stage()
    stage.hears, stage.claims = True, {A: Claim(PEER, 3)}
    for number in range(3):
        stage.peer_writes(Claim(PEER, 3), f"a-{number}")
        stage.run(1.0)
    stage.hears = False
    stage.run(LAG / 2)
    stage.peer_writes(Claim(PEER, 3), "a-9")  # on its way as it died
    stage.run(1.0)
    assert stage.owns


def test_who_is_cut_off_goes_on_for_its_own_side() -> None:
    """Its witness does not answer: whoever is with it has nobody else."""
    stage = deaf()
    stage.answering.clear()
    stage.run(1.0)
    for number in range(3):
        stage.peer_writes(Claim(PEER, 3), f"a-{number}")
        stage.run(1.0)
    assert stage.owns


def test_an_owner_renews_while_a_node_that_should_be_there_is_not_heard() -> None:
    stage = deaf(1.0)
    assert stage.arbiter.gazette.renewal is None
    stamps = {}
    for _ in range(round((UNHEARD + 2.0 + SECOND + 3 * EVERY) / TICK)):
        stage.run(TICK)
        renewal = stage.arbiter.gazette.renewal
        if renewal is not None and renewal.stamp not in stamps:
            assert renewal.unheard == {PEER}
            stamps[renewal.stamp] = stage.now
    times = list(stamps.values())
    gaps = [round(later - earlier) for earlier, later in pairwise(times)]
    assert gaps == [SECOND, EVERY, EVERY, EVERY][: len(gaps)]
    assert len(gaps) >= 3
    stage.hears = True
    stage.run(1.0)
    assert stage.arbiter.gazette.renewal is None


@pytest.mark.parametrize("why", ["not ready", "ended in order", "owns nothing", "never heard"])
def test_who_renews_nothing(why: str) -> None:
    stage = Stage(ready=(ME,) if why == "not ready" else (ME, PEER))
    stage.hears = why != "never heard"
    stage.claims = {A: Claim(PEER, 3)} if why == "owns nothing" else {}
    stage.run(5.0)
    if why == "ended in order":
        beat = Beat(PEER, 5, 10**6, State.RESTARTING, "eth0", PEERS_MAC)
        stage.arbiter.hear(beat, "eth0", stage.now)
    if why == "owns nothing":
        assert not stage.owns
        stage.answering |= {Subject.ADDRESS: PEERS_MAC, Subject.NODE: PEERS_MAC, Subject.PORT: Port.ACCEPTS}
    stage.hears = False
    stage.run(UNHEARD + 3 * EVERY)
    assert stage.arbiter.gazette.renewal is None


def test_objects_of_a_silent_node_are_left_alone_for_a_moment_and_while_it_renews() -> None:
    stage = deaf(1.0)
    assert stage.arbiter.gazette.spared == {PEER}
    stage.run(SPARED + 1.0)
    assert stage.arbiter.gazette.spared == set()
    stage.peer_writes(Claim(PEER, 3), "a-1")
    assert stage.arbiter.gazette.spared == {PEER}
    stage.run(HEARD + 1.0)
    assert stage.arbiter.gazette.spared == set()


def test_many_nodes_renew_less_often() -> None:
    one = Stage(ready=[ME, PEER, *(NodeName(f"n{i}") for i in range(98))]).arbiter.gazette
    assert 100 / one._every < 1
    assert one._limit >= 3 * one._every
    assert gazette.MAX_SEEN * EVERY > HEARD


def recalled(**answering: object) -> Stage:
    """The API names the peer, which was never heard, and its MAC."""
    stage = Stage()
    stage.answering |= {Subject[name]: answer for name, answer in answering.items()}
    stage.arbiter.recall({A: Record(Claim(PEER, 4), {"eth0": PEERS_MAC})})
    return stage


def test_an_owner_that_was_never_heard_is_stood_in_for_while_its_node_serves() -> None:
    stage = recalled(NODE=PEERS_MAC, PORT=Port.ACCEPTS)
    assert stage.run(2.0) == [StoodIn(A, PEER)]
    assert stage.arbiter.answers() == {A: PEERS_MAC}


def test_one_that_answers_for_its_address_is_left_alone() -> None:
    stage = recalled(NODE=PEERS_MAC, ADDRESS=PEERS_MAC, PORT=Port.ACCEPTS)
    stage.run(RECORDED + 30.0)
    assert not stage.owns
    assert stage.arbiter.owner(A) == PEER


@pytest.mark.parametrize(
    "answering", [{}, {"NODE": b"router", "PORT": Port.ACCEPTS}, {"NODE": PEERS_MAC, "PORT": Port.REFUSES}]
)
def test_one_that_is_not_there_yet_is_waited_for_and_then_replaced(answering: dict[str, object]) -> None:
    """Another MAC than its own is no sign of it; a kubelet that refuses may be about to start."""
    stage = recalled(**answering)
    assert not [one for one in stage.run(RECORDED) if isinstance(one, Took)]
    [took] = [one for one in stage.run(2.0) if isinstance(one, Took)]
    assert (took.previous, took.claim.term) == (PEER, 5)
    assert took.cause in (Cause.GONE, Cause.STOPPED)


def test_a_speaker_that_was_stood_in_for_unheard_is_heard_like_any_other() -> None:
    stage = recalled(NODE=PEERS_MAC, PORT=Port.ACCEPTS)
    stage.run(2.0)
    stage.hears, stage.claims = True, {A: Claim(PEER, 4, restored=True)}
    stage.run(2.0)
    assert stage.arbiter.answers() == {}
    assert stage.arbiter.owner(A) == PEER
    assert [peer.is_real for peer in stage.arbiter.presence.segments["eth0"].peers] == [True]


def test_nobody_is_told_that_a_node_was_heard_that_was_not() -> None:
    stage = recalled(NODE=PEERS_MAC, PORT=Port.ACCEPTS)
    stage.run(1.0)
    [beat] = stage.arbiter.beats(stage.now)
    assert beat.acks == {}
