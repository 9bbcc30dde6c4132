"""MetalLB's allocation step by step (spec, section b), as one table: a row a rule, named after the step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fakes.allocating import Play
from fakes.world import namespace, pool, service
from pylb.core.model import Port, Service

PIN, SHARE, POOL = "metallb.io/loadBalancerIPs", "metallb.io/allow-shared-ip", "metallb.io/address-pool"
OLD_PIN, OLD_SHARE, OLD_POOL = (key.replace("metallb.io", "metallb.universe.tf") for key in (PIN, SHARE, POOL))
P, Q = pool("p", "10.0.0.0/30"), pool("q", "10.0.1.0/30")
BOTH = pool("p", "10.0.0.0/30", "fd00::/126")
ONE = pool("p", "10.0.0.1/32")
Expected = dict[str, list[str]]


def of(name: str, *ports: int, by: str = "TCP", **fields: Any) -> Service:
    """A Service; a field in capitals is an annotation."""
    notes = {"PIN": PIN, "SHARE": SHARE, "POOL": POOL, "OLD_PIN": OLD_PIN, "OLD_SHARE": OLD_SHARE, "OLD_POOL": OLD_POOL}
    annotations = {notes[key]: fields.pop(key) for key in list(fields) if key in notes}
    made = service(name, annotations=annotations, **fields)
    return replace(made, ports=tuple(Port(by, port) for port in ports or (80,)))


def prefers(name: str, **fields: Any) -> Service:
    return of(name, dual=True, family_policy="PreferDualStack", **fields)


def requires(name: str, **fields: Any) -> Service:
    return of(name, dual=True, family_policy="RequireDualStack", **fields)


def chosen(name: str, *addresses: str, **allocation: Any) -> dict[str, Any]:
    return pool(name, *addresses, serviceAllocation=allocation)


LOCAL = {"traffic_policy": "Local", "selector": {"app": "a"}}
ROWS: dict[str, tuple[Callable[[], Play], Expected]] = {
    "1 a type that is not LoadBalancer has none": (
        lambda: Play(P).put(of("a")).put(of("a", type="ClusterIP")),
        {"a": []},
    ),
    "2 no pools, no address": (lambda: Play().put(of("a")), {"a": []}),
    "2 the last pool goes": (lambda: Play(P).put(of("a")).pools(), {"a": []}),
    "3 a headless Service has none": (lambda: Play(P).put(of("a", cluster_ips=("None",))), {"a": []}),
    "4 RequireDualStack with one cluster IP has none": (
        lambda: Play(BOTH).put(of("a", family_policy="RequireDualStack")),
        {"a": []},
    ),
    "5 the family of the cluster IPs changes": (
        lambda: Play(BOTH).put(of("a")).put(of("a", v6=True)),
        {"a": ["fd00::"]},
    ),
    "5 one family becomes two": (
        lambda: Play(BOTH).put(of("x")).put(of("a")).drop("x").put(requires("a")),
        {"a": ["10.0.0.1", "fd00::"]},
    ),
    "5 two families become one": (
        lambda: Play(BOTH).put(of("x")).put(requires("a")).drop("x").put(of("a")),
        {"a": ["10.0.0.1"]},
    ),
    "5 and it stays in its pool, though there is a better one": (
        lambda: Play(BOTH).put(requires("a")).pools(BOTH, chosen("z", "10.9.0.0/30", priority=1)).put(of("a")),
        {"a": ["10.0.0.0"]},
    ),
    "6 what is recorded is kept while the pools allow it": (
        lambda: Play(P).put(of("a", ingress=("10.0.0.3",))),
        {"a": ["10.0.0.3"]},
    ),
    "6 a pool is shrunk under it": (
        lambda: Play(pool("p", "10.0.0.2-10.0.0.3")).put(of("a")).pools(pool("p", "10.0.0.3/32")),
        {"a": ["10.0.0.3"]},
    ),
    "6 a pool is replaced by another": (lambda: Play(P).put(of("a")).pools(Q), {"a": ["10.0.1.0"]}),
    "6 a pool has another name": (lambda: Play(P).put(of("a")).pools(pool("z", "10.0.0.0/30")), {"a": ["10.0.0.0"]}),
    "6 a pool is no more for the namespace": (
        lambda: Play(P).put(of("a")).pools(chosen("p", "10.0.0.0/30", namespaces=["x"]), Q),
        {"a": ["10.0.1.0"]},
    ),
    "6 a pool gains a family": (lambda: Play(P).put(prefers("a")).pools(BOTH), {"a": ["10.0.0.0", "fd00::"]}),
    "6 a pool loses a family": (
        lambda: Play(BOTH).put(of("x")).put(prefers("a")).drop("x").pools(P),
        {"a": ["10.0.0.1"]},
    ),
    "6 autoAssign is switched off under it": (
        lambda: Play(P).put(of("a")).pools(pool("p", "10.0.0.0/30", autoAssign=False)),
        {"a": ["10.0.0.0"]},
    ),
    "6 avoidBuggyIPs is switched on under it": (
        lambda: Play(P).put(of("a")).pools(pool("p", "10.0.0.0/30", avoidBuggyIPs=True)),
        {"a": ["10.0.0.1"]},
    ),
    "6 a sharing key is removed while the address is shared": (
        lambda: Play(P).put(of("a", SHARE="k"), of("b", 81, SHARE="k")).put(of("b", 81)),
        {"a": ["10.0.0.0"], "b": ["10.0.0.1"]},
    ),
    "6 a sharing key is removed by the only user": (
        lambda: Play(P).put(of("a", SHARE="k")).put(of("a")),
        {"a": ["10.0.0.0"]},
    ),
    "6 a port changes so that it clashes": (
        lambda: Play(P).put(of("a", SHARE="k"), of("b", 81, SHARE="k")).put(of("b", 80, SHARE="k")),
        {"a": ["10.0.0.0"], "b": ["10.0.0.1"]},
    ),
    "6 a port changes so that it does not": (
        lambda: Play(P).put(of("a", SHARE="k"), of("b", 81, SHARE="k")).put(of("b", 82, SHARE="k")),
        {"a": ["10.0.0.0"], "b": ["10.0.0.0"]},
    ),
    "6 the traffic policy changes while the address is shared": (
        lambda: Play(P).put(of("a", SHARE="k"), of("b", 81, SHARE="k")).put(of("b", 81, SHARE="k", **LOCAL)),
        {"a": ["10.0.0.0"], "b": ["10.0.0.1"]},
    ),
    "7 another pool is asked for": (lambda: Play(P, Q).put(of("a")).put(of("a", POOL="q")), {"a": ["10.0.1.0"]}),
    "7 a pool is asked for that there is not: it stays (ADR 25)": (
        lambda: Play(P, Q).put(of("a")).put(of("a", POOL="nope")),
        {"a": ["10.0.0.0"]},
    ),
    "8 another address is asked for": (lambda: Play(P).put(of("a")).put(of("a", PIN="10.0.0.3")), {"a": ["10.0.0.3"]}),
    "8 a wish that cannot be understood: it stays": (
        lambda: Play(P).put(of("a")).put(of("a", PIN="what")),
        {"a": ["10.0.0.0"]},
    ),
    "8 an address of another family: it stays (ADR 25)": (
        lambda: Play(BOTH).put(of("a")).put(of("a", PIN="fd00::1")),
        {"a": ["10.0.0.0"]},
    ),
    "8 an address is asked for that another has: it stays until that is free (ADR 25)": (
        lambda: Play(P).put(of("a"), of("b")).put(of("b", PIN="10.0.0.0")),
        {"a": ["10.0.0.0"], "b": ["10.0.0.1"]},
    ),
    "8 and then it moves": (
        lambda: Play(P).put(of("a"), of("b")).put(of("b", PIN="10.0.0.0")).drop("a"),
        {"b": ["10.0.0.0"]},
    ),
    "8 two want each other's: they exchange (ADR 25)": (
        lambda: Play(P).put(of("a"), of("b")).put(of("a", PIN="10.0.0.1")).put(of("b", PIN="10.0.0.0")),
        {"a": ["10.0.0.1"], "b": ["10.0.0.0"]},
    ),
    "8 three in a ring, and a fourth that waits": (
        lambda: (
            Play(P)
            .put(of("a"), of("b"), of("c"), of("d"))
            .put(of("d", PIN="10.0.0.1"))
            .put(of("a", PIN="10.0.0.1"), of("b", PIN="10.0.0.2"))
            .put(of("c", PIN="10.0.0.0"))
        ),
        {"a": ["10.0.0.1"], "b": ["10.0.0.2"], "c": ["10.0.0.0"], "d": ["10.0.0.3"]},
    ),
    "8 a ring that helps not all stays as it is": (
        lambda: Play(P).put(of("a"), of("b")).put(of("b", PIN="10.0.0.0", POOL="nope")).put(of("a", PIN="10.0.0.1")),
        {"a": ["10.0.0.0"], "b": ["10.0.0.1"]},
    ),
    "8 a pin is taken away: it stays": (
        lambda: Play(P).put(of("a", PIN="10.0.0.3")).put(of("a")),
        {"a": ["10.0.0.3"]},
    ),
    "8 the same pins in another order": (
        lambda: Play(BOTH).put(requires("a", PIN="10.0.0.2,fd00::2")).put(requires("a", PIN="fd00::2, 10.0.0.2")),
        {"a": ["10.0.0.2", "fd00::2"]},
    ),
    "9 PreferDualStack gets the second one later": (
        lambda: Play(P).put(prefers("a")).pools(BOTH),
        {"a": ["10.0.0.0", "fd00::"]},
    ),
    "9 the second one is of the same pool": (
        lambda: Play(P, pool("q", "fd00::/126")).put(prefers("a")),
        {"a": ["10.0.0.0"]},
    ),
    "9 with cluster IPs of one family it has one (trap 14)": (
        lambda: Play(BOTH).put(of("a", family_policy="PreferDualStack")),
        {"a": ["10.0.0.0"]},
    ),
    "10 RequireDualStack mixes no pools": (lambda: Play(P, pool("q", "fd00::/126")).put(requires("a")), {"a": []}),
    "10 PreferDualStack falls back to its primary family": (
        lambda: Play(P, pool("q", "fd00::/126")).put(prefers("a", families=("IPv6", "IPv4"))),
        {"a": ["fd00::"]},
    ),
    "10 a pool with both is better than a first with one": (
        lambda: Play(pool("a", "10.0.1.0/30"), BOTH).put(prefers("a")),
        {"a": ["10.0.0.0", "fd00::"]},
    ),
    "10i the current prefix wins over the old one": (
        lambda: Play(P).put(of("a", PIN="10.0.0.2", OLD_PIN="10.0.0.3")),
        {"a": ["10.0.0.2"]},
    ),
    "10i an empty annotation wins, too": (
        lambda: Play(P).put(of("a", PIN="", OLD_PIN="10.0.0.3")),
        {"a": ["10.0.0.0"]},
    ),
    "10i the old prefix counts alone": (lambda: Play(P).put(of("a", OLD_PIN="10.0.0.3")), {"a": ["10.0.0.3"]}),
    "10i spec.loadBalancerIP": (lambda: Play(P).put(of("a", load_balancer_ip="10.0.0.3")), {"a": ["10.0.0.3"]}),
    "10i both of them": (lambda: Play(P).put(of("a", PIN="10.0.0.3", load_balancer_ip="10.0.0.3")), {"a": []}),
    "10i a pin ignores autoAssign": (
        lambda: Play(pool("p", "10.0.0.0/30", autoAssign=False)).put(of("a", PIN="10.0.0.3")),
        {"a": ["10.0.0.3"]},
    ),
    "10i a pin of one family for two": (lambda: Play(BOTH).put(prefers("a", PIN="10.0.0.3")), {"a": []}),
    "10i pins of two pools": (
        lambda: Play(P, pool("q", "fd00::/126")).put(requires("a", PIN="10.0.0.1,fd00::1")),
        {"a": []},
    ),
    "10i a pin and a pool that do not agree": (lambda: Play(P, Q).put(of("a", PIN="10.0.0.3", POOL="q")), {"a": []}),
    "10i a pin that avoidBuggyIPs leaves out": (
        lambda: Play(pool("p", "10.0.0.0/24", avoidBuggyIPs=True)).put(of("a", PIN="10.0.0.255")),
        {"a": []},
    ),
    "10i two pin one address: the first by name": (
        lambda: Play(P).put(of("b", PIN="10.0.0.3"), of("a", PIN="10.0.0.3")),
        {"b": [], "a": ["10.0.0.3"]},
    ),
    "10ii address-pool ignores autoAssign": (
        lambda: Play(pool("p", "10.0.0.0/30", autoAssign=False)).put(of("a", OLD_POOL="p")),
        {"a": ["10.0.0.0"]},
    ),
    "10ii address-pool does not ignore serviceAllocation": (
        lambda: Play(chosen("p", "10.0.0.0/30", namespaces=["x"])).put(of("a", POOL="p")),
        {"a": []},
    ),
    "10ii address-pool that is full": (
        lambda: Play(ONE, Q).put(of("a"), of("b", POOL="p")),
        {"a": ["10.0.0.1"], "b": []},
    ),
    "10iii autoAssign false is for nobody": (
        lambda: Play(pool("p", "10.0.0.0/30", autoAssign=False)).put(of("a")),
        {"a": []},
    ),
    "10iii pools by name": (lambda: Play(Q, ONE).put(of("a"), of("b")), {"a": ["10.0.0.1"], "b": ["10.0.1.0"]}),
    "10iii a pool that names the namespace comes first": (
        lambda: Play(P, chosen("q", "10.0.1.0/30", namespaces=["default"])).put(of("a")),
        {"a": ["10.0.1.0"]},
    ),
    "10iii a pool that selects the Service comes first": (
        lambda: Play(P, chosen("q", "10.0.1.0/30", serviceSelectors=[{"matchLabels": {"t": "x"}}])).put(
            of("a", labels={"t": "x"}), of("b")
        ),
        {"a": ["10.0.1.0"], "b": ["10.0.0.0"]},
    ),
    "10iii priority 1 is better than 2 is better than 0": (
        lambda: Play(
            chosen("a", "10.0.0.1/32", namespaces=["default"]),
            chosen("b", "10.0.0.2/32", namespaces=["default"], priority=2),
            chosen("c", "10.0.0.3/32", namespaces=["default"], priority=1),
        ).put(of("a"), of("b"), of("c")),
        {"a": ["10.0.0.3"], "b": ["10.0.0.2"], "c": ["10.0.0.1"]},
    ),
    "10iii a priority alone selects all": (
        lambda: Play(P, chosen("q", "10.0.1.0/30", priority=9)).put(of("a")),
        {"a": ["10.0.1.0"]},
    ),
    "10iii selectors of namespaces, or their names": (
        lambda: Play(
            chosen("p", "10.0.0.0/30", namespaces=["x"], namespaceSelectors=[{"matchLabels": {"t": "a"}}]),
            namespaces=[namespace("default", t="a")],
        ).put(of("a")),
        {"a": ["10.0.0.0"]},
    ),
    "trap 12 a selector that matches no namespace lets nobody in": (
        lambda: Play(
            chosen("p", "10.0.0.0/30", namespaceSelectors=[{"matchLabels": {"t": "a"}}]),
            namespaces=[namespace("default")],
        ).put(of("a", PIN="10.0.0.1")),
        {"a": []},
    ),
    "trap 2 the first address of a network is given, too": (lambda: Play(P).put(of("a")), {"a": ["10.0.0.0"]}),
}
