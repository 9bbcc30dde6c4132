"""The last events as lines for people, newest first. Pure.

What several speakers tell of the same thing is one line, and a Kubernetes Event is left out where the event stream
tells the same of the same Service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pylb.core import events
from pylb.core.events import Event
from pylb.tui import words
from pylb.tui.facts import Note
from pylb.tui.state import State
from pylb.tui.words import Glyphs, Line, Span, fit

SAME_S = 5.0  # two tellers of one thing are this far apart at most
MAX_NEWS = 50
CAUSES = {  # of `core.ownership.claims` and `core.ownership.effects`, in words
    "silent": "not heard any more",
    "left": "it left in order",
    "stalled": "it was held up",
    "cut_off": "it is cut off",
    "first_in_line": "first in line again",
    "node_gone": "its node is gone",
    "kubernetes_stopped": "Kubernetes stopped there",
    "speaker_gone": "its speaker stayed away",
    "kubelet_silent": "its kubelet stayed silent",
    "released": "it was given up",
}
_TWINS: dict[str, tuple[type, ...]] = {  # what an Event of Kubernetes says again
    "IPAllocated": (events.Allocated,),
    "nodeAssigned": (events.Claimed, events.Moved),
    "AllocationFailed": (events.Pending,),
    "LoadBalancerFailed": (events.Pending,),
    "ConfigurationError": (events.ConfigRejected,),
}


@dataclass(frozen=True, slots=True)
class News:
    """One line: when, what kind of thing in a word, what it is about, and the rest."""

    at: float
    tag: str
    tone: str
    subject: str
    text: str


def latest(state: State, arrow: str = "->", limit: int = MAX_NEWS) -> tuple[News, ...]:
    """The newest `limit` lines, newest first."""
    lonely = _Lonely(state.events)
    told = [_of_event(event, arrow, lonely) for event in _distinct(state.events, lonely)]
    notes = sorted(state.notes.values(), key=lambda note: -note.at)
    noted = islice((_of_note(note) for note in notes if not _told(note, state.events)), limit)
    return tuple(sorted((*told, *noted), key=lambda one: -one.at)[:limit])


class _Lonely:
    """Which speakers were cut off from the others when: each of them takes all others for gone, and all addresses."""

    def __init__(self, stream: tuple[Event, ...]) -> None:
        self._downs = [event for event in stream if isinstance(event, events.MemberDown)]
        self._ups = [event for event in stream if isinstance(event, events.MemberUp)]

    def __call__(self, node: str, at: float, other: str) -> bool:
        """Whether more speakers missed `node` at that time than missed the other node."""
        return len(self._missed_by(node, at)) > max(len(self._missed_by(other, at)), 1)

    def _missed_by(self, node: str, at: float) -> set[str]:
        back = max((one.at for one in self._ups if one.node == node and one.at <= at), default=float("-inf"))
        return {one.seen_by for one in self._downs if one.node == node and back < one.at and abs(one.at - at) <= SAME_S}


def line(item: News, width: int, glyphs: Glyphs) -> Line:
    """One event in `width` cells."""
    head = (
        Span(words.clock(item.at), "dim"),
        Span(f"  {item.tag:<5}", item.tone),
        Span(f"{fit(item.subject, width // 2, glyphs)}  ", "strong"),
    )
    left = width - words.wide(head)
    return (*head, Span(fit(" ".join(item.text.split()), left, glyphs)))


def told(event: Event, arrow: str = "->") -> tuple[str, str]:
    """What an event is about, and the rest of it in words."""
    _, _, tell = _TELLERS.get(type(event), ("?", "dim", _unknown))
    return tell(event, arrow)


def _distinct(stream: tuple[Event, ...], lonely: _Lonely) -> Iterator[Event]:
    """Events, oldest first, without those that say what another teller just said."""
    last: dict[tuple[object, ...], float] = {}
    for event in stream:
        what = _what(event, lonely)
        if what is None or event.at - last.get(what, float("-inf")) > SAME_S:
            yield event
        if what is not None:
            last[what] = event.at


def _what(event: Event, lonely: _Lonely) -> tuple[object, ...] | None:
    """What an event says that another might say too; None where it has but one teller."""
    if isinstance(event, events.MemberDown) and lonely(event.seen_by, event.at, event.node):
        return ("lonely", event.seen_by)
    if isinstance(event, (events.MemberUp, events.MemberDown)):
        return (type(event), event.node)
    if isinstance(event, events.Conflict):
        return (type(event), event.address, event.mac)
    if isinstance(event, events.ConfigLoaded):
        return (type(event), event.pools)
    return (type(event), event.problems) if isinstance(event, events.ConfigRejected) else None


def _told(note: Note, stream: tuple[Event, ...]) -> bool:
    twins = _TWINS.get(note.reason, ())
    return any(isinstance(e, twins) and abs(e.at - note.at) <= SAME_S and note.service in _services(e) for e in stream)


def _services(event: Event) -> tuple[str, ...]:
    if isinstance(event, (events.Claimed, events.Moved)):
        return event.services
    return (event.service,) if isinstance(event, (events.Allocated, events.Pending)) else ()


def _of_note(note: Note) -> News:
    tag, tone = ("WARN", "warn") if note.warning else ("NOTE", "dim")
    return News(note.at, tag, tone, note.service or note.about, note.text)


def _of_event(event: Event, arrow: str, lonely: _Lonely) -> News:
    if isinstance(event, events.MemberDown) and lonely(event.seen_by, event.at, event.node):
        return News(event.at, "CUT", "bad", event.seen_by, "cut off: it does not hear the other speakers, nor they it")
    tag, tone, tell = _TELLERS.get(type(event), ("?", "dim", _unknown))
    subject, text = tell(event, arrow)
    if isinstance(event, events.Moved) and lonely(event.to_node, event.at, event.from_node):
        return News(event.at, tag, "dim", subject, f"{text}; but {event.to_node} is cut off")
    return News(event.at, tag, tone, subject, text)


def _unknown(event: events.Unknown, arrow: str) -> tuple[str, str]:
    return event.name, "an event that this version does not know"


def _allocated(event: events.Allocated, arrow: str) -> tuple[str, str]:
    return event.service, f"has {', '.join(event.addresses)} from pool {event.pool}"


def _released(event: events.Released, arrow: str) -> tuple[str, str]:
    return event.service, f"gave up {', '.join(event.addresses)}: {_spaced(event.reason)}"


def _pending(event: events.Pending, arrow: str) -> tuple[str, str]:
    return event.service, event.text


def _claimed(event: events.Claimed, arrow: str) -> tuple[str, str]:
    return event.address, f"announced by {event.node}{_for(event.services)}"


def _moved(event: events.Moved, arrow: str) -> tuple[str, str]:
    took = "" if event.announced_ms is None else f" after {event.announced_ms:.0f} ms"
    return (
        event.address,
        f"{event.from_node} {arrow} {event.to_node}{took}: {_cause(event.cause)}{_for(event.services, ', for ')}",
    )


def _withdrawn(event: events.Withdrawn, arrow: str) -> tuple[str, str]:
    return event.address, f"no longer announced by {event.node}: {_spaced(event.reason)}"


def _member_up(event: events.MemberUp, arrow: str) -> tuple[str, str]:
    return event.node, f"its speaker is heard{_by(event)}"


def _stood_in(event: events.StoodIn, arrow: str) -> tuple[str, str]:
    return event.address, f"{event.node} answers for {event.owner}, whose speaker is away"


def _stood_down(event: events.StoodDown, arrow: str) -> tuple[str, str]:
    return event.address, f"{event.node} no longer answers for {event.owner}"


def _member_down(event: events.MemberDown, arrow: str) -> tuple[str, str]:
    if event.seen_by == event.node:
        return event.node, f"its speaker stepped back: {_cause(event.cause)}"
    last = f", last sign {event.silent_ms:.0f} ms before" if event.silent_ms else ""
    return event.node, f"its speaker: {_cause(event.cause)}{last} (told by {event.seen_by})"


def _conflict(event: events.Conflict, arrow: str) -> tuple[str, str]:
    return event.address, f"{event.mac} answers for it too (heard by {event.seen_by})"


def _config_loaded(event: events.ConfigLoaded, arrow: str) -> tuple[str, str]:
    return "configuration", f"loaded, pools: {', '.join(event.pools) or 'none'}"


def _config_rejected(event: events.ConfigRejected, arrow: str) -> tuple[str, str]:
    return (
        "configuration",
        f"refused by {event.by}, which goes by the last good one or by what is valid: {'; '.join(event.problems)}",
    )


def _for(services: tuple[str, ...], before: str = " for ") -> str:
    return before + ", ".join(services) if services else ""


def _by(event: events.MemberUp) -> str:
    return "" if event.seen_by == event.node else f" by {event.seen_by}"


def _cause(cause: str) -> str:
    return CAUSES.get(cause, _spaced(cause))


def _spaced(reason: str) -> str:
    return reason.replace("_", " ")


_TELLERS: dict[type, tuple[str, str, Callable[[Any, str], tuple[str, str]]]] = {
    events.Allocated: ("ADDR", "good", _allocated),
    events.Released: ("FREE", "dim", _released),
    events.Pending: ("PEND", "warn", _pending),
    events.Claimed: ("HOLD", "info", _claimed),
    events.Moved: ("MOVE", "move", _moved),
    events.Withdrawn: ("STOP", "dim", _withdrawn),
    events.StoodIn: ("HELP", "warn", _stood_in),
    events.StoodDown: ("BACK", "good", _stood_down),
    events.MemberUp: ("UP", "good", _member_up),
    events.MemberDown: ("DOWN", "bad", _member_down),
    events.Conflict: ("CONF", "bad", _conflict),
    events.ConfigLoaded: ("CFG", "dim", _config_loaded),
    events.ConfigRejected: ("CFG", "bad", _config_rejected),
}
