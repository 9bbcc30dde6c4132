"""Who owns what, from what the speakers say of themselves; what stands against a move; what to do to even out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pylb.core.reasons import Reason

JSON = Mapping[str, Any]
SILENT = "its speaker does not answer"


@dataclass(frozen=True, slots=True)
class Place:
    """One address as its owner sees it, or as others do where no owner is heard."""

    address: str
    owner: str
    term: int
    services: tuple[str, ...]
    candidates: tuple[str, ...]  # that may take it, first in line first; its owner too, if it may
    excluded: Mapping[str, str]  # node -> the code of a Reason
    first_hand: bool

    @property
    def first(self) -> str:
        """Where it would be if it were given out anew; "" if nowhere."""
        return self.candidates[0] if self.candidates else ""

    @property
    def others(self) -> tuple[str, ...]:
        """Those who could take it from its owner."""
        return tuple(node for node in self.candidates if node != self.owner)

    def obstacle(self, node: str) -> str:
        """Why a node may not take it, in words; "" if it may."""
        if node in self.candidates:
            return ""
        code = self.excluded.get(node)
        return explain(code) if code is not None else SILENT


@dataclass(frozen=True, slots=True)
class Picture:
    """All of a cluster's addresses and speakers."""

    states: Mapping[str, str]  # node -> what its speaker says of itself
    places: Mapping[str, Place] = field(default_factory=dict)

    def of(self, node: str) -> list[Place]:
        """What a node owns."""
        return [place for place in self.places.values() if place.owner == node]


def explain(code: str) -> str:
    """A reason in words."""
    try:
        return Reason(code).text
    except ValueError:
        return code


def picture(told: Mapping[str, JSON]) -> Picture:
    """The picture from what each node's speaker said; its own word about an address of its own counts most, then the
    higher term. What is not as it should be is left out."""
    states, places = {}, dict[str, Place]()
    for node, state in sorted(told.items()):
        states[node] = str(state.get("state", ""))
        for entry in _entries(state):
            place = _place(entry)
            known = places.get(place.address)
            if known is None or (place.first_hand, place.term) > (known.first_hand, known.term):
                places[place.address] = place
    return Picture(states, dict(sorted(places.items())))


def _entries(state: JSON) -> Iterable[JSON]:
    found = state.get("addresses")
    return (one for one in found if isinstance(one, Mapping)) if isinstance(found, list) else ()


def _place(entry: JSON) -> Place:
    excluded, term = entry.get("excluded"), entry.get("term")
    return Place(
        address=str(entry.get("address", "")),
        owner=str(entry.get("owner") or ""),
        term=term if isinstance(term, int) else 0,
        services=_texts(entry.get("services")),
        candidates=_texts(entry.get("candidates")),
        excluded={str(k): str(v) for k, v in excluded.items()} if isinstance(excluded, Mapping) else {},
        first_hand=entry.get("mine") is True,
    )


def _texts(raw: object) -> tuple[str, ...]:
    return tuple(map(str, raw)) if isinstance(raw, list) else ()


def astray(seen: Picture) -> list[Place]:
    """The addresses that are not at the first in their line, and could be."""
    return [place for place in seen.places.values() if place.owner and place.first not in ("", place.owner)]


def why_stays(place: Place, nodes: Iterable[str]) -> str:
    """Why an address stays where it is: what stands against each other node."""
    against = [f"{node}: {why}" for node in nodes if node != place.owner and (why := place.obstacle(node))]
    return "; ".join(against) if against else "no other node has taken it so far"
