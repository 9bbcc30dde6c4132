"""One simulated machine: a kernel that answers for the node, a kubelet, and a speaker that may crash, freeze or restart."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial

from pylb.core.model import Address, NodeName
from pylb.core.ownership.arbiter import TICK, Arbiter
from pylb.core.ownership.beats import INTERVAL, Beat, State
from pylb.core.ownership.claims import Claim
from pylb.core.ownership.effects import Announce, Effect, Stalled, StoodIn, Took
from pylb.core.ownership.evidence import Port
from pylb.core.ownership.lines import Line
from pylb.core.ownership.questions import Answer, Question
from pylb.core.ownership.record import Notice, Record
from pylb.core.ownership.segment import Link
from pylb.sim.clock import Clock

QUEUE = 64  # datagrams that wait for a frozen speaker: the oldest stay, as in a socket
BURST = (0.0, 0.05, 0.15, 0.5, 1.0)  # s after a take-over at which it is announced, as the speaker's schedule does
HANDSHAKE = 2.0  # s that a speaker that ends waits for a stand-in
Act = Callable[[Arbiter], None]


class Node:
    """A machine on the LAN. Its own clock is `offset` seconds ahead of the simulation's."""

    def __init__(self, clock: Clock, name: NodeName, addresses: tuple[Address, ...], links: Iterable[Link]) -> None:
        self.clock, self.name, self.addresses = clock, name, addresses
        self.links = {link.name: link for link in links}
        self.carriers = set(self.links)
        self.powered = True
        self.kubelet: Port | None = Port.ACCEPTS
        self.arbiter: Arbiter | None = None
        self.frozen = False
        self.drained = False  # as its Node says
        self.offset = 0.0
        self.starts = 0
        self.lines: list[Line] = []
        self.nodes: Mapping[NodeName, tuple[Address, ...]] = {}
        self.recorded: Mapping[Address, Claim] = {}  # what the API last told
        self.send: Callable[[Beat], None] = lambda beat: None
        self.ask: Callable[[Node, Question], None] = lambda node, question: None
        self.announce: Callable[[Node, Address, str, bytes], None] = lambda node, address, link, mac: None
        self.on_effects: Callable[[Node, list[Effect]], None] = lambda node, effects: None
        self.notices: Mapping[NodeName, Notice] = {}  # what the nodes tell through the API, as it last came here
        self.publish: Callable[[Node, Arbiter], None] = lambda node, arbiter: None
        self._inbox: deque[Act] = deque()  # what came in on the LAN while it was frozen
        self._news: deque[Act] = deque()  # what kernel and API told meanwhile: not thrown away
        self._beat_at = 0.0
        self._state = State.JOINING
        self._frozen_at: float | None = None  # with its clock
        self._ends_at: float | None = None

    @property
    def now(self) -> float:
        """What its own clock says."""
        return self.clock.now + self.offset

    # What befalls it

    def start(self) -> None:
        """The speaker starts, if the machine runs and it does not run yet: it has forgotten everything."""
        if not self.powered or self.arbiter is not None:
            return
        self.starts += 1
        number = int.from_bytes(hashlib.sha256(f"{self.name} {self.starts}".encode()).digest()[:8], "big")
        self.arbiter = arbiter = Arbiter(self.name, number, self.now)
        self.frozen, self._ends_at, self._beat_at = False, None, 0.0
        self._inbox.clear()
        self._news.clear()
        self.tell_links()
        self._post(self._recall)
        self.read(self.notices)
        self.drain(self.drained)
        self.tell(self.lines)
        arbiter.ready(True, self.now)
        self._turn(arbiter)

    def kill(self) -> None:
        """The speaker's process is gone at once."""
        self.arbiter, self.frozen = None, False

    def terminate(self) -> None:
        """The speaker is asked to end: it goes on until somebody stands in."""
        if self.arbiter is not None and self._ends_at is None:
            self._post(lambda arbiter: arbiter.end(State.RESTARTING))
            self._ends_at = self.now + HANDSHAKE

    def freeze(self, *, clock: bool = False) -> None:
        """The speaker's process stands still; what arrives is queued. With `clock`, the machine's clock stops as well."""
        self.frozen = True
        self._frozen_at = self.clock.now if clock else None

    def thaw(self) -> None:
        """It goes on, and reads what was queued."""
        if self.frozen and self._frozen_at is not None:
            self.offset -= self.clock.now - self._frozen_at
        self.frozen = False

    def power_off(self) -> None:
        """The machine is dead."""
        self.powered, self.kubelet = False, None
        self.kill()

    def power_on(self) -> None:
        """It boots: its kernel answers, Kubernetes and the speaker do not run yet."""
        self.powered, self.kubelet = True, Port.REFUSES

    def pull(self, link: str) -> None:
        """A cable is out."""
        self.carriers.discard(link)
        self.tell_links()

    def plug(self, link: str) -> None:
        """A cable is in again."""
        self.carriers.add(link)
        self.tell_links()

    def _recall(self, arbiter: Arbiter) -> None:
        told = self.recorded.items()
        arbiter.recall({a: Record(claim, {link: mac_of(claim.node, link) for link in self.links}) for a, claim in told})

    def read(self, notices: Mapping[NodeName, Notice]) -> None:
        """The API tells what the nodes tell; by its word all of them are ready."""
        self.notices = notices
        self._post(lambda arbiter: arbiter.read(notices, self.nodes, self.now), is_news=True)

    def drain(self, is_drained: bool) -> None:
        """The API tells that its Node is to own nothing, or that it is as others are again."""
        self.drained = is_drained
        self._post(lambda arbiter: arbiter.drain(is_drained), is_news=True)

    def tell_links(self) -> None:
        """The kernel tells which links are up."""
        links = [link for name, link in self.links.items() if name in self.carriers]
        down = [link for name, link in self.links.items() if name not in self.carriers]
        self._post(lambda arbiter: arbiter.use(links, self.now, down), is_news=True)

    def tell(self, lines: list[Line]) -> None:
        """The API tells what the cluster wants."""
        self.lines = lines
        self._post(lambda arbiter: arbiter.follow(lines, self.nodes, self.now), is_news=True)

    # What it does

    def says(self, address: Address, link: str, unicast: bool) -> bytes | None:
        """The MAC that it answers with for an address; None if it does not answer. A stand-in answers broadcasts alone."""
        arbiter = self.arbiter
        if arbiter is None or self.frozen or not self.powered or link not in self.carriers:
            return None
        answers = arbiter.answers()
        if address not in answers or not arbiter.may_answer(self.now):
            return None
        mac = answers[address]
        return (None if unicast else mac) if mac is not None else mac_of(self.name, link)

    def receive(self, beat: Beat) -> None:
        """A beat arrives."""
        arbiter = self.arbiter
        if arbiter is not None and not self.frozen:
            arbiter.hear(beat, beat.link, self.clock.now + self.offset)
        else:
            self._post(lambda arbiter: arbiter.hear(beat, beat.link, self.now))

    def answered(self, answer: Answer) -> None:
        """An answer arrives."""
        self._post(lambda arbiter: arbiter.learn(answer, self.now))

    def _post(self, act: Act, *, is_news: bool = False) -> None:
        if self.arbiter is None:
            return
        if not self.frozen:
            act(self.arbiter)
            self._flush(self.arbiter)
        elif is_news:
            self._news.append(act)
        elif len(self._inbox) < QUEUE:
            self._inbox.append(act)

    def _turn(self, arbiter: Arbiter) -> None:
        """What the speaker's loop does at each tick."""
        if arbiter is not self.arbiter:
            return
        if self.frozen:
            self.clock.after(TICK, partial(self._turn, arbiter))
            return
        now = self.now
        arbiter.tick(now)
        self._flush(arbiter)
        self.publish(self, arbiter)
        for queue in (self._news, self._inbox):
            while queue:
                queue.popleft()(arbiter)
        self._flush(arbiter)
        if now >= self._beat_at - 1e-6 or arbiter.state is not self._state:
            self._beat_at, self._state = now + INTERVAL, arbiter.state
            for beat in arbiter.beats(now):
                self.send(beat)
        for question in arbiter.questions(now):
            self.ask(self, question)
        if self._ends_at is not None and (now >= self._ends_at or arbiter.is_relieved(now)):
            self.kill()
        self.clock.after(min(self._beat_at, arbiter.next_tick(now)) - now, partial(self._turn, arbiter))

    def _flush(self, arbiter: Arbiter) -> None:
        effects = arbiter.effects()
        for effect in effects:
            if isinstance(effect, Stalled):
                self._inbox.clear()
            elif isinstance(effect, Took | Announce):
                self._burst(arbiter, effect.line.address if isinstance(effect, Took) else effect.address, BURST)
            elif isinstance(effect, StoodIn):
                self._burst(arbiter, effect.address, BURST[:1])
        if effects:
            self.on_effects(self, effects)

    def _burst(self, arbiter: Arbiter, address: Address, delays: tuple[float, ...]) -> None:
        """Announce an address a few times, as long as it is answered with the same MAC."""

        def once() -> None:
            for link in self.links:
                mac = self.says(address, link, False) if arbiter is self.arbiter else None
                if mac is not None and any(address in network for network in self.links[link].networks):
                    self.announce(self, address, link, mac)

        for delay in delays:
            self.clock.after(delay, once)


@lru_cache(maxsize=4096)
def mac_of(name: NodeName, link: str = "eth0") -> bytes:
    """A node's MAC on a link."""
    return b"\x02" + hashlib.sha256(f"{name} {link}".encode()).digest()[:5]
