"""The cluster addresses and node ports of all Services: which are taken, and what a Service gets.

The tables follow the store's changes, so a dry run takes nothing. Whether a Service may have what it asks for is
said here; whether what it asks for makes sense, in `service_rules`.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address

from pylb.embedded.errors import JSON, ApiError, Cause, forbidden_field, wrong
from pylb.embedded.history import DELETED, Change

Network = IPv4Network | IPv6Network

NODE_PORTS = range(30000, 32768)  # the real server's default
OWN = 10  # addresses at the beginning of a network that no Service gets by itself
MAX_TRIES = 65_536  # cluster addresses looked at before a network counts as full
NONE = "None"  # clusterIP of a headless Service
EXTERNAL = ("NodePort", "LoadBalancer")  # types with node ports
_FAMILIES = {4: "IPv4", 6: "IPv6"}
_BOTH = ("PreferDualStack", "RequireDualStack")


class Networks:
    """The service networks, and the cluster addresses and node ports that are taken."""

    def __init__(self, networks: tuple[Network, ...]) -> None:
        self.by_family = {_FAMILIES[network.version]: network for network in networks}
        self.first = _FAMILIES[networks[0].version]
        self._addresses: set[str] = set()
        self._lowest = dict.fromkeys(self.by_family, OWN)  # offsets, by family, below which all addresses are taken
        self._ports: set[int] = set()

    def follow(self, change: Change) -> None:
        """Note what a change of a Service takes and frees."""
        for obj, taken in ((change.old, False), (None if change.type == DELETED else change.new, True)):
            for address in cluster_ips(obj) if obj else ():
                (self._addresses.add if taken else self._addresses.discard)(address)
                if not taken:
                    self._free(address)
            for port in node_ports(obj) if obj else ():
                (self._ports.add if taken else self._ports.discard)(port)

    def _free(self, address: str) -> None:
        found = ip_address(address)
        family = _FAMILIES[found.version]
        if found in self.by_family.get(family, ()):
            offset = int(found) - int(self.by_family[family].network_address)
            self._lowest[family] = max(OWN, min(offset, self._lowest[family]))

    def next_address(self, family: str) -> str | None:
        """The first free address of a family's network; .1 is the API's own."""
        network = self.by_family[family]
        for offset in range(self._lowest[family], min(network.num_addresses - 1, MAX_TRIES)):
            address = str(network[offset])
            if address not in self._addresses:
                self._lowest[family] = offset
                return address
        return None

    def next_port(self, also: set[int]) -> int | None:
        """The first free node port."""
        return next((p for p in NODE_PORTS if p not in self._ports and p not in also), None)

    def is_taken(self, address: str) -> bool:
        """Whether a Service has the cluster address."""
        return address in self._addresses

    def is_port_taken(self, port: int) -> bool:
        """Whether a Service has the node port, for whatever protocol."""
        return port in self._ports


def cluster_ips(service: JSON) -> list[str]:
    """The cluster addresses of a Service, without `None`."""
    return [ip for ip in service.get("spec", {}).get("clusterIPs") or () if ip and ip != NONE]


def node_ports(service: JSON) -> list[int]:
    """The node ports of a Service, that of its health check included."""
    spec = service.get("spec", {})
    found = [p["nodePort"] for p in spec.get("ports") or () if p.get("nodePort")]
    health = spec.get("healthCheckNodePort")
    return [*found, health] if health else found


def allocate_addresses(spec: JSON, before: JSON, networks: Networks) -> list[Cause]:
    """Families and cluster addresses: kept from before, taken as asked, or the next free ones."""
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
        if ip is None:
            return [_refused(wanted, "no cluster IP is free")]
        if ip not in held and networks.is_taken(ip):
            return [_refused(wanted, f"failed to allocate IP {ip}: provided IP is already allocated")]
        ips.append(ip)
    spec.update(clusterIP=ips[0], clusterIPs=ips)
    return []


def _refused(wanted: list[str], why: str) -> Cause:
    return wrong("spec.clusterIPs", wanted, why)


def _families(spec: JSON, before: JSON, wanted: list[str], networks: Networks) -> list[str] | Cause:
    policy = spec.get("ipFamilyPolicy")
    asked = list(spec.get("ipFamilies") or before.get("ipFamilies") or ())
    for ip in [] if wanted[:1] == [NONE] else wanted:
        family = _FAMILIES[ip_address(ip).version]
        if ip not in (before.get("clusterIPs") or ()) and ip_address(ip) not in networks.by_family.get(family, ()):
            why = "the provided network does not match the current range"
            return _refused(wanted, f"failed to allocate IP {ip}: {why}")
        if family not in asked:
            asked.append(family)
    if unknown := [f for f in asked if f not in networks.by_family]:
        return wrong("spec.ipFamilies[0]", unknown[0], "not configured on this cluster")
    free = wanted[:1] == [NONE] and not spec.get("selector")  # nobody makes endpoints for it: of any family
    families = asked or ([*networks.by_family] if free and policy is None else [networks.first])
    if policy in _BOTH:
        families += [f for f in networks.by_family if f not in families]
    elif policy == "SingleStack":
        families, wanted[1:] = families[:1], []
    if policy == "RequireDualStack" and len(families) < 2:
        return wrong("spec.ipFamilyPolicy", policy, "this cluster is not configured for dual-stack services")
    return families


def allocate_ports(spec: JSON, old: JSON | None, networks: Networks) -> list[Cause]:
    """Node ports: kept from before, taken as asked, or the next free ones; a Service may use one for two protocols."""
    if spec["type"] not in EXTERNAL:
        return []
    held = set(node_ports(old)) if old else set()
    wanted = spec["type"] == "NodePort" or spec["allocateLoadBalancerNodePorts"]
    given: set[tuple[str, int]] = set()
    for index, port in enumerate(spec.get("ports") or ()):
        path, number = f"spec.ports[{index}].nodePort", port.get("nodePort")
        if number:
            taken = (port["protocol"], number) in given or (number not in held and networks.is_port_taken(number))
            if cause := _port_cause(path, number, taken=taken):
                return [cause]
        elif wanted:
            number = _kept_port(port, old, given) or networks.next_port({p for _, p in given})
            if number is None:
                return [forbidden_field(path, "no node port is free")]
            port["nodePort"] = number
        if number:
            given.add((port["protocol"], number))
    if spec["type"] == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local":
        _allocate_health_port(spec, held, networks, {number for _, number in given})
    return []


def _port_cause(path: str, number: int, *, taken: bool) -> Cause | None:
    if number not in NODE_PORTS:
        text = "provided port is not in the valid range. The range of valid ports is 30000-32767"
        return wrong(path, number, text)
    return wrong(path, number, "provided port is already allocated") if taken else None


def _kept_port(port: JSON, old: JSON | None, given: set[tuple[str, int]]) -> int | None:
    """The node port that the same port had before, as an update without node ports keeps them."""
    for before in (old or {}).get("spec", {}).get("ports") or ():
        same = (before.get("protocol"), before.get("port")) == (port["protocol"], port.get("port"))
        number = before.get("nodePort")
        if same and isinstance(number, int) and (port["protocol"], number) not in given:
            return number
    return None


def _allocate_health_port(spec: JSON, held: set[int], networks: Networks, given: set[int]) -> None:
    number = spec.get("healthCheckNodePort") or networks.next_port(given)
    if number not in held and (number in given or networks.is_port_taken(number or 0)):
        what = f"failed to allocate requested HealthCheck NodePort {number}: provided port is already allocated"
        raise ApiError(500, "InternalError", f"Internal error occurred: {what}")
    spec["healthCheckNodePort"] = number
