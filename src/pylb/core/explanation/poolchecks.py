"""Whether pools, their advertisements and the nodes' networks fit each other: the part of `core.explanation.checks` that reads the
configuration. Facts in, rows out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

from pylb.core.config.loader import Config, Pool
from pylb.core.explanation.diagnosis import Check, Facts, Level, Row, again
from pylb.core.model import Node, PoolName
from pylb.core.places import API_VERSION, METALLB_NAMESPACE
from pylb.core.several import count, some

IN_FORCE = "the last good one, or, for daemons that started since, what is valid of it"
MAX_PROBLEMS = 3  # of the configuration that are told
_KIND = {"apiVersion": API_VERSION, "kind": "L2Advertisement"}
_META = {"name": "default-advertise-all-pools", "namespace": METALLB_NAMESPACE}  # as an installation calls it
EVERYWHERE = {**_KIND, "metadata": _META, "spec": {}}


def pools(facts: Facts) -> Iterator[Row]:
    if not facts.kinds:
        yield Row(Check.POOLS, Level.FAIL, "the API server does not know IPAddressPools", (again(facts),))
        return
    for problem in islice(facts.loaded.problems, MAX_PROBLEMS):
        kind, where = problem.ref.kind.lower(), problem.ref.namespace
        fix = f"{facts.commands.kubectl} -n {where} edit {kind} {problem.ref.name}"
        yield Row(Check.POOLS, Level.FAIL, f"configuration invalid: {problem}; in force is {IN_FORCE}", (fix,))
    config = facts.loaded.config
    if config is None:
        return
    if not config.pools:
        yield Row(Check.POOLS, Level.FAIL, "there is no pool: no Service gets an address", (facts.commands.pool,))
    full = [pool for pool in config.pools.values() if _left(pool, facts) <= 0]
    if full:
        fix = f"{facts.commands.kubectl} -n metallb-system edit ipaddresspool {full[0].name}"
        told = (f"{pool.name}{_rest(pool, facts)}" for pool in full)
        yield Row(Check.POOLS, Level.WARN, f"no address is left in {some(told)}", (fix,))
    elif config.pools:
        told = (
            f"{pool.name} ({facts.used.get(pool.name, 0)} of {_size(pool)} in use)" for pool in config.pools.values()
        )
        yield Row(Check.POOLS, Level.OK, some(told))


def _size(pool: Pool) -> int:
    return pool.capacity(4) + pool.capacity(6)


def _left(pool: Pool, facts: Facts) -> int:
    """How many addresses Services may still have that ask for none of the reserved ones."""
    offered = _size(replace(pool, ranges=pool.offered, reserved=()))
    return offered - facts.used.get(pool.name, 0) + facts.reserved.get(pool.name, 0)


def _rest(pool: Pool, facts: Facts) -> str:
    """What is said of a full pool with addresses that are reserved, and free."""
    left = _size(pool) - facts.used.get(pool.name, 0)
    return f" (free but reserved: {left})" if left > 0 else ""


def advertisements(facts: Facts) -> Iterator[Row]:
    config = facts.loaded.config
    if config is None or not config.pools:
        return  # said by the pools' check
    silent = [name for name in config.pools if not config.advertisements.get(name)]
    if silent:
        text = f"no L2Advertisement selects {some(silent)}: nobody answers for its addresses"
        fix = f"echo '{json.dumps(EVERYWHERE)}' | {facts.commands.kubectl} apply -f -"
        yield Row(Check.ADVERTISEMENTS, Level.FAIL, text, (fix,))
    nowhere = [name for name in config.pools if name not in silent and not _selected(config, name, facts.nodes)]
    if nowhere:
        named = config.advertisements[nowhere[0]][0].ref
        text = f"the L2Advertisements of {some(nowhere)} select no node"
        fix = f"{facts.commands.kubectl} -n {named.namespace} edit l2advertisement {named.name}"
        yield Row(Check.ADVERTISEMENTS, Level.FAIL, text, (fix,))
    if not silent and not nowhere:
        yield Row(Check.ADVERTISEMENTS, Level.OK, f"{count(len(config.pools), 'pool')} to be announced")


def _selected(config: Config, pool: PoolName, nodes: Iterable[Node]) -> bool:
    return any(advert.covers(node.labels) for advert in config.advertisements[pool] for node in nodes)


def network(facts: Facts) -> Iterator[Row]:
    config = facts.loaded.config
    spans = [(pool.name, span) for pool in (config.pools.values() if config else ()) for span in pool.ranges]
    taken = [
        f"{address} ({node.name}) is in {name}"
        for node in facts.nodes
        for address in node.internal_ips
        for name, span in spans
        if address in span
    ]
    kubectl = facts.commands.kubectl
    edit = f"{kubectl} -n metallb-system edit ipaddresspool"
    if taken:
        yield Row(Check.NETWORK, Level.FAIL, f"nodes' own addresses are in pools: {some(taken)}", (edit,))
    known = {subnet.version for subnet in facts.subnets}
    outside = [
        f"{span} of {name}"
        for name, span in spans
        if span.version in known and not any(span.first in net and span.last in net for net in facts.subnets)
    ]
    if outside:
        text = f"outside of the nodes' networks ({some(map(str, facts.subnets))}): {some(outside)}"
        yield Row(Check.NETWORK, Level.WARN, text, (f"on the router, a route there by a node; else {edit}",))
    radio = [
        f"{node} ({name})"
        for node, report in facts.reports.items()
        for name in sorted(report.interfaces)
        if is_radio(name)
    ]
    if radio:
        text = f"announced over Wi-Fi, where many access points filter it: {some(radio)}"
        yield Row(Check.NETWORK, Level.WARN, text, ("wire these nodes, or name interfaces in the L2Advertisement",))
    if not (taken or outside or radio):
        yield Row(Check.NETWORK, Level.OK, _all_inside(facts))


def _all_inside(facts: Facts) -> str:
    """What was found good, and no more."""
    inside = f"the pools are within {some(map(str, facts.subnets))}" if facts.subnets else "no node tells its network"
    return f"{inside}; nothing is announced over Wi-Fi"


def is_radio(interface: str) -> bool:
    """Whether an interface is Wi-Fi, by its name: the kernel's wlan0, systemd's wlp1s0 (systemd.net-naming-scheme)."""
    return interface.startswith("wl")
