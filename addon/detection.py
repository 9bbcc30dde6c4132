"""What runs in a cluster that an installation must know of: other load balancers, IPVS, addresses outside of the range.

It decides what stops an installation, what is only said, and what to type about it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from pylb.addon import metallb
from pylb.addon.facts import Use
from pylb.addon.inventory import Inventory, containers, variables
from pylb.addon.names import JSON, METALLB_NAMESPACE, NAMESPACE, NAMESPACES, POOL
from pylb.core.ranges import Range
from pylb.core.several import some

METALLB = "metallb"  # what a finding is about
SERVICELB_LABEL = "svccontroller.k3s.cattle.io/svcname"
DROP_IN = "/etc/rancher/k3s/config.yaml.d/90-pylb.yaml"
CILIUM_KINDS = ("CiliumLoadBalancerIPPool", "CiliumL2AnnouncementPolicy")
_OTHERS = {"purelb": "PureLB", "openelb-system": "OpenELB"}  # by namespace


class Weight(str, Enum):
    """What a finding does."""

    STOP = "stop"
    WARN = "warn"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was found; `fix` are lines to type or to write, in that order."""

    weight: Weight
    what: str
    text: str
    fix: tuple[str, ...] = ()


def detect(
    objects: Sequence[JSON], inventory: Inventory, settings: Sequence[str] = (), kubectl: str = "kubectl"
) -> list[Finding]:
    """All findings, those that stop an installation first. `kubectl` is how it is typed there."""
    workloads = [one for one in objects if one.get("kind") in ("Deployment", "DaemonSet", "Pod")]
    workloads = [one for one in workloads if _namespace(one) != NAMESPACE]
    found = [
        *_metallb(workloads),
        *_kube_vip(workloads),
        *_servicelb(objects, inventory.node_args),
        *_cilium(objects),
        *_others(workloads),
        *_ipvs(objects, inventory.node_args, settings, kubectl),
        *_unread(objects),
    ]
    return sorted(found, key=lambda one: list(Weight).index(one.weight))


def strays(inventory: Inventory, spans: Iterable[Range]) -> list[Finding]:
    """Services whose recorded address is neither in the ranges that our pool is to hold nor in another pool."""
    others = [pool for pool in inventory.pools if pool.name != POOL]
    ranges = [*spans, *(span for pool in others for span in pool.spans())]
    nodes = {one.address for one in inventory.nodes}  # k3s' ServiceLB records those
    lost = [
        f"{one.name} ({one.address})"
        for one in inventory.services
        if one.use is Use.SERVICE and one.address not in nodes and not any(one.address in span for span in ranges)
    ]
    if not lost:
        return []
    text = f"these Services have addresses outside of the range, and will be given others: {some(lost)}"
    return [Finding(Weight.WARN, "strays", text)]


def _unread(objects: Iterable[JSON]) -> Iterator[Finding]:
    """Pools in a namespace that pylb does not read, such as Helm's own for MetalLB."""
    pools = [one for one in objects if one.get("kind") == "IPAddressPool" and _namespace(one) not in NAMESPACES]
    if pools:
        text = (
            f"pylb reads pools in {' and '.join(NAMESPACES)} alone, not these: {some([_called(one) for one in pools])}"
        )
        yield Finding(Weight.WARN, "unread", text, (f"apply them with namespace: {METALLB_NAMESPACE}",))


def _metallb(workloads: Iterable[JSON]) -> Iterator[Finding]:
    found = list(metallb.workloads(workloads))
    running = [_called(one) for one in found if not metallb.is_idle(one)]
    if running:
        text = f"MetalLB runs here ({some(running)}): it and pylb would answer for the same Services"
        take = "add --takeover: it saves MetalLB's configuration, stops it, and every Service keeps its address"
        yield Finding(Weight.STOP, METALLB, text, (take,))
    elif found:
        text = "MetalLB is stopped here, as pylb leaves it; `pylb rollback` returns to it"
        yield Finding(Weight.NOTE, METALLB, text)


def _kube_vip(workloads: Iterable[JSON]) -> Iterator[Finding]:
    for item in workloads:
        for container in containers(item):
            if "kube-vip" not in str(container.get("image", "")):
                continue
            values = variables(container)
            if values.get("svc_enable", "").lower() == "true" and not values.get("lb_class_name"):
                text = f"kube-vip ({_called(item)}) serves Services here, too: both would give them addresses"
                yield Finding(Weight.STOP, "kube-vip", text, ("set svc_enable to false in its manifest",))
                return


def _servicelb(objects: Iterable[JSON], node_args: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    servers = [name for name, words in node_args.items() if words[:1] == ("server",) and not _is_off(words)]
    labelled = [one for one in objects if SERVICELB_LABEL in (one["metadata"].get("labels") or {})]
    if not servers and not any(one.get("kind") == "DaemonSet" for one in labelled):
        return
    where = f" on {some(servers)}" if servers else ""
    text = f"k3s' own load balancer, ServiceLB, is on{where}: it and pylb would write the same Services' addresses"
    fix = [
        f"on each k3s server, write {DROP_IN}:",
        "  disable+:",
        "    - servicelb",
        "then: sudo systemctl restart k3s",
    ]
    if any("--disable" in words for words in node_args.values()):
        fix.append("if k3s is started with --disable on its command line, add --disable servicelb there instead")
    yield Finding(Weight.WARN, "servicelb", text, tuple(fix))


def _is_off(words: Sequence[str]) -> bool:
    """Whether a k3s server's command line turns ServiceLB off."""
    values = [words[index + 1] for index, word in enumerate(words[:-1]) if word == "--disable"]
    off = {part for value in values for part in value.split(",")}
    return "servicelb" in off or "--disable-cloud-controller" in words


def _cilium(objects: Iterable[JSON]) -> Iterator[Finding]:
    found = [_called(one) for one in objects if one.get("kind") in CILIUM_KINDS]
    if found:
        text = (
            f"Cilium gives out or announces addresses here, too ({some(found)}): delete these, or keep to one of both"
        )
        yield Finding(Weight.WARN, "cilium", text)


def _others(workloads: Iterable[JSON]) -> Iterator[Finding]:
    names = sorted({_OTHERS[_namespace(one)] for one in workloads if _namespace(one) in _OTHERS})
    for name in names:
        yield Finding(Weight.WARN, name.lower(), f"{name} runs here, too: both would give Services addresses")


def _ipvs(
    objects: Iterable[JSON], node_args: Mapping[str, Sequence[str]], settings: Sequence[str], kubectl: str
) -> Iterator[Finding]:
    text = "kube-proxy uses IPVS without strictARP: every node would answer for every address"
    for item in objects:
        if item.get("kind") == "ConfigMap" and item["metadata"].get("name") == "kube-proxy":
            config = str((item.get("data") or {}).get("config.conf", ""))
            strict = re.search(r"(?m)^\s*strictARP:\s*true\b", config)
            if re.search(r"(?m)^\s*mode:\s*[\"']?ipvs\b", config) and not strict:
                edit = f"{kubectl} -n kube-system edit configmap kube-proxy   (strictARP: true)"
                restart = f"{kubectl} -n kube-system rollout restart daemonset kube-proxy"
                yield Finding(Weight.WARN, "ipvs", text, (edit, restart))
    flags = [*settings, *(" ".join(words) for words in node_args.values())]
    if any("proxy-mode=ipvs" in one and "ipvs-strict-arp" not in one for one in flags):
        yield Finding(Weight.WARN, "ipvs", text, ("add --ipvs-strict-arp=true to kube-proxy's arguments",))


def _namespace(item: JSON) -> str:
    return str(item["metadata"].get("namespace", ""))


def _called(item: JSON) -> str:
    where = f" in {_namespace(item)}" if _namespace(item) else ""
    return f"{str(item['kind']).lower()}/{item['metadata'].get('name', '')}{where}"
