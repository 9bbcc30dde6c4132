"""Who began to announce what, and when: what events and ServiceL2Statuses add to the trails of a state. Pure."""

from __future__ import annotations

from dataclasses import replace

from pylb.tui.draft import Draft
from pylb.tui.state import Take, Trail

MAX_TRAILS = 20_000
MAX_TAKES = 8  # nodes whose last take of one address is kept
MAX_CHANGES = 8  # of one address: enough to tell a flapping one


def announced(draft: Draft, key: str, node: str, at: float, before: str = "") -> str:
    """Note that a node announces an address or a Service since `at`; what is older than its last take is left out.

    Gives the node that is known to have announced it until then; "" where there was none, or nothing changed.
    """
    trail: Trail = draft["trails"].get(key, Trail())
    mine = next((take for take in trail.takes if take.node == node), None)
    last = max(trail.takes, key=lambda take: take.since, default=None)
    if mine is not None and (at <= mine.since or (mine is last and not mine.ended and not before)):
        return ""  # repeated, or said again by who holds it
    held = last is not None and last is not mine and not last.ended and last.since <= at  # nobody gave it up since
    previous = before or (last.node if last is not None and held else "")
    others = tuple(take for take in trail.takes if take is not mine)
    takes = tuple(sorted((*others, Take(node, at, previous)), key=lambda take: take.since))[-MAX_TAKES:]
    changes = (*trail.changes, at)[-MAX_CHANGES:] if previous else trail.changes
    draft.put("trails", key, Trail(takes, changes), MAX_TRAILS)
    return previous


def withdrawn(draft: Draft, address: str, node: str, at: float) -> None:
    """Note that a node announces an address no more."""
    trail: Trail = draft["trails"].get(address, Trail())
    take = trail.of(node)
    if take is not None and take.since <= at:
        takes = tuple(replace(one, ended=True) if one is take else one for one in trail.takes)
        draft.put("trails", address, replace(trail, takes=takes), MAX_TRAILS)
