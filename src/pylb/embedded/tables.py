"""Table output: the columns that `kubectl get` prints. Cells are text that is printed as it is, so ages are written out here.

Pure: the time is an argument.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from pylb.embedded.errors import JSON
from pylb.embedded.messages import Request
from pylb.embedded.metadata import seconds
from pylb.embedded.resources import Resource

Cell = Callable[[JSON, float], Any]


def wanted(request: Request) -> bool:
    """Whether the client prefers a table."""
    return "as=Table" in request.headers.get("accept", "")


def age(stamp: object, now: float) -> str:
    """The time since a stamp, as kubectl writes durations."""
    at = seconds(stamp) if stamp else None
    return "<unknown>" if at is None else humanise(max(0.0, now - at))


def humanise(span: float) -> str:
    """Seconds as `5s`, `3m20s`, `5h3m`, `2d4h`, `30d` or `2y10d`, as apimachinery's HumanDuration."""
    s = int(span)
    if s < 120:
        return f"{s}s"
    minutes, hours, days = s // 60, s // 3600, s // 86_400
    if minutes < 10:
        return f"{minutes}m{s % 60}s" if s % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if hours < 192:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 730:
        return f"{days}d"
    return f"{days // 365}y{days % 365}d" if days % 365 and days < 2920 else f"{days // 365}y"


def at(obj: Any, *path: str) -> Any:
    """What stands at a path; None where there is nothing."""
    for step in path:
        obj = obj.get(step) if isinstance(obj, dict) else None
    return obj


def _path(*path: str, none: Any = "") -> Cell:
    return lambda obj, now: none if (found := at(obj, *path)) in (None, "") else found


def _count(*path: str) -> Cell:
    return lambda obj, now: len(at(obj, *path) or ())


def _age(obj: JSON, now: float) -> str:
    return age(at(obj, "metadata", "creationTimestamp"), now)


def _name(obj: JSON, now: float) -> str:
    return str(obj["metadata"]["name"])


def _external(obj: JSON, now: float) -> str:
    kind = at(obj, "spec", "type")
    if kind == "ExternalName":
        return str(at(obj, "spec", "externalName"))
    shown = [str(i.get("ip") or i.get("hostname")) for i in at(obj, "status", "loadBalancer", "ingress") or ()]
    shown += [ip for ip in at(obj, "spec", "externalIPs") or () if ip not in shown]
    return ",".join(shown) or ("<pending>" if kind == "LoadBalancer" else "<none>")


def _service_ports(obj: JSON, now: float) -> str:
    def one(port: JSON) -> str:
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        return f"{port.get('port')}{node}/{port.get('protocol')}"

    return ",".join(one(port) for port in at(obj, "spec", "ports") or ()) or "<none>"


def _pairs(*path: str) -> Cell:
    return lambda obj, now: ",".join(f"{k}={v}" for k, v in sorted((at(obj, *path) or {}).items())) or "<none>"


def _ready(obj: JSON, now: float) -> str:
    states = at(obj, "status", "containerStatuses") or ()
    return f"{sum(bool(s.get('ready')) for s in states)}/{len(at(obj, 'spec', 'containers') or ())}"


def _pod_status(obj: JSON, now: float) -> str:
    if "deletionTimestamp" in obj["metadata"]:
        return "Terminating"
    return str(at(obj, "status", "reason") or at(obj, "status", "phase") or "Unknown")


def _restarts(obj: JSON, now: float) -> str:
    return str(sum(s.get("restartCount", 0) for s in at(obj, "status", "containerStatuses") or ()))


def _node_status(obj: JSON, now: float) -> str:
    conditions = {c.get("type"): c.get("status") for c in at(obj, "status", "conditions") or ()}
    ready = {"True": "Ready", "False": "NotReady"}.get(str(conditions.get("Ready")), "NotReady")
    return ready + (",SchedulingDisabled" if at(obj, "spec", "unschedulable") else "")


def _node_address(obj: JSON, now: float) -> str:
    found = [a.get("address") for a in at(obj, "status", "addresses") or () if a.get("type") == "InternalIP"]
    return str(found[0]) if found else "<none>"


def _roles(obj: JSON, now: float) -> str:
    prefix = "node-role.kubernetes.io/"
    found = [k[len(prefix) :] for k in at(obj, "metadata", "labels") or {} if k.startswith(prefix)]
    return ",".join(sorted(found)) or "<none>"


def _workload_ready(obj: JSON, now: float) -> str:
    return f"{at(obj, 'status', 'readyReplicas') or 0}/{at(obj, 'spec', 'replicas') or 0}"


def _event_age(obj: JSON, now: float) -> str:
    return age(obj.get("lastTimestamp") or obj.get("eventTime") or at(obj, "metadata", "creationTimestamp"), now)


def _first_seen(obj: JSON, now: float) -> str:
    return age(obj.get("firstTimestamp") or obj.get("eventTime") or at(obj, "metadata", "creationTimestamp"), now)


def _event_source(obj: JSON, now: float) -> str:
    source = obj.get("source") or {}
    return ", ".join(str(source[part]) for part in ("component", "host") if source.get(part))


def _event_object(obj: JSON, now: float) -> str:
    return f"{str(at(obj, 'involvedObject', 'kind') or '').lower()}/{at(obj, 'involvedObject', 'name')}"


def _endpoints(obj: JSON, now: float) -> str:
    found = [a for e in obj.get("endpoints") or () for a in e.get("addresses") or ()]
    return ",".join(found[:3]) + (f" + {len(found) - 3} more..." if len(found) > 3 else "") or "<unset>"


def _slice_ports(obj: JSON, now: float) -> str:
    return ",".join(str(p.get("port")) for p in obj.get("ports") or ()) or "<unset>"


_NAME, _AGE = ("Name", "string", 0, _name), ("Age", "string", 0, _age)
_SERVICE = (
    ("Type", "string", 0, _path("spec", "type")),
    ("Cluster-IP", "string", 0, _path("spec", "clusterIP", none="<none>")),
    ("External-IP", "string", 0, _external),
    ("Port(s)", "string", 0, _service_ports),
    _AGE,
    ("Selector", "string", 1, _pairs("spec", "selector")),
)
_POD = (
    ("Ready", "string", 0, _ready),
    ("Status", "string", 0, _pod_status),
    ("Restarts", "string", 0, _restarts),
    _AGE,
    ("IP", "string", 1, _path("status", "podIP", none="<none>")),
    ("Node", "string", 1, _path("spec", "nodeName", none="<none>")),
)
_NODE = (
    ("Status", "string", 0, _node_status),
    ("Roles", "string", 0, _roles),
    _AGE,
    ("Version", "string", 0, _path("status", "nodeInfo", "kubeletVersion")),
    ("Internal-IP", "string", 1, _node_address),
)
_DEPLOYMENT = (
    ("Ready", "string", 0, _workload_ready),
    ("Up-to-date", "string", 0, _path("status", "updatedReplicas", none=0)),
    ("Available", "string", 0, _path("status", "availableReplicas", none=0)),
    _AGE,
    ("Selector", "string", 1, _pairs("spec", "selector", "matchLabels")),
)
_DAEMON_SET = (
    ("Desired", "integer", 0, _path("status", "desiredNumberScheduled", none=0)),
    ("Current", "integer", 0, _path("status", "currentNumberScheduled", none=0)),
    ("Ready", "integer", 0, _path("status", "numberReady", none=0)),
    _AGE,
)
_EVENT = (
    ("Last Seen", "string", 0, _event_age),
    ("Type", "string", 0, _path("type")),
    ("Reason", "string", 0, _path("reason")),
    ("Object", "string", 0, _event_object),
    ("Subobject", "string", 1, _path("involvedObject", "fieldPath")),
    ("Source", "string", 1, _event_source),
    ("Message", "string", 0, _path("message")),
    ("First Seen", "string", 1, _first_seen),
    ("Count", "integer", 1, _path("count", none=1)),
    ("Name", "string", 1, _name),
)
_SLICE = (
    ("AddressType", "string", 0, _path("addressType")),
    ("Ports", "string", 0, _slice_ports),
    ("Endpoints", "string", 0, _endpoints),
    _AGE,
)
Column = tuple[str, str, int, Cell]  # name, type, priority, cell
_COLUMNS: dict[str, tuple[Column, ...]] = {
    "Service": _SERVICE,
    "Pod": _POD,
    "Node": _NODE,
    "Deployment": _DEPLOYMENT,
    "DaemonSet": _DAEMON_SET,
    "Event": _EVENT,
    "EndpointSlice": _SLICE,
    "Namespace": (("Status", "string", 0, _path("status", "phase")), _AGE),
    "ConfigMap": (("Data", "string", 0, _count("data")), _AGE),
    "Secret": (("Type", "string", 0, _path("type")), ("Data", "string", 0, _count("data")), _AGE),
    "Lease": (("Holder", "string", 0, _path("spec", "holderIdentity")), _AGE),
    "CustomResourceDefinition": (("Created At", "string", 0, _path("metadata", "creationTimestamp")),),
}
_STEP = re.compile(r"\.([A-Za-z0-9_-]+)|\['([^']+)'\]|\[(\d+)\]")


def json_path(obj: Any, path: str) -> Any:
    """What a simple JSONPath (`.spec.a`, `['a']`, `[0]`) names; None where there is nothing, or the path says more."""
    position = 0
    for step in _STEP.finditer(path):
        if step.start() != position:
            return None
        position = step.end()
        if step[3] is not None:
            obj = obj[int(step[3])] if isinstance(obj, list) and int(step[3]) < len(obj) else None
        else:
            obj = at(obj, (step[1] or step[2]).replace("\\", ""))
    return obj if position == len(path) else None


def _custom(column: JSON) -> Cell:
    def cell(obj: JSON, now: float) -> Any:
        found = json_path(obj, str(column.get("jsonPath", "")))
        if column.get("type") == "date":
            return None if found is None else age(found, now)
        if isinstance(found, (list, dict)):
            return json.dumps(found, separators=(",", ":"))
        return found

    return cell


def columns(resource: Resource) -> tuple[Column, ...]:
    """The columns of a resource, the name first (Events have none)."""
    if resource.columns:
        told = [
            (str(c.get("name")), str(c.get("type")), int(c.get("priority", 0)), _custom(c)) for c in resource.columns
        ]
        return _NAME, *told
    own = _COLUMNS.get(resource.kind, (_AGE,))
    return own if resource.kind == "Event" else (_NAME, *own)


def table(resource: Resource, objects: Sequence[JSON], version: str, now: float, request: Request) -> JSON:
    """The meta.k8s.io/v1 Table of objects."""
    told = columns(resource)
    include = request.query.get("includeObject") or "Metadata"
    definitions = [
        {"name": n, "type": t, "format": "name" if n == "Name" else "", "description": "", "priority": p}
        for n, t, p, _ in told
    ]
    rows = [{"cells": [cell(obj, now) for *_, cell in told], "object": _shown(obj, include)} for obj in objects]
    meta = {"resourceVersion": version}
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": meta,
        "columnDefinitions": definitions,
        "rows": rows,
    }


def _shown(obj: JSON, include: str) -> JSON | None:
    if include == "None":
        return None
    if include == "Object":
        return obj
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
