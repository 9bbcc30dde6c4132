"""The Kubernetes objects that the topics create. Pure; JSON out."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import Any

Json = dict[str, Any]

POOL_FIRST, POOL_LAST = IPv4Address("10.77.0.100"), IPv4Address("10.77.0.199")  # in the lab's own subnet
POOL = f"{POOL_FIRST}-{POOL_LAST}"
POD_PORT = 8080


def service(
    name: str, address: IPv4Address, selector: Json, port: int = 80, share: str = "", protocol: str = "TCP"
) -> Json:
    """A Service of type LoadBalancer at an address of the pool."""
    annotations = {"metallb.io/loadBalancerIPs": str(address)}
    if share:
        annotations["metallb.io/allow-shared-ip"] = share
    spec = {
        "type": "LoadBalancer",
        "selector": selector,
        "ports": [{"port": port, "targetPort": POD_PORT, "protocol": protocol}],
    }
    metadata = {"name": name, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def survivors(node: str) -> Json:
    """The label of the pods that are on another node than this one."""
    return {f"not-on-{node}": "true"}


EVERYWHERE: Json = {"app": "web"}


def deployment(node: str, nodes: Iterable[str]) -> Json:
    """One pod, on this of all nodes."""
    labels = {**EVERYWHERE, "on": node}
    for other in nodes:
        labels |= survivors(other) if other != node else {}
    ports = [{"containerPort": POD_PORT, "protocol": protocol} for protocol in ("TCP", "UDP")]
    container = {"name": "web", "image": "web", "ports": ports}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"web-{node}"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"on": node}},
            "template": {"metadata": {"labels": labels}, "spec": {"nodeName": node, "containers": [container]}},
        },
    }


def pool(addresses: str = POOL) -> Json:
    """The pool of all topics."""
    return _metallb("IPAddressPool", {"addresses": [addresses]})


def advertisement() -> Json:
    """Announce it on layer 2."""
    return _metallb("L2Advertisement", {"ipAddressPools": ["bench"]})


def _metallb(kind: str, spec: Json) -> Json:
    return {"apiVersion": "metallb.io/v1beta1", "kind": kind, "metadata": {"name": "bench"}, "spec": spec}
