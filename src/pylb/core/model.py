"""The world as core sees it: frozen views of Kubernetes objects, and the names that hold them together.

They carry what allocation and announcement need and no more. `kube.decode` makes them; nothing here reads JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import NewType

Address = IPv4Address | IPv6Address
ServiceKey = NewType("ServiceKey", str)  # "namespace/name"
NodeName = NewType("NodeName", str)
PoolName = NewType("PoolName", str)
Labels = Mapping[str, str]

CLUSTER, LOCAL = "Cluster", "Local"  # spec.externalTrafficPolicy
LOAD_BALANCER = "LoadBalancer"  # spec.type


def service_key(namespace: str, name: str) -> ServiceKey:
    """The key of a Service."""
    return ServiceKey(f"{namespace}/{name}")


def split_key(key: ServiceKey) -> tuple[str, str]:
    """(namespace, name) of a Service's key."""
    namespace, _, name = key.partition("/")
    return namespace, name


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """Which Kubernetes object something is about."""

    kind: str
    namespace: str
    name: str
    uid: str = ""
    api_version: str = "v1"

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {where}"


@dataclass(frozen=True, slots=True, order=True)
class Port:
    """A port of a Service."""

    protocol: str  # TCP, UDP or SCTP
    number: int

    def __str__(self) -> str:
        return f"{self.protocol}/{self.number}"


@dataclass(frozen=True, slots=True)
class Service:
    """What a Service asks for and what it has."""

    key: ServiceKey
    uid: str = ""
    type: str = LOAD_BALANCER
    labels: Labels = field(default_factory=dict)
    annotations: Labels = field(default_factory=dict)
    cluster_ips: tuple[str, ...] = ()
    family_policy: str = "SingleStack"  # spec.ipFamilyPolicy
    families: tuple[str, ...] = ()  # spec.ipFamilies
    traffic_policy: str = CLUSTER
    selector: Labels = field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    load_balancer_ip: str = ""  # spec.loadBalancerIP, as typed
    load_balancer_class: str | None = None
    external_ips: tuple[str, ...] = ()  # spec.externalIPs, which are kube-proxy's matter alone
    node_ports: tuple[int, ...] = ()  # and so are these
    ingress: tuple[str, ...] = ()  # status.loadBalancer.ingress[].ip, as recorded
    recorder: str = ""  # the field manager that `ingress` belongs to, where the API server tells
    status_managers: tuple[str, ...] = ()  # all field managers of the status

    @property
    def namespace(self) -> str:
        return split_key(self.key)[0]

    @property
    def name(self) -> str:
        return split_key(self.key)[1]

    @property
    def ref(self) -> ObjectRef:
        return ObjectRef("Service", self.namespace, self.name, self.uid)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint of a Service; it can serve if it is ready (or unset), or still serving while it terminates."""

    node: NodeName | None
    servable: bool


@dataclass(frozen=True, slots=True)
class EndpointSlice:
    """Some of a Service's endpoints."""

    key: str  # "namespace/name" of the slice
    service: ServiceKey
    endpoints: tuple[Endpoint, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the cluster."""

    name: NodeName
    labels: Labels = field(default_factory=dict)
    internal_ips: tuple[Address, ...] = ()
    ready: bool = True
    network_unavailable: bool = False
    drained: bool = False  # its addresses are to go to others
    drain_fault: str = ""  # why what its annotation says about that is not understood


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace, for the selectors of pools."""

    name: str
    labels: Labels = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of pylb's own, as those who ask it for its state need it."""

    namespace: str
    name: str
    labels: Labels = field(default_factory=dict)
    node: NodeName | None = None
    ip: str = ""
    ready: bool = False


@dataclass(frozen=True, slots=True)
class L2Status:
    """A ServiceL2Status: which node says that it announces a Service.

    `term` is of the claim that it tells of, and `since` when that was made, as it is written; 0 and "" where it tells none.
    `claims` and `renewed` are texts that `core.ownership.record` reads.
    """

    namespace: str
    name: str
    service: ServiceKey
    node: NodeName
    interfaces: tuple[str, ...] = ()
    term: int = 0
    since: str = ""
    claims: str = ""
    renewed: str = ""
