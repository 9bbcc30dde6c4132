"""What `core.explanation.explain` goes by: the whole cluster as far as it is known, and the one Service that is asked about. Pure.

The ledger is made as the controller makes its own when it starts: from what the Services have recorded. It can follow
their changes, which costs far less than to make it anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from pylb.core.allocation import requests
from pylb.core.allocation.allocator import NONE_TAKEN, adoptable
from pylb.core.allocation.ledger import Ledger
from pylb.core.config.loader import Config
from pylb.core.errors import ParseError
from pylb.core.explanation.findings import Shell
from pylb.core.explanation.wire import WireSeen
from pylb.core.model import Address, Endpoint, Node, NodeName, Service, ServiceKey
from pylb.core.ranges import parse_address


@dataclass(frozen=True, slots=True)
class Controllers:
    """Who gives addresses, as far as that can be seen."""

    known: bool = False  # whether the pods can be seen
    ready: tuple[str, ...] = ()  # pods that run
    leader: str = ""  # the one that says that it leads
    trouble: str = ""  # why nobody leads, or the leader may not write
    silent: str = ""  # why none of those that were asked has answered


@dataclass(frozen=True, slots=True)
class Announcing:
    """Who announces an address: nobody where `known`, else it cannot be told."""

    nodes: tuple[str, ...] = ()
    known: bool = False
    guessed: bool = False
    contested: bool = False  # more than one for longer than a move takes
    helper: str = ""  # who answers in the place of the only node
    provisional: bool = False
    silent: bool = False  # its speaker is not heard, and nobody stands in
    stranger: str = ""  # a MAC outside the cluster that was heard to answer
    changes: int = 0  # how often it went to another node lately, if that is too often
    reason: str = ""  # why nobody does, as a speaker says


@dataclass(frozen=True, slots=True)
class Scene:
    """The cluster, as far as it is known. `config` is the one in force, None where none could be read."""

    config: Config | None = None
    problems: tuple[str, ...] = ()  # of the configuration that stands there
    ledger: Ledger = field(default_factory=Ledger)
    taken: Mapping[Address, NodeName] = field(default_factory=dict)  # addresses in the pools that are nodes' own
    nodes: Mapping[NodeName, Node] = field(default_factory=dict)
    alive: Collection[NodeName] | None = None  # nodes whose speakers are heard; None where nobody tells
    controllers: Controllers = field(default_factory=Controllers)
    bgp_pools: frozenset[str] = frozenset()  # that a BGPAdvertisement speaks of
    load_balancer_class: str | None = None
    shell: Shell = field(default_factory=Shell)


@dataclass(frozen=True, slots=True)
class Case:
    """One Service, and what is known of it alone."""

    service: Service
    endpoints: tuple[Endpoint, ...] | None = None  # None where they may not be read
    announcing: Mapping[str, Announcing] = field(default_factory=dict)  # by address
    wires: Mapping[str, WireSeen] = field(default_factory=dict)  # by address
    rival: str = ""  # who else writes its status
    told: str = ""  # why it waits, as the controller told last


def own_addresses(config: Config, nodes: Iterable[Node]) -> dict[Address, NodeName]:
    """The nodes' own addresses that stand in a pool."""
    return {ip: node.name for node in nodes for ip in node.internal_ips if config.pool_of([ip]) is not None}


def ledger_of(
    config: Config,
    services: Iterable[Service],
    taken: Mapping[Address, NodeName] = NONE_TAKEN,
    load_balancer_class: str | None = None,
) -> Ledger:
    """Who has what, by the Services' status; of two that may not both have an address it is the first's by name."""
    ledger = Ledger()
    _enter(ledger, config, services, taken, load_balancer_class)
    return ledger


def follow(
    ledger: Ledger,
    config: Config,
    services: Mapping[ServiceKey, Service],
    changed: Collection[Service],
    taken: Mapping[Address, NodeName] = NONE_TAKEN,
    load_balancer_class: str | None = None,
) -> None:
    """Make a ledger what `ledger_of` makes of these Services, where it was that of others.

    `changed` are all that went, came, or became others: of those, as they were and as they are. Looked at again are they,
    and whoever has an address in common with one that is looked at.
    """
    again = {one.key for one in changed}
    reached = {_spelled(text) for one in changed for text in one.ingress}
    while reached:
        beside = [one for key, one in services.items() if key not in again and _has(one, reached)]
        again.update(one.key for one in beside)
        reached = {_spelled(text) for one in beside for text in one.ingress}
    for key in again:
        ledger.release(key)
    _enter(ledger, config, [services[key] for key in again if key in services], taken, load_balancer_class)


def _has(service: Service, addresses: Collection[str]) -> bool:
    return any(_spelled(text) in addresses for text in service.ingress)


def _spelled(text: str) -> str:
    """An address as it is always written: IPv6 has many ways."""
    if ":" not in text:
        return text.strip()
    try:
        return str(parse_address(text))
    except ParseError:
        return text


def _enter(
    ledger: Ledger,
    config: Config,
    services: Iterable[Service],
    taken: Mapping[Address, NodeName],
    load_balancer_class: str | None,
) -> None:
    for service in sorted(services, key=lambda one: (-len(one.ingress), one.key)):
        if not service.ingress or service.load_balancer_class != load_balancer_class:
            continue
        kept = adoptable(config, ledger, service, load_balancer_class, taken)
        if kept is not None:
            ledger.assign(service.key, requests.use(service), kept)
