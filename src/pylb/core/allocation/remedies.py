"""What would help a Service that waits for an address: one sentence for each reason, from the configuration alone.

It looks at no other Service, so that a sentence changes only when the configuration or the wish does: what is told
again with each address that comes and goes is noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pylb.core.allocation import pools
from pylb.core.allocation.requests import ADDRESS_POOL, ALLOW_SHARED_IP, LOAD_BALANCER_IPS, PREFIX, Request
from pylb.core.config.loader import Config, Pool
from pylb.core.model import ServiceKey
from pylb.core.ranges import is_buggy
from pylb.core.reasons import Reason
from pylb.core.several import some

NAMED_MAX = 3  # pools, ranges or Services that one sentence names
_PINS = f"{PREFIX}{LOAD_BALANCER_IPS} or spec.loadBalancerIP"
_FIXED = {
    Reason.NO_POOL: "create an IPAddressPool in metallb-system or pylb-system",
    Reason.ADDRESS_IN_USE: f"ask for another address, or give both Services the same {PREFIX}{ALLOW_SHARED_IP} and "
    "different ports",
    Reason.SHARING_KEY_DIFFERS: f"ask for another address, or use the same {PREFIX}{ALLOW_SHARED_IP} (under traffic "
    "policy Local, the same selector too)",
    Reason.NO_CLUSTER_IP: "a headless Service cannot be of type LoadBalancer: leave spec.clusterIP out",
    Reason.INVALID_REQUEST: f"write one address of each of the Service's families, in {_PINS}, not in both",
}


def advise(config: Config, request: Request | None, reason: Reason, blockers: Iterable[ServiceKey] = ()) -> str:
    """What would help, without a full stop; "" where nothing is known to. `request` is None for one not understood."""
    if reason is Reason.PORT_IN_USE:
        return f"{listed(blockers)} has it: choose another port, or another address"
    if reason is Reason.FAMILY_MISMATCH:
        return _families(request)
    advice = _ADVICE.get(reason)
    if advice is not None and request is not None:
        return advice(config, request)
    return _FIXED.get(reason, "")


def listed(items: Iterable[object]) -> str:
    """The first few, and how many more there are."""
    return some(items, NAMED_MAX)


def _families(request: Request | None) -> str:
    if request is None:
        return (
            "set spec.ipFamilyPolicy to PreferDualStack or SingleStack, or give the cluster Services of both families"
        )
    shown = " and ".join(f"IPv{version}" for version in sorted(request.families))
    return f"the Service has cluster IPs of {shown}: ask for one address of each of these"


def _nothing_free(config: Config, request: Request) -> str:
    """Pools that would serve are full; or there are some that would serve if they were asked, or allowed to."""
    tried = [pool for pool in pools.automatic(config, request) if _serves(pool, request)]
    if tried:
        return f"nothing is left in {_pools(tried)}: add a range, or delete a Service of type LoadBalancer"
    capable = [pool for pool in config.pools.values() if _serves(pool, request)]
    if not capable:
        shown = " and ".join(f"IPv{version}" for version in sorted(request.families))
        return f"no pool has {shown} addresses: add a range of them to one"
    manual = [pool for pool in capable if config.allows(pool, request.namespace, request.labels)]
    if manual:
        return f"{_pools(manual)} must be asked for by name: annotate {PREFIX}{ADDRESS_POOL}, or set autoAssign"
    return f"the serviceAllocation of {_pools(capable)} does not select this Service: change it, or add a pool"


def _serves(pool: Pool, request: Request) -> bool:
    found = [pool.capacity(version) > 0 for version in request.families]
    return any(found) if request.policy == "PreferDualStack" else all(found)


def _pool_unknown(config: Config, _: Request) -> str:
    return f"the cluster has {_pools(config.pools.values())}: correct {PREFIX}{ADDRESS_POOL}, or create the pool"


def _pool_full(config: Config, request: Request) -> str:
    pool = next((one for one in config.pools.values() if one.name == request.pool), None)
    lacking = [v for v in sorted(request.families) if pool is not None and not pool.capacity(v)]
    if lacking:
        return f"it has no IPv{lacking[0]} addresses: add a range of them, or name another pool"
    return "add a range to it, name another pool, or delete a Service that has one of its addresses"


def _pool_closed(_: Config, request: Request) -> str:
    return f"its serviceAllocation selects neither namespace {request.namespace} nor this Service's labels"


def _address_unknown(config: Config, request: Request) -> str:
    buggy = [a for a in request.addresses if is_buggy(a) and config.pool_of([a]) is not None]
    if buggy:
        return f"the pool has avoidBuggyIPs, which leaves {buggy[0]} out: ask for another address"
    if len(request.addresses) > 1 and all(config.pool_of([address]) for address in request.addresses):
        return "both addresses must be of one pool"
    spans = [(span, pool) for pool in _sorted(config.pools.values()) for span in pool.ranges]
    families = {address.version for address in request.addresses}
    fitting = [f"{span} ({pool.name})" for span, pool in spans if span.version in families]
    if not fitting:
        return "no pool has addresses of that family: add a range of them to one"
    return f"the pools have {listed(fitting)}: ask for one of these, or add the address to a pool"


def _address_elsewhere(config: Config, request: Request) -> str:
    pool = config.pool_of(request.addresses)
    owner = f"it is of pool {pool.name}: " if pool else ""
    return f"{owner}correct {PREFIX}{ADDRESS_POOL}, or leave it out"


def _pools(found: Iterable[Pool]) -> str:
    names = [pool.name for pool in _sorted(found)]
    return f"pool{'s' if len(names) > 1 else ''} {listed(names)}"


def _sorted(found: Iterable[Pool]) -> list[Pool]:
    return sorted(found, key=lambda pool: pool.name)


_ADVICE: dict[Reason, Callable[[Config, Request], str]] = {
    Reason.NO_FREE_ADDRESS: _nothing_free,
    Reason.POOL_NOT_FOUND: _pool_unknown,
    Reason.POOL_EXHAUSTED: _pool_full,
    Reason.POOL_NOT_ALLOWED: _pool_closed,
    Reason.ADDRESS_IN_NO_POOL: _address_unknown,
    Reason.ADDRESS_NOT_OF_POOL: _address_elsewhere,
}
