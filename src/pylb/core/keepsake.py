"""What to keep of a cluster, so that another one can be set up to give the same addresses: resources as people wrote them,
old ConfigMaps, and which Service had which address, in the form of `core.allocation.memory`, which the controller goes by. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pylb.core.allocation import memory, requests
from pylb.core.allocation.memory import Memory
from pylb.core.config.objects import KINDS, Objects
from pylb.core.errors import ParseError
from pylb.core.legacy.names import ORDER
from pylb.core.model import LOAD_BALANCER, Address, Service, ServiceKey
from pylb.core.ranges import parse_address

JSON = Mapping[str, Any]
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
PINS = (requests.LOAD_BALANCER_IPS, requests.ADDRESS_POOL, requests.ALLOW_SHARED_IP)


def documents(objects: Objects, old: Iterable[JSON], remembered: Memory) -> list[JSON]:
    """The manifests of a backup, in the order in which they refer to each other."""
    fields = {kind: key for key, kind in KINDS.items()}
    resources = [raw for kind in ORDER for raw in _ordered(getattr(objects, fields[kind]))]
    found: list[JSON] = [_manifest(raw, raw["apiVersion"], raw["kind"], {"spec": raw.get("spec")}) for raw in resources]
    found += [_manifest(raw, "v1", "ConfigMap", {"data": raw.get("data")}) for raw in _ordered(old)]
    if remembered.entries:
        meta = {"name": memory.NAME, "namespace": memory.NAMESPACE}
        found.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": memory.render(remembered)})
    return found


def remembered(services: Iterable[Service], known: Memory, now: float) -> Memory:
    """Who has which address, and who had one and is gone; `now` is in Unix seconds."""
    present = {ServiceKey(key): addresses for key, addresses in _allocations(services)}
    made = memory.gather(present, now)
    kept = {key: entry for key, entry in known.entries.items() if key not in present}
    return Memory({**kept, **made.entries}, now)


def missing(services: Iterable[Service], kept: Memory) -> list[ServiceKey]:
    """Services whose addresses a backup of `kept` has no room for, since there are more than a controller remembers."""
    written = memory.parse(memory.render(kept)).entries
    return sorted(ServiceKey(key) for key, _ in _allocations(services) if key not in written)


def remarks(services: Iterable[Service]) -> Iterator[str]:
    """A line for each Service that has an address, or asks for one: the address, and what its manifest asks for."""
    for service in sorted(services, key=lambda one: one.key):
        if service.type != LOAD_BALANCER:
            continue
        wishes = [f"loadBalancerIP: {service.load_balancer_ip}"] if service.load_balancer_ip else []
        wishes += [
            f"{key}: {service.annotations[key]}"
            for name in PINS
            for prefix in (requests.PREFIX, requests.OLD_PREFIX)
            if (key := prefix + name) in service.annotations
        ]
        if service.ingress or wishes:
            said = f" ({'; '.join(' '.join(wish.split()) for wish in wishes)})" if wishes else ""
            yield f"{service.key} {','.join(service.ingress) or 'waits'}{said}"


def _allocations(services: Iterable[Service]) -> Iterator[tuple[str, Sequence[Address]]]:
    """Services and their addresses; not those of other load balancers."""
    for service in services:
        if service.type == LOAD_BALANCER and service.load_balancer_class is None:
            try:
                addresses = tuple(parse_address(text) for text in service.ingress)
            except ParseError:
                continue
            if addresses:
                yield service.key, addresses


def _ordered(objects: Iterable[JSON]) -> list[JSON]:
    return sorted(objects, key=lambda raw: (str(raw["metadata"].get("namespace")), str(raw["metadata"].get("name"))))


def _manifest(raw: JSON, version: str, kind: str, content: JSON) -> JSON:
    """An object as somebody would write it: without what the API server adds."""
    own = raw["metadata"]
    meta: dict[str, Any] = {"name": own["name"], "namespace": own.get("namespace", "")}
    notes = {key: text for key, text in (own.get("annotations") or {}).items() if key != LAST_APPLIED}
    if own.get("labels"):
        meta["labels"] = own["labels"]
    if notes:
        meta["annotations"] = notes
    return {"apiVersion": version, "kind": kind, "metadata": meta, **content}
