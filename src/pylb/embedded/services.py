"""What the API server fills into a Service, and the order in which it looks at one."""

from __future__ import annotations

from pylb.embedded import service_rules
from pylb.embedded.allocation import EXTERNAL, Networks, allocate_addresses, allocate_ports
from pylb.embedded.errors import JSON, Cause


def complete(service: JSON, old: JSON | None, networks: Networks) -> list[Cause]:
    """Fill in a Service whose shape was checked, in place; returns what is wrong with it."""
    spec = service.setdefault("spec", {})
    before = (old or {}).get("spec", {})
    spec.setdefault("type", "ClusterIP")
    service_rules.drop_what_the_type_left(spec, before)
    _keep(spec, before)
    _defaults(spec)
    status = service.setdefault("status", {})
    status.setdefault("loadBalancer", {})
    if before.get("type") == "LoadBalancer" and spec["type"] != "LoadBalancer":
        status["loadBalancer"] = {}  # as the real server does
    causes = service_rules.causes(spec, before) or service_rules.ingress_causes(service)
    for entry in () if causes else status["loadBalancer"].get("ingress") or ():
        if "ip" in entry:
            entry.setdefault("ipMode", "VIP")
    if not causes and spec["type"] != "ExternalName":
        causes = allocate_addresses(spec, before, networks)
    return causes or allocate_ports(spec, old, networks)


def _keep(spec: JSON, before: JSON) -> None:
    """Cluster addresses and the health check's port that an update leaves out are those of before."""
    if spec["type"] == "ExternalName":
        return
    if not spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec.update({field: before[field] for field in ("clusterIP", "clusterIPs") if before.get(field)})
    elif before and spec.get("clusterIP") != before.get("clusterIP") and spec.get("clusterIPs") == before["clusterIPs"]:
        spec["clusterIPs"] = [spec["clusterIP"]] if spec.get("clusterIP") else []
    if spec.get("externalTrafficPolicy") == "Local" and spec["type"] == "LoadBalancer":
        health = spec.get("healthCheckNodePort") or before.get("healthCheckNodePort")
        spec.update({"healthCheckNodePort": health} if health else {})


def _defaults(spec: JSON) -> None:
    spec.setdefault("sessionAffinity", "None")
    if spec["sessionAffinity"] == "ClientIP":
        spec.setdefault("sessionAffinityConfig", {"clientIP": {"timeoutSeconds": 10_800}})
    else:
        spec.pop("sessionAffinityConfig", None)
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if spec["type"] in EXTERNAL:
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (None, "", 0):
            port["targetPort"] = port.get("port", 0)
