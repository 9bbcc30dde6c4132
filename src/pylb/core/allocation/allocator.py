"""Which Service gets which address: `decide` says what a Service should have, given the ledger of what the others have.

Semantics are MetalLB's (`controller/service.go`, `internal/allocator`), but that a node's own address is given to no
Service: the node's kernel answers for it, and pylb never announces it. `decide` changes nothing: whoever calls
carries the decision out with `Ledger.assign` or `Ledger.release` and writes it to the API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pylb.core import notices
from pylb.core.allocation import pools, remedies, requests
from pylb.core.allocation.ledger import Allocation, Ledger
from pylb.core.allocation.memory import NOTHING, Memory
from pylb.core.allocation.requests import PREFER_DUAL_STACK, Refusal, Request, quoted
from pylb.core.allocation.supply import Case, Rejection, check_sharing, find, first_free
from pylb.core.config.loader import Config
from pylb.core.errors import ParseError
from pylb.core.model import LOAD_BALANCER, Address, NodeName, PoolName, Service, ServiceKey
from pylb.core.notices import WARNING, Notice
from pylb.core.ranges import parse_address
from pylb.core.reasons import Reason

NODE_ADDRESS = "NodeAddress"  # an Event's reason of pylb's own: a Service's or a pool's address is a node's
NONE_TAKEN: Mapping[Address, NodeName] = MappingProxyType({})


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


def decide(
    config: Config,
    ledger: Ledger,
    service: Service,
    load_balancer_class: str | None = None,
    taken: Mapping[Address, NodeName] = NONE_TAKEN,
    memory: Memory = NOTHING,
) -> Decision:
    """What `service` should have, given everybody else's allocations.

    What it has (by the ledger, else as recorded in its status) is kept while its wishes and the pools allow; otherwise
    it gets new addresses, or none and a reason. Who asks for others keeps what it has until those can be given.
    `load_balancer_class` is the class that pylb serves, None for Services without one. `taken` are the addresses in the
    pools that are nodes' own: nobody is given one, and who has one keeps it and is told. `memory` is of Services that
    are gone.
    """
    held = service.key in ledger.allocations  # the API server removes the class together with the type
    if service.load_balancer_class != load_balancer_class and (service.type == LOAD_BALANCER or not held):
        return Decision(None, reason=Reason.OTHER_CLASS, text=Reason.OTHER_CLASS.text, ignored=True)
    if service.type != LOAD_BALANCER:
        return Decision(None, reason=Reason.NOT_LOAD_BALANCER, text=Reason.NOT_LOAD_BALANCER.text)
    request = requests.parse(service)
    recorded = _recorded(ledger, service)
    if isinstance(request, Refusal):
        case = Case(config, ledger, request.rest, taken, memory, recorded) if request.rest else None
        return _refused(config, service, request, case)
    case = Case(config, ledger, request, taken, memory, recorded)
    standing = _standing(case)
    if standing is not None and _is_wished(request, standing):
        return _extended(case, standing)
    return _allocated(case, service, standing)


def adoptable(
    config: Config,
    ledger: Ledger,
    service: Service,
    load_balancer_class: str | None = None,
    taken: Mapping[Address, NodeName] = NONE_TAKEN,
) -> Allocation | None:
    """What a Service has and could go on with, whether or not it asks for something else by now; None if nothing."""
    if service.load_balancer_class != load_balancer_class or service.type != LOAD_BALANCER:
        return None
    asked = requests.parse(service)
    request = asked.rest if isinstance(asked, Refusal) else asked
    if request is None:
        return None
    return _standing(Case(config, ledger, request, taken, NOTHING, _recorded(ledger, service)))


def _recorded(ledger: Ledger, service: Service) -> tuple[Address, ...]:
    """What the Service has: by the ledger, which is ahead of the API's echo, else by its status."""
    known = ledger.allocations.get(service.key)
    if known is not None:
        return known.addresses
    try:
        return tuple(parse_address(text) for text in service.ingress)
    except ParseError:
        return ()


def _refused(config: Config, service: Service, refusal: Refusal, case: Case | None) -> Decision:
    """A request that cannot be understood: an address that the Service has stays with it (MetalLB's step 8)."""
    fix = remedies.advise(config, refusal.rest, refusal.reason)
    kept = _standing(case) if case else None
    told = case.told if case else ()
    if kept is not None and refusal.reason is Reason.INVALID_REQUEST:
        notice = notices.load_balancer_failed(refusal.text, fix)
        return Decision(kept, (*told, notice), refusal.reason, refusal.text, fix=fix)
    notice = notices.allocation_failed(service.key, refusal.text, _meanwhile(kept, fix))
    return Decision(kept, (*told, notice), refusal.reason, refusal.text, fix=fix)


def _meanwhile(kept: Allocation | None, fix: str) -> str:
    """What would help, after what the Service has until then."""
    if kept is None:
        return fix
    return "; ".join(filter(None, (f"it keeps {quoted(kept.addresses)} until then", fix)))


def _standing(case: Case) -> Allocation | None:
    """The recorded addresses if families, pools and others allow them (MetalLB's steps 5 and 6)."""
    request, recorded = case.request, case.recorded
    families = {address.version for address in recorded}
    partial = request.policy == PREFER_DUAL_STACK and families < request.families
    if not recorded or not (families == request.families or partial):
        return None
    rejection = _check(case, recorded)
    if rejection is not None:
        case.told.append(notices.clear_assignment(request.key, rejection.text))
        return None
    pool = case.config.pool_of(recorded)
    return Allocation(recorded, pool.name) if pool else None


def _is_wished(request: Request, standing: Allocation) -> bool:
    """Whether it is what the Service asks for (MetalLB's steps 7 and 8)."""
    if request.pool and request.pool != standing.pool:
        return False
    return not request.addresses or set(request.addresses) == set(standing.addresses)


def _warned(case: Case, kept: Allocation) -> tuple[Notice, ...]:
    """All that is told of a Service that keeps what it has."""
    own = (_own_address(one, case.taken[one]) for one in kept.addresses if one in case.taken)
    return (*case.told, *own)


def _own_address(address: Address, node: NodeName) -> Notice:
    text = (
        f'"{address}" is the address of node "{node}" itself, whose kernel answers for it: pylb does not announce it; '
        "take it out of the pool, and the Service gets another one"
    )
    return Notice(WARNING, NODE_ADDRESS, text)


def _extended(case: Case, kept: Allocation) -> Decision:
    """Under PreferDualStack a Service with one address gets one of the other family from the same pool (step 9)."""
    request = case.request
    missing = request.families - {address.version for address in kept.addresses}
    if request.policy != PREFER_DUAL_STACK or not missing or request.addresses:
        return Decision(kept, _warned(case, kept))
    extra = first_free(case, case.config.pools[kept.pool], min(missing))
    if extra is None:
        return Decision(kept, _warned(case, kept))
    notice = notices.ip_allocated_additionally(extra)
    return Decision(Allocation((*kept.addresses, extra), kept.pool), (*_warned(case, kept), notice))


def _allocated(case: Case, service: Service, standing: Allocation | None) -> Decision:
    """New addresses; where there are none for it, what it has stays if it may."""
    found = _allocate(case)
    if isinstance(found, Rejection):
        fix = remedies.advise(case.config, case.request, found.reason, found.blockers)
        told = _warned(case, standing) if standing else tuple(case.told)
        notice = notices.allocation_failed(case.request.key, found.text, _meanwhile(standing, fix))
        return Decision(standing, (*told, notice), found.reason, found.text, found.blockers, fix)
    deprecated = tuple(notices.deprecated_annotation(key) for key in requests.deprecated_annotations(service))
    return Decision(found, (*case.told, *deprecated, notices.ip_allocated(found.addresses)))


def _allocate(case: Case) -> Allocation | Rejection:
    """New addresses for a request: those that it pins, one of the pool that it names, or any (MetalLB's step 10)."""
    if not case.config.pools:
        return Rejection(Reason.NO_POOL, Reason.NO_POOL.text)
    if case.request.addresses:
        return _allocate_pinned(case)
    if case.request.pool:
        return _allocate_from(case, case.request.pool)
    found = find(case, pools.ranked(case.config, case.request))
    return found or Rejection(Reason.NO_FREE_ADDRESS, "no available IPs")


def _allocate_pinned(case: Case) -> Allocation | Rejection:
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


def _allocate_from(case: Case, name: str) -> Allocation | Rejection:
    pool = case.config.pools.get(PoolName(name))
    if pool is None:
        return Rejection(Reason.POOL_NOT_FOUND, f'unknown pool "{name}"')
    if not case.config.allows(pool, case.request.namespace, case.request.labels):
        return Rejection(Reason.POOL_NOT_ALLOWED, f"pool {name} not compatible for ip assignment")
    found = find(case, [[pool]])
    return found or Rejection(Reason.POOL_EXHAUSTED, f'no available IPs in pool "{name}"')


def _check(case: Case, addresses: tuple[Address, ...]) -> Rejection | None:
    """Why the Service may not have exactly these addresses."""
    pool = case.config.pool_of(addresses)
    if pool is None or not all(pool.usable(address) for address in addresses):
        return Rejection(Reason.ADDRESS_IN_NO_POOL, f"{quoted(addresses)} is not allowed in config")
    if not case.config.allows(pool, case.request.namespace, case.request.labels):
        return Rejection(Reason.POOL_NOT_ALLOWED, f"pool {pool.name} not compatible for ip assignment")
    return next(filter(None, (check_sharing(case.ledger, case.request, address) for address in addresses)), None)
