"""The heartbeat: sends this node's beats on each link, hears the others', and lets the arbiter's time pass.

It decides nothing: `core.ownership.arbiter` does. Times are CLOCK_BOOTTIME, which does not stop while the machine sleeps.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from pylb.core.model import NodeName
from pylb.core.ownership.arbiter import Arbiter
from pylb.core.ownership.beats import INTERVAL, Beat, State
from pylb.speaker import beat as frame
from pylb.speaker import datagram as codec
from pylb.speaker.correspondents import Correspondents
from pylb.speaker.courier import Incoming, Outgoing
from pylb.speaker.errors import Flaw, WireError
from pylb.speaker.keyring import Keyring
from pylb.speaker.links import Link
from pylb.speaker.predecessors import Predecessors
from pylb.speaker.strangers import Strangers
from pylb.speaker.wire import BeatSocket, Peer


def clock() -> float:
    """Seconds since boot, suspended time included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Heartbeat:
    """Beats out and in, on one UDP port."""

    def __init__(
        self,
        arbiter: Arbiter,
        keys: Keyring,
        on_turn: Callable[[float], None],
        on_strangers: Callable[[list[NodeName]], None] = lambda untold: None,
    ) -> None:
        """`on_turn` is called after each tick. `on_strangers`: when `barred` changes, and with those who share no key."""
        self._arbiter, self.keys = arbiter, keys
        self._on_turn, self._on_strangers = on_turn, on_strangers
        self.strangers = Strangers()
        self.barred = False  # this node is to take no part: others do whose beats it cannot read
        self.others = Correspondents(arbiter.node)
        self._outgoing: dict[tuple[str, bool], Outgoing] = {}  # by link, and whether an answer is asked for
        self._incoming = Incoming()
        self._predecessors = Predecessors(arbiter)
        self._sequences: dict[str, int] = {}  # the last one sent, by link
        self._socket: BeatSocket | None = None
        self._next_beat = 0.0
        self._said = State.JOINING
        self._sooner = asyncio.Event()
        self.sent = 0
        self.lost = 0  # not sent: no route, no carrier
        self.heard = 0
        self.refused: Counter[Flaw] = Counter()  # datagrams that no holder of the key made for this cluster

    def open(self, address: str, port: int) -> None:
        """Listen; OSError if the port is taken."""
        self._socket = BeatSocket(address, port, self._receive)

    def close(self) -> None:
        """Stop; may be called twice."""
        if self._socket is not None:
            self._socket.close()

    def send_to(self, nodes: Mapping[str, NodeName], port: int) -> None:
        """Send beats to these nodes, by their InternalIP, from now on."""
        self.others.expect(nodes, port)
        self.strangers.expect(nodes)

    def take_links(self, links: tuple[Link, ...]) -> None:
        """These are the links that beats may go out on."""
        self.others.take_links(links)

    def knows(self, mac: bytes) -> bool:
        """Whether it is the Ethernet address of one of the cluster's nodes, as they tell themselves."""
        return self.others.knows(mac)

    def beat_now(self) -> None:
        """Send a beat at once: what this node says of itself has changed."""
        self._next_beat = 0.0
        self._sooner.set()

    def repeat(self) -> None:
        """Tell all that this node answers for soon: somebody came who has not heard it."""
        for outgoing in self._outgoing.values():
            outgoing.repeat()

    @property
    def left_out(self) -> dict[str, int]:
        """By link, how many addresses the beats there have no room for."""
        return {link: outgoing.left_out for (link, _), outgoing in self._outgoing.items()}

    def flush(self) -> None:
        """Throw away the beats that queued up while this process was held up: they prove nothing about now."""
        if self._socket is not None:
            self._socket.flush()

    async def run(self) -> None:
        """Beat and watch the clock for ever."""
        while True:
            self._turn(clock())
            await self._wait(clock())

    def _turn(self, now: float) -> None:
        self._watch_strangers(now)
        self._arbiter.tick(now)
        self._on_turn(now)
        if now >= self._next_beat or self._arbiter.state is not self._said:
            self._said, self._next_beat = self._arbiter.state, now + INTERVAL
            self._send(now)

    def _watch_strangers(self, now: float) -> None:
        if self._arbiter.state is State.ACTIVE:
            self.strangers.took_part()
        before, self.barred = self.barred, self.strangers.bars(now)
        untold = self.strangers.untold(now)
        if untold or self.barred is not before:
            self._on_strangers(untold)

    async def _wait(self, now: float) -> None:
        """Sleep until something is due, or `beat_now`. (No wait_for: before Python 3.12 it can swallow a cancellation.)"""
        due = min(self._next_beat, self._arbiter.next_tick(now))
        alarm = asyncio.get_running_loop().call_later(max(0.0, due - now), self._sooner.set)
        try:
            await self._sooner.wait()
        finally:
            alarm.cancel()
            self._sooner.clear()

    def _send(self, now: float) -> None:
        if self._socket is None:
            return
        keys = self.keys.valid(now)
        for beat in self._arbiter.beats(now):
            outgoing = self._outgoing.setdefault((beat.link, beat.asks), Outgoing(beat.node))
            self._sequences[beat.link] = beat.sequence
            tellings = outgoing.tell(beat, self.others.macs, self.others.own(beat.link), beat.partial)
            peers = self.others.peers(beat.link, beat.to)
            for datagram in [codec.encode(telling, key) for telling in tellings for key in keys]:
                for peer in peers:
                    self._post(datagram, peer)

    def _post(self, datagram: bytes, peer: Peer) -> None:
        if self._socket is not None and self._socket.send(datagram, peer):
            self.sent += 1
        else:
            self.lost += 1

    def _receive(self, datagram: bytes, peer: Peer) -> None:
        now = clock()
        try:
            beat, telling = self._read(datagram, peer, now)
        except WireError as error:
            self.refused[error.reason] += 1
            return
        self.heard += 1
        self.strangers.read(peer[0], now)
        link = self.others.learn(telling, peer[0])
        if telling.format is codec.Format.ONE:
            for completed in self._predecessors.complete(telling, self._sequences, now):
                self._arbiter.hear(completed, completed.link, now)
        elif link is not None:
            self._arbiter.hear(replace(beat, partial=telling.partial), link, now)

    def _read(self, datagram: bytes, peer: Peer, now: float) -> tuple[Beat, codec.Telling]:
        cluster, answers = frame.glance(datagram)
        key = self.keys.find(cluster, now)
        if key is None:
            self.strangers.refused(peer[0], cluster.hex(), answers, now)
            raise WireError(Flaw.OTHER_KEY)
        telling = codec.decode(datagram, key, self.others.names)
        beat, _ = self._incoming.read(telling)
        return beat, telling
