"""Who owns which address, as one node decides it: a state machine over lines, beats, answers and time.

It is told what the cluster wants (`follow`), which links there are (`use`), what it hears (`hear`, `learn`) and that time
passes (`tick`). It says what to answer for (`answers`), what to send (`beats`), what to ask (`questions`) and what
happened (`effects`). Sockets, the clock and the API are its callers' matter. Times are seconds that never step back.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from pylb.core.model import Address, NodeName
from pylb.core.ownership import seating
from pylb.core.ownership.beats import STRIDE, Beat, State
from pylb.core.ownership.claims import Claim
from pylb.core.ownership.effects import Effect
from pylb.core.ownership.gazette import Gazette
from pylb.core.ownership.keeper import Keeper
from pylb.core.ownership.lines import Line
from pylb.core.ownership.presence import Presence
from pylb.core.ownership.questions import Answer, Question, Subject
from pylb.core.ownership.record import Notice, Record
from pylb.core.ownership.seats import Seat
from pylb.core.ownership.segment import Link, Segment

TICK = 0.05  # s between ticks
BREATH = 0.01  # s between two ticks at least
SLACK = 0.02  # s by which a tick may come later, for what is due then
REVIEW = 0.5  # s between two looks at claims that only time makes ordinary
MAX_ADDRESSES = 10_000
AT_ONCE = 1000  # addresses decided about in one tick: some 30 ms on a small machine
KUBELET = 10250  # the kubelet's port


class Arbiter:
    """The decisions of one node."""

    def __init__(self, node: NodeName, incarnation: int, now: float) -> None:
        self.node, self.incarnation = node, incarnation
        self.presence = Presence(node, incarnation, now)
        self.seats: dict[Address, Seat] = {}
        self.gazette = Gazette(self.presence)
        self._keeper = Keeper(self.presence)
        self._nodes: Mapping[NodeName, tuple[Address, ...]] = {}
        self._sequence = 0
        self._review_at = now
        self._last = (0, b"")  # the address that was decided about last, where there are too many for one tick
        self._restless: set[Address] = set()  # addresses about which something may have to be decided
        self._witnessed: dict[str, bool] = {}
        self._listed: dict[str, Mapping[Address, Claim]] = {}  # what the beats on each link say
        self._answers: dict[Address, bytes | None] | None = None  # None: to be found out

    @property
    def state(self) -> State:
        """What this node says of itself."""
        return self.presence.state

    # What it is told

    def ready(self, is_ready: bool, now: float) -> None:
        """Whether what this node needs to take part is there: the cluster was read once."""
        self.presence.ready(is_ready, now)

    def end(self, state: State) -> None:
        """Drain, restart or leave: what the beats say from now on."""
        self.presence.state = state
        self._restless.update(self.seats)

    def drain(self, is_drained: bool) -> None:
        """Give all to others in order and take nothing, or be a node as others are again."""
        before = self.state
        self.presence.drain(is_drained)
        if self.state is not before:
            self._restless.update(self.seats)

    def use(self, links: Iterable[Link], now: float, down: Iterable[Link] = ()) -> None:
        """These links are up from now on, and those are not."""
        self.presence.use(links, now, down)
        self.presence.sit(self._nodes, now)
        for seat in self.seats.values():
            self._face(seat, now)
        self._changed()

    def follow(self, lines: Iterable[Line], nodes: Mapping[NodeName, tuple[Address, ...]], now: float) -> None:
        """What the cluster wants: a line for each address, whoever is alive, and the nodes' own addresses."""
        self._nodes, self._keeper.nodes = nodes, frozenset(nodes)
        self.presence.sit(nodes, now)
        wanted = {line.address: line for line in list(lines)[:MAX_ADDRESSES]}
        for address in self.seats.keys() - wanted.keys():
            self._keeper.vacate(self.seats.pop(address))
        for address, line in wanted.items():
            seat = self.seats.get(address)
            if seat is None:
                seat = self.seats[address] = Seat(line, vacant_since=now)
                seating.collect(seat, self.presence.segments.values())
            elif seat.line == line:
                continue
            seat.line, seat.yielded_since = line, math.inf
            self._face(seat, now)
        self._changed()

    def recall(self, recorded: Mapping[Address, Record]) -> None:
        """Whom the API names as each address's owner: what counts when this node starts."""
        self._keeper.recorded = recorded

    def read(self, notices: Mapping[NodeName, Notice], ready: Collection[NodeName], now: float) -> None:
        """What the nodes tell through the API by now, and which of them are ready by its word."""
        self._restless |= self.gazette.read(notices, ready, self.seats, now)

    def hear(self, beat: Beat, link: str, now: float) -> None:
        """A beat came in on a link."""
        segment = self.presence.segments.get(link)
        if segment is None or beat.node == self.node:
            return
        known = segment.peers.get(beat.node)
        before = known.claims if known is not None and known.is_real else {}
        was = (known.state, known.incarnation, known.is_fresh(now)) if known is not None else None
        apart = segment.is_apart(known, now) or (was is not None and was[0] is not beat.state is State.JOINING)
        peer = segment.hear(beat, now)
        if peer is None:
            self._restless |= seating.note_contest(self.seats, beat, now)
            return
        if apart:
            self._restless |= seating.remind(self.seats, segment)
        segment.suspicions.pop(peer.node, None)
        if peer.claims is not before:
            self._restless |= seating.note_claims(self.seats, link, peer, before)
        if (peer.state, peer.incarnation, peer.is_fresh(now)) != was:
            self._restless.update(peer.claims)
            self.presence.note(peer, now)

    def learn(self, answer: Answer, now: float) -> None:
        """A question was answered."""
        segment = self.presence.segments.get(answer.question.link)
        if segment is None:
            return
        if answer.question.subject is not Subject.PROBE:
            segment.answer(answer, now)
            return
        seat = self.seats.get(answer.question.address)
        mine = seat.mine if seat is not None else None
        # Who stands in says that it is ours; a host that is none of the cluster's is a conflict, not an owner.
        another = answer.mac != segment.link.mac and any(answer.mac == peer.mac for peer in segment.peers)
        if mine is not None and not mine.confirmed and another:
            mine.asked = False  # ask again

    def tick(self, now: float) -> None:
        """Let time pass. To be called again at `next_tick`."""
        held_up = self.presence.tick(now)
        if held_up:
            self._distrust(held_up, now)
        for segment in self.presence.segments.values():
            for peer in self.presence.watch(segment, now):
                self._restless |= seating.note_turn(self.seats, segment, peer, now)
            self._note_witness(segment, now)
        if self.presence.join(now):
            self._restless.update(self.seats)
        self._restless |= self.gazette.tick(self.seats, now)
        if now >= self._review_at:
            self._review_at = now + REVIEW
            self._restless.update(seating.unsettled(self.seats))
        if self._restless:
            for address in self._due():
                seat = self.seats.get(address)
                if seat is None or self._keeper.consider(seat, now):
                    self._restless.discard(address)
            self._changed()

    def next_tick(self, now: float) -> float:
        """When to call `tick` again: after TICK, or when something is due about a node that is silent."""
        due = min((segment.due(now) for segment in self.presence.segments.values()), default=math.inf)
        return max(due, now + BREATH) if due <= now + TICK + SLACK else now + TICK

    def _due(self) -> list[Address]:
        """What to decide about now: a part, in turn, where all of it would take longer than a beat."""
        due = sorted(self._restless, key=_key)
        if len(due) > AT_ONCE:
            due = ([address for address in due if _key(address) > self._last] + due)[:AT_ONCE]
            self._last = _key(due[-1])
        return due

    # What it says

    def may_answer(self, now: float) -> bool:
        """Whether this node may rely on what it knows: it was not held up just now."""
        return self.presence.may_rely(now)

    def answers(self) -> dict[Address, bytes | None]:
        """What to answer for: with the MAC of the owner that this node stands in for, or None: with its own."""
        if self._answers is not None:
            return self._answers
        found: dict[Address, bytes | None] = dict.fromkeys(self.answered)
        found.update((address, mac) for address, macs in self.stood_in().items() for mac in list(macs.values())[:1])
        self._answers = found
        return found

    def stood_in(self) -> dict[Address, dict[str, bytes]]:
        """The addresses of others that this node answers for, by link with the MAC that their owner has there."""
        found: dict[Address, dict[str, bytes]] = {}
        for address, seat in self.seats.items():
            if seat.mine is None and seat.standing is not None:
                owners = ((segment.link.name, segment.peers.get(seat.standing)) for segment in seat.segments)
                found[address] = {link: peer.mac for link, peer in owners if peer is not None and peer.mac}
        return found

    def effects(self) -> list[Effect]:
        """What happened since the last call."""
        told = self.presence.effects[:]
        self.presence.effects.clear()
        return told

    def beats(self, now: float) -> Iterator[Beat]:
        """The next beats for each link."""
        for name, segment in self.presence.segments.items():
            if name not in self._listed:
                self._listed[name] = seating.claims_on(segment, self.seats)
            said = Beat(self.node, self.incarnation, 0, self.state, name, segment.link.mac, self._listed[name])
            for to, asks in self.presence.turns(segment, now):
                self._sequence += STRIDE
                said = replace(said, sequence=self._sequence, partial=self.presence.partial, asks=asks, to=to)
                yield segment.say(said, now)

    def questions(self, now: float) -> Iterator[Question]:
        """What to ask now."""
        for segment in self.presence.segments.values():
            own = {node: _on(segment.link, self._nodes.get(node, ())) for node in segment.suspicions}
            yield from segment.questions(own, KUBELET, now)
        if self.state is State.JOINING:
            return
        for address in sorted(self._restless, key=_key):
            seat = self.seats.get(address)
            mine = seat.mine if seat is not None else None
            if seat is not None and mine is not None and not mine.confirmed and not mine.asked:
                mine.asked, mine.asked_at = True, now
                yield from (Question(Subject.PROBE, segment.link.name, address) for segment in seat.segments)

    @property
    def owned(self) -> dict[Address, Line]:
        """The addresses that are this node's."""
        return {address: seat.line for address, seat in self.seats.items() if seat.mine is not None}

    @property
    def answered(self) -> dict[Address, Line]:
        """Those of them that this node may answer for now."""
        seats = self.seats.items()
        return {address: seat.line for address, seat in seats if seat.mine is not None and seat.mine.confirmed}

    def is_relieved(self, now: float) -> bool:
        """Whether somebody who is heard answers for all that this node answers for, as well: this speaker may end."""
        answered = (seat for seat in self.seats.values() if seat.mine is not None or seat.standing is not None)
        return all(seat.is_relieved(now) for seat in answered)

    def owner(self, address: Address) -> NodeName | None:
        """Whom this node takes for the owner of an address."""
        seat = self.seats.get(address)
        if seat is None:
            return None
        return self.node if seat.mine is not None else seat.owner.node if seat.owner is not None else None

    # Bookkeeping

    def _changed(self) -> None:
        """Something was decided: what is answered and told may be another thing now."""
        self._answers = None
        for name, segment in self.presence.segments.items():
            listed = seating.claims_on(segment, self.seats)
            if listed != self._listed.get(name):
                segment.compare(self._listed.get(name, {}), listed)
                self._listed[name] = listed

    def _distrust(self, seconds: float, now: float) -> None:
        """Nothing ran here for a while: what was believed is to be shown again."""
        for seat in self.seats.values():
            if seat.mine is not None:
                seating.doubt(seat.mine, seconds, now)
            self._keeper.stand_down(seat)
        self._restless.update(self.seats)
        self._changed()

    def _face(self, seat: Seat, now: float) -> None:
        seating.face(seat, self.presence, now)
        self._restless.add(seat.line.address)

    def _note_witness(self, segment: Segment, now: float) -> None:
        """What is ours is weighed anew when a witness is lost or answers again."""
        witnessed = segment.is_witnessed(now)
        if self._witnessed.get(segment.link.name, True) != witnessed:
            self._witnessed[segment.link.name] = witnessed
            self._restless.update(address for address, seat in self.seats.items() if seat.mine is not None)


def _on(link: Link, addresses: Iterable[Address]) -> Address | None:
    return next((address for address in addresses if any(address in network for network in link.networks)), None)


def _key(address: Address) -> tuple[int, bytes]:
    return address.version, address.packed
