"""What is watched of a cluster: each kind, where its objects stand, and how one is read. It asks for nothing itself.

Values are kept small: of a Service's annotations those that mean something to a load balancer, texts and label sets
that many objects have in common once, and no name of an object that nobody is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from sys import intern
from typing import Any

from pylb.core import history
from pylb.core.model import Endpoint, EndpointSlice, L2Status, NodeName, Service, ServiceKey
from pylb.kube import decode
from pylb.kube.client import Query
from pylb.kube.configuration import NAMESPACES, OWN_NAMESPACE
from pylb.tui import decoders, resources
from pylb.tui.facts import Kind, Value

JSON = Any
MAX_SHARED = 4_096  # label sets, lists of endpoints and the like that are kept once
METALLB = "/apis/metallb.io/v1beta1"
OF_INTEREST = ("metallb", "pylb")  # annotations whose keys hold one of these words
Read = Callable[[JSON], Value | None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where objects of a kind stand; those of several places of one kind are told apart by their keys."""

    kind: Kind
    path: str
    query: Query | None = None


@dataclass(frozen=True, slots=True)
class Watched(Place):
    """Objects of one kind, and how one of them is read."""

    read: Read = lambda raw: None
    passing: bool = False  # a hash is enough to know them again by: there are many, and their values can be hashed


HISTORY = Place(
    Kind.HISTORY,
    f"/api/v1/namespaces/{OWN_NAMESPACE}/configmaps",
    {"fieldSelector": f"metadata.name={history.NAME}"},
)
ABOUT_SERVICES = {"fieldSelector": "involvedObject.kind=Service"}


def everything(scope: str) -> Iterator[Watched]:
    """What is watched; `scope` is "" or `/namespaces/NAME`, and narrows what belongs to Services."""
    small = Compact()
    yield Watched(Kind.SERVICE, f"/api/v1{scope}/services", None, small.service)
    yield Watched(Kind.STATUS, f"{METALLB}/servicel2statuses", None, small.l2_status, passing=True)
    yield Watched(Kind.NODE, "/api/v1/nodes", None, decode.node)
    yield Watched(Kind.NOTE, f"/api/v1{scope}/events", ABOUT_SERVICES, decoders.note, passing=True)
    yield Watched(Kind.SLICE, f"/apis/discovery.k8s.io/v1{scope}/endpointslices", None, small.endpoint_slice)
    for namespace in NAMESPACES:
        yield Watched(Kind.POD, f"/api/v1/namespaces/{namespace}/pods", None, decode.pod)
        yield Watched(Kind.NOTE, f"/api/v1/namespaces/{namespace}/events", None, decoders.note, passing=True)
    yield Watched(Kind.POOL, f"{METALLB}/ipaddresspools", None, resources.pool_use)
    yield Watched(Kind.BGP, f"{METALLB}/servicebgpstatuses", None, resources.bgp_status)
    yield Watched(Kind.PEER, "/apis/metallb.io/v1beta2/bgppeers", None, resources.bgp_peer)
    yield Watched(Kind.BGP_ADVERT, f"{METALLB}/bgpadvertisements", None, resources.bgp_advert)
    yield Watched(Kind.VERDICT, f"{METALLB}/configurationstates", None, resources.config_verdict)


class Compact:
    """Reads Services and EndpointSlices, and has what they have in common stand in memory once."""

    def __init__(self) -> None:
        self._labels: dict[int, Mapping[str, str]] = {}
        self._shared: dict[object, Any] = {}

    def service(self, raw: JSON) -> Service:
        """A Service. Raises DecodeError."""
        found = decode.service(raw)
        labels = self._set(found.labels)
        wishes = {key: value for key, value in found.annotations.items() if any(word in key for word in OF_INTEREST)}
        return replace(
            found,
            uid="",
            labels=labels,
            annotations=self._set(wishes),
            families=self._once(found.families),
            selector=labels if found.selector == labels else self._set(found.selector),
            ports=self._once(found.ports),
            recorder=intern(found.recorder),
            key=ServiceKey(intern(found.key)),
            ingress=tuple(map(intern, found.ingress)),
            status_managers=self._once(found.status_managers),
        )

    def l2_status(self, raw: JSON) -> L2Status | None:
        """A ServiceL2Status. Raises DecodeError."""
        found = decode.l2_status(raw)
        if found is None:
            return None
        names = {"namespace": intern(found.namespace), "name": "", "interfaces": self._once(found.interfaces)}
        return replace(found, service=ServiceKey(intern(found.service)), node=NodeName(intern(found.node)), **names)

    def endpoint_slice(self, raw: JSON) -> EndpointSlice | None:
        """An EndpointSlice. Raises DecodeError."""
        found = decode.endpoint_slice(raw)
        if found is None:
            return None
        endpoints: tuple[Endpoint, ...] = tuple(self._once(one) for one in found.endpoints)
        return replace(found, key="", service=ServiceKey(intern(found.service)), endpoints=self._once(endpoints))

    def _set(self, labels: Mapping[str, str]) -> Mapping[str, str]:
        key = hash(frozenset(labels.items()))
        known = self._labels.get(key)
        if known != labels:
            known = dict(labels)
            if len(self._labels) < MAX_SHARED:
                self._labels[key] = known
        return known

    def _once(self, value: Any) -> Any:
        if value in self._shared:
            return self._shared[value]
        if len(self._shared) < MAX_SHARED:
            self._shared[value] = value
        return value
