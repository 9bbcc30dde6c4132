"""The heartbeat: sends this node's beats, hears the others', and drives the membership by the clock.

It decides nothing: `core.membership` does. Times are CLOCK_BOOTTIME, which does not stop while the machine sleeps.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections import Counter
from collections.abc import Callable, Collection

from pylb.core.membership import INTERVAL, Beat, Cause, Change, Down, Membership, State
from pylb.core.model import NodeName
from pylb.speaker import beat as codec
from pylb.speaker.errors import Flaw, WireError
from pylb.speaker.wire import BeatSocket, Peer

MAX_PEERS = 256
MAX_MACS = 16  # Ethernet addresses that a beat tells
MAC_BYTES = 6
MAC_FIELD = 1  # the type of a beat's field that holds them, one after the other
OnChanges = Callable[[list[Change]], None]


def clock() -> float:
    """Seconds since boot, suspended time included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Keys:
    """What a cluster's secret gives: the key that signs, and the id by which clusters on one LAN tell each other apart."""

    def __init__(self, secret: bytes) -> None:
        self.signing = hmac.digest(secret, b"pylb beats 1", hashlib.sha256)
        self.cluster = hmac.digest(secret, b"pylb cluster 1", hashlib.sha256)[: codec.CLUSTER_BYTES]


class Heartbeat:
    """Beats out and in, on one UDP port."""

    def __init__(self, membership: Membership, keys: Keys, on_changes: OnChanges, on_stall: Callable[[], None]) -> None:
        self._membership, self._keys = membership, keys
        self._on_changes, self._on_stall = on_changes, on_stall
        self._peers: tuple[Peer, ...] = ()
        self._socket: BeatSocket | None = None
        self._macs: dict[NodeName, frozenset[bytes]] = {}
        self._own_macs: tuple[bytes, ...] = ()
        self._next_beat = 0.0
        self._sooner = asyncio.Event()
        self.sent = 0
        self.lost = 0  # not sent: no route, no carrier
        self.heard = 0
        self.refused: Counter[Flaw] = Counter()  # datagrams that no holder of the key made for this cluster

    def open(self, address: str, port: int) -> None:
        """Listen; OSError if the port is taken."""
        self._socket = BeatSocket(address, port, self._receive)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def send_to(self, addresses: Collection[str], port: int) -> None:
        """Send beats to these addresses from now on."""
        self._peers = tuple((address, port) for address in sorted(addresses)[:MAX_PEERS])

    def tell_macs(self, macs: Collection[bytes]) -> None:
        """Say in every beat that these are this node's Ethernet addresses."""
        self._own_macs = tuple(sorted(macs)[:MAX_MACS])

    def knows(self, mac: bytes) -> bool:
        """Whether it is the Ethernet address of one of the cluster's nodes, as they tell themselves."""
        return mac in self._own_macs or any(mac in macs for macs in self._macs.values())

    def beat_now(self) -> None:
        """Send a beat at once: what this node says of itself has changed."""
        self._next_beat = 0.0
        self._sooner.set()

    def flush(self) -> None:
        """Throw away the beats that queued up while this process was held up: they prove nothing about now."""
        if self._socket is not None:
            self._socket.flush()

    async def run(self) -> None:
        """Beat and watch the clock for ever."""
        while True:
            self._tick(clock())
            await self._wait(clock())

    def _tick(self, now: float) -> None:
        state = self._membership.state
        changes = self._membership.tick(now)
        if any(isinstance(change, Down) and change.cause is Cause.STALLED for change in changes):
            self._on_stall()
        if changes:
            self._on_changes(changes)
        if now >= self._next_beat or self._membership.state is not state:
            self._send()
            self._next_beat = now + INTERVAL

    async def _wait(self, now: float) -> None:
        """Sleep until something is due, or `beat_now`. (No wait_for: before Python 3.12 it can swallow a cancellation.)"""
        due = min(self._next_beat, self._membership.next_deadline() or self._next_beat)
        alarm = asyncio.get_running_loop().call_later(max(0.0, due - now), self._sooner.set)
        try:
            await self._sooner.wait()
        finally:
            alarm.cancel()
            self._sooner.clear()

    def _send(self) -> None:
        if self._socket is None:
            return
        datagram = codec.encode(self._to_wire(self._membership.beat()), self._keys.signing)
        for peer in self._peers:
            if self._socket.send(datagram, peer):
                self.sent += 1
            else:
                self.lost += 1

    def _receive(self, datagram: bytes, peer: Peer) -> None:
        try:
            beat = codec.decode(datagram, self._keys.signing)
        except WireError as error:
            self.refused[error.reason] += 1
            return
        self.heard += 1
        self._learn_macs(beat)
        told = Beat(NodeName(beat.node), beat.incarnation, beat.sequence, State[beat.state.name])
        changes = self._membership.receive(told, clock())
        if changes:
            self._on_changes(changes)

    def _learn_macs(self, beat: codec.Beat) -> None:
        joined = b"".join(value for kind, value in beat.fields if kind == MAC_FIELD)
        macs = frozenset(joined[at : at + MAC_BYTES] for at in range(0, len(joined), MAC_BYTES))
        if NodeName(beat.node) in self._macs or len(self._macs) < MAX_PEERS:
            self._macs[NodeName(beat.node)] = macs

    def _to_wire(self, beat: Beat) -> codec.Beat:
        fields = ((MAC_FIELD, b"".join(self._own_macs)),)
        state = codec.State[beat.state.name]
        return codec.Beat(self._keys.cluster, beat.node, state, beat.incarnation, beat.sequence, fields)
