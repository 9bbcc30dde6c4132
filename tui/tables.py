"""How a changed object of the API goes into the tables of a state, each of which has a bound. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pylb.core import history
from pylb.core.model import LOAD_BALANCER, EndpointSlice, L2Status, Node, Pod, Service
from pylb.tui import movements
from pylb.tui.draft import MAX_OBJECTS, Draft
from pylb.tui.facts import Kind, Note, ObjectChanged
from pylb.tui.objects import BgpAdvert, BgpPeer, BgpStatus, ConfigVerdict, PoolUse
from pylb.tui.state import Dated, Status
from pylb.tui.trails import announced

EPOCH_YEAR = 1970  # before it no time is a time of a cluster
MAX_NOTES = 1_000
MAX_LOG = 2_000  # of events and Kubernetes Events together
MAX_FEW = 1_000  # of kinds of which there is one a pool, a peer or a node
_TABLES: dict[Kind, tuple[str, type, int]] = {
    Kind.SERVICE: ("services", Service, MAX_OBJECTS),
    Kind.STATUS: ("statuses", L2Status, MAX_OBJECTS),
    Kind.NODE: ("nodes", Node, MAX_OBJECTS),
    Kind.POD: ("pods", Pod, MAX_OBJECTS),
    Kind.NOTE: ("notes", Note, MAX_NOTES),
    Kind.SLICE: ("slices", EndpointSlice, MAX_OBJECTS),
    Kind.POOL: ("pools", PoolUse, MAX_FEW),
    Kind.BGP: ("bgp", BgpStatus, MAX_OBJECTS),
    Kind.PEER: ("peers", BgpPeer, MAX_FEW),
    Kind.BGP_ADVERT: ("bgp_adverts", BgpAdvert, MAX_FEW),
    Kind.VERDICT: ("verdicts", ConfigVerdict, MAX_FEW),
}


def changed(draft: Draft, fact: ObjectChanged) -> None:
    """Take in that an object is so, or gone; of another type than its kind's it is counted alone."""
    if fact.kind not in _TABLES:
        draft.count("unknown")
        return
    table, kind, limit = _TABLES[fact.kind]
    value = fact.value
    if value is None or (isinstance(value, Service) and value.type != LOAD_BALANCER):
        _gone(draft, fact)
    elif not isinstance(value, kind):
        draft.count("unknown")
    elif isinstance(value, Service):
        draft.put(table, fact.key, Dated(value, fact.created))
    elif isinstance(value, L2Status):
        _announced(draft, fact, value)
    elif isinstance(value, EndpointSlice):
        _unbacked(draft, fact.key)
        draft.put(table, fact.key, value, limit)
        draft.put("backends", value.service, (*draft["backends"].get(value.service, ()), fact.key), limit)
    else:
        draft.put(table, fact.key, value, limit)
        if isinstance(value, Note):
            draft.happened("log", value, MAX_LOG)


def _announced(draft: Draft, fact: ObjectChanged, status: L2Status) -> None:
    draft.put("statuses", fact.key, Status(status, fact.created, _moment(status.since)))
    if fact.created is None:
        return
    before = announced(draft, status.service, status.node, fact.created)
    if before:
        seen = movements.of_status(status.service, before, status.node, fact.created)
        draft.happened("observed", seen, history.KEPT)


def _moment(text: str) -> float | None:
    """The Unix time that a text of RFC 3339 names; None for one that names none."""
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return at.timestamp() if at.tzinfo is not None and at.year >= EPOCH_YEAR else None


def _unbacked(draft: Draft, key: str) -> None:
    """A slice is its Service's no more."""
    known: Any = draft["slices"].get(key)
    if known is None:
        return
    left = tuple(one for one in draft["backends"].get(known.service, ()) if one != key)
    if left:
        draft.put("backends", known.service, left)
    else:
        draft.drop("backends", known.service)


def _gone(draft: Draft, fact: ObjectChanged) -> None:
    table = _TABLES[fact.kind][0]
    gone = draft[table].get(fact.key)
    if fact.kind is Kind.SLICE:
        _unbacked(draft, fact.key)
    draft.drop(table, fact.key)
    if fact.kind is Kind.SERVICE:
        draft.drop("waits", fact.key)
    if isinstance(gone, Pod):
        draft.drop("controllers", fact.key)
        if all(pod.node != gone.node for pod in draft["pods"].values()):
            draft.drop("speakers", gone.node)
