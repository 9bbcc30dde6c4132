"""One node's speaker: wires the cluster's objects, the members and the wire to the election, and tells what happens.

The order is always the same: something changed → lines → ownership → the wire first, then events, API and metrics.
"""

from __future__ import annotations

import asyncio
import secrets
from ipaddress import IPv4Address

from pylb.core import notices, verdicts
from pylb.core.membership import INTERVAL, Change, Down, Membership, State
from pylb.core.model import Address, Node, NodeName, ServiceKey
from pylb.core.ownership import Drop, Ownership, Take
from pylb.kube.client import Client
from pylb.kube.recorder import EventRecorder
from pylb.kube.report import Report
from pylb.runtime.eventlog import EventLog
from pylb.runtime.log import Logger
from pylb.runtime.tasks import Nursery
from pylb.speaker.announcer import Announcer
from pylb.speaker.heartbeat import Heartbeat, Keys, clock
from pylb.speaker.herald import Herald
from pylb.speaker.links import Link, usable
from pylb.speaker.linkwatch import LinkWatch
from pylb.speaker.publisher import Publisher
from pylb.speaker.settings import Settings
from pylb.speaker.world import World

HANDOVER = 3 * INTERVAL  # s that a leaving speaker goes on answering: the others have heard and announced by then


class Speaker:
    """Everything that runs on one node."""

    def __init__(self, settings: Settings, client: Client, keys: Keys, stream: EventLog, log: Logger) -> None:
        self.settings, self.events, self.log = settings, stream, log
        self.node = settings.node
        self.membership = Membership(self.node, secrets.randbits(64), clock())
        self.ownership = Ownership(self.node)
        self.heartbeat = Heartbeat(self.membership, keys, self._on_members, self._on_stall)
        self.announcer = Announcer(
            clock=clock,
            may_answer=self.membership.may_answer,
            on_conflict=self._on_conflict,
            on_placement=self._on_placement,
        )
        self.world = World(client, self._on_world, settings.load_balancer_class)
        self.publisher = Publisher(client, settings.namespace, settings.pod, self.node, self.published, log)
        judge = verdicts.speaker(self.node)
        self.report = Report(client, settings.namespace, settings.pod, judge, self.world.configuration)
        self.recorder = EventRecorder(client, notices.SPEAKER)
        self.herald = Herald(self.node, self.events, self.recorder, self.world.services.items, log)
        self._links = LinkWatch(self._on_links)
        self._lost: dict[NodeName, Down] = {}
        self._taken: dict[Address, tuple[Take, float]] = {}  # taken, but not yet told: nothing was announced so far
        self._connected = False
        self._election_due = False

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop`, then hand over and end. The heartbeat's socket is open already."""
        self._links.start()
        try:
            async with Nursery() as nursery:
                nursery.start(self.heartbeat.run(), "heartbeat")
                nursery.start(self.world.run(), "world")
                nursery.start(self.publisher.run(), "publisher")
                nursery.start(self.recorder.run(), "events")
                nursery.start(self.report.run(), "report")
                await stop.wait()
                await self._hand_over()
                nursery.cancel()
        finally:
            self.announcer.close()
            self.heartbeat.close()
            self._links.close()

    async def _hand_over(self) -> None:
        """Say that this node leaves, and go on answering while the others take over."""
        self.log.info("leaving", addresses=len(self.ownership.owned))
        self.membership.leave()
        self.heartbeat.beat_now()
        await asyncio.sleep(HANDOVER)

    # What changes

    def _on_world(self) -> None:
        if not self._election_due:
            self._election_due = True
            asyncio.get_running_loop().call_soon(self._follow_world)

    def _follow_world(self) -> None:
        self._election_due = False
        self.herald.configuration(self.world.configuration)
        self.report.consider()
        self._send_beats_to_nodes()
        self._reconsider_connection()
        self._elect()

    def _on_links(self, links: tuple[Link, ...]) -> None:
        self.heartbeat.tell_macs({link.mac for link in usable(links).usable})
        self.announcer.take_links(links)
        self._send_beats_to_nodes()
        self._reconsider_connection()

    def _reconsider_connection(self) -> None:
        """A node takes part while it knows the cluster and the interface that the others reach it by is up."""
        connected = self.world.synced and self._reachable()
        if connected is self._connected:
            return
        self._connected = connected
        act = self.membership.connect if connected else self.membership.disconnect
        self.log.info("takes part" if connected else "takes no part", links=[link.name for link in self._links.links])
        self._on_members(act(clock()))

    def _reachable(self) -> bool:
        me = self.world.nodes.get(self.node)
        up = {interface.ip for link in usable(self._links.links).usable for interface in link.addresses}
        return me is not None and (not me.internal_ips or any(address in up for address in me.internal_ips))

    def _send_beats_to_nodes(self) -> None:
        """To all others, but to nobody while the cable is out: the kernel would ask for them in vain, and ask again a
        second later only, which may be long after the cable is in again; nobody would hear this node meanwhile."""
        nodes = self.world.nodes if self._reachable() else {}
        others = (node for name, node in nodes.items() if name != self.node)
        found = (_beat_address(node) for node in others)
        self.heartbeat.send_to({address for address in found if address}, self.settings.beat_port)

    def _on_members(self, changes: list[Change]) -> None:
        for change in changes:
            self.herald.member(change)
            if isinstance(change, Down):
                self._lost[change.node] = change
                continue
            self._lost.pop(change.node, None)
            if change.node == self.node and self.membership.cold:
                self.ownership.forget()
        if any(change.node == self.node for change in changes):
            self.heartbeat.beat_now()
        if changes:
            self._elect()

    def _on_stall(self) -> None:
        """This process was held up: what queued meanwhile is no longer true."""
        self.announcer.flush()
        self.heartbeat.flush()

    def _on_conflict(self, address: IPv4Address, mac: str, interface: str) -> None:
        """Another host answers for our address; another node of the cluster may, for the blink of a hand-over."""
        if not self.heartbeat.knows(bytes.fromhex(mac.replace(":", ""))):
            self.herald.conflict(address, mac)

    # The election, and what follows from it

    def _elect(self) -> None:
        if not self.world.synced or self.membership.state is State.LEAVING:
            return
        changes = self.ownership.update(self.world.lines(self.membership.alive), self._lost)
        self._lost.clear()
        decided = clock()
        self._taken.update({change.line.address: (change, decided) for change in changes if isinstance(change, Take)})
        owned = self.ownership.owned
        self.announcer.set({address: line.verdict.interfaces for address, line in owned.items()})
        for change in changes:
            if isinstance(change, Drop):
                self._taken.pop(change.address, None)
                self.herald.drop(change)
        self._on_placement()

    def _on_placement(self) -> None:
        """Tell each take once its address is announced, and what is announced nowhere."""
        placements, owned = self.announcer.placements, self.ownership.owned
        for address in [address for address in self._taken if address in placements]:
            take, decided = self._taken.pop(address)
            self.herald.take(take, clock() - decided)
        refused = self.announcer.refused
        self.herald.announced(
            {(service, address) for address in placements if address in owned for service in owned[address].services}
        )
        self.herald.refused({address: (reason, owned[address]) for address, reason in refused.items()})
        self.publisher.changed()

    def published(self) -> dict[ServiceKey, tuple[str, ...]] | None:
        """The Services that this node announces, with the interfaces that were asked for by name.

        None while it takes no part, as in its first second: what it had may be its own again in a moment.
        """
        if self.node not in self.membership.alive:
            return None
        found: dict[ServiceKey, tuple[str, ...]] = {}
        owned = self.ownership.owned
        for address, names in self.announcer.placements.items():
            line = owned.get(address)
            for service in line.services if line else ():
                asked = names if line and line.verdict.interfaces else ()
                found[service] = tuple(sorted({*found.get(service, ()), *asked}))
        return found


def _beat_address(node: Node) -> str | None:
    """Where a node hears beats: its first InternalIP of IPv4, the one family that they are sent in so far."""
    return next((str(address) for address in node.internal_ips if address.version == 4), None)
