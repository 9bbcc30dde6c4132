"""The log: events of pylb and Kubernetes Events as lines of one shape, each with a level. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pylb.core import events
from pylb.core.events import Event
from pylb.tui import news
from pylb.tui.facts import Note

INFO, WARN, ERROR = LEVELS = ("info", "warn", "error")
CONTROLLER = "controller"
_GRAVE: dict[type, str] = {
    events.Pending: WARN,
    events.StoodIn: WARN,
    events.MemberDown: WARN,
    events.Conflict: ERROR,
    events.ConfigRejected: ERROR,
}
_OF_CONTROLLER = (events.Allocated, events.Released, events.Pending)


@dataclass(frozen=True, slots=True)
class Logged:
    """One line. `source` is who told it, `object` what it is about; either may be empty."""

    at: float
    level: str
    source: str
    object: str
    reason: str
    text: str


def entry(item: Event | Note) -> Logged:
    """An event or a Kubernetes Event as a line."""
    if isinstance(item, Note):
        level = WARN if item.warning else INFO
        return Logged(item.at, level, item.source, item.service or item.about, item.reason, item.text)
    subject, text = news.told(item)
    return Logged(item.at, _GRAVE.get(type(item), INFO), _source(item), subject, events.kind(item), text)


def _source(event: Event) -> str:
    if isinstance(event, _OF_CONTROLLER):
        return CONTROLLER
    if isinstance(event, (events.ConfigLoaded, events.ConfigRejected)):
        return event.by
    if isinstance(event, (events.MemberUp, events.MemberDown, events.Conflict)):
        return f"speaker/{event.seen_by}"
    if isinstance(event, events.Moved):
        return f"speaker/{event.to_node}"
    return "" if isinstance(event, events.Unknown) else f"speaker/{event.node}"
