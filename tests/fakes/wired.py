"""A speaker wired up without a socket, and with a clock of its own: n1, which hears n2 if the test says so."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Interface
from typing import Any

import pytest

from fakes.world import configured, endpoints, pool
from pylb.core.model import Address, EndpointSlice, Node, NodeName, Service, ServiceKey
from pylb.core.ownership.arbiter import TICK
from pylb.core.ownership.beats import Ack, Beat, State
from pylb.core.ownership.claims import Claim
from pylb.core.ownership.questions import Question
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

N1, N2 = NodeName("n1"), NodeName("n2")
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
        for collection in (world.services, world.slices, world._nodes, self.publisher._existing):
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
        found = self.account()
        return None if found is None else {key: one.interfaces for key, one in found.holdings.items()}
