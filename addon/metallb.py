"""What of a cluster's objects is MetalLB's, whether it runs, and the patches that stop it and start it again. Pure.

It is known by its images, so that its manifests, its Helm chart and MicroK8s' addon are all found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pylb.addon.inventory import containers
from pylb.addon.names import JSON, NAMESPACE
from pylb.core.crds.resources import GROUP

IMAGE = "metallb/"  # a part of the names of all its images
WEBHOOKS = "metallb-webhook-configuration"
NOWHERE = "pylb.io/taken-over"  # a label that no node has
DEPLOYMENT, DAEMON_SET = "Deployment", "DaemonSet"


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload of MetalLB's; `replicas` as it ran, 0 for a DaemonSet."""

    kind: str
    namespace: str
    name: str
    replicas: int = 0

    @property
    def shown(self) -> str:
        return f"{self.kind.lower()}/{self.name} in {self.namespace}"


def workloads(objects: Iterable[JSON]) -> Iterator[JSON]:
    """The Deployments and DaemonSets of MetalLB."""
    return (one for one in objects if one.get("kind") in (DEPLOYMENT, DAEMON_SET) and _is_metallbs(one))


def pods(objects: Iterable[JSON]) -> list[str]:
    """The pods of MetalLB that are there, with their nodes."""
    found = [one for one in objects if one.get("kind", "Pod") == "Pod" and _is_metallbs(one)]
    return [f"{one['metadata']['name']} on {(one.get('spec') or {}).get('nodeName') or 'no node'}" for one in found]


def is_idle(item: JSON) -> bool:
    """Whether a workload was told to have no pods."""
    spec = item.get("spec") or {}
    if item["kind"] == DEPLOYMENT:
        return bool(spec.get("replicas") == 0)
    return NOWHERE in (((spec.get("template") or {}).get("spec") or {}).get("nodeSelector") or {})


def described(item: JSON) -> Workload:
    """A workload in short."""
    meta, spec = item["metadata"], item.get("spec") or {}
    replicas = spec.get("replicas", 1) if item["kind"] == DEPLOYMENT else 0
    return Workload(item["kind"], str(meta.get("namespace", "")), str(meta["name"]), int(replicas))


def stopping(one: Workload) -> dict[str, Any]:
    """The merge patch that takes a workload's pods away."""
    return {"spec": {"replicas": 0}} if one.kind == DEPLOYMENT else _selector("true")


def starting(one: Workload) -> dict[str, Any]:
    """The merge patch that brings them back."""
    return {"spec": {"replicas": max(1, one.replicas)}} if one.kind == DEPLOYMENT else _selector(None)


def is_ready(item: JSON) -> bool:
    """Whether a workload has all of its pods, ready, as it is now."""
    spec, status, meta = item.get("spec") or {}, item.get("status") or {}, item["metadata"]
    if (status.get("observedGeneration") or 0) < (meta.get("generation") or 0):
        return False
    if item["kind"] == DEPLOYMENT:
        return int(status.get("readyReplicas") or 0) >= int(spec.get("replicas", 1))
    wanted = int(status.get("desiredNumberScheduled") or 0)
    return wanted > 0 and int(status.get("numberReady") or 0) >= wanted


def guards_configuration(item: JSON) -> bool:
    """Whether a webhook configuration asks MetalLB about its objects."""
    groups = {
        group for hook in item.get("webhooks") or () for rule in hook.get("rules") or () for group in _groups(rule)
    }
    return bool(item["metadata"]["name"] == WEBHOOKS or GROUP in groups)


def conversion(item: JSON) -> dict[str, Any] | None:
    """How MetalLB converts a kind between its versions; None where nobody has to be asked."""
    found = (item.get("spec") or {}).get("conversion") or {}
    return dict(found) if found.get("strategy") == "Webhook" else None


def _groups(rule: JSON) -> Iterable[str]:
    return rule.get("apiGroups") or ()


def _selector(value: str | None) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"nodeSelector": {NOWHERE: value}}}}}


def _is_metallbs(item: JSON) -> bool:
    if item["metadata"].get("namespace") == NAMESPACE:
        return False
    return any(IMAGE in str(container.get("image", "")) for container in containers(item))
