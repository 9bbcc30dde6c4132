"""The speaker's wiring: what a change in the cluster, on a link or among the members does, and what is told of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from ipaddress import IPv4Address, ip_address

import pytest

from fakes.wired import MAC, N2, OTHERS_MAC, Wired
from fakes.world import configured, pool, service
from pylb.core.model import L2Status, Node, NodeName, ServiceKey
from pylb.core.ownership.arbiter import TICK
from pylb.core.ownership.beats import State
from pylb.core.ownership.claims import Claim
from pylb.core.ownership.keeper import NEWCOMER, TURN
from pylb.core.ownership.presence import LISTEN, RECORDED, SETTLE
from pylb.core.ownership.questions import Answer
from pylb.core.ownership.record import Record, render
from pylb.speaker.notary import READING, SETTLED
from pylb.speaker.statuses import Known

SHARED = {"metallb.io/allow-shared-ip": "k"}
ONE = IPv4Address("10.0.0.100")
A = service("a", ingress=(str(ONE),), annotations=SHARED)
B = service("b", 443, ingress=(str(ONE),), annotations=SHARED)


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
    speaker.run_for(LISTEN + SETTLE + SETTLED + 2 * TICK)
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


async def test_the_api_tells_whom_to_stand_in_for_and_by_which_mac(speaker: Wired) -> None:
    """n2's speaker is dead, and nobody is left who heard it; its kernel is asked by that MAC, and by no other."""
    speaker.world._nodes.items["n2"] = Node(N2, internal_ips=(ip_address("10.0.0.2"),))
    told = render({ONE: Record(Claim(N2, 4), {"eth0": OTHERS_MAC})})
    speaker.publisher._existing.items["x"] = L2Status("x", "x", A.key, N2, term=4, claims=told)
    speaker.see(A, on=("n1", "n2"))
    speaker.plug(True)
    speaker.run_for(1.0)
    asked = [one for one in speaker.wire.asked if one.node == N2]
    assert {(one.subject.value, one.mac) for one in asked if one.mac} == {
        ("address", OTHERS_MAC),
        ("node", OTHERS_MAC),
    }
    speaker._on_answer(Answer(next(one for one in asked if one.subject.value == "node"), OTHERS_MAC))
    speaker.run_for(0.2)
    assert speaker.wire.stood_in == {ONE: {"eth0": OTHERS_MAC}}


async def test_what_the_api_tells_is_read_before_this_node_takes_part(speaker: Wired) -> None:
    """Else it would be first in line for what another owns; who cannot read it goes without, after a while."""
    speaker.publisher._existing._synced.clear()
    speaker.see(A)
    speaker.plug(True)
    speaker.run_for(READING - TICK)
    assert speaker.arbiter.state is State.JOINING
    speaker.run_for(LISTEN + SETTLE + 3 * TICK)
    assert list(speaker.wire.owned) == [ONE]


async def test_claims_are_told_with_the_macs_of_their_links(active: Wired) -> None:
    active.see(A)
    active.run_for(0.2)
    account = active.account()
    assert account is not None
    [(address, told)] = account.holdings[A.key].records.items()
    assert (address, told.claim.node, told.macs) == (ONE, NodeName("n1"), {"eth0": MAC})


@pytest.mark.parametrize("first", ["n0", "n2"])
async def test_one_node_alone_removes_strays(active: Wired, first: str) -> None:
    """The first by name of those who take part."""
    active.see(A)
    known = active.account()
    assert known is not None
    assert known.known == Known(frozenset({NodeName("n1")}), frozenset({A.key}))
    active.arbiter.presence._up[NodeName(first)] = True
    account = active.account()
    assert account is not None
    assert (account.known is None) is (first == "n0")


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
    began = active.heartbeat.strangers._began = 9.0
    active.heartbeat.barred = False
    active._on_strangers([])
    assert active.heartbeat.strangers._began == began, "its patience does not begin anew"
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


async def test_it_is_ready_once_it_took_part_or_where_it_has_no_link(speaker: Wired) -> None:
    """A rollout goes on to the next node then, whose speaker may be the one that stands in for this one."""
    assert speaker.ready, "it has no link to take part on"
    speaker.plug(True)
    assert not speaker.ready
    speaker.run_for(1.0)
    assert speaker.ready
    speaker.plug(False)
    speaker.plug(True)
    assert (speaker.arbiter.state, speaker.ready) == (State.JOINING, True)
    speaker.heartbeat.barred = True
    assert not speaker.ready
