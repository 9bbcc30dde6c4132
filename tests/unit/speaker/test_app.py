"""The speaker's wiring: what a change in the cluster, on a link or among the members does, and what is told of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from ipaddress import IPv4Address, IPv4Interface, ip_address
from typing import Any

import pytest

from fakes.world import configured, endpoints, pool, service
from pylb.core.membership import Cause, Down, State, Up, _Member
from pylb.core.model import EndpointSlice, Node, NodeName, Service, ServiceKey
from pylb.core.reasons import Reason
from pylb.kube.client import Client
from pylb.kube.credentials import Credentials
from pylb.runtime.eventlog import EventLog
from pylb.runtime.log import Logger
from pylb.speaker.app import Speaker
from pylb.speaker.keyring import Keyring
from pylb.speaker.links import Link
from pylb.speaker.settings import Settings

N1, N2 = NodeName("n1"), NodeName("n2")
SHARED = {"metallb.io/allow-shared-ip": "k"}
ONE = IPv4Address("10.0.0.1")
A = service("a", ingress=("10.0.0.1",), annotations=SHARED)
B = service("b", 443, ingress=("10.0.0.1",), annotations=SHARED)


class Wire:
    """Stands for the announcer: it announces all, or nothing."""

    def __init__(self) -> None:
        self.works, self.owned = True, dict[Any, Any]()

    def set(self, owned: Any) -> None:
        self.owned = dict(owned)

    def take_links(self, links: Any) -> None:
        pass

    @property
    def placements(self) -> dict[Any, tuple[str, ...]]:
        return dict.fromkeys(self.owned, ("eth1", "eth0")) if self.works else {}

    @property
    def refused(self) -> dict[Any, Any]:
        return {} if self.works else dict.fromkeys(self.owned, Reason.NO_INTERFACE)


class Wired(Speaker):
    """The speaker of n1 with no socket; the test hands over what watches, links and beats would."""

    def __init__(self) -> None:
        client = Client(Credentials("http://127.0.0.1:1", "test"))
        super().__init__(Settings(N1), client, Keyring(b"a secret"), EventLog(), Logger("test"))
        self.wire = Wire()
        self.announcer = self.wire  # type: ignore[assignment]
        self.notes: list[tuple[str, str]] = []
        self.recorder.record = lambda ref, notice: self.notes.append((ref.name, notice.reason))  # type: ignore[method-assign]
        world = self.world
        world.configuration.current, world.configuration.loaded = configured(pool("p", "10.0.0.0/24")), True
        for collection in (world.services, world.slices, world._nodes):
            collection._synced.set()
        world._nodes.items["n1"] = Node(N1)
        self.membership.state, self.membership._counts_from = State.ACTIVE, 0.0

    def see(self, *services: Service) -> None:
        self.world.services.items = self.herald._services = {one.key: one for one in services}  # type: ignore[assignment]
        self.world.slices.items = {one.key: EndpointSlice(one.key, one.key, tuple(endpoints("n1"))) for one in services}
        self._elect()

    def plug(self, up: bool) -> None:
        """The node's one cable is in, or out."""
        link = Link(2, "eth0", b"\2\0\0\0\0\1", up, up, broadcast=True, addresses=(IPv4Interface("10.0.0.1/24"),))
        self._links._known = (link,)
        self._on_links(self._links.links)

    def told(self) -> list[str]:
        return [event["kind"] for event in self.events.since(None)]


@pytest.fixture
async def speaker() -> AsyncIterator[Wired]:
    made = Wired()
    yield made
    made._links.close()


async def test_a_service_that_joins_an_address_is_told_too(speaker: Wired) -> None:
    """The address has its owner already; whoever looks at the second Service wants to know which node it is."""
    speaker.see(A)
    speaker.see(A, B)
    speaker.see(A, B)
    assert speaker.notes == [("a", "nodeAssigned"), ("b", "nodeAssigned")]
    assert speaker.told() == ["claimed"]
    assert set(speaker.published()) == {A.key, B.key}


async def test_nothing_is_told_of_an_address_before_it_is_announced(speaker: Wired) -> None:
    speaker.wire.works = False
    speaker.see(A)
    assert speaker.notes == [("a", "announceFailed")]
    speaker.wire.works = True
    speaker._on_placement()
    assert speaker.notes[1:] == [("a", "nodeAssigned")]
    assert speaker.told() == ["claimed"]


async def test_a_link_that_goes_is_told_without_an_election(speaker: Wired) -> None:
    speaker.see(A)
    speaker.wire.works = False
    speaker._on_placement()
    speaker._on_placement()
    assert speaker.notes == [("a", "nodeAssigned"), ("a", "announceFailed")]
    assert speaker.published() == {}


async def test_a_lost_owner_is_named_once(speaker: Wired) -> None:
    """n2, alive again and then without endpoints, is not reported as lost a second time."""
    speaker.world._nodes.items["n2"] = Node(N2)
    speaker.membership._members[N2] = member = _Member(1, 1, State.ACTIVE, 0.0, 0.0)
    for number in range(9):
        speaker.see(service("a", ingress=(f"10.0.0.{number}",)))
        if not speaker.wire.owned:
            break
    member.silent = True
    speaker._on_members([Down(N2, Cause.SILENT, 0.5)])
    [moved] = [event for event in speaker.events.since(None) if event["kind"] == "moved"]
    assert (moved["from_node"], moved["cause"], moved["detected_ms"]) == ("n2", "silent", 500.0)
    assert speaker._lost == {}
    member.silent = False
    speaker._on_members([Up(N2)])
    assert speaker.wire.owned == {}


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
    assert [address for address, _ in speaker.heartbeat._peers] == ["10.0.0.2", "10.0.0.3"]


async def test_no_beat_is_sent_while_the_cable_is_out(speaker: Wired) -> None:
    """Else the kernel asks for the others in vain, and does not ask again at once when the cable is in again."""
    for name, address in (("n1", "10.0.0.1"), ("n2", "10.0.0.2")):
        speaker.world._nodes.items[name] = Node(NodeName(name), internal_ips=(ip_address(address),))
    sent_to = []
    for plugged in (True, False, True):
        speaker.plug(plugged)
        sent_to.append([address for address, _ in speaker.heartbeat._peers])
    assert sent_to == [["10.0.0.2"], [], ["10.0.0.2"]]


async def test_interfaces_are_published_where_they_were_asked_for(speaker: Wired) -> None:
    speaker.see(A)
    assert speaker.published() == {ServiceKey("default/a"): ()}
    adverts = ({"metadata": {"name": "l2"}, "spec": {"interfaces": ["eth0", "eth1"]}},)
    speaker.world.configuration.current = configured(pool("p", "10.0.0.0/24"), adverts=adverts)
    speaker.see(A)
    assert speaker.published() == {ServiceKey("default/a"): ("eth0", "eth1")}


async def test_a_node_that_takes_no_part_publishes_nothing_rather_than_that_it_owns_nothing(speaker: Wired) -> None:
    """In its first second, and after it was held up, what stands there may be true again in a moment."""
    speaker.see(A)
    speaker.membership.state = State.JOINING
    speaker._elect()
    assert (speaker.wire.owned, speaker.published()) == ({}, None)
    speaker.membership.state = State.ACTIVE
    speaker._elect()
    assert speaker.published() == {ServiceKey("default/a"): ()}


async def test_who_cannot_read_the_others_takes_no_part_while_they_do(speaker: Wired) -> None:
    speaker.world._nodes.items["n1"] = Node(N1)
    speaker.heartbeat.barred = True
    speaker._on_strangers([])
    assert not speaker._connected
    began = speaker.heartbeat.strangers._patient_until
    speaker.heartbeat.barred = False
    speaker._on_strangers([])
    assert speaker._connected
    assert speaker.heartbeat.strangers._patient_until == began > 0, "its patience does not begin anew"


async def test_a_new_secret_is_taken_once(speaker: Wired, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        for secret in (b"a secret", b"another secret", b"another secret"):
            speaker.take_key(secret)
    assert [one.message.partition(";")[0] for one in caplog.records] == ["took the new key"]
    assert "secret" not in caplog.text


async def test_who_leaves_goes_on_as_it_was(speaker: Wired) -> None:
    speaker.see(A)
    speaker.membership.leave()
    speaker.see()
    assert list(speaker.wire.owned) == [ONE]


async def test_a_speaker_that_never_knew_a_good_configuration_says_so_in_its_beats(speaker: Wired) -> None:
    """And as soon as it does, that it does not go by a part any more; it takes part all the time."""
    configuration = speaker.world.configuration
    configuration.loaded, configuration.salvaged = False, True
    speaker._connected = True
    speaker.plug(True)
    assert speaker.membership.beat().partial
    assert (speaker.world.synced, speaker.world.ready) == (True, False)
    configuration.loaded, configuration.salvaged = True, False
    speaker._follow_world()
    assert not speaker.membership.beat().partial
    assert speaker.world.ready
    assert speaker.membership.state is State.ACTIVE
