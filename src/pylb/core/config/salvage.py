"""What is valid of an invalid configuration: for a process that never knew a good one, and would else know nothing.

Objects alone decide, neither time nor history: all who go by the same objects go by the same part of them. Of two pools
that overlap, or have one name, the older stays: it is the one whose addresses are in use. Pure.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from pylb.core.config import loader as config
from pylb.core.config.loader import EMPTY, MAX_OBJECTS, Config, Objects, Pool
from pylb.core.model import Namespace, Node, ObjectRef
from pylb.core.ranges import Range

JSON = Mapping[str, Any]
End = tuple[int, int]  # (IP version, address)
Known = tuple[Sequence[Namespace], Sequence[Node]]
LAYER2 = ("pools", "advertisements")  # fields of Objects; the others are about BGP
MAX_ROUNDS = 10  # in which objects are left out that are wrong beside others alone
BGP = tuple(one.name for one in fields(Objects) if one.name not in LAYER2)


def salvage(objects: Objects, namespaces: Iterable[Namespace] = (), nodes: Iterable[Node] = ()) -> Config:
    """The Config of the objects that have no problem; each alone, and beside older ones.

    It takes what `config.load` takes, and gives what that makes of the whole where nothing is wrong. Of more than
    MAX_OBJECTS of a kind the oldest are read. What is wrong with objects of BGP takes away none of the others.
    """
    known = tuple(namespaces), tuple(nodes)
    kept = [raw for raw, _ in _compatible(_oldest_first(objects.pools))]
    layer2, _ = _agree(Objects(kept, _right_alone(objects, "advertisements")), LAYER2, known)
    return salvage_bgp(replace(objects, pools=layer2.pools, advertisements=layer2.advertisements), *known)


def salvage_bgp(objects: Objects, namespaces: Iterable[Namespace] = (), nodes: Iterable[Node] = ()) -> Config:
    """The same of objects of which those of BGP alone have problems."""
    bgp: dict[str, Any] = {name: _right_alone(objects, name) for name in BGP}
    _, found = _agree(replace(objects, **bgp), BGP, (tuple(namespaces), tuple(nodes)))
    return found


def _agree(objects: Objects, names: Sequence[str], known: Known) -> tuple[Objects, Config]:
    """The objects without those of some fields of Objects that are wrong beside others, and what they say."""
    for _ in range(MAX_ROUNDS):
        loaded = config.load(objects, *known)
        if loaded.config is not None:
            return objects, loaded.config
        wrong = {_place(problem.ref) for problem in loaded.problems}
        left: dict[str, Any] = {
            name: [raw for raw in getattr(objects, name) if _place(raw) not in wrong] for name in names
        }
        objects = replace(objects, **left)
    objects = replace(objects, **dict.fromkeys(names, ()))
    return objects, config.load(objects, *known).config or EMPTY


def _right_alone(objects: Objects, name: str) -> list[JSON]:
    """The objects of a field of Objects that have no problem by themselves, the oldest first."""
    found = _oldest_first(getattr(objects, name))
    return [raw for raw in found if config.load(Objects(**{name: [raw]})).config is not None]


def _place(of: JSON | ObjectRef) -> tuple[str, str, str]:
    """Kind, namespace and name of the object that people know; the kind of one that does not tell it is empty."""
    ref = of if isinstance(of, ObjectRef) else of.get(config.ORIGIN)
    if isinstance(ref, ObjectRef):
        return ref.kind, ref.namespace, ref.name
    meta = of.get("metadata") or {} if isinstance(of, Mapping) else {}
    kind = str(of.get("kind") or "") if isinstance(of, Mapping) else ""
    return kind, str(meta.get("namespace") or ""), str(meta.get("name") or "")


def _oldest_first(objects: Iterable[JSON]) -> list[JSON]:
    """By age, which a pool of the old ConfigMap does not tell: it is older than the kinds themselves."""

    def age(raw: JSON) -> tuple[str, str, str]:
        _, namespace, name = _place(raw)
        own = str((raw.get("metadata") or {}).get("name") or "")  # a ConfigMap has many
        return str((raw.get("metadata") or {}).get("creationTimestamp") or ""), own or name, namespace

    return sorted(objects, key=age)[:MAX_OBJECTS]


def _compatible(pools: Iterable[JSON]) -> Iterator[tuple[JSON, Pool]]:
    """Those that are right alone, and take nothing from those before them."""
    names: set[str] = set()
    taken: list[tuple[End, End]] = []  # first and last of each range, in order; none overlaps another
    for raw in pools:
        alone = config.load(Objects([raw])).config
        pool = next(iter(alone.pools.values()), None) if alone else None
        if pool is None or pool.name in names or any(_meets(span, taken) for span in pool.ranges):
            continue
        names.add(pool.name)
        taken.extend(_ends(span) for span in pool.ranges)
        taken.sort()
        yield raw, pool


def _meets(span: Range, taken: Sequence[tuple[End, End]]) -> bool:
    """Whether a range overlaps one of those, which are in order and apart: the last that begins before its end tells."""
    first, last = _ends(span)
    before = bisect(taken, (last, (last[0] + 1, 0)))
    return before > 0 and taken[before - 1][1] >= first


def _ends(span: Range) -> tuple[End, End]:
    return (span.version, int(span.first)), (span.version, int(span.last))
