"""The speaker's wiring: what a change in the cluster, on a link or among the members does, and what is told of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from ipaddress import IPv4Address, IPv4Interface, ip_address
from typing import Any

import pytest

from fakes.world import configured, endpoints, pool, service
from pylb.core.arbiter import TICK
from pylb.core.beats import Ack, Beat, State
from pylb.core.claims import Claim
from pylb.core.keeper import NEWCOMER, RECORDED, TURN
from pylb.core.model import Address, EndpointSlice, L2Status, Node, NodeName, Service, ServiceKey
from pylb.core.presence import LISTEN, SETTLE
from pylb.core.questions import Question
from pylb.core.reasons import Reason
from pylb.kube.client import Client
from pylb.kube.credentials import Credentials
from pylb.runtime.eventlog import EventLog
from pylb.runtime.log import Logger
from pylb.speaker import app
from pylb.speaker.app import Speaker
from pylb.speaker.keyring import Keyring
from pylb.speaker.links import Link
from pylb.speaker.settings import Settings
from pylb.speaker.statuses import Holding

N1, N2 = NodeName("n1"), NodeName("n2")
SHARED = {"metallb.io/allow-shared-ip": "k"}
ONE = IPv4Address("10.0.0.100")
A = service("a", ingress=(str(ONE),), annotations=SHARED)
B = service("b", 443, ingress=(str(ONE),), annotations=SHARED)
MAC, OTHERS_MAC = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2"


class Wire:
    """Stands for the announcer and the prober: it announces all, or nothing."""

    def __init__(self) -> None:
        self.works = True
        self.owned: Mapping[Address, Any] = {}
        self.stood_in: Mapping[Address, Any] = {}
        self.announced: list[Address] = []
        self.asked: list[Question] = []
        self.flushed = 0

    def set(self, owned: Mapping[Address, Any], stood_in: Mapping[Address, Any]) -> None:
        self.owned, self.stood_in = owned, stood_in

    def take_links(self, links: Any) -> None:
        pass

    def announce(self, address: Address) -> None:
        self.announced.append(address)

    def ask(self, question: Question) -> None:
        self.asked.append(question)

    def flush(self) -> None:
        self.flushed += 1

    @property
    def placements(self) -> dict[Address, tuple[str, ...]]:
        return dict.fromkeys(self.owned, ("eth1", "eth0")) if self.works else {}

    @property
    def refused(self) -> dict[Address, Reason]:
        return {} if self.works else dict.fromkeys(self.owned, Reason.NO_INTERFACE)


class Wired(Speaker):
    """The speaker of n1 with no socket and a clock of its own; the test hands over what watches and beats would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(app, "clock", lambda: self.now)
        client = Client(Credentials("http://127.0.0.1:1", "test"))
        super().__init__(Settings(N1), client, Keyring(b"a secret"), EventLog(), Logger("test"))
        self.wire = Wire()
        self.announcer = self.prober = self.wire  # type: ignore[assignment]
        self.notes: list[tuple[str, str]] = []
        self.recorder.record = lambda ref, notice: self.notes.append((ref.name, notice.reason))  # type: ignore[method-assign]
        world = self.world
        world.configuration.current, world.configuration.loaded = configured(pool("p", "10.0.0.0/24")), True
        for collection in (world.services, world.slices, world._nodes):
            collection._synced.set()
        world._nodes.items["n1"] = Node(N1)

    def see(self, *services: Service, on: tuple[str, ...] = ("n1",)) -> None:
        """The cluster's Services are these, with endpoints on these nodes."""
        self.world.services.items = self.herald._services = {one.key: one for one in services}  # type: ignore[assignment]
        self.world.slices.items = {one.key: EndpointSlice(one.key, one.key, tuple(endpoints(*on))) for one in services}
        self._follow_world()

    def plug(self, up: bool) -> None:
        """The node's one cable is in, or out."""
        link = Link(2, "eth0", MAC, up, up, broadcast=True, addresses=(IPv4Interface("10.0.0.1/24"),))
        self._links._known = (link,)
        self._on_links(self._links.links)

    def run_for(self, seconds: float, *, beats: bool = False, claims: Mapping[Address, Claim] | None = None) -> None:
        """Let time pass; n2's speaker may beat meanwhile."""
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            if beats or claims is not None:
                self.hear(claims or {})
            self.heartbeat._turn(self.now)

    def hear(self, claims: Mapping[Address, Claim], state: State = State.ACTIVE) -> None:
        """A beat of n2 that answers a beat of ours."""
        [ours] = self.arbiter.beats(self.now)
        acks = {N1: Ack(ours.incarnation, ours.sequence)}
        beat = Beat(N2, 7, round(self.now * 1000), state, "eth0", OTHERS_MAC, claims, acks)
        self.arbiter.hear(beat, "eth0", self.now)

    def told(self) -> list[str]:
        return [event["kind"] for event in self.events.since(None) if not event["kind"].startswith("member")]

    def interfaces(self) -> dict[ServiceKey, tuple[str, ...]] | None:
        found: Mapping[ServiceKey, Holding] | None = self.published()
        return None if found is None else {key: one.interfaces for key, one in found.items()}


@pytest.fixture
async def speaker(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wired]:
    made = Wired(monkeypatch)
    yield made
    made._links.close()


@pytest.fixture
def active(speaker: Wired) -> Wired:
    """It takes part."""
    speaker._follow_world()
    speaker.plug(True)
    speaker.run_for(LISTEN + SETTLE + 2 * TICK)
    assert speaker.arbiter.state is State.ACTIVE
    return speaker


async def test_an_address_is_taken_once_this_node_has_listened(speaker: Wired) -> None:
    speaker.see(A)
    speaker.plug(True)
    speaker.run_for(LISTEN - TICK)
    assert speaker.wire.owned == {}
    speaker.run_for(SETTLE + 3 * TICK)
    assert list(speaker.wire.owned) == [ONE]
    assert speaker.told() == ["claimed"]


async def test_a_service_that_joins_an_address_is_told_too(active: Wired) -> None:
    """The address has its owner already; whoever looks at the second Service wants to know which node it is."""
    active.see(A)
    active.see(A, B)
    active.see(A, B)
    assert active.notes == [("a", "nodeAssigned"), ("b", "nodeAssigned")]
    assert active.told().count("claimed") == 1
    assert set(active.interfaces() or {}) == {A.key, B.key}


async def test_nothing_is_told_of_an_address_before_it_is_announced(active: Wired) -> None:
    active.wire.works = False
    active.see(A)
    assert active.notes == [("a", "announceFailed")]
    assert "claimed" not in active.told()
    active.wire.works = True
    active._on_placement()
    assert active.notes[1:] == [("a", "nodeAssigned")]
    assert "claimed" in active.told()


async def test_a_link_that_goes_is_told_without_an_election(active: Wired) -> None:
    active.see(A)
    active.wire.works = False
    active._on_placement()
    active._on_placement()
    assert active.notes == [("a", "nodeAssigned"), ("a", "announceFailed")]
    assert active.interfaces() == {}


async def test_what_another_answers_for_is_left_to_it(active: Wired) -> None:
    """However the line is: nothing moves that works."""
    active.world._nodes.items["n2"] = Node(N2)
    claims = {ONE: Claim(N2, 3)}
    active.run_for(1.0, claims=claims)
    active.see(A)
    active.run_for(NEWCOMER + TURN, claims=claims)
    assert (active.wire.owned, active.arbiter.owner(ONE)) == ({}, N2)


async def test_a_lost_owner_is_named_once(active: Wired) -> None:
    """n2, heard again later, finds the address where it is, and is not reported as lost a second time."""
    active.world._nodes.items["n2"] = Node(N2)
    active.run_for(1.0, claims={ONE: Claim(N2, 3)})
    active.see(A)
    active.run_for(5.0)
    assert list(active.wire.owned) == [ONE]
    moves = [event for event in active.events.since(None) if event["kind"] == "moved"]
    assert [(one["from_node"], one["cause"]) for one in moves] == [("n2", "node_gone")]
    assert 400 <= moves[0]["detected_ms"] <= moves[0]["announced_ms"] <= 5000
    active.run_for(1.0, beats=True)
    assert active.told().count("moved") == 1
    assert list(active.wire.owned) == [ONE]


async def test_questions_about_a_silent_owner_are_put_on_its_link(active: Wired) -> None:
    active.world._nodes.items["n2"] = Node(N2, internal_ips=(ip_address("10.0.0.2"),))
    active.run_for(1.0, claims={ONE: Claim(N2, 3)})
    active.see(A)
    active.run_for(1.0)
    assert {(one.subject.value, str(one.address), one.link) for one in active.wire.asked if one.node == N2} == {
        ("address", str(ONE), "eth0"),
        ("node", "10.0.0.2", "eth0"),
        ("port", "10.0.0.2", "eth0"),
    }


async def test_whom_the_api_names_is_waited_for(speaker: Wired) -> None:
    """A cluster that starts: the owner before boots slower, and has nothing to lose to the faster one."""
    speaker.world._nodes.items["n2"] = Node(N2)
    speaker.publisher._existing.items["x"] = L2Status("x", "x", A.key, N2)
    speaker.see(A, on=("n1", "n2"))
    speaker.plug(True)
    speaker.run_for(RECORDED - 1)
    assert speaker.wire.owned == {}
    speaker.run_for(1 + LISTEN + SETTLE + TURN + NEWCOMER)
    assert list(speaker.wire.owned) == [ONE]


async def test_after_a_stall_what_queued_is_thrown_away(active: Wired) -> None:
    active.see(A)
    active.wire.flushed = 0
    active.now += 5.0
    assert not active.arbiter.may_answer(active.now)
    active.run_for(TICK)
    assert active.wire.flushed == 2, "the announcer's and the prober's"
    assert active.arbiter.state is State.JOINING


async def test_beats_go_to_ipv4_addresses_whichever_comes_first(speaker: Wired) -> None:
    addresses = {
        "n2": ("fd00::2", "10.0.0.2"),
        "n3": ("10.0.0.3", "fd00::3"),
        "n4": ("fd00::4",),
        "n5": (),
    }
    for name, found in addresses.items():
        speaker.world._nodes.items[name] = Node(NodeName(name), internal_ips=tuple(map(ip_address, found)))
    speaker._send_beats_to_nodes()
    speaker.plug(True)
    assert [address for address, _ in speaker.heartbeat.others.peers("eth0")] == ["10.0.0.2", "10.0.0.3"]


async def test_no_beat_is_sent_while_the_cable_is_out(active: Wired) -> None:
    """Else the kernel asks for the others in vain, and does not ask again at once when the cable is in again."""
    links = []
    for plugged in (True, False, True):
        active.plug(plugged)
        links.append([beat.link for beat in active.arbiter.beats(active.now)])
    assert links == [["eth0"], [], ["eth0"]]


async def test_interfaces_are_published_where_they_were_asked_for(active: Wired) -> None:
    active.see(A)
    assert active.interfaces() == {ServiceKey("default/a"): ()}
    adverts = ({"metadata": {"name": "l2"}, "spec": {"interfaces": ["eth0", "eth1"]}},)
    active.world.configuration.current = configured(pool("p", "10.0.0.0/24"), adverts=adverts)
    active.see(A)
    assert active.interfaces() == {ServiceKey("default/a"): ("eth0", "eth1")}


async def test_a_node_that_takes_no_part_publishes_nothing_rather_than_that_it_owns_nothing(active: Wired) -> None:
    """In its first second, and after it was held up, what stands there may be true again in a moment."""
    active.see(A)
    active.plug(False)
    assert (active.wire.owned, active.interfaces()) == ({}, None)
    active.plug(True)
    active.run_for(2.0)
    assert active.interfaces() == {ServiceKey("default/a"): ()}


async def test_who_cannot_read_the_others_takes_no_part_while_they_do(active: Wired) -> None:
    active.heartbeat.barred = True
    active._on_strangers([])
    assert active.arbiter.state is State.JOINING
    began = active.heartbeat.strangers._patient_until = 9.0
    active.heartbeat.barred = False
    active._on_strangers([])
    assert active.heartbeat.strangers._patient_until == began, "its patience does not begin anew"
    active.run_for(1.0)
    assert active.arbiter.state is State.ACTIVE


async def test_a_new_secret_is_taken_once(speaker: Wired, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        for secret in (b"a secret", b"another secret", b"another secret"):
            speaker.take_key(secret)
    assert [one.message.partition(";")[0] for one in caplog.records] == ["took the new key"]
    assert "secret" not in caplog.text


async def test_who_ends_answers_until_somebody_stands_in(active: Wired) -> None:
    active.world._nodes.items["n2"] = Node(N2)
    active.see(A)
    active.run_for(1.0, beats=True)
    active.arbiter.end(State.RESTARTING)
    active.run_for(1.0, beats=True)
    assert not active._relieved.is_set()
    active.run_for(0.2, claims={ONE: active.arbiter.seats[ONE].mine.claim})  # type: ignore[union-attr]
    assert active._relieved.is_set()
    assert list(active.wire.owned) == [ONE]


async def test_a_speaker_that_never_knew_a_good_configuration_says_so_in_its_beats(speaker: Wired) -> None:
    """And as soon as it does, that it does not go by a part any more; it takes part all the time."""
    configuration = speaker.world.configuration
    configuration.loaded, configuration.salvaged = False, True
    speaker._follow_world()
    speaker.plug(True)
    speaker.run_for(1.0)
    [beat] = speaker.arbiter.beats(speaker.now)
    assert (beat.partial, beat.state) == (True, State.ACTIVE)
    assert (speaker.world.synced, speaker.world.ready) == (True, False)
    configuration.loaded, configuration.salvaged = True, False
    speaker._follow_world()
    [beat] = speaker.arbiter.beats(speaker.now)
    assert (beat.partial, beat.state) == (False, State.ACTIVE)
    assert speaker.world.ready
