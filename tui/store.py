"""The one store: what is known of the cluster, folded from facts. It draws nothing, and judges nothing.

`fold` never fails: an event of an unknown kind is counted, an old one does not overwrite what is newer, and every
table has a bound at which its oldest entry goes. Facts may come in any order; any prefix of them is a valid state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import isfinite
from typing import Any

from pylb.core import events, history
from pylb.core.events import Event
from pylb.core.explanation.wire import WireSeen
from pylb.tui import movements, tables
from pylb.tui.draft import Draft
from pylb.tui.facts import (
    ConfigSeen,
    ControllerHeard,
    ControllerSilent,
    Dropped,
    Fact,
    Kind,
    Listed,
    MovesSeen,
    ObjectChanged,
    Offline,
    Online,
    Remark,
    Rewound,
    Seat,
    Snapshot,
    SpeakerHeard,
    SpeakerSilent,
)
from pylb.tui.state import Controller, Foreign, Link, Speaker, State, Waiting
from pylb.tui.tables import MAX_LOG
from pylb.tui.trails import MAX_TRAILS, announced, withdrawn

MAX_EVENTS = 200  # as many as `pylb-history` keeps
MAX_MEMBERS = 200  # events of speakers that came and went
MAX_WIRES = 1_000  # looks at the wire, one an address
MAX_CONTROLLERS = 20
MAX_REMARKS = 20
MAX_PROBLEMS = 100  # of the configuration
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
    if draft.wrote("written", "lived", "observed"):
        draft["moves"] = movements.merged(draft["written"], draft["lived"], draft["observed"])
    return draft.done()


def _happened(draft: Draft, event: Event) -> None:
    """Keep an event, unless it is known from a stream that is read again after a reconnect."""
    if draft.happened("log", event, MAX_LOG):
        draft.happened("events", event, MAX_EVENTS)
        draft.count("events")
    if isinstance(event, (events.MemberUp, events.MemberDown)):
        draft.happened("members", event, MAX_MEMBERS)


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
    announced(draft, event.address, event.node, event.at)
    _happened(draft, event)


def _moved(draft: Draft, event: events.Moved) -> None:
    _settled(draft, event.address, event.at)
    announced(draft, event.address, event.to_node, event.at, event.from_node)
    draft.happened("lived", movements.of_event(event), history.KEPT)
    _happened(draft, event)


def _withdrawn(draft: Draft, event: events.Withdrawn) -> None:
    _settled(draft, event.address, event.at)
    withdrawn(draft, event.address, event.node, event.at)
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
    if fact.kind is Kind.SERVICE and fact.scope != draft["scope"]:
        draft["scope"] = fact.scope
    if fact.denied:
        draft.put("denied", fact.kind, fact.denied)
    else:
        draft.drop("denied", fact.kind)


def _moves_seen(draft: Draft, fact: MovesSeen) -> None:
    draft["written"] = history.merge(fact.moves)


def _config_seen(draft: Draft, fact: ConfigSeen) -> None:
    draft["problems"], draft["warnings"] = fact.problems[:MAX_PROBLEMS], fact.warnings[:MAX_PROBLEMS]
    if fact.config is not None:
        draft["config"] = fact.config


def _speaker_heard(draft: Draft, fact: SpeakerHeard) -> None:
    known: Speaker | None = draft["speakers"].get(fact.snapshot.node)
    if known is not None and not known.silent and known.snapshot is fact.snapshot:
        draft.put("speakers", fact.snapshot.node, replace(known, heard_at=fact.at))
        return
    before = known.claims if known is not None and not known.silent else {}
    claims = {address: before.get(address, fact.at) for address, held in fact.snapshot.said.items() if held.mine}
    draft.put("speakers", fact.snapshot.node, Speaker(fact.at, fact.snapshot, claims))


def _speaker_silent(draft: Draft, fact: SpeakerSilent) -> None:
    known: Speaker | None = draft["speakers"].get(fact.node)
    base = known if known is not None else Speaker(fact.at, Snapshot(fact.node))
    draft.put("speakers", fact.node, replace(base, silent=fact.reason or "silent", silent_at=fact.at))


def _controller_heard(draft: Draft, fact: ControllerHeard) -> None:
    if fact.contests is not None:
        draft["contests"], draft["contests_at"] = fact.contests, fact.at
    if fact.seat is not None:
        draft.put("controllers", fact.seat.pod, Controller(fact.at, fact.seat), MAX_CONTROLLERS)


def _controller_silent(draft: Draft, fact: ControllerSilent) -> None:
    known: Controller | None = draft["controllers"].get(fact.pod)
    base = known if known is not None else Controller(fact.at, Seat(fact.pod))
    silent = replace(base, silent=fact.reason or "silent", silent_at=fact.at)
    draft.put("controllers", fact.pod, silent, MAX_CONTROLLERS)


def _wire_seen(draft: Draft, fact: WireSeen) -> None:
    known: WireSeen | None = draft["wires"].get(fact.address)
    if known is None or known.at <= fact.at:
        draft.put("wires", fact.address, fact, MAX_WIRES)


def _remark(draft: Draft, fact: Remark) -> None:
    if fact.text not in draft["remarks"]:
        draft["remarks"] = (*draft["remarks"], fact.text)[-MAX_REMARKS:]


def _rewound(draft: Draft, fact: Rewound) -> None:
    draft.begin_anew()


def _online(draft: Draft, fact: Online) -> None:
    link: Link = draft["link"]
    heard = fact.at if link.heard_at is None else max(link.heard_at, fact.at)
    if link.online is not False:
        draft["link"] = Link(True, heard, back_at=link.back_at)
        return
    draft["link"] = Link(True, heard, back_at=fact.at)
    for name in ("speakers", "controllers"):
        for key, one in tuple(draft[name].items()):
            if one.silent and link.heard_at is not None and one.silent_at > link.heard_at:
                draft.put(name, key, replace(one, silent=""))  # it was the API server that did not answer


def _offline(draft: Draft, fact: Offline) -> None:
    link: Link = draft["link"]
    lost = link.lost_at if link.online is False else fact.at
    draft["link"] = Link(False, link.heard_at, lost, fact.reason, fact.retry_at, link.back_at)


def _dropped(draft: Draft, fact: Dropped) -> None:
    draft.count("dropped", fact.count)


_STEPS: dict[type, Callable[[Draft, Any], None]] = {
    ObjectChanged: tables.changed,
    Listed: _listed,
    ConfigSeen: _config_seen,
    MovesSeen: _moves_seen,
    SpeakerHeard: _speaker_heard,
    SpeakerSilent: _speaker_silent,
    ControllerHeard: _controller_heard,
    ControllerSilent: _controller_silent,
    WireSeen: _wire_seen,
    Remark: _remark,
    Rewound: _rewound,
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
