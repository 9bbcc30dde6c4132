"""Which Service gets which address: `decide` says what a Service should have, given the ledger of what the others have.

Semantics are MetalLB's (`controller/service.go`, `internal/allocator`), but that a node's own address is given to no
Service: the node's kernel answers for it, and pylb never announces it. `decide` changes nothing: whoever calls
carries the decision out with `Ledger.assign` or `Ledger.release` and writes it to the API.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from pylb.core import notices, pools, remedies, requests
from pylb.core.config import Config, Pool
from pylb.core.errors import ParseError
from pylb.core.ledger import Allocation, Ledger
from pylb.core.model import LOAD_BALANCER, Address, NodeName, PoolName, Service, ServiceKey
from pylb.core.notices import WARNING, Notice
from pylb.core.ranges import parse_address, without
from pylb.core.reasons import Reason
from pylb.core.requests import PREFER_DUAL_STACK, Refusal, Request, quoted

NODE_ADDRESS = "NodeAddress"  # an Event's reason of pylb's own: a Service's or a pool's address is a node's
NONE_TAKEN: Mapping[Address, NodeName] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an address, a pool or all pools cannot serve a request."""

    reason: Reason
    text: str  # in MetalLB's words
    blockers: tuple[ServiceKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a Service should have from now on, and what to tell about it.

    `allocation` is None for a Service that gets nothing. `reason` is set whenever it has not what it asks for, or
    loses what it had; `blockers` are the Services in the way, `fix` is what would help.
    """

    allocation: Allocation | None
    notices: tuple[Notice, ...] = ()
    reason: Reason | None = None
    text: str = ""
    blockers: tuple[ServiceKey, ...] = ()
    fix: str = ""
    ignored: bool = False  # not pylb's to touch: another loadBalancerClass


@dataclass(frozen=True, slots=True)
class _Case:
    """One Service before the config and the ledger; its own uses never stand in its way."""

    config: Config
    ledger: Ledger
    request: Request
    taken: Mapping[Address, NodeName]  # addresses in pools that are nodes' own
    told: list[Notice] = field(default_factory=list)


def decide(
    config: Config,
    ledger: Ledger,
    service: Service,
    load_balancer_class: str | None = None,
    taken: Mapping[Address, NodeName] = NONE_TAKEN,
) -> Decision:
    """What `service` should have, given everybody else's allocations.

    What it has (by the ledger, else as recorded in its status) is kept while its wishes and the pools allow; otherwise
    it gets new addresses, or none and a reason. `load_balancer_class` is the class that pylb serves, None for Services without one.
    `taken` are the addresses in the pools that are nodes' own: nobody is given one, and who has one keeps it and is told.
    """
    held = service.key in ledger.allocations  # the API server removes the class together with the type
    if service.load_balancer_class != load_balancer_class and (service.type == LOAD_BALANCER or not held):
        return Decision(None, reason=Reason.OTHER_CLASS, text=Reason.OTHER_CLASS.text, ignored=True)
    if service.type != LOAD_BALANCER:
        return Decision(None, reason=Reason.NOT_LOAD_BALANCER, text=Reason.NOT_LOAD_BALANCER.text)
    request = requests.parse(service)
    if isinstance(request, Refusal):
        return _refused(config, ledger, service, request, taken)
    case = _Case(config, ledger, request, taken)
    kept = _keep(case, _recorded(ledger, service))
    if kept is not None:
        return _extended(case, kept)
    return _allocated(case, service)


def _recorded(ledger: Ledger, service: Service) -> tuple[Address, ...]:
    """What the Service has: by the ledger, which is ahead of the API's echo, else by its status."""
    known = ledger.allocations.get(service.key)
    if known is not None:
        return known.addresses
    try:
        return tuple(parse_address(text) for text in service.ingress)
    except ParseError:
        return ()


def _refused(
    config: Config, ledger: Ledger, service: Service, refusal: Refusal, taken: Mapping[Address, NodeName]
) -> Decision:
    """A request that cannot be understood: an address that the Service has stays with it (MetalLB's step 8)."""
    told: list[Notice] = []
    fix = remedies.advise(config, refusal.rest, refusal.reason)
    if refusal.reason is Reason.INVALID_REQUEST and refusal.rest is not None:
        kept = _keep(_Case(config, ledger, refusal.rest, taken, told), _recorded(ledger, service))
        if kept is not None:
            notice = notices.load_balancer_failed(refusal.text, fix)
            return Decision(kept, (notice,), refusal.reason, refusal.text, fix=fix)
    notice = notices.allocation_failed(service.key, refusal.text, fix)
    return Decision(None, (*told, notice), refusal.reason, refusal.text, fix=fix)


def _keep(case: _Case, recorded: tuple[Address, ...]) -> Allocation | None:
    """The recorded addresses if the Service may go on with them (MetalLB's steps 5 to 8)."""
    request = case.request
    families = {address.version for address in recorded}
    partial = request.policy == PREFER_DUAL_STACK and families < request.families
    if not recorded or not (families == request.families or partial):
        return None
    rejection = _check(case, recorded)
    if rejection is not None:
        case.told.append(notices.clear_assignment(request.key, rejection.text))
        return None
    pool = case.config.pool_of(recorded)
    if pool is None or (request.pool and request.pool != pool.name):
        return None
    if request.addresses and set(request.addresses) != set(recorded):
        return None
    case.told.extend(_own_address(address, case.taken[address]) for address in recorded if address in case.taken)
    return Allocation(recorded, pool.name)


def _own_address(address: Address, node: NodeName) -> Notice:
    text = (
        f'"{address}" is the address of node "{node}" itself, whose kernel answers for it: pylb does not announce it; '
        "take it out of the pool, and the Service gets another one"
    )
    return Notice(WARNING, NODE_ADDRESS, text)


def _extended(case: _Case, kept: Allocation) -> Decision:
    """Under PreferDualStack a Service with one address gets one of the other family from the same pool (step 9)."""
    request = case.request
    missing = request.families - {address.version for address in kept.addresses}
    if request.policy != PREFER_DUAL_STACK or not missing or request.addresses:
        return Decision(kept, tuple(case.told))
    extra = _first_free(case, case.config.pools[kept.pool], min(missing))
    if extra is None:
        return Decision(kept, tuple(case.told))
    notice = notices.ip_allocated_additionally(extra)
    return Decision(Allocation((*kept.addresses, extra), kept.pool), (*case.told, notice))


def _allocated(case: _Case, service: Service) -> Decision:
    found = _allocate(case)
    if isinstance(found, Rejection):
        fix = remedies.advise(case.config, case.request, found.reason, found.blockers)
        notice = notices.allocation_failed(case.request.key, found.text, fix)
        return Decision(None, (*case.told, notice), found.reason, found.text, found.blockers, fix)
    deprecated = tuple(notices.deprecated_annotation(key) for key in requests.deprecated_annotations(service))
    return Decision(found, (*case.told, *deprecated, notices.ip_allocated(found.addresses)))


def _allocate(case: _Case) -> Allocation | Rejection:
    """New addresses for a request: those that it pins, one of the pool that it names, or any (MetalLB's step 10)."""
    if not case.config.pools:
        return Rejection(Reason.NO_POOL, Reason.NO_POOL.text)
    if case.request.addresses:
        return _allocate_pinned(case)
    if case.request.pool:
        return _allocate_from(case, case.request.pool)
    candidates = pools.automatic(case.config, case.request)
    found = next(_offers(case, candidates), None)
    return found or Rejection(Reason.NO_FREE_ADDRESS, "no available IPs")


def _allocate_pinned(case: _Case) -> Allocation | Rejection:
    wanted = case.request.addresses
    rejection = _check(case, wanted)
    if rejection is not None:
        return rejection
    pool = case.config.pool_of(wanted)
    if pool is None:
        return Rejection(Reason.ADDRESS_IN_NO_POOL, f"{quoted(wanted)} is not allowed in config")
    if case.request.pool and pool.name != case.request.pool:
        text = f"requested loadBalancer IP(s) {quoted(wanted)} is not compatible with requested address pool {case.request.pool}"
        return Rejection(Reason.ADDRESS_NOT_OF_POOL, text)
    nodes = sorted({case.taken[address] for address in wanted if address in case.taken})
    if nodes:
        text = f"requested loadBalancer IP(s) {quoted(wanted)} is the address of node {quoted(nodes)} itself: ask for another"
        return Rejection(Reason.NODE_ADDRESS, text)
    return Allocation(wanted, pool.name)


def _allocate_from(case: _Case, name: str) -> Allocation | Rejection:
    pool = case.config.pools.get(PoolName(name))
    if pool is None:
        return Rejection(Reason.POOL_NOT_FOUND, f'unknown pool "{name}"')
    if not case.config.allows(pool, case.request.namespace, case.request.labels):
        return Rejection(Reason.POOL_NOT_ALLOWED, f"pool {name} not compatible for ip assignment")
    found = next(_offers(case, [pool]), None)
    return found or Rejection(Reason.POOL_EXHAUSTED, f'no available IPs in pool "{name}"')


def _offers(case: _Case, candidates: Iterable[Pool]) -> Iterator[Allocation]:
    """What the pools have for the request: all its families from one pool, else, if it prefers both, one of them."""
    request, tried = case.request, list(candidates)
    families = sorted(request.families)
    yield from _complete(case, tried, families)
    if request.policy == PREFER_DUAL_STACK and len(families) == 2:
        for family in sorted(families, key=lambda version: version != request.primary):
            yield from _complete(case, tried, [family])


def _complete(case: _Case, candidates: Iterable[Pool], families: list[int]) -> Iterator[Allocation]:
    for pool in candidates:
        found = [_first_free(case, pool, family) for family in families]
        given = tuple(address for address in found if address is not None)
        if len(given) == len(families):
            yield Allocation(given, pool.name)


def _first_free(case: _Case, pool: Pool, version: int) -> Address | None:
    """The lowest address of a pool that is free or may be shared; visits at most the used ones before it."""
    pool = _without_nodes(case, pool)
    if not case.request.use.sharing and case.request.key not in case.ledger.allocations:
        return case.ledger.unused(pool, version)
    spans = (span for span in pool.ranges if span.version == version)
    addresses = (address for span in spans for address in span.addresses())
    return next((a for a in addresses if pool.usable(a) and _check_sharing(case, a) is None), None)


def _without_nodes(case: _Case, pool: Pool) -> Pool:
    """A pool less the nodes' own addresses."""
    own = [address for address in case.taken if address in pool]
    return replace(pool, ranges=tuple(part for span in pool.ranges for part in without(span, own))) if own else pool


def _check(case: _Case, addresses: tuple[Address, ...]) -> Rejection | None:
    """Why the Service may not have exactly these addresses."""
    pool = case.config.pool_of(addresses)
    if pool is None or not all(pool.usable(address) for address in addresses):
        return Rejection(Reason.ADDRESS_IN_NO_POOL, f"{quoted(addresses)} is not allowed in config")
    if not case.config.allows(pool, case.request.namespace, case.request.labels):
        return Rejection(Reason.POOL_NOT_ALLOWED, f"pool {pool.name} not compatible for ip assignment")
    return next(filter(None, (_check_sharing(case, address) for address in addresses)), None)


def _check_sharing(case: _Case, address: Address) -> Rejection | None:
    """Why the Service may not use the address beside those that use it already (MetalLB's `checkSharing`)."""
    request, mine = case.request, case.request.use
    others = {key: use for key, use in case.ledger.users(address).items() if key != request.key}
    if not others:
        return None
    shares = [use for use in others.values() if use.sharing and use.sharing == mine.sharing]
    if len(shares) < len(others) or any(use.backend != mine.backend for use in shares):
        users = tuple(sorted(others))
        text = f'can\'t change sharing key for "{request.key}", address also in use by {",".join(users)}'
        keyed = all(use.sharing for use in others.values())
        return Rejection(Reason.SHARING_KEY_DIFFERS if keyed else Reason.ADDRESS_IN_USE, text, users)
    clash = next(((key, port) for key, use in sorted(others.items()) for port in sorted(use.ports & mine.ports)), None)
    if clash is None:
        return None
    return Rejection(Reason.PORT_IN_USE, f'port {clash[1]} is already in use on "{address}"', (clash[0],))
