"""What is valid of an invalid configuration: for a process that never knew a good one, and would else know nothing.

Objects alone decide, neither time nor history: all who go by the same objects go by the same part of them. Of two pools
that overlap, or have one name, the older stays: it is the one whose addresses are in use. Pure.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pylb.core import config
from pylb.core.config import EMPTY, MAX_OBJECTS, Config, Pool
from pylb.core.model import Namespace, ObjectRef
from pylb.core.ranges import Range

JSON = Mapping[str, Any]
End = tuple[int, int]  # (IP version, address)
MAX_ROUNDS = 10  # in which objects are left out that are wrong beside others alone


def salvage(pools: Sequence[JSON], advertisements: Sequence[JSON], namespaces: Iterable[Namespace] = ()) -> Config:
    """The Config of the pools and advertisements that have no problem; each alone, and beside older ones.

    It takes what `config.load` takes, and gives what that makes of the whole where nothing is wrong. Of more than
    MAX_OBJECTS of a kind the oldest are read.
    """
    known = tuple(namespaces)
    kept = [raw for raw, _ in _compatible(_oldest_first(pools))]
    adverts = [raw for raw in _oldest_first(advertisements) if config.load((), [raw]).config is not None]
    for _ in range(MAX_ROUNDS):
        loaded = config.load(kept, adverts, known)
        if loaded.config is not None:
            return loaded.config
        wrong = {_place(problem.ref) for problem in loaded.problems}
        kept = [raw for raw in kept if _place(raw) not in wrong]
        adverts = [raw for raw in adverts if _place(raw) not in wrong]
    return EMPTY


def _place(of: JSON | ObjectRef) -> tuple[str, str]:
    """Namespace and name of the object that people know."""
    ref = of if isinstance(of, ObjectRef) else of.get(config.ORIGIN)
    if isinstance(ref, ObjectRef):
        return ref.namespace, ref.name
    meta = of.get("metadata") or {} if isinstance(of, Mapping) else {}
    return str(meta.get("namespace") or ""), str(meta.get("name") or "")


def _oldest_first(objects: Iterable[JSON]) -> list[JSON]:
    """By age, which a pool of the old ConfigMap does not tell: it is older than the kinds themselves."""

    def age(raw: JSON) -> tuple[str, str, str]:
        namespace, name = _place(raw)
        own = str((raw.get("metadata") or {}).get("name") or "")  # a ConfigMap has many
        return str((raw.get("metadata") or {}).get("creationTimestamp") or ""), own or name, namespace

    return sorted(objects, key=age)[:MAX_OBJECTS]


def _compatible(pools: Iterable[JSON]) -> Iterator[tuple[JSON, Pool]]:
    """Those that are right alone, and take nothing from those before them."""
    names: set[str] = set()
    taken: list[tuple[End, End]] = []  # first and last of each range, in order; none overlaps another
    for raw in pools:
        alone = config.load([raw], ()).config
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
