"""The one store: what is known of the cluster, folded from facts. It draws nothing, and judges nothing.

`fold` never fails: an event of an unknown kind is counted, an old one does not overwrite what is newer, and every
table has a bound at which its oldest entry goes. Facts may come in any order; any prefix of them is a valid state.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import isfinite
from typing import Any

from pylb.core import events
from pylb.core.events import Event
from pylb.core.model import LOAD_BALANCER, L2Status, Node, Pod, Service
from pylb.tui.draft import MAX_OBJECTS, Draft
from pylb.tui.facts import (
    ConfigSeen,
    ControllerHeard,
    Dropped,
    Fact,
    Kind,
    Listed,
    Note,
    ObjectChanged,
    Offline,
    Online,
    Snapshot,
    SpeakerHeard,
    SpeakerSilent,
)
from pylb.tui.state import Dated, Foreign, Link, Speaker, State, Status, Take, Trail, Waiting

MAX_EVENTS = 200  # as many as `pylb-history` keeps
MAX_NOTES = 1_000
MAX_TRAILS = 20_000
MAX_TAKES = 8  # nodes whose last take of one address is kept
MAX_CHANGES = 8  # of one address: enough to tell a flapping one
_TIMES = ("at", "retry_at", "created")


def fold(state: State, fact: Fact) -> State:
    """The state after one more fact."""
    return fold_all(state, (fact,))


def fold_all(state: State, facts: Iterable[Fact]) -> State:
    """The state after many facts: the same as folding them one by one, with each table copied once at most."""
    draft = Draft(state)
    for fact in facts:
        step = _STEPS.get(type(fact))
        if step is None or not all(isfinite(getattr(fact, name, None) or 0.0) for name in _TIMES):
            draft.count("unknown")
        else:
            step(draft, fact)
    return draft.done()


def _object_changed(draft: Draft, fact: ObjectChanged) -> None:
    value = fact.value
    if isinstance(value, Service) and value.type != LOAD_BALANCER:
        value = None
    table, kind, limit = _TABLES[fact.kind]
    if value is None:
        _object_gone(draft, fact)
    elif not isinstance(value, kind):
        draft.count("unknown")
    elif isinstance(value, Service):
        draft.put(table, fact.key, Dated(value, fact.created))
    elif isinstance(value, L2Status):
        draft.put(table, fact.key, Status(value, fact.created))
        if fact.created is not None:
            _announced(draft, value.service, value.node, fact.created)
    else:
        draft.put(table, fact.key, value, limit)


def _object_gone(draft: Draft, fact: ObjectChanged) -> None:
    table = _TABLES[fact.kind][0]
    gone = draft[table].get(fact.key)
    draft.drop(table, fact.key)
    if fact.kind is Kind.SERVICE:
        draft.drop("waits", fact.key)
    if isinstance(gone, Pod) and all(pod.node != gone.node for pod in draft["pods"].values()):
        draft.drop("speakers", gone.node)


_TABLES: dict[Kind, tuple[str, type, int]] = {
    Kind.SERVICE: ("services", Service, MAX_OBJECTS),
    Kind.STATUS: ("statuses", L2Status, MAX_OBJECTS),
    Kind.NODE: ("nodes", Node, MAX_OBJECTS),
    Kind.POD: ("pods", Pod, MAX_OBJECTS),
    Kind.NOTE: ("notes", Note, MAX_NOTES),
}


def _announced(draft: Draft, key: str, node: str, at: float, before: str = "") -> None:
    """Note that a node announces an address or a Service since `at`; what is older than its last take is left out."""
    trail: Trail = draft["trails"].get(key, Trail())
    mine = next((take for take in trail.takes if take.node == node), None)
    last = max(trail.takes, key=lambda take: take.since, default=None)
    if mine is not None and (at <= mine.since or (mine is last and not mine.ended and not before)):
        return  # repeated, or said again by who holds it
    previous = before or (last.node if last is not None and last is not mine and last.since <= at else "")
    others = tuple(take for take in trail.takes if take is not mine)
    takes = tuple(sorted((*others, Take(node, at, previous)), key=lambda take: take.since))[-MAX_TAKES:]
    changes = (*trail.changes, at)[-MAX_CHANGES:] if previous else trail.changes
    draft.put("trails", key, Trail(takes, changes), MAX_TRAILS)


def _happened(draft: Draft, event: Event) -> None:
    known: tuple[Event, ...] = draft["events"]
    if event in known[-MAX_EVENTS:]:
        return  # a stream that is read again after a reconnect
    ordered = list(known)
    insort(ordered, event, key=lambda one: one.at)
    draft["events"] = tuple(ordered[-MAX_EVENTS:])
    draft.count("events")


def _allocated(draft: Draft, event: events.Allocated) -> None:
    waiting: Waiting | None = draft["waits"].get(event.service)
    if waiting is not None and waiting.at <= event.at:
        draft.drop("waits", event.service)
    _happened(draft, event)


def _pending(draft: Draft, event: events.Pending) -> None:
    waiting: Waiting | None = draft["waits"].get(event.service)
    if waiting is None or waiting.at <= event.at:
        text = f"{event.text}; {event.fix}" if event.fix else event.text
        draft.put("waits", event.service, Waiting(event.at, text))
    _happened(draft, event)


def _settled(draft: Draft, address: str, at: float) -> None:
    """A node took or gave up the address after a stranger was heard: whoever still answers will be heard again."""
    known: Foreign | None = draft["foreign"].get(address)
    if known is not None and known.at <= at:
        draft.drop("foreign", address)


def _claimed(draft: Draft, event: events.Claimed) -> None:
    _settled(draft, event.address, event.at)
    _announced(draft, event.address, event.node, event.at)
    _happened(draft, event)


def _moved(draft: Draft, event: events.Moved) -> None:
    _settled(draft, event.address, event.at)
    _announced(draft, event.address, event.to_node, event.at, event.from_node)
    _happened(draft, event)


def _withdrawn(draft: Draft, event: events.Withdrawn) -> None:
    _settled(draft, event.address, event.at)
    trail: Trail = draft["trails"].get(event.address, Trail())
    take = trail.of(event.node)
    if take is not None and take.since <= event.at:
        takes = tuple(replace(one, ended=True) if one is take else one for one in trail.takes)
        draft.put("trails", event.address, replace(trail, takes=takes), MAX_TRAILS)
    _happened(draft, event)


def _conflict(draft: Draft, event: events.Conflict) -> None:
    known: Foreign | None = draft["foreign"].get(event.address)
    if known is None or known.at <= event.at:
        draft.put("foreign", event.address, Foreign(event.at, event.mac, event.seen_by), MAX_TRAILS)
    _happened(draft, event)


def _config_loaded(draft: Draft, event: events.ConfigLoaded) -> None:
    draft.drop("rejections", event.by)
    _happened(draft, event)


def _config_rejected(draft: Draft, event: events.ConfigRejected) -> None:
    draft.put("rejections", event.by, event.problems)
    _happened(draft, event)


def _unknown(draft: Draft, event: events.Unknown) -> None:
    draft.count("unknown")


def _listed(draft: Draft, fact: Listed) -> None:
    draft.put("listed", fact.kind, fact.available)


def _config_seen(draft: Draft, fact: ConfigSeen) -> None:
    draft["problems"] = fact.problems
    if fact.config is not None:
        draft["config"] = fact.config


def _speaker_heard(draft: Draft, fact: SpeakerHeard) -> None:
    known: Speaker | None = draft["speakers"].get(fact.snapshot.node)
    before = known.claims if known is not None and not known.silent else {}
    claims = {held.address: before.get(held.address, fact.at) for held in fact.snapshot.addresses if held.mine}
    draft.put("speakers", fact.snapshot.node, Speaker(fact.at, fact.snapshot, claims))


def _speaker_silent(draft: Draft, fact: SpeakerSilent) -> None:
    known: Speaker | None = draft["speakers"].get(fact.node)
    base = known if known is not None else Speaker(fact.at, Snapshot(fact.node))
    draft.put("speakers", fact.node, replace(base, silent=fact.reason or "silent", silent_at=fact.at))


def _controller_heard(draft: Draft, fact: ControllerHeard) -> None:
    draft["contests"], draft["contests_at"] = fact.contests, fact.at


def _online(draft: Draft, fact: Online) -> None:
    link: Link = draft["link"]
    heard = fact.at if link.heard_at is None else max(link.heard_at, fact.at)
    if link.online is not False:
        draft["link"] = Link(True, heard, back_at=link.back_at)
        return
    draft["link"] = Link(True, heard, back_at=fact.at)
    for node, speaker in tuple(draft["speakers"].items()):
        if speaker.silent and link.heard_at is not None and speaker.silent_at > link.heard_at:
            draft.put("speakers", node, replace(speaker, silent=""))  # it was the API server that did not answer


def _offline(draft: Draft, fact: Offline) -> None:
    link: Link = draft["link"]
    lost = link.lost_at if link.online is False else fact.at
    draft["link"] = Link(False, link.heard_at, lost, fact.reason, fact.retry_at, link.back_at)


def _dropped(draft: Draft, fact: Dropped) -> None:
    draft.count("dropped", fact.count)


_STEPS: dict[type, Callable[[Draft, Any], None]] = {
    ObjectChanged: _object_changed,
    Listed: _listed,
    ConfigSeen: _config_seen,
    SpeakerHeard: _speaker_heard,
    SpeakerSilent: _speaker_silent,
    ControllerHeard: _controller_heard,
    Online: _online,
    Offline: _offline,
    Dropped: _dropped,
    events.Allocated: _allocated,
    events.Released: _happened,
    events.Pending: _pending,
    events.Claimed: _claimed,
    events.Moved: _moved,
    events.Withdrawn: _withdrawn,
    events.StoodIn: _happened,
    events.StoodDown: _happened,
    events.MemberUp: _happened,
    events.MemberDown: _happened,
    events.Conflict: _conflict,
    events.ConfigLoaded: _config_loaded,
    events.ConfigRejected: _config_rejected,
    events.Unknown: _unknown,
}
