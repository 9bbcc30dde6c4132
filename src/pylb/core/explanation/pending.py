"""Why a Service has its address, or waits for one: the allocator's decision as a chain of checks. Pure.

The allocator decides; the chain tells how far it came. A check that it did not come to is not told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from pylb.core.allocation import pools, requests
from pylb.core.allocation.allocator import Decision, decide
from pylb.core.allocation.remedies import listed
from pylb.core.allocation.requests import Refusal, Request
from pylb.core.config.loader import Config, Pool
from pylb.core.explanation import givers
from pylb.core.explanation.findings import Fix, Mark, Question, Row
from pylb.core.explanation.offers import in_the_way, offers
from pylb.core.explanation.scene import Case, Scene
from pylb.core.model import PoolName, Service, ServiceKey
from pylb.core.reasons import Reason

MAX_POOLS = 5  # of which it is told why they do not serve
CLASS, FAMILY, REQUEST, POOL, SELECTORS, FREE, SHARE, PORTS, AGREE, NODE = CHAIN = (
    "class",
    "family",
    "request",
    "pool",
    "selectors",
    "free",
    "share",
    "ports",
    "pool and address",
    "node",
)
ADDRESS = "address"
AT = {  # the check of the chain that each reason fails
    Reason.OTHER_CLASS: CLASS,
    Reason.NO_CLUSTER_IP: FAMILY,
    Reason.FAMILY_MISMATCH: FAMILY,
    Reason.INVALID_REQUEST: REQUEST,
    Reason.NO_POOL: POOL,
    Reason.POOL_NOT_FOUND: POOL,
    Reason.ADDRESS_IN_NO_POOL: POOL,
    Reason.POOL_NOT_ALLOWED: SELECTORS,
    Reason.ADDRESS_IN_USE: FREE,
    Reason.POOL_EXHAUSTED: FREE,
    Reason.NO_FREE_ADDRESS: FREE,
    Reason.SHARING_KEY_DIFFERS: SHARE,
    Reason.PORT_IN_USE: PORTS,
    Reason.ADDRESS_NOT_OF_POOL: AGREE,
    Reason.NODE_ADDRESS: NODE,
}
Q = Question.ALLOCATED


def allocation(scene: Scene, case: Case, services: Mapping[ServiceKey, Service]) -> tuple[Row, ...]:
    """The rows of the first question; `services` are all that are known, for those in the way."""
    config = scene.config
    head = givers.standing(scene, case)
    if config is None:
        return (*head, *_unjudged(case))
    decision = decide(config, scene.ledger, case.service, scene.load_balancer_class, scene.taken)
    chain = tuple(_chain(scene, config, case.service, decision, services))
    return (*chain, _address(case, decision), *head)


def _chain(
    scene: Scene, config: Config, service: Service, decision: Decision, services: Mapping[ServiceKey, Service]
) -> Iterator[Row]:
    failed = AT.get(decision.reason) if decision.reason is not None else None
    asked = requests.parse(service)
    request = asked.rest if isinstance(asked, Refusal) else asked
    for check in CHAIN:
        if check == failed:
            yield _failure(scene, config, service, request, decision, check, services)
            return
        text = _PASSED[check](config, service, request, decision)
        if text:
            yield Row(Q, check, Mark.PASS, text)


def _failure(
    scene: Scene,
    config: Config,
    service: Service,
    request: Request | None,
    decision: Decision,
    check: str,
    services: Mapping[ServiceKey, Service],
) -> Row:
    others = in_the_way(decision, services)
    kept = decision.allocation is not None  # it may go on with what it has, and cannot have what it asks for
    text = decision.text
    if decision.reason in (Reason.NO_FREE_ADDRESS, Reason.POOL_EXHAUSTED) and request is not None:
        text = f"{text}: {_reasons(scene, config, request)}"
    if others and decision.reason in (Reason.ADDRESS_IN_USE, Reason.SHARING_KEY_DIFFERS):
        text = f"{text} ({_holders(service, others)})"
    fixes = (*offers(scene, service, decision, others), *_advice(scene, config, service, decision))
    return Row(Q, check, Mark.WARN if kept else Mark.FAIL, text, fixes)


def _holders(service: Service, others: tuple[Service, ...]) -> str:
    """Whether those who have the address use the same ports."""
    told = []
    for one in others:
        clash = sorted(set(one.ports) & set(service.ports))
        ports = ", ".join(map(str, one.ports)) or "no port"
        told.append(f"{one.key} has {ports}: {'a clash' if clash else 'no clash of ports'}")
    return listed(told)


def _advice(scene: Scene, config: Config, service: Service, decision: Decision) -> Iterator[Fix]:
    """What the allocator advises, with a command where one is known."""
    if decision.reason is Reason.OTHER_CLASS:
        text = (
            "a Service's class cannot be changed: make it anew without spec.loadBalancerClass, if pylb is to serve it"
        )
        yield Fix(text)
    elif decision.fix:
        yield Fix(decision.fix, _command(scene, config, service, decision))


def _command(scene: Scene, config: Config, service: Service, decision: Decision) -> str:
    if decision.reason is Reason.NO_POOL:
        return "pylb install --range A-B"
    pool = _growing(config, service)
    if decision.reason in (Reason.POOL_EXHAUSTED, Reason.NO_FREE_ADDRESS, Reason.POOL_NOT_ALLOWED) and pool is not None:
        return scene.shell.edit(pool.ref.kind, pool.ref.namespace, pool.ref.name)
    return ""


def _growing(config: Config, service: Service) -> Pool | None:
    """The pool that would serve the Service if it had more: the one that it names, else the first that it may use."""
    name = requests.annotation(service, requests.ADDRESS_POOL)
    if name:
        return config.pools.get(PoolName(name))
    request = requests.parse(service)
    if isinstance(request, Request):
        for pool in pools.automatic(config, request):
            if any(pool.capacity(version) for version in request.families):
                return pool
    return next(iter(config.pools.values()), None)


def _reasons(scene: Scene, config: Config, request: Request) -> str:
    """Why each pool gives nothing."""
    wanted = [pool for name, pool in sorted(config.pools.items()) if not request.pool or name == request.pool]
    told = [f"{pool.name}: {_refusal(scene, config, pool, request)}" for pool in islice(wanted, MAX_POOLS)]
    more = len(wanted) - len(told)
    return "; ".join((*told, *([f"and {more} more"] if more > 0 else ())))


def _refusal(scene: Scene, config: Config, pool: Pool, request: Request) -> str:
    lacking = [version for version in sorted(request.families) if not pool.capacity(version)]
    if lacking and len(lacking) == len(request.families):
        return f"it has no IPv{lacking[0]} addresses"
    if not config.allows(pool, request.namespace, request.labels):
        return f"its serviceAllocation selects neither namespace {request.namespace} nor these labels"
    if not request.pool and not pool.auto_assign:
        return "autoAssign is off, and it is not asked for by name"
    if not request.pool and pool not in pools.automatic(config, request):
        return "its serviceAllocation does not speak of this Service"
    full = [v for v in sorted(request.families) if v not in lacking and scene.ledger.unused(pool, v) is None]
    if full:
        used = scene.ledger.in_use(pool.name, full[0])
        rest = ", and all others are reserved" if pool.reserved and used < pool.capacity(full[0]) else ""
        return f"{used} of {pool.capacity(full[0])} IPv{full[0]} addresses are in use{rest}"
    return f"it has no IPv{lacking[0]} addresses" if lacking else "what is left are nodes' own addresses"


def _passed_class(config: Config, service: Service, request: Request | None, decision: Decision) -> str:
    named = service.load_balancer_class
    return (
        f'spec.loadBalancerClass is "{named}", which pylb serves here'
        if named
        else "no loadBalancerClass: pylb serves it"
    )


def _passed_family(config: Config, service: Service, request: Request | None, decision: Decision) -> str:
    families = sorted(request.families if request else requests.cluster_families(service.cluster_ips))
    return f"{' and '.join(f'IPv{version}' for version in families)}, {service.family_policy}"


def _passed_request(config: Config, service: Service, request: Request | None, decision: Decision) -> str:
    if request is None:
        return ""
    source = requests.pin_source(service)
    if request.addresses:
        return f"it asks for {', '.join(map(str, request.addresses))} ({source})"
    if request.pool:
        return f"it asks for any address of pool {request.pool}"
    return "it asks for any address"


def _passed_pool(config: Config, service: Service, request: Request | None, decision: Decision) -> str:
    if request is None:
        return ""
    if request.addresses:
        pool = config.pool_of(request.addresses)
        return f"pool {pool.name} holds the address" if pool is not None else ""
    if request.pool:
        return f"there is a pool {request.pool}"
    fitting = (pool for pool in pools.automatic(config, request) if any(map(pool.capacity, request.families)))
    names = [pool.name for pool in fitting]
    return f"{listed(names)} may give it one" if names else ""


def _passed_selectors(config: Config, service: Service, request: Request | None, decision: Decision) -> str:
    found = decision.allocation
    pool = config.pools.get(found.pool) if found is not None else None
    if pool is None and request is not None and request.addresses:
        pool = config.pool_of(request.addresses)
    if pool is None or not pool.pinned:
        return ""
    return f"the serviceAllocation of pool {pool.name} lets namespace {service.namespace} in"


def _passed_free(config: Config, service: Service, request: Request | None, decision: Decision) -> str:
    given = tuple(map(str, decision.allocation.addresses)) if decision.allocation is not None else ()
    new = [address for address in given if address not in service.ingress]
    return f"{', '.join(new)} is free for it" if new else ""


def _untold(config: Config, service: Service, request: Request | None, decision: Decision) -> str:
    """A check that is told where it fails alone."""
    return ""


_PASSED: dict[str, Callable[[Config, Service, Request | None, Decision], str]] = {
    CLASS: _passed_class,
    FAMILY: _passed_family,
    REQUEST: _passed_request,
    POOL: _passed_pool,
    SELECTORS: _passed_selectors,
    FREE: _passed_free,
    SHARE: _untold,
    PORTS: _untold,
    AGREE: _untold,
    NODE: _untold,
}


def _address(case: Case, decision: Decision) -> Row:
    """What it has, and what it would have."""
    has = case.service.ingress
    shown = ", ".join(has)
    if decision.ignored:
        return Row(Q, ADDRESS, Mark.HINT, f"it has {shown} from somebody else" if has else "it has none")
    if decision.allocation is None:
        text = f"it has {shown}, and is to lose it" if has else "it has none"
        return Row(Q, ADDRESS, Mark.WARN if has else Mark.FAIL, text)
    given = tuple(map(str, decision.allocation.addresses))
    if set(given) == set(has):
        return Row(Q, ADDRESS, Mark.PASS, f"it has {shown} of pool {decision.allocation.pool}")
    said = f"; the controller said: {case.told}" if case.told else ""
    wanted = ", ".join(given)
    text = (
        f"it has {shown}, and is to have {wanted}" if has else f"it has none yet, and nothing stands against {wanted}"
    )
    return Row(Q, ADDRESS, Mark.WARN, f"{text}{said}")


def _unjudged(case: Case) -> Iterator[Row]:
    """What can be said without a configuration."""
    shown = ", ".join(case.service.ingress)
    if shown:
        yield Row(Q, ADDRESS, Mark.PASS, f"it has {shown}")
    else:
        yield Row(Q, ADDRESS, Mark.FAIL, case.told or "it has none, and the pools are not known here")
