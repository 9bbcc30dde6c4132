"""Services of type LoadBalancer, each by itself and all together, on an empty cluster with the pools of the files.

The allocator that the controller uses is asked. What depends on the cluster is assumed: a Service that names no family
has one of those that the pools have. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pylb.core import spelling
from pylb.core.allocation import requests
from pylb.core.allocation.allocator import Decision, adoptable, decide
from pylb.core.allocation.ledger import Ledger
from pylb.core.config.loader import EMPTY, Config, Pool
from pylb.core.errors import ParseError
from pylb.core.manifest import Finding, Manifest
from pylb.core.model import Address, NodeName, ObjectRef, PoolName, Service, ServiceKey
from pylb.core.ranges import Range, parse_address
from pylb.core.reasons import Reason

NOTES = "metadata.annotations"
CLUSTER_IPS = {4: "10.96.0.1", 6: "fd00:96::1"}  # stand-ins: their family counts alone
ANYWHERE = PoolName("pinned")  # a pool of all that is pinned, where the files have none
_POOL = {Reason.POOL_NOT_FOUND, Reason.POOL_EXHAUSTED, Reason.POOL_NOT_ALLOWED, Reason.ADDRESS_NOT_OF_POOL}
_SHARE = {Reason.SHARING_KEY_DIFFERS}
_PORTS = {Reason.PORT_IN_USE}
_QUIET = {Reason.NO_POOL, Reason.CONFIG_INVALID}


@dataclass(frozen=True, slots=True)
class Wish:
    """A Service of the files."""

    manifest: Manifest
    service: Service


@dataclass(frozen=True, slots=True)
class Stage:
    """What the Services meet."""

    config: Config | None  # what the files configure; None for nothing sound
    taken: Mapping[Address, NodeName] = field(default_factory=dict)  # addresses in the pools that are nodes' own
    namespaces: frozenset[str] = frozenset()  # whose labels the files tell
    load_balancer_class: str | None = None  # that pylb serves


def look(wishes: Sequence[Wish], stage: Stage, *, incomplete: bool) -> list[Finding]:
    """All that is to say of them; `incomplete` says that there is a configuration that could not be read."""
    found = [finding for wish in wishes for finding in _alone(wish)]
    if incomplete:
        return found
    served = [wish for wish in wishes if wish.service.load_balancer_class == stage.load_balancer_class]
    placed = [replace(wish, service=_placed(wish.service, stage.config)) for wish in served]
    if stage.config is None or not stage.config.pools:  # then a pool's name says nothing that could be checked
        placed = [replace(wish, service=_without_pool(wish.service)) for wish in placed]
        stage = replace(stage, config=_pinned(placed))
    return [*found, *_together(placed, stage)]


def _alone(wish: Wish) -> Iterator[Finding]:
    manifest, service = wish.manifest, wish.service
    for slip in spelling.slips(service):
        fix = f"write {slip.meant}" if slip.meant and not slip.fault else ""
        yield manifest.fail(f"{NOTES}.{slip.key}", str(slip), fix)
    for key in requests.deprecated_annotations(service):
        now = requests.PREFIX + key.removeprefix(requests.OLD_PREFIX)
        yield manifest.hint(f"{NOTES}.{key}", f"Service uses deprecated annotation {key}", f"write {now}")
    for name in (requests.ADDRESS_POOL, requests.LOAD_BALANCER_IPS, requests.ALLOW_SHARED_IP):
        new, old = (service.annotations.get(prefix + name) for prefix in (requests.PREFIX, requests.OLD_PREFIX))
        if new is not None and old is not None and new != old:
            text = f'{requests.OLD_PREFIX}{name} does not count: {requests.PREFIX}{name} is there, and says "{new}"'
            yield manifest.hint(f"{NOTES}.{requests.OLD_PREFIX}{name}", text, "remove it")


def _placed(service: Service, config: Config | None) -> Service:
    """The Service with cluster IPs of the families that it is going to have."""
    if service.cluster_ips:
        return service
    families = [6 if family == "IPv6" else 4 for family in service.families]
    if service.family_policy == requests.REQUIRE_DUAL_STACK:
        families = families if len(families) == 2 else [*families, *({4, 6} - {*families})]
    elif not families:
        families = _assumed(service, config)
    return replace(service, cluster_ips=tuple(CLUSTER_IPS[family] for family in dict.fromkeys(families)))


def _assumed(service: Service, config: Config | None) -> list[int]:
    pins: list[int] = [pin.version for pin in _pins(service)]
    if pins:
        return [*pins] if service.family_policy == requests.PREFER_DUAL_STACK else [*pins[:1]]
    pools = config.pools.values() if config is not None else ()
    known: set[int] = {span.version for pool in pools for span in pool.ranges}
    return [4] if 4 in known or not known else [6]


def _pins(service: Service) -> list[Address]:
    listed = requests.annotation(service, requests.LOAD_BALANCER_IPS) or service.load_balancer_ip
    try:
        return [parse_address(part) for part in listed.split(",")] if listed else []
    except ParseError:
        return []


def _without_pool(service: Service) -> Service:
    names = {prefix + requests.ADDRESS_POOL for prefix in (requests.PREFIX, requests.OLD_PREFIX)}
    return replace(service, annotations={key: value for key, value in service.annotations.items() if key not in names})


def _pinned(wishes: Iterable[Wish]) -> Config:
    """Pools are not known: that each pinned address is in one is taken for granted."""
    pins = dict.fromkeys(pin for wish in wishes for pin in _pins(wish.service))
    pool = Pool(ANYWHERE, ObjectRef("IPAddressPool", "", ANYWHERE), tuple(Range(pin, pin) for pin in pins), False)
    return Config({ANYWHERE: pool})


def _together(wishes: Sequence[Wish], stage: Stage) -> Iterator[Finding]:
    """Who pins an address comes first: what fails then fails in any order. Then as the files have them."""
    by_key = {wish.service.key: wish for wish in wishes}
    lasting = _given(sorted(wishes, key=lambda wish: not _pins(wish.service)), stage)
    for key, wish in by_key.items():
        decision = lasting[key]
        if decision.reason is not None and decision.reason not in _QUIET and not _assumption(stage, decision):
            yield _failed(wish, decision, stage, by_key)
        yield from _moved(wish, decision)
    for key, decision in _given(wishes, stage).items():
        wish = by_key[key]
        if decision.reason is None or lasting[key].reason is not None or not _pins(wish.service):
            continue
        first = by_key[decision.blockers[0]].manifest.ref if decision.blockers else "another"
        text = f"applied in this order, {first} is given the address first: {decision.text}"
        yield wish.manifest.hint(_field(wish.service, decision), text, "put this Service before the other")


def _moved(wish: Wish, decision: Decision) -> Iterator[Finding]:
    """A Service of a cluster that would be given another address than it has."""
    had, found = wish.service.ingress, decision.allocation
    if had and found is not None and not set(had) <= set(map(str, found.addresses)):
        new = ", ".join(map(str, found.addresses))
        text = f"it has {', '.join(had)}, which it may not keep, and is given {new} of pool {found.pool} instead"
        yield wish.manifest.hint("status", text, "leave its address in the pool that it is of")


def _assumption(stage: Stage, decision: Decision) -> bool:
    """Whether a Service without wishes waits in a stage that has no pools of the files' own."""
    assumed = stage.config is not None and ANYWHERE in stage.config.pools
    return assumed and decision.reason in (Reason.NO_FREE_ADDRESS, Reason.FAMILY_MISMATCH)


def _given(wishes: Iterable[Wish], stage: Stage) -> dict[ServiceKey, Decision]:
    """What each gets, one after the other; who has an address already keeps it."""
    ledger = Ledger()
    given: dict[ServiceKey, Decision] = {}
    ordered = sorted(wishes, key=lambda wish: not wish.service.ingress)
    for service in (wish.service for wish in ordered):
        kept = adoptable(stage.config or EMPTY, ledger, service, stage.load_balancer_class, stage.taken)
        if kept is not None:
            ledger.assign(service.key, requests.use(service), kept)
    for service in (wish.service for wish in ordered):
        decision = decide(stage.config or EMPTY, ledger, service, stage.load_balancer_class, stage.taken)
        if decision.allocation is not None:
            ledger.assign(service.key, requests.use(service), decision.allocation)
        given[service.key] = decision
    return given


def _failed(wish: Wish, decision: Decision, stage: Stage, by_key: Mapping[ServiceKey, Wish]) -> Finding:
    path, text = _field(wish.service, decision), decision.text
    others = [by_key[key].manifest for key in decision.blockers if key in by_key]
    if others:
        text = f"{text} ({others[0].source}:{others[0].place.find('metadata.name').line})"
    selecting = any(pool.namespace_selectors for pool in (stage.config or EMPTY).pools.values())
    if decision.reason is Reason.POOL_NOT_ALLOWED and selecting and wish.service.namespace not in stage.namespaces:
        return wish.manifest.hint(path, f"{text}, unless the namespace's labels say otherwise", decision.fix)
    return wish.manifest.fail(path, text, decision.fix)


def _field(service: Service, decision: Decision) -> str:
    """The field that a refusal is about."""
    reason = decision.reason
    if reason in _PORTS:
        return "spec.ports"
    if reason in _SHARE:
        return _annotation(service, requests.ALLOW_SHARED_IP) or _pin_field(service)
    if reason in _POOL:
        return _annotation(service, requests.ADDRESS_POOL) or _pin_field(service)
    return _pin_field(service) or _annotation(service, requests.ADDRESS_POOL) or "spec"


def _annotation(service: Service, name: str) -> str:
    keys = (prefix + name for prefix in (requests.PREFIX, requests.OLD_PREFIX))
    return next((f"{NOTES}.{key}" for key in keys if key in service.annotations), "")


def _pin_field(service: Service) -> str:
    source = requests.pin_source(service)
    return source if source.startswith("spec.") or not source else f"{NOTES}.{source}"
