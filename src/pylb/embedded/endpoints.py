"""From a Service and the pods of its namespace to EndpointSlices: a pure function."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from pylb.embedded.errors import JSON
from pylb.embedded.selectors import pick, selector_object
from pylb.embedded.workloads import FINISHED, digest, is_true, owner_of

MANAGER = "endpointslice-controller.k8s.io"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
SERVICE_NAME = "kubernetes.io/service-name"
MAX_ENDPOINTS = 100  # in a slice, the real controller's default
_VERSIONS = {"IPv4": 4, "IPv6": 6}


def slices(service: JSON, pods: Sequence[JSON]) -> list[JSON]:
    """The slices of a Service: one a family, more where pods resolve its named ports differently or are many.

    None for a Service without a selector: its slices are whoever's wrote them.
    """
    spec = service["spec"]
    if not spec.get("selector") or spec.get("type") == "ExternalName":
        return []
    chosen = [p for p in pick(pods, selector_object({"matchLabels": spec["selector"]})) if _counts(p)]
    result: list[JSON] = []
    for family in spec.get("ipFamilies") or ():
        result += _of_family(service, family, chosen)
    return result


def _counts(pod: JSON) -> bool:
    return (pod.get("status") or {}).get("phase") not in FINISHED


def _of_family(service: JSON, family: str, pods: Sequence[JSON]) -> list[JSON]:
    groups: dict[tuple[tuple[str, str, int], ...], list[JSON]] = {}
    public = bool(service["spec"].get("publishNotReadyAddresses"))
    for pod in sorted(pods, key=lambda p: str(p["metadata"]["name"])):
        if address := _address(pod, family):
            groups.setdefault(_ports(service, pod), []).append(_endpoint(pod, address, public=public))
    parts = [(k, v[i : i + MAX_ENDPOINTS]) for k, v in sorted(groups.items()) for i in range(0, len(v), MAX_ENDPOINTS)]
    return [_slice(service, family, index, *part) for index, part in enumerate(parts or [((), [])])]


def _address(pod: JSON, family: str) -> str | None:
    status = pod.get("status") or {}
    found = [entry.get("ip", "") for entry in status.get("podIPs") or ()] or [status.get("podIP", "")]
    for text in found:
        try:
            if ip_address(text).version == _VERSIONS.get(family):
                return str(text)
        except ValueError:
            continue
    return None


def _ports(service: JSON, pod: JSON) -> tuple[tuple[str, str, int], ...]:
    """(name, protocol, number) of the Service's ports as this pod resolves them; unknown names are left out."""
    found: list[tuple[str, str, int]] = []
    for port in service["spec"].get("ports") or ():
        number = _number(port, pod)
        if number is not None:
            found.append((port.get("name", ""), port["protocol"], number))
    return tuple(found)


def _number(port: JSON, pod: JSON) -> int | None:
    target: Any = port.get("targetPort") or port.get("port")
    if isinstance(target, int):
        return target
    if str(target).isdigit():
        return int(target)
    for container in pod["spec"].get("containers") or ():
        for one in container.get("ports") or ():
            if (one.get("name"), one.get("protocol", "TCP")) == (target, port["protocol"]):
                return int(one["containerPort"])
    return None


def _endpoint(pod: JSON, address: str, *, public: bool) -> JSON:
    meta = pod["metadata"]
    serving = is_true(pod, "Ready")
    ending = "deletionTimestamp" in meta
    endpoint: JSON = {
        "addresses": [address],
        "conditions": {"ready": public or (serving and not ending), "serving": serving, "terminating": ending},
        "targetRef": {"kind": "Pod", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]},
    }
    if pod["spec"].get("nodeName"):
        endpoint["nodeName"] = pod["spec"]["nodeName"]
    return endpoint


def _slice(service: JSON, family: str, index: int, ports: Sequence[tuple[str, str, int]], found: list[JSON]) -> JSON:
    meta = service["metadata"]
    labels = {**(meta.get("labels") or {}), SERVICE_NAME: meta["name"], MANAGED_BY: MANAGER}
    return {
        "metadata": {
            "name": f"{meta['name']}-{digest([family, index], 5)}",
            "labels": labels,
            "ownerReferences": [owner_of(service)],
        },
        "addressType": family,
        "endpoints": found,
        "ports": [{"name": name, "protocol": protocol, "port": number} for name, protocol, number in ports],
    }
