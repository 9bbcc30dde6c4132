"""From the cluster's objects to one line per address: who would announce it, and why others would not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from pylb.core.config import EMPTY, Config
from pylb.core.election import Verdict, elect
from pylb.core.errors import ParseError
from pylb.core.model import LOAD_BALANCER, Address, Endpoint, EndpointSlice, Node, NodeName, Service, ServiceKey
from pylb.core.ownership import Line, merge
from pylb.core.ranges import parse_address


def lines(
    config: Config,
    services: Iterable[Service],
    endpoints: Mapping[ServiceKey, list[Endpoint]],
    nodes: Mapping[NodeName, Node],
    alive: Collection[NodeName],
    load_balancer_class: str | None = None,
    earlier: Config = EMPTY,
) -> list[Line]:
    """One line for each address that a Service of pylb's class has recorded in its status.

    An address that is in no pool any more goes on by the `earlier` configuration: it is the controller that takes it
    away, and it may be slow or absent (MetalLB's speaker keeps its old configuration then).
    """
    verdicts: dict[Address, dict[ServiceKey, Verdict]] = {}
    pools: dict[Address, str] = {}
    for service in services:
        addresses = recorded(service)
        if not addresses or service.load_balancer_class != load_balancer_class:
            continue
        known = config if config.pool_of(addresses) else earlier
        verdict = elect(known, service, addresses, endpoints.get(service.key, []), nodes, alive)
        pool = known.pool_of(addresses)
        for address in addresses:
            verdicts.setdefault(address, {})[service.key] = verdict
            pools[address] = pool.name if pool else ""
    return [merge(address, found, pools[address]) for address, found in verdicts.items()]


def recorded(service: Service) -> tuple[Address, ...]:
    """The addresses in a LoadBalancer Service's status; none if one of them is no address."""
    if service.type != LOAD_BALANCER:
        return ()
    try:
        return tuple(parse_address(text) for text in service.ingress)
    except ParseError:
        return ()


def by_service(slices: Iterable[EndpointSlice]) -> dict[ServiceKey, list[Endpoint]]:
    """The endpoints of each Service, from all its slices."""
    found: dict[ServiceKey, list[Endpoint]] = {}
    for one in slices:
        found.setdefault(one.service, []).extend(one.endpoints)
    return found
