"""The shapes of what the API server itself reads of every object, and of Services: fields, types and choices. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pylb.core.crds import shapes
from pylb.core.crds.schemas import Schema, choice, flag, number, record, records, text, texts
from pylb.core.manifest import Finding, Manifest

MAX_NAME, MAX_SERVICE_NAME = 253, 63  # characters (RFC 1123 and RFC 1035, as the API server has them)
SERVICE_TYPES = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_SERVICE_NAME = re.compile("[a-z]([-a-z0-9]*[a-z0-9])?")
_ROOT = ("apiVersion", "kind", "metadata", "spec", "status")


def _table(description: str) -> Schema:
    return {"type": "object", "description": description, "additionalProperties": {"type": "string"}}


METADATA = record(
    "What all objects have.",
    {
        **{name: text(name) for name in ("name", "generateName", "namespace", "uid", "resourceVersion", "selfLink")},
        "creationTimestamp": text("When it was made."),
        "deletionTimestamp": text("When it is to be gone."),
        "deletionGracePeriodSeconds": number("Seconds until it is gone."),
        "generation": number("Counts the changes of the spec."),
        "labels": _table("Labels."),
        "annotations": _table("Annotations."),
        "finalizers": texts("What has to be done before it is gone."),
    },
)
_PORT = record(
    "A port.",
    {
        "name": text("Its name."),
        "protocol": choice("Its protocol.", "TCP", "UDP", "SCTP"),
        "port": number("Its number.", 1, 65535),
        "nodePort": number("The port of the nodes.", 0, 65535),
        "appProtocol": text("What is spoken there."),
    },
    ["port"],
)
SERVICE = record(
    "What a Service asks for.",
    {
        "type": choice("Its type.", *SERVICE_TYPES),
        "selector": _table("Labels of its pods."),
        "ports": {**records("Its ports.", _PORT), "minItems": 1},
        **{
            name: text(name)
            for name in ("clusterIP", "externalName", "loadBalancerIP", "loadBalancerClass", "trafficDistribution")
        },
        **{name: texts(name) for name in ("clusterIPs", "externalIPs", "loadBalancerSourceRanges")},
        "ipFamilies": records("Its families.", choice("A family.", "IPv4", "IPv6")),
        "ipFamilyPolicy": choice("How many families.", "SingleStack", "PreferDualStack", "RequireDualStack"),
        "externalTrafficPolicy": choice("Where traffic goes.", "Cluster", "Local"),
        "internalTrafficPolicy": choice("Where traffic of pods goes.", "Cluster", "Local"),
        "sessionAffinity": choice("Whether clients stay with a pod.", "None", "ClientIP"),
        "allocateLoadBalancerNodePorts": flag("Whether it has ports of the nodes."),
        "publishNotReadyAddresses": flag("Whether pods count that are not ready."),
        "healthCheckNodePort": number("Where the nodes tell whether they have pods.", 0, 65535),
    },
    ["ports"],
)
_UNREAD = {  # fields that are another's matter, and no part of the schemas
    "metadata": ("ownerReferences", "managedFields"),
    "spec": ("sessionAffinityConfig",),
}


def fits(manifest: Manifest, schema: Schema, field: str) -> Iterator[Finding]:
    """What of a field of an object does not have its shape."""
    raw = manifest.raw.get(field)
    if isinstance(raw, dict):
        raw = {key: value for key, value in raw.items() if key not in _UNREAD.get(field, ())}
        if field == "spec" and isinstance(raw.get("ports"), list):
            raw["ports"] = [_without_target(port) for port in raw["ports"]]
    for fault in shapes.fit(schema, raw, field).faults:
        yield manifest.fail(fault.path, fault.text, fault.fix)


def _without_target(port: object) -> object:
    """A Service's port without the one of its pods, which is a number or a name."""
    return {key: value for key, value in port.items() if key != "targetPort"} if isinstance(port, dict) else port


def whole(manifest: Manifest) -> Iterator[Finding]:
    """What every object has to have, and no more."""
    yield from fits(manifest, METADATA, "metadata")
    yield from _name(manifest)
    for key in manifest.raw:
        if key in _ROOT or not manifest.kind:
            continue
        below = "metadata" if key in METADATA["properties"] else "spec"
        yield manifest.fail(key, f'unknown field "{key}"', f"indent it, if it belongs below {below}: else leave it out")


def _name(manifest: Manifest) -> Iterator[Finding]:
    raw = manifest.metadata.get("name")
    if raw is None:
        if "generateName" not in manifest.metadata:
            yield manifest.fail("metadata.name", "metadata.name: Required value", "give it a name")
        return
    name, service = manifest.name, manifest.kind == "Service"
    pattern, most = (_SERVICE_NAME, MAX_SERVICE_NAME) if service else (_NAME, MAX_NAME)
    if not isinstance(raw, str) or (pattern.fullmatch(name) and len(name) <= most):
        return
    rule = f"a letter first, and up to {most} in all" if service else f"up to {most} in all, and dots"
    fix = f"use lower-case letters, digits and '-', {rule}"
    yield manifest.fail("metadata.name", f'metadata.name: Invalid value: "{name[:60]}"', fix)


def ports(manifest: Manifest) -> Iterator[Finding]:
    """What ports of a Service are among each other: several have names, and each number stands there once a protocol."""
    spec = manifest.raw.get("spec")
    rows = spec.get("ports") if isinstance(spec, dict) else None
    known = [
        (number, row) for number, row in enumerate(rows if isinstance(rows, list) else ()) if isinstance(row, dict)
    ]
    numbers: set[tuple[str, str]] = set()
    names: set[str] = set()
    for at, row in known:
        name, number = str(row.get("name") or ""), (str(row.get("protocol") or "TCP"), str(row.get("port")))
        path = f"spec.ports[{at}]"
        if len(known) > 1 and not name:
            yield manifest.fail(f"{path}.name", f"{path}.name: Required value", "give each port a name: it has several")
        if name and name in names:
            yield manifest.fail(f"{path}.name", f'{path}.name: Duplicate value: "{name[:60]}"', "give it another name")
        if number in numbers:
            yield manifest.fail(path, f"{path}: Duplicate value: {'/'.join(number)}", "remove one of the two")
        names.add(name)
        numbers.add(number)
