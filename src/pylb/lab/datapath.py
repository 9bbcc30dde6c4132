"""A small kube-proxy, the part that decides: from Services and EndpointSlices to the nftables rules of a node.

Pure. It covers TCP and UDP over IPv4: cluster addresses and load-balancer addresses, traffic policy Cluster (the node
masks the client) and Local (the client is seen; a node without an endpoint drops). No node ports, no session affinity,
no source ranges. pylb itself never programs this: on a real cluster kube-proxy or its replacement does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

TABLE = "pylb_lab"
MASQUERADE = "0x4000"  # the mark that kube-proxy uses too
ENDPOINTS_MAX = 1000  # of one Service port that get traffic
_PROTOCOLS = ("TCP", "UDP")

JSON = Mapping[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Backend:
    """Where a connection can end."""

    address: str
    port: int
    node: str = ""

    def __str__(self) -> str:
        return f"{self.address} . {self.port}"


@dataclass(frozen=True, slots=True)
class Front:
    """One port of a Service: who asks for it, and who answers."""

    service: str  # namespace/name, for people
    protocol: str
    port: int
    cluster: tuple[str, ...]
    external: tuple[str, ...]
    local: bool  # externalTrafficPolicy: Local
    backends: tuple[Backend, ...]

    def on(self, node: str) -> tuple[Backend, ...]:
        """The backends on a node."""
        return tuple(backend for backend in self.backends if backend.node == node)


def fronts(services: Iterable[JSON], slices: Iterable[JSON]) -> tuple[Front, ...]:
    """What the objects of a cluster ask for, in a fixed order."""
    by_service: dict[str, list[JSON]] = {}
    for piece in slices:
        meta = piece["metadata"]
        owner = meta.get("labels", {}).get("kubernetes.io/service-name")
        if owner and piece.get("addressType", "IPv4") == "IPv4":
            by_service.setdefault(f"{meta['namespace']}/{owner}", []).append(piece)
    found = [front for service in services for front in _fronts(service, by_service)]
    return tuple(sorted(found, key=lambda front: (front.service, front.protocol, front.port)))


def _fronts(service: JSON, slices: Mapping[str, list[JSON]]) -> Iterable[Front]:
    meta, spec = service["metadata"], service.get("spec", {})
    key = f"{meta['namespace']}/{meta['name']}"
    cluster = _ipv4(spec.get("clusterIPs") or [spec.get("clusterIP")])
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
    external = _ipv4(entry.get("ip") for entry in ingress)
    for port in spec.get("ports") or ():
        protocol = port.get("protocol", "TCP")
        if protocol in _PROTOCOLS and (cluster or external):
            yield Front(
                key,
                protocol.lower(),
                port["port"],
                cluster,
                external,
                spec.get("externalTrafficPolicy") == "Local",
                _backends(slices.get(key, ()), port.get("name") or "", protocol),
            )


def _ipv4(words: Iterable[object]) -> tuple[str, ...]:
    found = []
    for word in words:
        try:
            found.append(str(IPv4Address(str(word))))
        except ValueError:
            continue
    return tuple(found)


def _backends(slices: Iterable[JSON], name: str, protocol: str) -> tuple[Backend, ...]:
    """The endpoints that are ready; where there are none, those that serve while they end (as kube-proxy does)."""
    ready: set[Backend] = set()
    ending: set[Backend] = set()
    for piece in slices:
        for port in piece.get("ports") or ():
            if (port.get("name") or "") != name or port.get("protocol", "TCP") != protocol or not port.get("port"):
                continue
            for endpoint in piece.get("endpoints") or ():
                state = endpoint.get("conditions") or {}
                backends = {
                    Backend(address, port["port"], endpoint.get("nodeName") or "")
                    for address in _ipv4(endpoint.get("addresses") or ())
                }
                if state.get("ready") is not False:
                    ready |= backends
                elif state.get("serving") and state.get("terminating"):
                    ending |= backends
    return tuple(sorted(ready or ending)[:ENDPOINTS_MAX])


def ruleset(node: str, wanted: Iterable[Front], pods: IPv4Network) -> str:
    """The node's whole table as `nft -f` takes it: it replaces the one before in one transaction."""
    rules = _Rules(node)
    for number, front in enumerate(wanted):
        rules.add(number, front)
    return rules.text(pods)


class _Rules:
    """Collects the maps' elements and the chains of a node."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._chains: list[str] = []
        self._outside: dict[str, str] = {}  # what comes from the LAN
        self._inside: dict[str, str] = {}  # what comes from pods and the node itself
        self._refused: set[str] = set()
        self._hairpins: set[str] = set()

    def add(self, number: int, front: Front) -> None:
        keys = {
            address: f"{address} . {front.protocol} . {front.port}" for address in (*front.cluster, *front.external)
        }
        if not front.backends:
            self._refused.update(keys.values())
            return
        mine = front.on(self._node)
        self._hairpins.update(f"{backend.address} . {backend.address}" for backend in mine)
        self._chain(f"pods-{number}", front, front.backends)
        self._chain(f"all-{number}", front, front.backends, mask=True)
        for address in front.cluster:
            self._inside[keys[address]] = f"pods-{number}"
            self._outside[keys[address]] = f"all-{number}"
        for address in front.external:
            self._inside[keys[address]] = f"pods-{number}"
            self._outside[keys[address]] = f"all-{number}"
        if front.local:
            if mine:
                self._chain(f"local-{number}", front, mine)
            for address in front.external:
                self._outside[keys[address]] = f"local-{number}" if mine else "nobody"

    def _chain(self, name: str, front: Front, backends: tuple[Backend, ...], mask: bool = False) -> None:
        choice = ", ".join(f"{place} : {backend}" for place, backend in enumerate(backends))
        mark = f"meta mark set meta mark or {MASQUERADE}; " if mask else ""
        dnat = f"meta l4proto {front.protocol} dnat ip to numgen inc mod {len(backends)} map {{ {choice} }}"
        self._chains.append(f"  chain {name} {{ {mark}{dnat}; }}")

    def text(self, pods: IPv4Network) -> str:
        key = "ip daddr . meta l4proto . th dport"
        return "\n".join(
            [
                f"table ip {TABLE} {{ }}",
                f"delete table ip {TABLE}",
                f"table ip {TABLE} {{",
                *self._chains,
                "  chain nobody { drop; }",
                _map("outside", self._outside),
                _map("inside", self._inside),
                _set("refused", "ipv4_addr . inet_proto . inet_service", self._refused),
                _set("hairpins", "ipv4_addr . ipv4_addr", self._hairpins),
                "  chain prerouting { type nat hook prerouting priority dstnat;",
                f"    ip saddr {pods} {key} vmap @inside",
                f"    {key} vmap @outside",
                "  }",
                f"  chain output {{ type nat hook output priority -100; {key} vmap @inside; }}",
                "  chain postrouting { type nat hook postrouting priority srcnat;",
                f"    meta mark and {MASQUERADE} == {MASQUERADE} masquerade",
                "    ip saddr . ip daddr @hairpins masquerade",
                f"    ip saddr {pods} ip daddr != {pods} masquerade",  # as container networks do
                "  }",
                f"  chain forward {{ type filter hook forward priority filter; {key} @refused reject; }}",
                f"  chain answer {{ type filter hook output priority filter; {key} @refused reject; }}",
                "}",
                "",
            ]
        )


def _map(name: str, elements: Mapping[str, str]) -> str:
    filled = ", ".join(f"{key} : goto {chain}" for key, chain in sorted(elements.items()))
    kind = "type ipv4_addr . inet_proto . inet_service : verdict;"
    return f"  map {name} {{ {kind} {_elements(filled)}}}"


def _set(name: str, kind: str, elements: Iterable[str]) -> str:
    return f"  set {name} {{ type {kind}; {_elements(', '.join(sorted(elements)))}}}"


def _elements(filled: str) -> str:
    return f"elements = {{ {filled} }} " if filled else ""
