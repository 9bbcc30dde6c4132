"""A node's part in an address: announces it, takes it next, or why it cannot. Pure.

The line is the speakers' own word, as each tells it in `/state`; where none can be asked it is elected here, by the same
rules, from the cluster's objects.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pylb.core.model import Endpoint, NodeName
from pylb.core.ownership import lines
from pylb.core.ownership.election import elect
from pylb.core.reasons import Reason
from pylb.tui.columns import TONES
from pylb.tui.facts import Held, Kind
from pylb.tui.holders import Holder
from pylb.tui.pages.look import Look
from pylb.tui.rows import PROBLEMS, Word

ANNOUNCES, ANNOUNCES_BGP, AWAY, HELPS = "[A]", "[B]", "(A)", "S"
DRAINED, NOT_ELIGIBLE, DOWN, NOBODY, UNTOLD = "d", "-", "x", ".", "?"
LEGEND = (
    (ANNOUNCES, "announces it; [A]! is one of two, or not well", "good"),
    (ANNOUNCES_BGP, "announces it by BGP", "good"),
    (f"{AWAY}  {HELPS}", "owns it, its speaker is away; answers in its place", "info"),
    ("1 2 3", "takes it next, in this order", "info"),
    (NOT_ELIGIBLE, "may not have it; the line below the table says why", "dim"),
    (f"{DOWN}  {DRAINED}", "its speaker is not heard; it is drained", "bad"),
    (f"{NOBODY}  {UNTOLD}", "no node may have it; cannot be told", "dim"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A node's part in one address: its sign, and why it is out of line, if it is."""

    node: str
    sign: str
    tone: str
    why: str = ""


def said_line(look: Look, told: Mapping[str, Held]) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """The line and who is out of it, by the speaker that is heard and knows most."""
    heard = [one for node, one in told.items() if node not in look.evidence.silent] or list(told.values())
    best = max(heard, key=lambda one: len(one.candidates))
    return best.candidates, dict(best.excluded)


def elected_line(look: Look, service: str, alive: Collection[NodeName]) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """The same by MetalLB's rules, from what stands in the cluster."""
    state = look.state
    dated = state.services.get(service)
    if dated is None or state.config is None or not state.nodes:
        return (), {}
    nodes = {NodeName(name): node for name, node in state.nodes.items()}
    endpoints: Sequence[Endpoint] = state.endpoints(service)
    if not state.listed.get(Kind.SLICE):
        endpoints = [Endpoint(node, servable=True) for node in nodes]
    verdict = elect(state.config, dated.service, lines.recorded(dated.service), endpoints, nodes, alive)
    out = {str(node): str(why) for node, why in verdict.excluded.items()}
    if not verdict.ranking and verdict.reason is not None:
        out = {str(node): str(verdict.reason) for node in nodes} | out
    return tuple(map(str, verdict.ranking)), out


def place_of(
    look: Look,
    node: str,
    holder: Holder,
    line: Sequence[str],
    out: Mapping[str, str],
    bgp: Collection[str],
    word: Word,
) -> Place:
    """The part of a node in an address that is so held."""
    if node in holder.nodes:
        if holder.helper:
            return Place(node, AWAY, "info", "its speaker is away")
        return Place(node, ANNOUNCES + "!", TONES[word]) if word in PROBLEMS else Place(node, ANNOUNCES, "good")
    if node in bgp:
        return Place(node, ANNOUNCES_BGP, "good")
    if node == holder.helper:
        return Place(node, HELPS, "info")
    if node in line:
        return Place(node, str(line.index(node) + 1), "info")
    why = out.get(node, "")
    if node in look.evidence.silent or why == Reason.NOT_ALIVE.value:
        return Place(node, DOWN, "bad", Reason.NOT_ALIVE.text)
    if why == Reason.NODE_DRAINS.value:
        return Place(node, DRAINED, "warn", Reason.NODE_DRAINS.text)
    if why:
        return Place(node, NOT_ELIGIBLE if line or holder.nodes else NOBODY, "dim", sentence(why))
    return Place(node, NOBODY if holder.known or holder.reason else UNTOLD, "dim", sentence(holder.reason))


def sentence(reason: str) -> str:
    """A reason in words."""
    try:
        return Reason(reason).text
    except ValueError:
        return reason.replace("_", " ")
