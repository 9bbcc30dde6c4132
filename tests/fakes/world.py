"""Short ways to write the objects that tests of core speak about."""

from __future__ import annotations

from typing import Any

from pylb.core.config import loader as config
from pylb.core.config.loader import Config, Objects
from pylb.core.model import Endpoint, Namespace, Node, NodeName, Port, Service, ServiceKey


def service(
    name: str, *ports: int, ns: str = "default", v6: bool = False, dual: bool = False, **fields: Any
) -> Service:
    """A Service of type LoadBalancer that allocation likes."""
    cluster_ips = ("10.96.0.7", "fd00:96::7") if dual else ("fd00:96::7",) if v6 else ("10.96.0.7",)
    return Service(
        key=ServiceKey(f"{ns}/{name}"),
        uid=f"uid-{name}",
        cluster_ips=fields.pop("cluster_ips", cluster_ips),
        ports=tuple(Port("TCP", port) for port in ports or (80,)),
        **fields,
    )


def pool(name: str, *addresses: str, ns: str = "metallb-system", **spec: Any) -> dict[str, Any]:
    """An IPAddressPool as JSON."""
    meta = {"name": name, "namespace": ns, "uid": f"uid-{name}"}
    return {
        "apiVersion": "metallb.io/v1beta1",
        "kind": "IPAddressPool",
        "metadata": meta,
        "spec": {"addresses": list(addresses), **spec},
    }


def advertisement(name: str = "l2", ns: str = "metallb-system", **spec: Any) -> dict[str, Any]:
    """An L2Advertisement as JSON."""
    meta = {"name": name, "namespace": ns}
    return {"apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement", "metadata": meta, "spec": spec}


def configured(
    *pools: dict[str, Any], adverts: tuple[dict[str, Any], ...] | None = None, namespaces: Any = ()
) -> Config:
    """A Config of the pools; advertised all by one advertisement unless others are given."""
    loaded = config.load(Objects(pools, (advertisement(),) if adverts is None else adverts), namespaces)
    assert loaded.config is not None, loaded.problems
    return loaded.config


def namespace(name: str, **labels: str) -> Namespace:
    """A Namespace."""
    return Namespace(name, labels)


def nodes(*names: str, **labels: str) -> dict[NodeName, Node]:
    """Nodes, all with the same labels."""
    return {NodeName(name): Node(NodeName(name), labels) for name in names}


def endpoints(*names: str) -> list[Endpoint]:
    """An endpoint that can serve on each of the nodes."""
    return [Endpoint(NodeName(name), servable=True) for name in names]
