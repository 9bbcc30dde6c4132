"""The whole configuration, from all its objects at once: either a `Config`, or every `Problem` that is in them.

Rules and texts are MetalLB's (`internal/config`), across both namespaces that are read. Objects of BGP are not read
here yet. Whoever loads keeps the last good `Config` when problems come back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pylb.core import fields, selectors
from pylb.core.errors import ParseError
from pylb.core.model import Address, Labels, Namespace, ObjectRef, PoolName
from pylb.core.moves import FAILBACK, parse_failback
from pylb.core.ranges import Network, Range, count_buggy, is_buggy, parse, require_possible
from pylb.core.selectors import Selector

JSON = Mapping[str, Any]
T = TypeVar("T")
ORIGIN = "origin"  # key of a converted object: the ObjectRef that people know it by
MAX_RANGES = 1000  # of one pool
MAX_OBJECTS = 1000  # pools and advertisements; a homelab has a handful


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the configuration, and where."""

    ref: ObjectRef
    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.ref}: {self.text}"


@dataclass(frozen=True, slots=True)
class Pool:
    """An IPAddressPool."""

    name: PoolName
    ref: ObjectRef
    ranges: tuple[Range, ...]
    auto_assign: bool = True
    avoid_buggy: bool = False
    pinned: bool = False  # has spec.serviceAllocation
    priority: int = 0  # lower is better, 0 is last
    namespaces: frozenset[str] = frozenset()
    namespace_selectors: tuple[Selector, ...] = ()
    service_selectors: tuple[Selector, ...] = ()
    failback: bool = False  # its addresses go back to the first in line

    def __contains__(self, address: object) -> bool:
        return any(address in span for span in self.ranges)

    def usable(self, address: Address) -> bool:
        """Whether an address of the pool may be given out."""
        return not (self.avoid_buggy and is_buggy(address))

    def capacity(self, version: int) -> int:
        """How many addresses of a family it can give out."""
        spans = [span for span in self.ranges if span.version == version]
        buggy = sum(count_buggy(span) for span in spans) if self.avoid_buggy else 0
        return sum(span.size for span in spans) - buggy

    def allows(self, namespace: str, namespace_labels: Labels, service_labels: Labels) -> bool:
        """Whether `serviceAllocation` lets a Service of that namespace with those labels use it."""
        if not self.pinned:
            return True
        limited = bool(self.namespaces or self.namespace_selectors)
        inside = namespace in self.namespaces or selectors.matches_any(self.namespace_selectors, namespace_labels)
        wanted = not self.service_selectors or selectors.matches_any(self.service_selectors, service_labels)
        return (inside or not limited) and wanted


@dataclass(frozen=True, slots=True)
class Preference:
    """A weight for the nodes that a selector matches."""

    weight: int  # 1 to 100
    nodes: Selector


@dataclass(frozen=True, slots=True)
class L2Advertisement:
    """An L2Advertisement."""

    name: str
    ref: ObjectRef
    pools: frozenset[str] = frozenset()
    pool_selectors: tuple[Selector, ...] = ()
    nodes: tuple[Selector, ...] = ()
    interfaces: frozenset[str] = frozenset()
    services: tuple[Selector, ...] = ()
    preferences: tuple[Preference, ...] = ()

    def covers(self, labels: Labels) -> bool:
        """Whether it names the node with those labels."""
        return not self.nodes or selectors.matches_any(self.nodes, labels)

    def score(self, labels: Labels) -> int:
        """How much it prefers the node with those labels."""
        return sum(item.weight for item in self.preferences if item.nodes.matches(labels))


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration without problems."""

    pools: Mapping[PoolName, Pool] = field(default_factory=dict)
    advertisements: Mapping[PoolName, tuple[L2Advertisement, ...]] = field(default_factory=dict)
    namespaces: Mapping[str, Namespace] = field(default_factory=dict)

    def pool_of(self, addresses: Iterable[Address]) -> Pool | None:
        """The one pool that holds all the addresses; `avoidBuggyIPs` is not looked at."""
        wanted = tuple(addresses)
        return next((pool for pool in self.pools.values() if wanted and all(a in pool for a in wanted)), None)

    def allows(self, pool: Pool, namespace: str, labels: Labels) -> bool:
        """Whether a Service may use the pool."""
        found = self.namespaces.get(namespace)
        return pool.allows(namespace, found.labels if found else {}, labels)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading gave: a config, or the problems that forbid it."""

    config: Config | None
    problems: tuple[Problem, ...] = ()


EMPTY = Config()


def load(pools: Sequence[JSON], advertisements: Sequence[JSON], namespaces: Iterable[Namespace] = ()) -> Loaded:
    """Read IPAddressPools and L2Advertisements (JSON objects of the API) as one set; collects all problems."""
    problems: list[Problem] = []
    read = list(_collect(pools, _pool, problems))
    adverts = list(_collect(advertisements, _advertisement, problems))
    labels = {_name(raw): raw.get("metadata", {}).get("labels") or {} for raw in pools}
    problems += _repeated(read)
    problems += _overlaps(read)
    if problems:
        return Loaded(None, tuple(problems))
    chosen = {
        pool.name: tuple(advert for advert in adverts if _selects(advert, pool, labels.get(pool.name, {})))
        for pool in read
    }
    known = {namespace.name: namespace for namespace in namespaces}
    return Loaded(Config({pool.name: pool for pool in read}, chosen, known))


def _collect(objects: Iterable[JSON], read: Callable[[JSON], T], problems: list[Problem]) -> Iterator[T]:
    ordered = sorted(objects, key=lambda raw: (_name(raw), _ref(raw).namespace))
    for raw in ordered[:MAX_OBJECTS]:
        try:
            yield read(raw)
        except ParseError as error:
            problems.append(Problem(_ref(raw), "spec", str(error)))
    if len(ordered) > MAX_OBJECTS:
        ref = _ref(ordered[MAX_OBJECTS])
        problems.append(Problem(ref, "", f"more than {MAX_OBJECTS} objects of this kind are not read"))


def _name(raw: JSON) -> str:
    return str((raw.get("metadata") or {}).get("name") or "")


def _ref(raw: JSON) -> ObjectRef:
    origin = raw.get(ORIGIN)
    if isinstance(origin, ObjectRef):
        return origin
    meta = raw.get("metadata") or {}
    return ObjectRef(
        kind=str(raw.get("kind") or "IPAddressPool"),
        namespace=str(meta.get("namespace") or ""),
        name=_name(raw),
        uid=str(meta.get("uid") or ""),
        api_version=str(raw.get("apiVersion") or "metallb.io/v1beta1"),
    )


def _pool(raw: JSON) -> Pool:
    name, spec = _name(raw), fields.mapping(raw.get("spec"), "spec")
    if not name:
        raise ParseError("missing pool name")
    texts = fields.strings(spec.get("addresses"), "addresses")
    if not texts:
        raise ParseError(f'pool "{name}" has no prefixes defined: give it at least one range in spec.addresses')
    if len(texts) > MAX_RANGES:
        raise ParseError(f'pool "{name}" has {len(texts)} ranges: {MAX_RANGES} are read at most')
    allocation = spec.get("serviceAllocation")
    limits = fields.mapping(allocation, "serviceAllocation")
    return Pool(
        name=PoolName(name),
        ref=_ref(raw),
        ranges=tuple(_range(text, name) for text in texts),
        auto_assign=fields.boolean(spec.get("autoAssign"), "autoAssign", True),
        avoid_buggy=fields.boolean(spec.get("avoidBuggyIPs"), "avoidBuggyIPs", False),
        pinned=allocation is not None,
        priority=fields.integer(limits.get("priority"), "priority"),
        namespaces=frozenset(fields.unique(fields.strings(limits.get("namespaces"), "namespaces"), "namespaces")),
        namespace_selectors=selectors.parse_all(limits.get("namespaceSelectors")),
        service_selectors=selectors.parse_all(limits.get("serviceSelectors")),
        failback=_failback(raw, name),
    )


def _failback(raw: JSON, pool: str) -> bool:
    annotations = (raw.get("metadata") or {}).get("annotations") or {}
    try:
        return FAILBACK in annotations and parse_failback(annotations[FAILBACK])
    except ParseError as error:
        raise ParseError(f'pool "{pool}": annotation {FAILBACK}: {error}') from None


def _range(text: str, pool: str) -> Range:
    try:
        span = parse(text)
        require_possible(span)
    except ParseError as error:
        raise ParseError(f'parsing address pool {pool}: invalid CIDR "{text}" in pool "{pool}": {error}') from None
    return span


def _advertisement(raw: JSON) -> L2Advertisement:
    spec = fields.mapping(raw.get("spec"), "spec")
    return L2Advertisement(
        name=_name(raw),
        ref=_ref(raw),
        pools=frozenset(fields.unique(fields.strings(spec.get("ipAddressPools"), "ipAddressPools"), "ipAddressPools")),
        pool_selectors=selectors.parse_all(spec.get("ipAddressPoolSelectors")),
        nodes=selectors.parse_all(spec.get("nodeSelectors")),
        interfaces=frozenset(fields.strings(spec.get("interfaces"), "interfaces")),
        services=selectors.parse_all(spec.get("serviceSelectors")),
        preferences=tuple(_preference(item) for item in fields.sequence(spec.get("preferredNodeSelectors"))),
    )


def _preference(raw: object) -> Preference:
    item = fields.mapping(raw, "preferredNodeSelectors")
    weight = fields.integer(item.get("weight"), "weight")
    if not 1 <= weight <= 100:
        raise ParseError(f"preferredNodeSelectors: weight {weight} is not between 1 and 100")
    return Preference(weight, selectors.parse(fields.mapping(item.get("preference"), "preference")))


def _selects(advert: L2Advertisement, pool: Pool, labels: Labels) -> bool:
    if not advert.pools and not advert.pool_selectors:
        return True
    return pool.name in advert.pools or selectors.matches_any(advert.pool_selectors, labels)


def _repeated(pools: Sequence[Pool]) -> Iterator[Problem]:
    seen: dict[str, ObjectRef] = {}
    for pool in pools:
        other = seen.setdefault(pool.name, pool.ref)
        if other is not pool.ref:
            text = f'duplicate definition of pool "{pool.name}": also in {other}; remove one of the two'
            yield Problem(pool.ref, "metadata.name", text)


def _overlaps(pools: Sequence[Pool]) -> Iterator[Problem]:
    seen: list[tuple[Range, Pool]] = []
    for pool in pools:
        for span in pool.ranges:
            hit = next(((other, owner) for other, owner in seen if span.overlaps(other)), None)
            if hit is None:
                seen.append((span, pool))
                continue
            mine, theirs = _clash(span, hit[0])
            where = "" if hit[1] is pool else f" of {hit[1].ref}"
            text = f'CIDR "{mine}" in pool "{pool.name}" overlaps with already defined CIDR "{theirs}"{where}'
            yield Problem(pool.ref, "spec.addresses", text)


def _clash(span: Range, other: Range) -> tuple[Network, Network]:
    """The first blocks of two overlapping ranges that overlap, which is what MetalLB's text names."""
    return next(
        (a, b) for a in span.blocks() for b in other.blocks() if Range(a[0], a[-1]).overlaps(Range(b[0], b[-1]))
    )
