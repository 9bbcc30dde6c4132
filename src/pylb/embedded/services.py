"""What the API server fills into a Service and refuses in one: defaults, cluster addresses, node ports, families.

The tables of what is taken follow the store's changes, so a dry run takes nothing.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address

from pylb.embedded.errors import JSON, Cause, forbidden_field, required, wrong
from pylb.embedded.history import DELETED, Change

Network = IPv4Network | IPv6Network

NODE_PORTS = range(30000, 32768)  # the real server's default
MAX_TRIES = 65_536  # cluster addresses looked at before a network counts as full
NONE = "None"  # clusterIP of a headless Service
_FAMILIES = {4: "IPv4", 6: "IPv6"}
_TYPES = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
_PROTOCOLS = ("TCP", "UDP", "SCTP")
_EXTERNAL = ("NodePort", "LoadBalancer")


class Networks:
    """The service networks, and the cluster addresses and node ports that are taken."""

    def __init__(self, networks: tuple[Network, ...]) -> None:
        self.by_family = {_FAMILIES[network.version]: network for network in networks}
        self.first = _FAMILIES[networks[0].version]
        self._addresses: set[str] = set()
        self._ports: set[tuple[str, int]] = set()

    def follow(self, change: Change) -> None:
        """Note what a change of a Service takes and frees."""
        for obj, taken in ((change.old, False), (None if change.type == DELETED else change.new, True)):
            for address in cluster_ips(obj) if obj else ():
                (self._addresses.add if taken else self._addresses.discard)(address)
            for port in node_ports(obj) if obj else ():
                (self._ports.add if taken else self._ports.discard)(port)

    def next_address(self, family: str) -> str | None:
        """The first free address of a family's network; .1 is the API's own."""
        network = self.by_family[family]
        for offset in range(10, min(network.num_addresses - 1, MAX_TRIES)):
            address = str(network[offset])
            if address not in self._addresses:
                return address
        return None

    def next_port(self, protocol: str, also: set[tuple[str, int]]) -> int | None:
        """The first free node port."""
        return next((p for p in NODE_PORTS if (protocol, p) not in self._ports | also), None)

    def is_taken(self, address: str) -> bool:
        """Whether a Service has the cluster address."""
        return address in self._addresses

    def is_port_taken(self, protocol: str, port: int) -> bool:
        """Whether a Service has the node port."""
        return (protocol, port) in self._ports


def cluster_ips(service: JSON) -> list[str]:
    """The cluster addresses of a Service, without `None`."""
    return [ip for ip in service.get("spec", {}).get("clusterIPs") or () if ip and ip != NONE]


def node_ports(service: JSON) -> list[tuple[str, int]]:
    """(protocol, node port) of a Service, that of its health check included."""
    spec = service.get("spec", {})
    found = [(p.get("protocol", "TCP"), p["nodePort"]) for p in spec.get("ports") or () if p.get("nodePort")]
    health = spec.get("healthCheckNodePort")
    return [*found, ("TCP", health)] if health else found


def complete(service: JSON, old: JSON | None, networks: Networks) -> list[Cause]:
    """Fill in a Service whose shape was checked, in place; returns what is wrong with it."""
    spec = service.setdefault("spec", {})
    before = (old or {}).get("spec", {})
    _defaults(spec)
    if before.get("type") == "LoadBalancer" and spec["type"] != "LoadBalancer":
        service["status"] = {"loadBalancer": {}}  # as the real server does
    causes = _causes(spec)
    if causes:
        return causes
    if spec["type"] == "ExternalName":
        for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"):
            spec.pop(field, None)
    else:
        causes = _addresses(spec, before, networks)
    return causes or _node_ports(spec, old, networks)


def _defaults(spec: JSON) -> None:
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("internalTrafficPolicy", "Cluster")
    if spec["sessionAffinity"] == "ClientIP":
        spec.setdefault("sessionAffinityConfig", {"clientIP": {"timeoutSeconds": 10_800}})
    else:
        spec.pop("sessionAffinityConfig", None)
    if spec["type"] in _EXTERNAL:
        spec.setdefault("externalTrafficPolicy", "Cluster")
    else:
        spec.pop("externalTrafficPolicy", None)
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    else:
        for field in ("allocateLoadBalancerNodePorts", "loadBalancerClass"):
            spec.pop(field, None)
    if spec.get("externalTrafficPolicy") != "Local" or spec["type"] != "LoadBalancer":
        spec.pop("healthCheckNodePort", None)
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if "port" in port and port.get("targetPort") in (None, "", 0):
            port["targetPort"] = port["port"]


def _causes(spec: JSON) -> list[Cause]:
    causes: list[Cause] = []
    allowed = (
        ("type", _TYPES),
        ("externalTrafficPolicy", ("Cluster", "Local")),
        ("sessionAffinity", (NONE, "ClientIP")),
    )
    for field, values in allowed:
        if spec.get(field, values[0]) not in values:
            listed = ", ".join(f'"{v}"' for v in values)
            text = f'Unsupported value: "{spec[field]}": supported values: {listed}'
            causes.append(Cause(f"spec.{field}", "FieldValueNotSupported", text))
    ports = spec.get("ports") or []
    if not ports and spec["type"] != "ExternalName" and spec.get("clusterIP") != NONE:
        causes.append(required("spec.ports"))
    for index, port in enumerate(ports):
        causes += _port_causes(port, f"spec.ports[{index}]", alone=len(ports) == 1)
    return causes + _duplicates(ports)


def _port_causes(port: JSON, path: str, *, alone: bool) -> list[Cause]:
    causes: list[Cause] = []
    if not alone and not port.get("name"):
        causes.append(required(f"{path}.name"))
    number = port.get("port")
    if number is None:
        causes.append(required(f"{path}.port"))
    elif not 0 < number < 65_536:
        causes.append(wrong(f"{path}.port", number, "must be between 1 and 65535, inclusive"))
    if port["protocol"] not in _PROTOCOLS:
        text = f'Unsupported value: "{port["protocol"]}": supported values: "SCTP", "TCP", "UDP"'
        causes.append(Cause(f"{path}.protocol", "FieldValueNotSupported", text))
    return causes


def _duplicates(ports: list[JSON]) -> list[Cause]:
    seen: set[object] = set()
    causes: list[Cause] = []
    for index, port in enumerate(ports):
        for field, key in (("name", ("n", port.get("name"))), ("", (port.get("protocol"), port.get("port")))):
            if key in seen and key[1]:
                text = f'Duplicate value: "{key[1]}"'
                causes.append(Cause(f"spec.ports[{index}]{'.' + field if field else ''}", "FieldValueDuplicate", text))
            seen.add(key)
    return causes


def _addresses(spec: JSON, before: JSON, networks: Networks) -> list[Cause]:
    """Families and cluster addresses: kept from before, taken as asked, or the next free ones."""
    if not spec.get("clusterIP") and not spec.get("clusterIPs"):
        for field in ("clusterIP", "clusterIPs"):
            if before.get(field):
                spec[field] = before[field]
    wanted = [ip for ip in spec.get("clusterIPs") or [spec.get("clusterIP")] if ip]
    families = _families(spec, before, wanted, networks)
    if isinstance(families, Cause):
        return [families]
    spec["ipFamilies"] = families
    spec["ipFamilyPolicy"] = spec.get("ipFamilyPolicy") or ("RequireDualStack" if len(families) > 1 else "SingleStack")
    if wanted[:1] == [NONE]:
        spec.update(clusterIP=NONE, clusterIPs=[NONE])
        return []
    held = set(before.get("clusterIPs") or ())
    ips: list[str] = []
    for index, family in enumerate(families):
        ip = wanted[index] if index < len(wanted) else networks.next_address(family)
        if ip is None or (ip not in held and networks.is_taken(ip)):
            text = "failed to allocate IP: provided IP is already allocated" if ip else "no cluster IP is free"
            return [wrong("spec.clusterIPs", ip or "", text)]
        ips.append(ip)
    spec.update(clusterIP=ips[0], clusterIPs=ips)
    return []


def _families(spec: JSON, before: JSON, wanted: list[str], networks: Networks) -> list[str] | Cause:
    policy = spec.get("ipFamilyPolicy")
    asked = list(spec.get("ipFamilies") or before.get("ipFamilies") or ())
    for index, ip in enumerate([] if wanted[:1] == [NONE] else wanted):
        try:
            family = _FAMILIES[ip_address(ip).version]
        except ValueError:
            return wrong(f"spec.clusterIPs[{index}]", ip, "must be a valid IP address")
        if ip not in (before.get("clusterIPs") or ()) and ip_address(ip) not in networks.by_family.get(family, ()):
            return wrong(f"spec.clusterIPs[{index}]", ip, "the provided IP is not in the valid range")
        if family not in asked:
            asked.append(family)
    if unknown := [f for f in asked if f not in networks.by_family]:
        return wrong("spec.ipFamilies[0]", unknown[0], "not configured on this cluster")
    families = asked or [networks.first]
    if policy in ("PreferDualStack", "RequireDualStack"):
        families += [f for f in networks.by_family if f not in families]
    elif policy == "SingleStack":
        families = families[:1]
    if policy == "RequireDualStack" and len(families) < 2:
        return wrong("spec.ipFamilyPolicy", policy, "this cluster is not configured for dual-stack services")
    if policy == "SingleStack":
        del wanted[1:]
    return families


def _node_ports(spec: JSON, old: JSON | None, networks: Networks) -> list[Cause]:
    ports = spec.get("ports") or []
    if spec["type"] not in _EXTERNAL:
        for port in ports:
            port.pop("nodePort", None)
        return []
    held = set(node_ports(old)) if old else set()
    allocate = spec["type"] == "NodePort" or spec["allocateLoadBalancerNodePorts"]
    given: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        path, number = f"spec.ports[{index}].nodePort", port.get("nodePort")
        if number:
            if number not in NODE_PORTS:
                return [
                    wrong(
                        path, number, "provided port is not in the valid range. The range of valid ports is 30000-32767"
                    )
                ]
            if (port["protocol"], number) not in held and networks.is_port_taken(port["protocol"], number):
                return [wrong(path, number, "provided port is already allocated")]
        elif allocate:
            number = _kept_port(port, old, given) or networks.next_port(port["protocol"], given)
            if number is None:
                return [forbidden_field(path, "no node port is free")]
            port["nodePort"] = number
        if number:
            given.add((port["protocol"], number))
    if spec.get("externalTrafficPolicy") == "Local" and spec["type"] == "LoadBalancer":
        before = (old or {}).get("spec", {}).get("healthCheckNodePort")
        spec["healthCheckNodePort"] = spec.get("healthCheckNodePort") or before or networks.next_port("TCP", given)
    return []


def _kept_port(port: JSON, old: JSON | None, given: set[tuple[str, int]]) -> int | None:
    """The node port that the same port had before, as an update without node ports keeps them."""
    for before in (old or {}).get("spec", {}).get("ports") or ():
        same = (before.get("protocol"), before.get("port")) == (port["protocol"], port.get("port"))
        number = before.get("nodePort")
        if same and isinstance(number, int) and (port["protocol"], number) not in given:
            return number
    return None


def status_causes(service: JSON) -> list[Cause]:
    """What is wrong with a Service's status.loadBalancer.ingress."""
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    path = "status.loadBalancer.ingress"
    if ingress and service["spec"].get("type") != "LoadBalancer":
        return [forbidden_field(path, 'may only be used when `spec.type` is "LoadBalancer"')]
    causes: list[Cause] = []
    for index, entry in enumerate(ingress):
        if "ip" in entry:
            try:
                ip_address(entry["ip"])
            except ValueError:
                causes.append(wrong(f"{path}[{index}].ip", entry["ip"], "must be a valid IP address"))
            entry.setdefault("ipMode", "VIP")
            if entry["ipMode"] not in ("VIP", "Proxy"):
                causes.append(wrong(f"{path}[{index}].ipMode", entry["ipMode"], "must be VIP or Proxy"))
    return causes
