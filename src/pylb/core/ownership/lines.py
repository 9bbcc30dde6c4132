"""From the cluster's objects to one line per address: who would announce it, and why others would not."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pylb.core.config.loader import EMPTY, Config
from pylb.core.errors import ParseError
from pylb.core.model import LOAD_BALANCER, Address, Endpoint, EndpointSlice, Node, NodeName, Service, ServiceKey
from pylb.core.ownership.election import Verdict, elect
from pylb.core.ownership.moves import Move, failback_of, moves_of
from pylb.core.ranges import parse_address


@dataclass(frozen=True, slots=True)
class Line:
    """One address, the Services that use it, and the verdict on it."""

    address: Address
    services: tuple[ServiceKey, ...]
    verdict: Verdict
    pool: str = ""
    failback: bool = False  # it goes back to the first in line
    moves: tuple[Move, ...] = ()  # that its Services ask for


@dataclass(frozen=True, slots=True)
class View:
    """What every election goes by."""

    config: Config
    nodes: Mapping[NodeName, Node]
    alive: frozenset[NodeName]
    load_balancer_class: str | None = None
    earlier: Config = EMPTY


@dataclass(frozen=True, slots=True)
class _Known:
    """What was made of one Service."""

    service: Service
    endpoints: list[Endpoint]
    addresses: tuple[Address, ...]
    verdict: Verdict
    pool: str
    failback: bool = False
    moves: tuple[Move, ...] = ()


class Lines:
    """The lines of all Services. What did not change since the last time is not elected again: with a thousand Services
    that would hold a speaker up, each time that one of them changes."""

    def __init__(self) -> None:
        self._view: View | None = None
        self._known: dict[ServiceKey, _Known] = {}
        self._merged: dict[Address, tuple[list[_Known], Line]] = {}

    def update(
        self, view: View, services: Iterable[Service], endpoints: Mapping[ServiceKey, list[Endpoint]]
    ) -> list[Line]:
        """One line for each address that a Service of pylb's class has recorded in its status.

        An address that is in no pool any more goes on by the `earlier` configuration: it is the controller that takes
        it away, and it may be slow or absent (MetalLB's speaker keeps its old configuration then).
        """
        before = self._known if view == self._view else {}
        self._view, self._known = view, {}
        found: dict[Address, dict[ServiceKey, _Known]] = {}
        for service in services:
            ends = endpoints.get(service.key, [])
            known = before.get(service.key)
            if known is None or known.service is not service or known.endpoints != ends:
                known = _settle(view, service, ends)
            self._known[service.key] = known
            for address in known.addresses:
                found.setdefault(address, {})[service.key] = known
        before_merged, self._merged = self._merged, {}
        for address, users in found.items():
            of = list(users.values())
            last = before_merged.get(address)
            same = last is not None and len(last[0]) == len(of) and all(map(operator.is_, last[0], of))
            self._merged[address] = last if last is not None and same else (of, _merged(address, users))
        return [line for _, line in self._merged.values()]


def _settle(view: View, service: Service, endpoints: list[Endpoint]) -> _Known:
    addresses = recorded(service) if service.load_balancer_class == view.load_balancer_class else ()
    if not addresses:
        return _Known(service, endpoints, (), Verdict(), "")
    config = view.config if view.config.pool_of(addresses) else view.earlier
    pool = config.pool_of(addresses)
    verdict = elect(config, service, addresses, endpoints, view.nodes, view.alive)
    said = failback_of(service.annotations)
    failback = said if said is not None else pool is not None and pool.failback
    return _Known(
        service, endpoints, addresses, verdict, pool.name if pool else "", failback, moves_of(service.annotations)
    )


def _merged(address: Address, users: Mapping[ServiceKey, _Known]) -> Line:
    *_, last = users.values()
    line = merge(address, {key: known.verdict for key, known in users.items()}, last.pool)
    ordered = [users[key] for key in line.services]
    moves = tuple(move for known in ordered for move in known.moves)
    return replace(line, failback=any(known.failback for known in ordered), moves=moves)


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


def merge(address: Address, verdicts: Mapping[ServiceKey, Verdict], pool: str = "") -> Line:
    """One line for an address from the verdicts on all Services that use it: the first that has a winner decides."""
    ordered = sorted(verdicts)
    chosen = next((key for key in ordered if verdicts[key].winner), ordered[0])
    return Line(address, tuple(ordered), verdicts[chosen], pool)
