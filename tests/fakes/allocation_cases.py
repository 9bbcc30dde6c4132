"""Cases of allocation for a real API server: manifests, in phases, and what the Services of each case have then.

`@` stands for the case's number, which makes namespaces, pools and ranges its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from fakes.cluster import JSON

PIN, SHARE, POOL = "metallb.io/loadBalancerIPs", "metallb.io/allow-shared-ip", "metallb.io/address-pool"
REMEMBER, RESERVED = "pylb.io/remember", "pylb.io/reserved"
SPACE = "allocation-@"
Notes = Mapping[str, str]


class Phase(NamedTuple):
    """What is done, and what Services have then."""

    expected: Mapping[str, list[str]]
    apply: tuple[JSON, ...] = ()
    delete: tuple[str, ...] = ()  # Services, or kind/name


def pool(name: str, *addresses: str, notes: Notes | None = None, priority: int = 0, **spec: Any) -> JSON:
    """An IPAddressPool for the case's namespace."""
    meta = {"name": f"{name}-@", "namespace": "metallb-system", "annotations": {**(notes or {})}}
    allocation = {"priority": priority, "namespaces": [SPACE]}
    body = {"addresses": list(addresses), "serviceAllocation": allocation, **spec}
    return {"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": meta, "spec": body}


def service(name: str, *ports: int, by: str = "TCP", notes: Notes | None = None, **spec: Any) -> JSON:
    """A Service of type LoadBalancer."""
    listed = [{"name": f"{by.lower()}{port}", "port": port, "protocol": by} for port in ports or (80,)]
    body = {"type": "LoadBalancer", "ports": listed, "selector": {"app": "none"}, **spec}
    meta = {"name": name, "namespace": SPACE, "annotations": {**(notes or {})}}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": body}


V4, V6 = "10.78.@.0/30", "fd78:@::/126"
P, BOTH, Q = pool("p", V4), pool("p", V4, V6), pool("q", "10.78.@.16/30")
A0, A1, A2, A3 = (f"10.78.@.{last}" for last in range(4))
Q0, S0, S1 = "10.78.@.16", "fd78:@::", "fd78:@::1"
LOCAL = {"externalTrafficPolicy": "Local", "selector": {"app": "a"}}
PREFER, REQUIRE = {"ipFamilyPolicy": "PreferDualStack"}, {"ipFamilyPolicy": "RequireDualStack"}
CLUSTER_IP = {"type": "ClusterIP"}


def sharers(address: str) -> tuple[JSON, JSON]:
    """Two Services that share an address."""
    notes = {PIN: address, SHARE: "k"}
    return service("a", 80, notes=notes), service("b", 443, notes=notes)


CASES: dict[str, tuple[Phase, ...]] = {
    "pin by annotation, and another one": (
        Phase({"a": [A2]}, (P, service("a", notes={PIN: A2}))),
        Phase({"a": [A3]}, (service("a", notes={PIN: A3}),)),
    ),
    "pin by spec, and taken away": (
        Phase({"a": [A3]}, (P, service("a", loadBalancerIP=A3))),
        Phase({"a": [A3]}, (service("a"),)),
    ),
    "what cannot be given leaves what there is": (
        Phase({"a": [A0]}, (P, service("a"))),
        Phase({"a": [A0]}, (service("a", notes={PIN: "10.99.0.1"}),)),
        Phase({"a": [A1]}, (service("a", notes={PIN: A1}),)),
    ),
    "a wish that waits is met": (
        Phase({"a": [A0], "b": [A1]}, (P, service("a", notes={PIN: A0}), service("b", notes={PIN: A1}))),
        Phase({"a": [A0], "b": [A1]}, (service("b", notes={PIN: A0}),)),
        Phase({"b": [A0]}, delete=("a",)),
    ),
    "another pool": (
        Phase({"a": [A0]}, (P, Q, service("a"))),
        Phase({"a": [Q0]}, (service("a", notes={POOL: "q-@"}),)),
    ),
    "priority": (
        Phase({"a": [Q0]}, (pool("p", V4, priority=2), pool("q", "10.78.@.16/30", priority=1), service("a"))),
    ),
    "serviceSelectors": (
        Phase(
            {"a": []},
            (pool("p", V4, serviceAllocation={"serviceSelectors": [{"matchLabels": {"case": "@"}}]}), service("a")),
        ),
    ),
    "a selector that matches no namespace": (
        Phase(
            {"a": []},
            (
                pool("p", V4, serviceAllocation={"namespaceSelectors": [{"matchLabels": {"x": "no"}}]}),
                service("a", notes={PIN: A1}),
            ),
        ),
    ),
    "autoAssign": (
        Phase({"a": [], "b": [A0]}, (pool("p", V4, autoAssign=False), service("a"), service("b", notes={POOL: "p-@"}))),
    ),
    "avoidBuggyIPs": (
        Phase({"a": [A1], "b": []}, (pool("p", V4, avoidBuggyIPs=True), service("a"), service("b", notes={PIN: A0}))),
    ),
    "sharing by protocol": (
        Phase(
            {"a": [A0], "b": [A0], "c": [A0]},
            (
                P,
                *(
                    service(name, by=by, notes={SHARE: "k", PIN: A0})
                    for name, by in zip("abc", ("TCP", "UDP", "SCTP"), strict=True)
                ),
            ),
        ),
        Phase({"a": [A0], "b": [A0], "c": [A1]}, (service("c", by="SCTP"),)),
    ),
    "sharing, and ports that change": (
        Phase({"a": [A0]}, (P, service("a", notes={SHARE: "k"}))),
        Phase({"a": [A0], "b": [A0]}, (service("b", 81, notes={SHARE: "k"}),)),
        Phase({"a": [A0], "b": [A1]}, (service("b", 80, notes={SHARE: "k"}),)),
    ),
    "sharing under Local": (
        Phase({"a": [A0]}, (P, service("a", notes={SHARE: "k"}, **LOCAL))),
        Phase({"a": [A0], "b": [A0]}, (service("b", 81, notes={SHARE: "k"}, **LOCAL),)),
        Phase({"a": [A0], "b": [A1]}, (service("b", 81, notes={SHARE: "k"}),)),
    ),
    "two families": (Phase({"a": [A0, S0]}, (BOTH, service("a", **REQUIRE))),),
    "two families of a pool of one": (
        Phase({"a": [], "b": [A0]}, (P, service("a", **REQUIRE), service("b", **PREFER))),
    ),
    "one becomes two": (
        Phase({"a": [A0]}, (P, service("a", **PREFER))),
        Phase({"a": [A0, S0]}, (BOTH,)),
        Phase({"a": [A0]}, (P,)),
    ),
    "a pool is replaced": (
        Phase({"a": [A0]}, (P, service("a"))),
        Phase({"a": [Q0]}, (Q,), ("ipaddresspool/p-@",)),
    ),
    "a pool is shrunk": (
        Phase({"a": [A1]}, (P, service("a", notes={PIN: A1}))),
        Phase({"a": []}, (pool("p", "10.78.@.2/31"),)),
        Phase({"a": [A2]}, (service("a"),)),
    ),
    "externalIPs and NodePorts are left alone": (Phase({"a": [A0]}, (P, service("a", externalIPs=["10.250.0.@"]))),),
    "another class": (Phase({"a": []}, (P, service("a", loadBalancerClass="example.com/x"))),),
    "no load balancer any more, and then again": (
        Phase({"x": [A0]}, (P, service("x"))),
        Phase({"x": [A0], "a": [A1]}, (service("a"),)),
        Phase({"a": []}, (service("a", **CLUSTER_IP),), ("x",)),
        Phase({"a": [A1]}, (service("a"),)),
    ),
    "memory": (
        Phase({"a": [A0]}, (P, service("a"))),
        Phase({}, delete=("a",)),
        Phase({"b": [A1]}, (service("b"),)),
        Phase({"a": [A0], "b": [A1]}, (service("a"),)),
    ),
    "two that swap, in one apply": (
        Phase({"a": [A0], "b": [A1]}, (P, service("a", notes={PIN: A0}), service("b", notes={PIN: A1}))),
        Phase({"a": [A1], "b": [A0]}, (service("a", notes={PIN: A1}), service("b", notes={PIN: A0}))),
    ),
    "two of both families that swap one of them": (
        Phase(
            {"a": [A0, S0], "b": [A1, S1]},
            (
                BOTH,
                service("a", notes={PIN: f"{A0},{S0}"}, **REQUIRE),
                service("b", notes={PIN: f"{A1},{S1}"}, **REQUIRE),
            ),
        ),
        Phase(
            {"a": [A0, S1], "b": [A1, S0]},
            (service("a", notes={PIN: f"{A0},{S1}"}, **REQUIRE), service("b", notes={PIN: f"{A1},{S0}"}, **REQUIRE)),
        ),
    ),
    "two that share an address, and one that has another": (
        Phase(
            {"a": [A0], "b": [A0], "c": [A1]},
            (P, *sharers(A0), service("c", notes={PIN: A1})),
        ),
        Phase({"a": [A1], "b": [A1], "c": [A0]}, (*sharers(A1), service("c", notes={PIN: A0}))),
        Phase({"a": [A2], "b": [A2], "c": [A0]}, sharers(A2)),
    ),
    "memory of two families": (
        Phase({"x": [A0, S0]}, (BOTH, service("x", **REQUIRE))),
        Phase({"x": [A0, S0], "a": [A1, S1]}, (service("a", **REQUIRE),)),
        Phase({}, delete=("a", "x")),
        Phase({"a": [A1, S1]}, (service("a", **REQUIRE),)),
    ),
    "memory gives way": (
        Phase({"a": [A0]}, (pool("p", "10.78.@.0/32"), service("a"))),
        Phase({}, delete=("a",)),
        Phase({"b": [A0]}, (service("b"),)),
        Phase({"a": [], "b": [A0]}, (service("a"),)),
    ),
    "no memory of a Service": (
        Phase({"a": [A0]}, (P, service("a", notes={REMEMBER: "false"}))),
        Phase({}, delete=("a",)),
        Phase({"b": [A0]}, (service("b"),)),
    ),
    "no memory of a pool": (
        Phase({"a": [A0]}, (pool("p", V4, notes={REMEMBER: "false"}), service("a"))),
        Phase({}, delete=("a",)),
        Phase({"b": [A0]}, (service("b"),)),
    ),
    "reserved": (
        Phase(
            {"a": [A2], "b": [A1]},
            (pool("p", V4, notes={RESERVED: f"{A0}-{A1}"}), service("a"), service("b", notes={PIN: A1})),
        ),
    ),
}
