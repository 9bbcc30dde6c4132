"""Names for resources of an old ConfigMap that had none there: advertisements, peers, names of communities.

They are numbered, and a cluster may have numbers already: of an earlier import of the same ConfigMap, which is brought up to
date, or of another one, whose resources are not to be taken from it. Which it is, what they are about tells. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pylb.core.config.loader import MAX_OBJECTS
from pylb.core.config.objects import (
    BGP_ADVERTISEMENT,
    COMMUNITY,
    KINDS,
    L2_ADVERTISEMENT,
    PEER,
    POOL,
    Objects,
)
from pylb.core.legacy.names import Wanted
from pylb.core.legacy.twins import meaning

JSON = Mapping[str, Any]
Place = tuple[str, str, str]  # kind, namespace, name
MANAGER = "pylb-import"  # the field manager of what was made of a ConfigMap
NUMBERED = (L2_ADVERTISEMENT, BGP_ADVERTISEMENT, PEER, COMMUNITY)
MAX_NUMBER = 2 * MAX_OBJECTS  # a kind has fewer objects that anybody reads
_FIELDS = {kind: key for key, kind in KINDS.items()}
_DIGITS = "0123456789"


def numbered(wanted: Sequence[Wanted], objects: Objects) -> tuple[Wanted, ...]:
    """The resources by names that take nothing from what stands in a cluster; who stands there already comes first."""
    desk = _Desk(frozenset(one.name for one in wanted if one.kind == POOL), objects)
    mine = [(at, one) for at, one in enumerate(wanted) if one.kind in NUMBERED]
    named = {at: found for at, one in mine if (found := desk.twin(one)) is not None}
    named |= {at: desk.name(one) for at, one in mine if at not in named}
    return tuple(named.get(at, one) for at, one in enumerate(wanted))


def is_ours(raw: JSON) -> bool:
    """Whether an import made it."""
    return MANAGER in {entry.get("manager") for entry in raw["metadata"].get("managedFields") or ()}


class _Desk:
    """What stands there, and which names are given already."""

    def __init__(self, pools: frozenset[str], objects: Objects) -> None:
        self._pools = pools
        self._standing: dict[Place, JSON] = {}
        self._alike: dict[tuple[str, str, str], list[str]] = {}  # kind, namespace, meaning: names
        self._used: set[Place] = set()
        for kind in NUMBERED:
            for raw in getattr(objects, _FIELDS[kind]):
                _, namespace, name = place = _place(kind, raw)
                self._standing[place] = raw
                self._alike.setdefault((kind, namespace, meaning(kind, raw.get("spec"))), []).append(name)

    def twin(self, wanted: Wanted) -> Wanted | None:
        """By the name of one that says the same."""
        alike = self._alike.get((wanted.kind, _namespace(wanted), meaning(wanted.kind, wanted.body["spec"])), [])
        names = (name for name in alike if name.rstrip(_DIGITS) == _stem(wanted))
        return next((self._given(wanted, name) for name in names if not self._is_used(wanted, name)), None)

    def name(self, wanted: Wanted) -> Wanted:
        """By the first name that is free, or whose owner it may change."""
        names = (wanted.name, *(f"{_stem(wanted)}{number}" for number in range(1, MAX_NUMBER)))
        return self._given(wanted, next((name for name in names if self._is_free(wanted, name)), wanted.name))

    def _given(self, wanted: Wanted, name: str) -> Wanted:
        self._used.add((wanted.kind, _namespace(wanted), name))
        return replace(wanted, body={**wanted.body, "metadata": {**wanted.body["metadata"], "name": name}})

    def _is_used(self, wanted: Wanted, name: str) -> bool:
        return (wanted.kind, _namespace(wanted), name) in self._used

    def _is_free(self, wanted: Wanted, name: str) -> bool:
        known = self._standing.get((wanted.kind, _namespace(wanted), name))
        mine = known is None or (is_ours(known) and _is_akin(wanted, known, self._pools))
        return mine and not self._is_used(wanted, name)


def _namespace(wanted: Wanted) -> str:
    return str(wanted.body["metadata"]["namespace"])


def _stem(wanted: Wanted) -> str:
    return wanted.name.rstrip(_DIGITS)


def _is_akin(wanted: Wanted, known: JSON, pools: frozenset[str]) -> bool:
    """Whether what stands there is about the same: pools of this ConfigMap, the same router, the same names."""
    old, new = known.get("spec") or {}, wanted.body["spec"]
    if wanted.kind == PEER:
        return bool(old.get("peerAddress") == new.get("peerAddress"))
    if wanted.kind == COMMUNITY:
        return _names(old) <= _names(new)
    return bool(pools & frozenset(map(str, old.get("ipAddressPools") or ())))


def _names(spec: JSON) -> frozenset[str]:
    listed: Iterable[JSON] = spec.get("communities") or ()
    return frozenset(str(alias.get("name")) for alias in listed)


def _place(kind: str, raw: JSON) -> Place:
    meta = raw["metadata"]
    return kind, str(meta.get("namespace", "")), str(meta.get("name", ""))
