"""What a cluster's objects and settings say of addresses: nodes, Services, pools, pod and Service networks.

JSON of Kubernetes goes in as kubectl gives it, values come out. A field that is not as expected is left out: an
installer that sees less is no error. What runs there beside pylb is `pylb.addon.detection`'s matter. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from pylb.addon.facts import Held, Taken, Use, network
from pylb.addon.names import JSON, NAMESPACES, POOL
from pylb.core.config import loader as config
from pylb.core.config.loader import Objects
from pylb.core.errors import ParseError
from pylb.core.model import Address
from pylb.core.ranges import Range, parse

PODS, SERVICES = "the pod network", "the Service network"
_K3S_DEFAULTS = {PODS: "10.42.0.0/16", SERVICES: "10.43.0.0/16"}  # docs.k3s.io, CLI server
_FLAGS = {"--cluster-cidr": PODS, "--service-cluster-ip-range": SERVICES, "--service-cidr": SERVICES}
_FLAG = re.compile(r"(--[a-z-]+)[= ]([^\s\"',\\]+(?:,[^\s\"',\\]+)*)")
_KUBEADM = re.compile(r"(?m)^\s*(podSubnet|serviceSubnet):\s*[\"']?([^\s\"']+)")
_KUBEADM_FIELDS = {"podSubnet": PODS, "serviceSubnet": SERVICES}
NODE_ARGS = "k3s.io/node-args"


@dataclass(frozen=True, slots=True)
class Pool:
    """An IPAddressPool; `entries` as they are written."""

    namespace: str
    name: str
    entries: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    def spans(self) -> Iterator[Range]:
        """Its ranges; one that cannot be read is left out."""
        for entry in self.entries:
            try:
                yield parse(entry)
            except ParseError:
                continue


@dataclass(frozen=True, slots=True)
class Inventory:
    """What was found."""

    nodes: tuple[Held, ...] = ()
    services: tuple[Held, ...] = ()  # addresses that Services have recorded, and their external IPs
    virtual: tuple[Held, ...] = ()  # addresses of the control plane
    networks: tuple[Taken, ...] = ()
    pools: tuple[Pool, ...] = ()
    node_args: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of k3s, by node

    @property
    def own_pool(self) -> Pool | None:
        """The pool that an installation of ours makes and changes."""
        return next((pool for pool in self.pools if pool.name == POOL), None)

    def faults(self) -> tuple[str, ...]:
        """What is wrong with the pools' ranges, as the daemons will say it: with any of it they take none of the pools."""
        raw = [
            {
                "kind": "IPAddressPool",
                "metadata": {"namespace": one.namespace, "name": one.name},
                "spec": {"addresses": list(one.entries)},
            }
            for one in self.pools
        ]
        return tuple(map(str, config.load(Objects(pools=raw)).problems))

    def taken(self) -> tuple[Taken, ...]:
        """The ranges that no pool of ours may overlap."""
        others = [pool for pool in self.pools if pool.name != POOL]
        pools = [Taken(span, f"the pool {pool.key}") for pool in others for span in pool.spans()]
        return (*self.networks, *pools)


def take(objects: Iterable[JSON], settings: Sequence[str] = ()) -> Inventory:
    """What objects of a cluster, and texts of settings (files of flags), say."""
    items = [item for item in objects if isinstance(item.get("metadata"), dict)]
    nodes = [item for item in items if item.get("kind") == "Node"]
    services = [item for item in items if item.get("kind") == "Service"]
    arguments = {_name(node): _node_args(node) for node in nodes if _node_args(node)}
    texts = [*settings, *(" ".join(words) for words in arguments.values()), *_commands(items)]
    return Inventory(
        tuple(_addresses_of(nodes)),
        tuple(held for service in services for held in _held_by(service)),
        tuple(held for item in items for held in _virtual(item)),
        tuple(dict.fromkeys(_networks(items, nodes, services, texts, bool(arguments)))),
        tuple(pool for pool in _pools(items) if pool.namespace in NAMESPACES),
        arguments,
    )


def with_pools(inventory: Inventory, objects: Iterable[JSON]) -> Inventory:
    """The inventory as it will be when these objects are there, too."""
    return replace(inventory, pools=(*inventory.pools, *_pools(objects)))


def containers(item: JSON) -> list[JSON]:
    """The containers of a pod, or of what makes pods."""
    spec = item.get("spec") or {}
    template = (spec.get("template") or {}).get("spec")
    found = (template or spec).get("containers")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def variables(container: JSON) -> dict[str, str]:
    """The environment that is written at a container."""
    found = container.get("env") or ()
    return {str(one.get("name")): str(one.get("value", "")) for one in found if isinstance(one, dict)}


def address(raw: object) -> Address | None:
    """An address, or None."""
    try:
        return ip_address(raw.strip()) if isinstance(raw, str) else None
    except ValueError:
        return None


def _name(item: JSON) -> str:
    return str(item["metadata"].get("name", ""))


def _key(item: JSON) -> str:
    return f"{item['metadata'].get('namespace', '')}/{_name(item)}"


def _node_args(node: JSON) -> tuple[str, ...]:
    """The command line of k3s on a node, with what its configuration files add."""
    try:
        words = json.loads((node["metadata"].get("annotations") or {}).get(NODE_ARGS, "[]"))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return ()
    return tuple(str(word) for word in words) if isinstance(words, list) else ()


def _addresses_of(nodes: Iterable[JSON]) -> Iterator[Held]:
    for node in nodes:
        for one in (node.get("status") or {}).get("addresses") or ():
            found = address(one.get("address"))
            if found is not None and one.get("type") in ("InternalIP", "ExternalIP"):
                yield Held(found, Use.NODE, _name(node))


def _held_by(service: JSON) -> Iterator[Held]:
    for one in (service.get("status") or {}).get("loadBalancer", {}).get("ingress") or ():
        found = address(one.get("ip"))
        if found is not None:
            yield Held(found, Use.SERVICE, _key(service))
    for one in (service.get("spec") or {}).get("externalIPs") or ():
        found = address(one)
        if found is not None:
            yield Held(found, Use.EXTERNAL, _key(service))


def _virtual(item: JSON) -> Iterator[Held]:
    """The control plane's addresses that kube-vip and keepalived hold, as their pods say them."""
    for container in containers(item):
        name = next((one for one in ("kube-vip", "keepalived") if one in str(container.get("image", ""))), "")
        if name:
            values = variables(container)
            for key in ("address", "vip_address", "KEEPALIVED_VIRTUAL_IPS", "VIRTUAL_IP"):
                for part in re.split(r"[\s,]+", values.get(key, "")):
                    found = address(part.partition("/")[0])
                    if found is not None:
                        yield Held(found, Use.VIRTUAL, name)


def _commands(items: Iterable[JSON]) -> Iterator[str]:
    """The command lines of the control plane's pods."""
    for item in items:
        for container in containers(item) if item.get("kind") == "Pod" else ():
            words = [*(container.get("command") or ()), *(container.get("args") or ())]
            yield " ".join(str(word) for word in words)


def _networks(
    items: Sequence[JSON], nodes: Sequence[JSON], services: Sequence[JSON], texts: Sequence[str], k3s: bool
) -> Iterator[Taken]:
    found = [*_stated(items, nodes), *_flagged(texts)]
    if k3s:
        known = {name for name, _ in found}
        found += [(name, value) for name, value in _K3S_DEFAULTS.items() if name not in known]
    for name, value in found:
        for part in value.split(","):
            made = network(part)
            if made is not None:
                yield Taken(made.span, name)
    if not any(name == SERVICES for name, _ in found):
        yield from _spanned(services)


def _stated(items: Iterable[JSON], nodes: Iterable[JSON]) -> Iterator[tuple[str, str]]:
    """Networks that objects state."""
    for node in nodes:
        spec = node.get("spec") or {}
        for one in spec.get("podCIDRs") or [spec.get("podCIDR", "")]:
            yield PODS, str(one)
    for item in items:
        spec, kind = item.get("spec") or {}, item.get("kind")
        if kind == "IPPool":  # Calico's
            yield PODS, str(spec.get("cidr", ""))
        elif kind == "ServiceCIDR":
            for one in spec.get("cidrs") or ():
                yield SERVICES, str(one)
        elif kind == "ConfigMap" and _name(item) == "kubeadm-config":
            text = str((item.get("data") or {}).get("ClusterConfiguration", ""))
            for key, value in _KUBEADM.findall(text):
                yield _KUBEADM_FIELDS[key], value


def _flagged(texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        for flag, value in _FLAG.findall(text):
            if flag in _FLAGS:
                yield _FLAGS[flag], value


def _spanned(services: Iterable[JSON]) -> Iterator[Taken]:
    """Where nothing states the Service network: from its lowest known address to its highest."""
    known = [one for item in services for raw in _cluster_ips(item) if (one := address(raw)) is not None]
    for version in (4, 6):
        family = sorted((one for one in known if one.version == version), key=int)
        if family:
            yield Taken(Range(family[0], family[-1]), SERVICES)


def _cluster_ips(service: JSON) -> Sequence[object]:
    spec = service.get("spec") or {}
    return spec.get("clusterIPs") or [spec.get("clusterIP")]


def _pools(items: Iterable[JSON]) -> Iterator[Pool]:
    return (_pool(item) for item in items if item.get("kind") == "IPAddressPool")


def _pool(item: JSON) -> Pool:
    entries = (item.get("spec") or {}).get("addresses") or ()
    return Pool(
        str(item["metadata"].get("namespace", "")),
        str(item["metadata"].get("name", "")),
        tuple(str(one) for one in entries),
    )
