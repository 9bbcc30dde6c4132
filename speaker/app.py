"""One node's speaker: wires the cluster's objects, the beats and the wire to the arbiter, and tells what happens.

The order is always the same: something changed → the arbiter decides → the wire first, then events, API and metrics.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from ipaddress import IPv4Address

from pylb.core import notices, verdicts
from pylb.core.model import Address, Node, NodeName
from pylb.core.ownership import effects
from pylb.core.ownership.arbiter import Arbiter
from pylb.core.ownership.beats import State
from pylb.core.ownership.questions import Answer
from pylb.kube.client import Client
from pylb.kube.recorder import EventRecorder
from pylb.kube.report import Report
from pylb.runtime.eventlog import EventLog
from pylb.runtime.log import Logger
from pylb.runtime.secretfile import SecretFile
from pylb.runtime.tasks import Nursery, within
from pylb.speaker import surroundings
from pylb.speaker.announcer import Announcer
from pylb.speaker.chronicle import Chronicle
from pylb.speaker.heartbeat import Heartbeat, clock
from pylb.speaker.herald import Herald
from pylb.speaker.journal import Journal
from pylb.speaker.keyring import KEPT, Keyring
from pylb.speaker.links import Link
from pylb.speaker.linkwatch import LinkWatch
from pylb.speaker.notary import Notary
from pylb.speaker.probe import Prober
from pylb.speaker.publisher import Publisher
from pylb.speaker.settings import Settings
from pylb.speaker.statuses import Account
from pylb.speaker.vouchers import Vouchers
from pylb.speaker.world import World

RESTART = "kubectl -n pylb-system rollout restart ds/pylb-speaker"  # all read the key anew
HANDOVER = 2.0  # s that a speaker that ends goes on answering at most, until others stand in


class Speaker:
    """Everything that runs on one node."""

    def __init__(self, settings: Settings, client: Client, keys: Keyring, stream: EventLog, log: Logger) -> None:
        self.settings, self.events, self.log = settings, stream, log
        self.node = settings.node
        self.arbiter = Arbiter(self.node, secrets.randbits(64), clock())
        self.heartbeat = Heartbeat(self.arbiter, keys, self._on_turn, self._on_strangers)
        self.prober = Prober(clock=clock, on_answer=self._on_answer)
        self.announcer = Announcer(
            clock=clock,
            may_answer=self.arbiter.may_answer,
            on_conflict=self._on_conflict,
            on_placement=self._on_placement,
        )
        self.world = World(client, self._on_world, settings.load_balancer_class)
        self.notary = Notary(self.arbiter, self.world, lambda: self.announcer.placements, lambda: self._links.links)
        self.publisher = Publisher(client, settings.namespace, settings.pod, self.node, self.account, log)
        judge = verdicts.speaker(self.node)
        self.vouchers = Vouchers(client, settings.namespace, self.heartbeat.strangers.vouch)
        wanted = self.world.configuration
        self.report = Report(
            client, settings.namespace, settings.pod, judge, wanted, notes=lambda: {verdicts.KEY: keys.name}
        )
        self.recorder = EventRecorder(client, notices.SPEAKER)
        self.chronicle = Chronicle(client, settings.namespace, log)
        self.journal = Journal(self.node, self.chronicle.record)
        self.herald = Herald(self.node, self.events, self.recorder, self.world.services.items, log)
        self._links = LinkWatch(self._on_links)
        self._taken: dict[Address, tuple[effects.Took, float]] = {}  # but not yet told: nothing was announced so far
        self._relieved = asyncio.Event()  # this speaker ends, and others stand in
        self._used: tuple[tuple[Link, ...], ...] = ((), ())  # links that ownership is about; those that are down
        self._told = self.heartbeat.others.told
        self._usable = False
        self._took_part = False
        self._due = False

    @property
    def ready(self) -> bool:
        """Whether a rollout may go on to the next node: all is known, and this node took part, where it has a link."""
        taking_part = self._took_part or not self.arbiter.presence.segments
        return self.world.ready and not self.heartbeat.barred and taking_part

    async def run(self, stop: asyncio.Event, key_file: SecretFile | None = None) -> None:
        """Run until `stop`, then hand over and end. The heartbeat's socket is open already."""
        self._links.start()
        try:
            async with Nursery() as nursery:
                nursery.start(self.heartbeat.run(), "heartbeat")
                nursery.start(self.world.run(), "world")
                nursery.start(self.publisher.run(), "publisher")
                nursery.start(self.recorder.run(), "events")
                nursery.start(self.chronicle.run(), "history")
                nursery.start(self.report.run(), "report")
                nursery.start(self.vouchers.run(), "keys of others")
                if key_file is not None:
                    nursery.start(key_file.follow(self.take_key), "key")
                await stop.wait()
                await self._hand_over()
                nursery.cancel()
        finally:
            self.announcer.close()
            self.prober.close()
            self.heartbeat.close()
            self._links.close()

    async def _hand_over(self) -> None:
        """Say that this speaker ends while its node stays, and go on answering until others stand in."""
        self.log.info("ends; waits until others stand in", addresses=len(self.arbiter.owned))
        self.arbiter.end(State.RESTARTING)
        self.heartbeat.beat_now()
        with contextlib.suppress(asyncio.TimeoutError):
            await within(HANDOVER, self._relieved.wait())

    # What changes

    def _on_world(self) -> None:
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._follow_world)

    def _follow_world(self) -> None:
        self._due = False
        now = clock()
        self.herald.configuration(self.world.configuration)
        self.report.consider()
        self._send_beats_to_nodes()
        if self.world.synced:
            nodes = self.world.nodes
            lines = self.world.lines()
            self.notary.follow(self.publisher, lines, now)
            me = nodes.get(self.node, Node(self.node))
            self.arbiter.drain(me.drained)
            self.herald.node(me.drain_fault)
            self.arbiter.follow(lines, {name: self._homes(node) for name, node in nodes.items()}, now)
        self._use_links()
        self._reconsider(now)
        self._settle(now, decide=True)

    def _homes(self, node: Node) -> tuple[Address, ...]:
        """Where a node's own kernel can be asked, on each link: as the cluster names it, and as it tells."""
        told = self.heartbeat.others.told.get(node.name, ())
        return tuple(dict.fromkeys((*node.internal_ips, *told)))

    def _on_links(self, links: tuple[Link, ...]) -> None:
        """What may be answered is settled before the announcer learns of a link: an old claim may be another's by now."""
        now = clock()
        self._use_links()
        self._reconsider(now)
        self._settle(now, decide=True)
        self.prober.take_links(links)
        self.announcer.take_links(links)

    def _use_links(self) -> None:
        me = self.world.nodes.get(self.node)
        lines = (seat.line for seat in self.arbiter.seats.values())
        found = surroundings.matters(self._links.links, me.internal_ips if me else (), lines, self.node)
        away = surroundings.away(self._links.links)
        if (found, away) != self._used:
            self._used = found, away
            self.heartbeat.take_links(found)
            self.arbiter.use(map(surroundings.as_core, found), clock(), map(surroundings.as_core, away))

    def _reconsider(self, now: float) -> None:
        """A node takes part while it knows the cluster, and hears all who take part."""
        self.arbiter.presence.go_by(self.world.partial, now)
        usable = self.world.synced and bool(self.arbiter.presence.segments)
        if usable and not self._usable:
            self.heartbeat.strangers.begin(now)
        self._usable = usable
        self.arbiter.ready(self.world.synced and not self.heartbeat.barred and not self.notary.waits, now)

    def _send_beats_to_nodes(self) -> None:
        """To all others; none goes out while the cable is out, since a link that is down has no beats: the kernel would
        ask for them in vain, and ask again a second later only, which may be long after the cable is in again."""
        others = (node for name, node in self.world.nodes.items() if name != self.node)
        found = {_beat_address(node): node.name for node in others}
        self.heartbeat.send_to({address: name for address, name in found.items() if address}, self.settings.beat_port)

    def take_key(self, secret: bytes) -> None:
        """The cluster's secret, as it is now."""
        if self.heartbeat.keys.take(secret, clock()):
            self.log.info("took the new key; the one before is believed and used, too", seconds=round(KEPT))
            self.report.again()

    def _on_strangers(self, untold: list[NodeName]) -> None:
        for node in untold:
            self.log.warning("shares no key with the speaker there, and cannot hear it", node=node, fix=RESTART)
        self._reconsider(clock())

    def _on_answer(self, answer: Answer) -> None:
        self.arbiter.learn(answer, clock())

    def _on_turn(self, now: float) -> None:
        if self._told is not self.heartbeat.others.told:
            self._told = self.heartbeat.others.told
            self._on_world()
        self.notary.turn(self.publisher, now)
        self.vouchers.want(self.heartbeat.strangers.doubted(now))
        if self.notary.begins(self.publisher, now):
            self._reconsider(now)
        self._settle(now)
        if self.arbiter.state is State.RESTARTING and self.arbiter.is_relieved(now):
            self._relieved.set()
        for question in self.arbiter.questions(now):
            self.prober.ask(question)

    def _on_conflict(self, address: IPv4Address, mac: str, interface: str) -> None:
        """Another host answers for our address; another node of the cluster may, for the blink of a hand-over."""
        if not self.heartbeat.knows(bytes.fromhex(mac.replace(":", ""))):
            self.herald.conflict(address, mac)

    # What follows from it

    def _settle(self, now: float, *, decide: bool = False) -> None:
        """Do what the arbiter decided: the wire first."""
        if decide:
            self.arbiter.tick(now)
        told = self.arbiter.effects()
        if not told and not decide:
            return
        if any(isinstance(effect, effects.Stalled) for effect in told):
            self._flush()
        took = (effect for effect in told if isinstance(effect, effects.Took))
        self._taken.update({effect.line.address: (effect, now) for effect in took})
        owned = {address: line.verdict.interfaces_of(self.node) for address, line in self.arbiter.answered.items()}
        self.announcer.set(owned, self.arbiter.stood_in())
        for effect in told:
            self._tell(effect)
        if any(not isinstance(effect, (effects.Up, effects.Announce)) for effect in told):
            self.heartbeat.beat_now()
        self._on_placement()

    def _tell(self, effect: effects.Effect) -> None:
        if isinstance(effect, effects.Announce):
            if isinstance(effect.address, IPv4Address):
                self.announcer.announce(effect.address)
        elif isinstance(effect, effects.Dropped):
            self._taken.pop(effect.address, None)
            self.herald.drop(effect)
        elif isinstance(effect, effects.MoveRefused):
            if not (effect.term and effect.line.address in self.announcer.refused):  # whose terms nobody is told of
                self.herald.move_refused(effect)
        elif isinstance(effect, (effects.StoodIn, effects.StoodDown)):
            self.herald.standing(effect)
            self._note(effect)
        elif isinstance(effect, (effects.Up, effects.Down)):
            if isinstance(effect, effects.Up):
                self.heartbeat.repeat()
            if effect.node == self.node:
                self._took_part = self._took_part or isinstance(effect, effects.Up)
                links = [link.name for link in self._links.links]
                self.log.info("takes part" if isinstance(effect, effects.Up) else "takes no part", links=links)
            self.herald.member(effect)

    def _note(self, effect: effects.StoodIn | effects.StoodDown) -> None:
        if isinstance(effect, effects.StoodIn):
            self.journal.stand_in(effect, clock())
        else:
            seat = self.arbiter.seats.get(effect.address)
            self.journal.stand_down(effect, seat.line.services if seat else (), clock(), time.time())

    def _flush(self) -> None:
        """This process was held up: what queued meanwhile is no longer true."""
        self.announcer.flush()
        self.prober.flush()
        self.heartbeat.flush()

    def _on_placement(self) -> None:
        """Tell each take once its address is announced, and what is announced nowhere."""
        placements, owned = self.announcer.placements, self.arbiter.owned
        for address in [address for address in self._taken if address in placements]:
            took, decided = self._taken.pop(address)
            announced = clock() - decided
            self.herald.take(took, announced)
            self.journal.take(took, announced, time.time())
        refused = self.announcer.refused
        self.herald.announced(
            {(service, address) for address in placements if address in owned for service in owned[address].services}
        )
        self.herald.refused({address: (reason, owned[address]) for address, reason in refused.items()})
        self.publisher.changed()

    def account(self) -> Account | None:
        """What this node has to tell the API, by all that it has read there."""
        now = clock()
        self.notary.turn(self.publisher, now)
        return self.notary.account(now)


def _beat_address(node: Node) -> str | None:
    """Where a node hears beats: its first InternalIP of IPv4, the one family that they are sent in so far."""
    return next((str(address) for address in node.internal_ips if address.version == 4), None)
