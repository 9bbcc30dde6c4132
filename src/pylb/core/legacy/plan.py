"""What turning an old ConfigMap into resources would do to a cluster, before anything is done: which resources are made,
which stand there already, and all that speaks against it.

Nothing is to be half done, and no Service is to lose its address: one fault is enough for nothing to be done at all. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pylb.core.allocation import requests
from pylb.core.config import loader as config
from pylb.core.config.objects import KINDS, Objects
from pylb.core.errors import ParseError
from pylb.core.legacy.conversion import Converted
from pylb.core.legacy.names import Named, Wanted
from pylb.core.legacy.numbers import is_ours, numbered
from pylb.core.legacy.twins import meaning, unmatched
from pylb.core.model import LOAD_BALANCER, Namespace, Service, split_key
from pylb.core.ranges import parse_address
from pylb.core.words import Word

JSON = Mapping[str, Any]
FIELDS = {kind: key for key, kind in KINDS.items()}  # IPAddressPool: pools


class Verdict(Word):
    """What becomes of one resource."""

    CREATED = "created"
    CHANGED = "changed"  # an earlier import made it
    UNCHANGED = "unchanged"
    CONFLICTING = "conflicting"  # somebody else made one of that name, which says something else


@dataclass(frozen=True, slots=True)
class Fault:
    """What speaks against the import: where (an object, or a place in the ConfigMap), what, and what mends it."""

    where: str
    text: str
    fix: str = ""
    place: str = ""  # in the ConfigMap, where it is one's fault


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in a cluster."""

    objects: Objects = field(default_factory=Objects)
    others: Sequence[Converted] = ()  # old ConfigMaps besides the one that is imported
    services: Sequence[Service] = ()
    namespaces: Sequence[Namespace] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One resource, and what becomes of it."""

    wanted: Wanted
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps, in order, and what speaks against them."""

    steps: tuple[Step, ...]
    faults: tuple[Fault, ...]

    @property
    def due(self) -> tuple[Step, ...]:
        """The steps that change something."""
        return tuple(step for step in self.steps if step.verdict in (Verdict.CREATED, Verdict.CHANGED))


def check(made: Converted, named: Named) -> tuple[Fault, ...]:
    """What is wrong with a ConfigMap by itself."""
    faults = [Fault(str(one.ref), one.text, place=one.field) for one in made.problems]
    faults += [Fault("", text, place=place) for place, text in named.faults]
    return tuple(faults) or tuple(_invalid(named.wanted, Standing()))


def plan(made: Converted, named: Named, standing: Standing) -> Plan:
    """What the import of a ConfigMap would do, in full."""
    named = replace(named, wanted=numbered(named.wanted, standing.objects))
    steps = tuple(Step(one, _verdict(one, standing.objects)) for one in named.wanted)
    faults = list(check(made, named))
    faults += (_conflict(step.wanted) for step in steps if step.verdict is Verdict.CONFLICTING)
    faults += _strayed(named, standing.services)
    return Plan(steps, tuple(faults or _invalid(named.wanted, standing)) or tuple(_orphaned(steps, standing)))


def _verdict(wanted: Wanted, objects: Objects) -> Verdict:
    found = next((raw for raw in getattr(objects, FIELDS[wanted.kind]) if _place(raw) == _place(wanted.body)), None)
    if found is None:
        return Verdict.CREATED
    if meaning(wanted.kind, found.get("spec")) == meaning(wanted.kind, wanted.body["spec"]):
        return Verdict.UNCHANGED
    return Verdict.CHANGED if is_ours(found) else Verdict.CONFLICTING


def _place(raw: JSON) -> tuple[str, str]:
    meta = raw["metadata"]
    return str(meta.get("namespace", "")), str(meta.get("name", ""))


def _conflict(wanted: Wanted) -> Fault:
    namespace, name = _place(wanted.body)
    where = f"{wanted.kind} {namespace}/{name}"
    fix = f"delete it (kubectl -n {namespace} delete {wanted.kind.lower()}.metallb.io {name}), or rename yours"
    return Fault(where, "stands there already and says something else", fix, wanted.place)


def _strayed(named: Named, services: Iterable[Service]) -> Iterator[Fault]:
    """Services that ask for a pool by a name that it will not have: they would lose their addresses."""
    for service in services:
        asked = requests.annotation(service, requests.ADDRESS_POOL) if service.type == LOAD_BALANCER else None
        if asked is None or asked not in named.pools:
            continue
        prefixes = (requests.PREFIX, requests.OLD_PREFIX)
        keys = [key for prefix in prefixes if (key := prefix + requests.ADDRESS_POOL) in service.annotations]
        namespace, name = split_key(service.key)
        fix = (
            f"kubectl -n {namespace} annotate service {name} {' '.join(f'{key}-' for key in keys)} now (it keeps its "
            f'address), and after the import ask for "{named.pools[asked]}"'
        )
        text = f'asks for pool "{asked}", which is no name of Kubernetes and becomes "{named.pools[asked]}"'
        yield Fault(f"Service {service.key}", text, fix)


def _orphaned(steps: Iterable[Step], standing: Standing) -> Iterator[Fault]:
    """Services whose address a pool has that is to be changed, and no pool would have any more."""
    changed = {_place(step.wanted.body) for step in steps if step.verdict is Verdict.CHANGED}
    if not changed:
        return
    before = _whole((), standing)
    after = config.load(_whole([step.wanted for step in steps], standing), standing.namespaces).config or config.EMPTY
    pools = [raw for raw in before.pools if _place(raw) in changed]
    known = config.load(Objects(pools=pools), standing.namespaces).config or config.EMPTY
    for service in standing.services:
        lost = [text for text in service.ingress if _has(known, text) and not _has(after, text)]
        if service.type == LOAD_BALANCER and lost:
            text = f"would lose {', '.join(lost)}: the pool that has it is to be changed, and no pool would have it"
            yield Fault(f"Service {service.key}", text, "leave the address in the pool, or give the pool another name")


def _has(known: config.Config, text: str) -> bool:
    try:
        return known.pool_of((parse_address(text),)) is not None
    except ParseError:
        return False


def _whole(wanted: Iterable[Wanted], standing: Standing) -> Objects:
    """The whole configuration once the resources stand and the ConfigMap is gone."""
    bodies = {(one.kind, *_place(one.body)): one.body for one in wanted}
    objects = Objects(
        **{
            key: [
                *(raw for raw in getattr(standing.objects, key) if (kind, *_place(raw)) not in bodies),
                *(body for place, body in bodies.items() if place[0] == kind),
            ]
            for key, kind in KINDS.items()
        }
    )
    named = {key: getattr(objects, key) for key in KINDS}
    for made in standing.others:
        objects = _joined(objects, unmatched(made, named))
    return objects


def _invalid(wanted: Sequence[Wanted], standing: Standing) -> Iterator[Fault]:
    """What would be wrong with that."""
    places = {(one.kind, *_place(one.body)): one.place for one in wanted}
    for problem in config.load(_whole(wanted, standing), standing.namespaces).problems:
        ref = problem.ref
        place = places.get((ref.kind, ref.namespace, ref.name), "")
        yield Fault(str(ref), problem.text, problem.fix, place)


def _joined(objects: Objects, made: Converted) -> Objects:
    return replace(objects, **{key: [*getattr(objects, key), *getattr(made, key)] for key in KINDS})
