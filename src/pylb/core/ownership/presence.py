"""This node's place among the others: its own state, its links, and who of the others is there. No sockets, no clock.

A node that was held up, or cut off, cannot tell who was silent: it listens again before it takes part, as when it starts.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping

from pylb.core.model import Address, NodeName
from pylb.core.ownership.beats import INTERVAL, State
from pylb.core.ownership.effects import Down, Effect, Lost, Stalled, Up
from pylb.core.ownership.peers import Peer
from pylb.core.ownership.segment import Link, Segment

STALL_LIMIT = 0.3  # s without a tick after which a node distrusts itself; below every peer's deadline
LISTEN = 0.6  # s that a new speaker listens before it takes part
LISTEN_AGAIN = 0.3  # s that one listens that was held up or cut off: each live peer has spoken by then
SETTLE = 0.15  # s more, where nobody was active before: all start at once
AGREEMENT = 2.0  # s in which all learn that the configuration is whole again: who learns it first moves nothing yet
RECORDED = 10.0  # s after the start that a recorded owner is waited for
WANTED = 0.5  # s for which a node with whom there was something to settle is beaten to in each turn
RECONCILED = 5.0  # s for which so is one that was lost, and whose addresses this node took, once it is back
FLAPS, FLAP_WINDOW, FLAP_HOLD = 3, 60.0, 60.0  # a node lost so often within so many s is no candidate for so many s


class Presence:
    """Who takes part, as one node sees it. Times are seconds that never step back."""

    def __init__(self, node: NodeName, incarnation: int, now: float) -> None:
        self.node, self.incarnation = node, incarnation
        self.state = State.JOINING
        self.active_at = now  # when this node last began to take part
        self.segments: dict[str, Segment] = {}
        self.effects: list[Effect] = []
        self._draining = False  # what it owns is to go to others
        self.partial = False  # this node goes by what is valid of an invalid configuration
        self._whole_since = float("-inf")
        self._away: dict[str, Segment] = {}  # links that went down
        self._down: tuple[Link, ...] = ()  # and those that may never have been up
        self._ready = False  # what it needs to take part is there
        self._join_at = now + LISTEN
        self._ticked = now
        self._up: dict[NodeName, bool] = {}
        self._lost: dict[NodeName, list[float]] = {}
        self._able: dict[tuple[str, ...], bool] = {}  # who else may take what, since the last tick
        self._company: dict[NodeName, float] = {}  # with whom there is something to settle, and until when

    def may_rely(self, now: float) -> bool:
        """Whether this node was not held up just now."""
        return now <= self._ticked + STALL_LIMIT

    def ready(self, is_ready: bool, now: float) -> None:
        """Whether what this node needs to take part is there."""
        if is_ready and not self._ready:
            self._join_at = max(self._join_at, now + LISTEN_AGAIN)
        self._ready = is_ready
        if not is_ready:
            self._pause(Lost.CUT_OFF, 0.0, now)

    def go_by(self, partial: bool, now: float) -> None:
        """This node goes by a part of the configuration from now on, or by a whole one.

        Who goes by a part is no candidate beside those who know a whole one: they would not agree on who is first.
        """
        if partial is not self.partial:
            self.partial = partial
            self._whole_since = float("-inf") if partial else now

    def _is_outranked(self, now: float) -> bool:
        """Whether this node has to leave everything to somebody who knows a whole configuration."""
        patience = AGREEMENT if self.state is State.ACTIVE else 0.0
        fresh = (peer for segment in self.segments.values() for peer in segment.peers.fresh(now))
        whole = (peer for peer in fresh if peer.state.may_take and not peer.partial)
        return self.partial and any(now >= peer.whole_since + patience for peer in whole)

    def use(self, links: Iterable[Link], now: float, down: Iterable[Link] = ()) -> None:
        """These links are up from now on. One that was not is listened to first: an old claim may be another's by now.

        `down`: those of which it is known what they would be there for.
        """
        wanted, self._down = {link.name: link for link in links}, tuple(down)
        for name in self.segments.keys() - wanted.keys():
            self._away[name] = self.segments.pop(name)
        for name, link in wanted.items():
            known = self.segments.get(name)
            if known is not None and known.link.mac == link.mac:
                known.take(link)
                continue
            if not self.segments:
                self._join_at = max(self._join_at, now + LISTEN_AGAIN)
            self.segments[name] = self._bring_up(link, now)
        if not self.segments:
            self._pause(Lost.CUT_OFF, 0.0, now)

    def _bring_up(self, link: Link, now: float) -> Segment:
        back = self._away.pop(link.name, None)
        if back is None or back.link.mac != link.mac:
            return Segment(link, self.node, self.incarnation, now)
        back.link = link
        back.come_back(now)
        return back

    def sit(self, nodes: Mapping[NodeName, tuple[Address, ...]], now: float) -> None:
        """These are the cluster's nodes: on each link those that have an address there, or are heard."""
        for segment in self.segments.values():
            on = (node for node, homes in nodes.items() if segment.peers.get(node) or segment.holds(homes))
            segment.sit({self.node, *on}, now)

    def want(self, node: NodeName, until: float) -> None:
        """There is something to settle with a node: it is to hear of this one soon, and be heard."""
        self._company[node] = max(until, self._company.get(node, until))

    def company(self, now: float) -> list[NodeName]:
        """The nodes with which there is something to settle."""
        for node, until in list(self._company.items()):
            if until == math.inf and any(segment.fresh(node, now) for segment in self.segments.values()):
                self._company[node] = now + RECONCILED
            elif now >= until:
                del self._company[node]
        return list(self._company)

    def turns(self, segment: Segment, now: float) -> Iterator[tuple[tuple[NodeName, ...] | None, bool]]:
        """To whom this turn's beats on a link go, None: to all; and whether they are asked to answer."""
        if segment.circle is None:
            return iter([(None, False)])
        return segment.circle.turn(self.state, segment.since, self.company(now), now)

    def tick(self, now: float) -> float:
        """Let time pass; gives the seconds for which this process was held up, or 0."""
        gap, self._ticked = now - self._ticked, now
        self._able.clear()
        held_up = gap if gap > STALL_LIMIT else 0.0
        if held_up:
            self.effects.append(Stalled(held_up))
            self._pause(Lost.STALLED, held_up, now)
            for segment in self.segments.values():
                segment.start_anew(now)
        return held_up

    def watch(self, segment: Segment, now: float) -> list[Peer]:
        """Find out who is silent on a link; those that fell silent or are heard again since the last time."""
        changed = segment.watch(now)
        for node in sorted({*segment.silent, *changed}):  # heard again, if only by another's word
            peer = segment.peers.get(node)
            if peer is not None:
                self.note(peer, now)
        return [peer for node in sorted(changed) if (peer := segment.peers.get(node)) is not None]

    def join(self, now: float) -> bool:
        """Take part, if it is time; True if this node just began to."""
        if self.state is State.ACTIVE and self._is_outranked(now):
            self._pause(Lost.CUT_OFF, 0.0, now)
        if self.state is not State.JOINING or not self._ready or not self.segments:
            return False
        listening = max(segment.listening for segment in self.segments.values())
        if now < self._join_at + listening:
            return False
        if self._is_outranked(now):
            return False
        self.state = State.DRAINING if self._draining else State.ACTIVE
        others = any(peer.state.may_take for segment in self.segments.values() for peer in segment.peers.fresh(now))
        self.active_at = now if others else now + SETTLE + (2 * INTERVAL if listening else 0.0)
        self.effects.append(Up(self.node))
        return True

    def drain(self, is_drained: bool) -> None:
        """Whether what this node owns is to go to others, from now on."""
        self._draining = is_drained
        if self.state.takes_part:
            self.state = State.DRAINING if is_drained else State.ACTIVE

    def has_waited(self, segments: Iterable[Segment], now: float) -> bool:
        """Whether this node has waited for long enough for an owner that the API names, and that may start as it did."""
        return now >= max((self.active_at, *(segment.since for segment in segments))) + RECORDED

    def _pause(self, cause: Lost, seconds: float, now: float) -> None:
        """Take no part until it is time."""
        self._join_at = max(self._join_at, now + LISTEN_AGAIN)
        if self.state.takes_part:
            self.state = State.JOINING
            self.effects.append(Down(self.node, cause, seconds))

    def may_take(self, node: NodeName, segments: Collection[Segment], now: float) -> bool:
        """Whether a node may take an address that is answered on these links."""
        if node == self.node:
            since = max((one.since + LISTEN_AGAIN + one.listening for one in segments), default=math.inf)
            return self.state.may_take and now >= max(self.active_at, since)
        if all(segment.circle is None for segment in segments):
            return self._may_take(node, segments, now)
        key = (node, *(segment.link.name for segment in segments))  # of so many it is found out once a tick
        if key not in self._able:
            self._able[key] = self._may_take(node, segments, now)
        return self._able[key]

    def _may_take(self, node: NodeName, segments: Collection[Segment], now: float) -> bool:
        lost = [at for at in self._lost.get(node, ()) if now < at + FLAP_WINDOW]
        if len(lost) >= FLAPS and now < lost[-1] + FLAP_HOLD:
            return False
        peers = (segment.fresh(node, now) for segment in segments)
        tolerant = self.partial or now < self._whole_since + AGREEMENT
        blind = not all(segment.is_witnessed(now) for segment in segments)  # and then nobody can be told from another
        able = (peer for peer in peers if peer is not None and peer.state.may_take and (peer.witnessed or blind))
        return any(tolerant or not peer.partial for peer in able)

    @property
    def away(self) -> list[Link]:
        """The links that are down."""
        return [*(segment.link for segment in self._away.values()), *self._down]

    @property
    def members(self) -> list[NodeName]:
        """The other nodes whose speakers are heard and take part."""
        return sorted(node for node, is_up in self._up.items() if is_up)

    def note(self, peer: Peer, now: float) -> None:
        """Tell of a peer that came or went."""
        node, was = peer.node, self._up.get(peer.node, False)
        heard = [known for segment in self.segments.values() if (known := segment.peers.get(node)) is not None]
        alive = any(known.state.takes_part and now < known.sign + known.deadline for known in heard)
        if alive and not was and peer.is_fresh(now):
            self._up[node] = True
            self.effects.append(Up(node))
        elif was and not alive:
            self._up[node] = False
            left = any(known.state in (State.LEAVING, State.RESTARTING) for known in heard)
            self._remember_loss(node, left, now)
            silent = now - max((known.sign for known in heard), default=now)
            self.effects.append(Down(node, Lost.LEFT if left else Lost.SILENT, silent))

    def _remember_loss(self, node: NodeName, left: bool, now: float) -> None:
        recent = [at for at in self._lost.get(node, ()) if now < at + FLAP_WINDOW]
        self._lost[node] = recent if left else [*recent, now][-FLAPS:]
