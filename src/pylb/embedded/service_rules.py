"""What makes sense in a Service, and what may never change in one: pure functions that name the fields.

The words are the real server's, as far as the conformance tests look at them.
"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import Any

from pylb.embedded.allocation import EXTERNAL, NONE, node_ports
from pylb.embedded.errors import JSON, Cause, forbidden_field, not_supported, required, wrong
from pylb.embedded.metadata import QUALIFIED, SUBDOMAIN

_VALUES: dict[str, tuple[str, ...]] = {
    "type": ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
    "externalTrafficPolicy": ("Cluster", "Local"),
    "internalTrafficPolicy": ("Cluster", "Local"),
    "sessionAffinity": (NONE, "ClientIP"),
    "ipFamilyPolicy": ("SingleStack", "PreferDualStack", "RequireDualStack"),
}
_PROTOCOLS = ("TCP", "UDP", "SCTP")
_IP_MODES = ("VIP", "Proxy")
_PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?")
_PORT_TEXT = "must be between 1 and 65535, inclusive"
_IP_TEXT = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_BALANCER = "may only be used when `type` is 'LoadBalancer'"


def is_address(text: object) -> bool:
    """Whether a text is an IP address."""
    try:
        ip_address(str(text))
    except ValueError:
        return False
    return True


def drop_what_the_type_left(spec: JSON, before: JSON) -> None:
    """Take out, in place, what an update of the type leaves behind unchanged."""
    gone = [] if spec["type"] in EXTERNAL else ["externalTrafficPolicy"]
    gone += [] if spec["type"] == "LoadBalancer" else ["allocateLoadBalancerNodePorts", "loadBalancerClass"]
    gone += [] if _has_health_port(spec) else ["healthCheckNodePort"]
    if spec["type"] == "ExternalName":
        gone += ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"]
    for field in gone:
        if field in before and spec.get(field) == before[field]:
            spec.pop(field, None)
    if spec["type"] not in EXTERNAL:
        held = node_ports({"spec": before})
        for port in spec.get("ports") or ():
            if port.get("nodePort") in held:
                del port["nodePort"]


def _has_health_port(spec: JSON) -> bool:
    return bool(spec["type"] == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local")


def causes(spec: JSON, before: JSON) -> list[Cause]:
    """All that is wrong with a Service's spec, whatever others have."""
    found = [
        not_supported(f"spec.{field}", spec[field], values)
        for field, values in _VALUES.items()
        if field in spec and spec[field] not in values
    ]
    ports = spec.get("ports") or []
    if not ports and spec["type"] != "ExternalName" and spec.get("clusterIP") != NONE:
        found.append(required("spec.ports"))
    for index, port in enumerate(ports):
        found += _port_causes(port, f"spec.ports[{index}]", alone=len(ports) == 1)
    return [*found, *_duplicates(ports), *_type_causes(spec), *_address_causes(spec), *_changes(spec, before)]


def _port_causes(port: JSON, path: str, *, alone: bool) -> list[Cause]:
    found = [] if alone or port.get("name") else [required(f"{path}.name")]
    if not 0 < port.get("port", 0) < 65_536:
        found.append(wrong(f"{path}.port", port.get("port", 0), _PORT_TEXT))
    target = port.get("targetPort", 0)
    if isinstance(target, int):
        found += [] if 0 < target < 65_536 else [wrong(f"{path}.targetPort", target, _PORT_TEXT)]
    elif not _PORT_NAME.fullmatch(target):
        text = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
        found.append(wrong(f"{path}.targetPort", target, text))
    if port["protocol"] not in _PROTOCOLS:
        found.append(not_supported(f"{path}.protocol", port["protocol"], _PROTOCOLS))
    return found


def _duplicates(ports: list[JSON]) -> list[Cause]:
    seen: set[object] = set()
    found: list[Cause] = []
    for index, port in enumerate(ports):
        for field, key in (("name", ("n", port.get("name"))), ("", (port.get("protocol"), port.get("port")))):
            if key in seen and key[1]:
                text = f'Duplicate value: "{key[1]}"'
                found.append(Cause(f"spec.ports[{index}]{'.' + field if field else ''}", "FieldValueDuplicate", text))
            seen.add(key)
    return found


def _type_causes(spec: JSON) -> list[Cause]:
    """What does not go with the type."""
    kind = spec["type"]
    found: list[Cause] = []
    if kind not in EXTERNAL:
        if "externalTrafficPolicy" in spec:
            text = "may only be set for externally-accessible services"
            found.append(wrong("spec.externalTrafficPolicy", spec["externalTrafficPolicy"], text))
        text = f"may not be used when `type` is '{kind}'"
        ports = enumerate(spec.get("ports") or ())
        found += [forbidden_field(f"spec.ports[{i}].nodePort", text) for i, p in ports if p.get("nodePort")]
    if kind != "LoadBalancer":
        fields = ("allocateLoadBalancerNodePorts", "loadBalancerClass")
        found += [forbidden_field(f"spec.{field}", _BALANCER) for field in fields if field in spec]
    if spec.get("healthCheckNodePort") and not _has_health_port(spec):
        text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        found.append(wrong("spec.healthCheckNodePort", spec["healthCheckNodePort"], text))
    if kind == "ExternalName" and not spec.get("externalName"):
        found.append(required("spec.externalName"))
    if "loadBalancerClass" in spec and not QUALIFIED.fullmatch(spec["loadBalancerClass"]):
        found.append(wrong("spec.loadBalancerClass", spec["loadBalancerClass"], "must be a qualified name"))
    return found


def _address_causes(spec: JSON) -> list[Cause]:
    found: list[Cause] = []
    for index, family in enumerate(spec.get("ipFamilies") or ()):
        if family not in ("IPv4", "IPv6"):
            found.append(not_supported(f"spec.ipFamilies[{index}]", family, ("IPv4", "IPv6")))
    for index, text in enumerate(spec.get("externalIPs") or ()):
        if not is_address(text):
            found.append(wrong(f"spec.externalIPs[{index}]", text, _IP_TEXT))
    for index, text in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        if not _is_network(text.strip()):
            why = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
            found.append(wrong(f"spec.LoadBalancerSourceRanges[{index}]", text, why))
    return [*found, *_cluster_ip_causes(spec)]


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text


def _cluster_ip_causes(spec: JSON) -> list[Cause]:
    first, ips = spec.get("clusterIP"), spec.get("clusterIPs") or []
    if ips and not first:
        return [wrong("spec.clusterIPs", ips, "must be empty when `clusterIP` is not specified")]
    if ips and ips[0] != first:
        return [wrong("spec.clusterIPs", ips, "first value must match `clusterIP`")]
    if first == NONE:
        text = f"may not be set to 'None' for {spec['type']} services"
        return [wrong("spec.clusterIPs[0]", NONE, text)] if spec["type"] != "ClusterIP" else []
    listed = enumerate(ips or [first] if first else [])
    return [wrong(f"spec.clusterIPs[{i}]", ip, _IP_TEXT) for i, ip in listed if not is_address(ip)]


def _changes(spec: JSON, before: JSON) -> list[Cause]:
    """What an update may not change."""
    found: list[Cause] = []
    addressed = before.get("clusterIP") and spec["type"] != "ExternalName"
    if addressed and spec.get("clusterIP") != before["clusterIP"]:
        found.append(wrong("spec.clusterIPs[0]", [spec.get("clusterIP")], "may not change once set"))
    if before.get("type") == spec["type"] == "LoadBalancer":
        if spec.get("loadBalancerClass") != before.get("loadBalancerClass"):
            text = "may not change once set"
            found.append(wrong("spec.loadBalancerClass", spec.get("loadBalancerClass") or "", text))
        held, asked = before.get("healthCheckNodePort"), spec.get("healthCheckNodePort")
        if held and _has_health_port(spec) and asked != held:
            found.append(forbidden_field("spec.healthCheckNodePort", "field is immutable"))
    return found


def ingress_causes(service: JSON) -> list[Cause]:
    """What is wrong with a Service's status.loadBalancer.ingress."""
    entries = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    path = "status.loadBalancer.ingress"
    if entries and service["spec"].get("type") != "LoadBalancer":
        return [forbidden_field(path, "may only be used when `spec.type` is 'LoadBalancer'")]
    return [cause for index, entry in enumerate(entries) for cause in _entry_causes(entry, f"{path}[{index}]")]


def _entry_causes(entry: JSON, path: str) -> list[Cause]:
    found: list[Cause] = []
    mode: Any = entry.get("ipMode")
    if "ip" in entry and not is_address(entry["ip"]):
        found.append(wrong(f"{path}.ip", entry["ip"], _IP_TEXT))
    if mode is not None and "ip" not in entry:
        found.append(forbidden_field(f"{path}.ipMode", "may not be specified when `ip` is not set"))
    elif mode is not None and mode not in _IP_MODES:
        found.append(not_supported(f"{path}.ipMode", mode, _IP_MODES))
    name = entry.get("hostname")
    if name is not None and is_address(name):
        found.append(wrong(f"{path}.hostname", name, "must be a DNS name, not an IP address"))
    elif name is not None and not SUBDOMAIN.fullmatch(name):
        found.append(wrong(f"{path}.hostname", name, "a lowercase RFC 1123 subdomain is wanted"))
    return found
