"""Kubernetes JSON into core's values: the only place where JSON dies.

Each function takes one object as the API server sent it and raises `DecodeError` alone, whatever its shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

from pylb.core.config.loader import Problem
from pylb.core.config.objects import PEER
from pylb.core.errors import ParseError
from pylb.core.lease import Record
from pylb.core.legacy import conversion as legacy
from pylb.core.model import (
    CLUSTER,
    Address,
    Endpoint,
    EndpointSlice,
    L2Status,
    Namespace,
    Node,
    NodeName,
    ObjectRef,
    Pod,
    Port,
    Service,
    service_key,
)
from pylb.core.ownership import record
from pylb.core.ownership.claims import MAX_TERM
from pylb.core.ownership.moves import drain_fault, is_drained
from pylb.core.ranges import parse_address
from pylb.core.spelling import OWN_PREFIX

JSON = Mapping[str, Any]
T = TypeVar("T")
LEGACY_CONFIG_MAX = 64 * 1024  # characters: YAML costs 100 times its size while it is read
LEGACY_CONFIG_NAME = "config"  # MetalLB's flag --config
SERVICE_LABEL = "kubernetes.io/service-name"
CLAIM_TERM, CLAIM_SINCE = "pylb.io/term", "pylb.io/since"  # annotations of a ServiceL2Status
TERM = re.compile("[0-9]{1,10}")
L2_NODE, L2_NAME, L2_NAMESPACE = "metallb.io/node", "metallb.io/service-name", "metallb.io/service-namespace"


class DecodeError(ValueError):
    """An object is not what its kind should be."""


def _guarded(decode: Callable[[JSON], T]) -> Callable[[JSON], T]:
    @wraps(decode)
    def guarded(raw: JSON) -> T:
        try:
            return decode(raw)
        except (AttributeError, KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise DecodeError(f"{decode.__name__}: {type(error).__name__}: {error}") from error

    return guarded


@_guarded
def service(raw: JSON) -> Service:
    """A v1 Service."""
    meta, spec = raw["metadata"], raw.get("spec") or {}
    status = (raw.get("status") or {}).get("loadBalancer") or {}
    cluster_ips = spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else [])
    entries = [entry for entry in meta.get("managedFields") or () if entry.get("subresource") == "status"]
    return Service(
        key=service_key(meta["namespace"], meta["name"]),
        uid=meta.get("uid", ""),
        type=spec.get("type", "ClusterIP"),
        labels=_texts(meta.get("labels")),
        annotations=_texts(meta.get("annotations"), drop="kubectl.kubernetes.io/last-applied-configuration"),
        cluster_ips=tuple(cluster_ips),
        family_policy=spec.get("ipFamilyPolicy") or "SingleStack",
        families=tuple(spec.get("ipFamilies") or ()),
        traffic_policy=spec.get("externalTrafficPolicy") or CLUSTER,
        selector=_texts(spec.get("selector")),
        ports=tuple(Port(port.get("protocol", "TCP"), int(port["port"])) for port in spec.get("ports") or ()),
        load_balancer_ip=spec.get("loadBalancerIP") or "",
        load_balancer_class=spec.get("loadBalancerClass"),
        external_ips=tuple(map(str, spec.get("externalIPs") or ())),
        node_ports=tuple(int(port["nodePort"]) for port in spec.get("ports") or () if port.get("nodePort")),
        ingress=tuple(entry["ip"] for entry in status.get("ingress") or () if entry.get("ip")),
        recorder=next((str(entry["manager"]) for entry in entries if _has_ingress(entry)), ""),
        status_managers=tuple(str(entry["manager"]) for entry in entries),
    )


def _has_ingress(entry: JSON) -> bool:
    """Whether an entry of managedFields holds a Service's recorded addresses."""
    status = (entry.get("fieldsV1") or {}).get("f:status") or {}
    return "f:ingress" in (status.get("f:loadBalancer") or {})


@_guarded
def lease(raw: JSON) -> Record:
    """A coordination.k8s.io/v1 Lease."""
    spec = raw.get("spec") or {}
    return Record(
        holder=str(spec.get("holderIdentity") or ""),
        version=str(raw["metadata"]["resourceVersion"]),
        duration=float(int(spec.get("leaseDurationSeconds") or 0)),
        acquired=str(spec.get("acquireTime") or ""),
        transitions=int(spec.get("leaseTransitions") or 0),
    )


@_guarded
def endpoint_slice(raw: JSON) -> EndpointSlice | None:
    """A discovery.k8s.io/v1 EndpointSlice; None for one that belongs to no Service."""
    meta = raw["metadata"]
    owner = (meta.get("labels") or {}).get(SERVICE_LABEL)
    if not owner:
        return None
    return EndpointSlice(
        key=f"{meta['namespace']}/{meta['name']}",
        service=service_key(meta["namespace"], owner),
        endpoints=tuple(_endpoint(entry) for entry in raw.get("endpoints") or ()),
    )


def _endpoint(raw: JSON) -> Endpoint:
    conditions = raw.get("conditions") or {}
    servable = conditions.get("ready") is not False or conditions.get("serving") is True
    node = raw.get("nodeName")
    return Endpoint(NodeName(node) if node else None, servable and bool(raw.get("addresses")))


@_guarded
def node(raw: JSON) -> Node:
    """A v1 Node."""
    meta, status = raw["metadata"], raw.get("status") or {}
    notes = _texts(meta.get("annotations"))
    conditions = {entry["type"]: entry.get("status") for entry in status.get("conditions") or ()}
    addresses = [entry["address"] for entry in status.get("addresses") or () if entry.get("type") == "InternalIP"]
    return Node(
        name=NodeName(meta["name"]),
        labels=_texts(meta.get("labels")),
        internal_ips=tuple(_addresses(addresses)),
        ready=conditions.get("Ready") == "True",
        network_unavailable=conditions.get("NetworkUnavailable") == "True",
        drained=is_drained(notes),
        drain_fault=drain_fault(notes),
    )


@_guarded
def namespace(raw: JSON) -> Namespace:
    """A v1 Namespace."""
    return Namespace(raw["metadata"]["name"], _texts(raw["metadata"].get("labels")))


@_guarded
def pod(raw: JSON) -> Pod:
    """A v1 Pod."""
    meta, status = raw["metadata"], raw.get("status") or {}
    conditions = {entry["type"]: entry.get("status") for entry in status.get("conditions") or ()}
    on = (raw.get("spec") or {}).get("nodeName")
    return Pod(
        namespace=meta["namespace"],
        name=meta["name"],
        labels=_texts(meta.get("labels")),
        node=NodeName(on) if on else None,
        ip=status.get("podIP") or "",
        ready=conditions.get("Ready") == "True" and not meta.get("deletionTimestamp"),
    )


@_guarded
def l2_status(raw: JSON) -> L2Status | None:
    """A ServiceL2Status, known by its labels: its status is written a moment later. None without them."""
    meta = raw["metadata"]
    labels = _texts(meta.get("labels"))
    if not (labels.get(L2_NODE) and labels.get(L2_NAME) and labels.get(L2_NAMESPACE)):
        return None
    return L2Status(
        namespace=meta["namespace"],
        name=meta["name"],
        service=service_key(labels[L2_NAMESPACE], labels[L2_NAME]),
        node=NodeName(labels[L2_NODE]),
        interfaces=tuple(entry["name"] for entry in (raw.get("status") or {}).get("interfaces") or ()),
        term=_term(meta),
        since=_texts(meta.get("annotations")).get(CLAIM_SINCE, ""),
        claims=_texts(meta.get("annotations")).get(record.CLAIMS, ""),
        renewed=_texts(meta.get("annotations")).get(record.RENEWED, ""),
    )


def _term(meta: JSON) -> int:
    """The term of the claim that an object tells of; 0 where it tells none, or what is none."""
    text = _texts(meta.get("annotations")).get(CLAIM_TERM, "")
    return int(text) if TERM.fullmatch(text) and int(text) <= MAX_TERM else 0


@_guarded
def custom_resource(raw: JSON) -> JSON:
    """An object that configures: kept as JSON for `core.config.loader`, without what nobody reads."""
    meta = raw["metadata"]
    kept = {key: meta[key] for key in ("name", "namespace", "uid", "labels", "creationTimestamp") if key in meta}
    own = {key: str(value) for key, value in (meta.get("annotations") or {}).items() if key.startswith(OWN_PREFIX)}
    if own:
        kept["annotations"] = own
    spec = raw.get("spec")
    if raw.get("kind") == PEER and isinstance(spec, dict) and spec.get("peerPort") == 0:
        spec = {key: value for key, value in spec.items() if key != "peerPort"}  # written in v1beta1: no port is named
    return {"apiVersion": raw.get("apiVersion"), "kind": raw.get("kind"), "metadata": kept, "spec": spec}


@_guarded
def legacy_config(raw: JSON) -> legacy.Converted | None:
    """MetalLB's old ConfigMap; None for a ConfigMap of another name or without `data.config`."""
    meta = raw["metadata"]
    text = (raw.get("data") or {}).get("config")
    if meta["name"] != LEGACY_CONFIG_NAME or text is None:
        return None
    ref = ObjectRef("ConfigMap", meta["namespace"], meta["name"], meta.get("uid", ""))
    if len(text) > LEGACY_CONFIG_MAX:
        said = f"data.config has {len(text)} characters, and {LEGACY_CONFIG_MAX} are read at most"
        return legacy.Converted(problems=(Problem(ref, "data.config", said),))
    try:
        document = _yaml(text)
    except ParseError as error:
        return legacy.Converted(problems=(Problem(ref, "data.config", f"data.config is not YAML: {error}"),))
    return legacy.convert(document, ref)


def _yaml(text: str) -> object:
    from pylb.kube import documents  # with PyYAML: 3 MiB, and only where an old ConfigMap stands

    try:
        return documents.read_texts(text)
    except documents.WRONG as error:
        raise ParseError(" ".join(str(error).split())) from None


def _texts(raw: Mapping[str, Any] | None, drop: str = "") -> dict[str, str]:
    return {key: str(value) for key, value in (raw or {}).items() if key != drop}


def _addresses(texts: list[str]) -> list[Address]:
    found = []
    for text in texts:
        try:
            found.append(parse_address(text))
        except ParseError:
            continue
    return found
