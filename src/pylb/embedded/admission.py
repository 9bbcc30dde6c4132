"""What happens to an object between the request and the store: shape, defaults, validation, by kind.

Functions of (resource, new, old); only Services look at more, the table of what other Services hold.
"""

from __future__ import annotations

import base64
import copy
from dataclasses import dataclass, field

from pylb.embedded import metadata, schema, services, shapes
from pylb.embedded.allocation import Networks
from pylb.embedded.errors import JSON, ApiError, Cause, Unreadable, invalid, not_supported, required, wrong
from pylb.embedded.metadata import timestamp
from pylb.embedded.options import IGNORE, STRICT, WARN
from pylb.embedded.resources import CRDS, Resource
from pylb.embedded.selectors import selector_object


@dataclass(slots=True)
class Admission:
    """The rules, with the service networks; `now` is the Unix time of the write."""

    networks: Networks
    warnings: list[str] = field(default_factory=list)  # of the write under way: unknown fields

    def admit(self, resource: Resource, new: JSON, old: JSON | None, now: float, validation: str = WARN) -> None:
        """Complete an object in place, or refuse it."""
        self.warnings.clear()
        causes = metadata.causes(new["metadata"])
        if resource.custom:
            causes += self._custom(resource, new, validation)
        else:
            shapes.check(resource, new)
            causes += self._built_in(resource, new, old, now)
        if causes:
            raise invalid(new["metadata"].get("name", ""), resource.kind, resource.group, causes)

    def told(self) -> tuple[tuple[str, str], ...]:
        """The Warning headers of the write that was just done or refused; they are told once."""
        quoted = [text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") for text in self.warnings]
        self.warnings.clear()
        return tuple(("warning", f'299 - "{text}"') for text in quoted)

    def _custom(self, resource: Resource, new: JSON, validation: str) -> list[Cause]:
        rules = resource.schema
        if rules is None:
            return []
        unknown = schema.prune(rules, new)
        if unknown and validation == STRICT:
            listed = ", ".join(f'unknown field "{name}"' for name in unknown)
            raise Unreadable(
                f'{resource.kind} in version "{resource.version}" cannot be handled as a '
                f"{resource.kind}: strict decoding error: {listed}"
            )
        if validation != IGNORE:
            self.warnings += [f'unknown field "{name}"' for name in unknown]
        schema.drop_nulls(rules, new)
        schema.default(rules, new)
        return schema.validate(rules, new)

    def _built_in(self, resource: Resource, new: JSON, old: JSON | None, now: float) -> list[Cause]:
        kind = resource.kind
        if kind == "Service":
            return services.complete(new, old, self.networks)
        if kind == "CustomResourceDefinition":
            return complete_definition(new, now)
        if kind in ("Deployment", "DaemonSet"):
            return complete_workload(resource, new, old)
        return _CHECKS[kind](new) if kind in _CHECKS else []


def first_status(resource: Resource, new: JSON) -> None:
    """The status that an object starts with, whatever the client sent; Nodes bring their own."""
    if resource.kind == "Node" or not resource.status:
        return
    new.pop("status", None)
    if resource.kind == "Service":
        new["status"] = {"loadBalancer": {}}
    elif resource.kind == "Namespace":
        new["status"] = {"phase": "Active"}
    elif resource.kind == "Pod":
        new["status"] = {"phase": "Pending"}
    elif not resource.custom:
        new["status"] = {}


def split(resource: Resource, new: JSON, old: JSON, subresource: str) -> JSON:
    """The object that a write makes: of the status alone, or of all but the status."""
    if subresource == "status":
        meta = dict(old["metadata"])
        if not resource.custom:  # the built-in kinds take annotations and labels through /status, custom ones do not
            meta.update({k: v for k, v in new["metadata"].items() if k in ("annotations", "labels", "finalizers")})
        status = {"status": new["status"]} if "status" in new else {}
        return copy.deepcopy({**{k: v for k, v in old.items() if k != "status"}, "metadata": meta, **status})
    if resource.status:
        new.pop("status", None)
        if "status" in old:
            new["status"] = copy.deepcopy(old["status"])
    return new


def _pod(new: JSON) -> list[Cause]:
    spec = new.setdefault("spec", {})
    return complete_pod_spec(spec, "spec")


def complete_pod_spec(spec: JSON, path: str) -> list[Cause]:
    """Defaults of a pod's spec, in place."""
    for name, value in (
        ("restartPolicy", "Always"),
        ("terminationGracePeriodSeconds", 30),
        ("dnsPolicy", "ClusterFirst"),
    ):
        spec.setdefault(name, value)
    causes: list[Cause] = []
    containers = spec.get("containers") or []
    if not containers:
        causes.append(required(f"{path}.containers"))
    for index, container in enumerate(containers):
        where = f"{path}.containers[{index}]"
        causes += [required(f"{where}.{name}") for name in ("name", "image") if not container.get(name)]
        container.setdefault("resources", {})
        for at, port in enumerate(container.get("ports") or ()):
            port.setdefault("protocol", "TCP")
            if not 0 < port.get("containerPort", 0) < 65_536:
                number = port.get("containerPort", 0)
                causes.append(
                    wrong(f"{where}.ports[{at}].containerPort", number, "must be between 1 and 65535, inclusive")
                )
    return causes


def complete_workload(resource: Resource, new: JSON, old: JSON | None) -> list[Cause]:
    """Defaults and rules of Deployments and their like, in place."""
    spec = new.setdefault("spec", {})
    if resource.kind != "DaemonSet":
        spec.setdefault("replicas", 1)
    if resource.kind == "Deployment":
        strategy = spec.setdefault("strategy", {})
        if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
            rolling = strategy.setdefault("rollingUpdate", {})
            rolling.setdefault("maxSurge", "25%")
            rolling.setdefault("maxUnavailable", "25%")
        spec.setdefault("revisionHistoryLimit", 10)
        spec.setdefault("progressDeadlineSeconds", 600)
    selector = spec.get("selector")
    if not selector:
        return [required("spec.selector")]
    template = spec.setdefault("template", {})
    labels = template.setdefault("metadata", {}).get("labels") or {}
    if not _matches(selector, labels):
        return [wrong("spec.template.metadata.labels", str(labels), "`selector` does not match template `labels`")]
    if old is not None and old["spec"].get("selector") != selector:
        return [wrong("spec.selector", str(selector), "field is immutable")]
    if spec.get("replicas", 0) < 0:
        return [wrong("spec.replicas", spec["replicas"], "must be greater than or equal to 0")]
    return complete_pod_spec(template.setdefault("spec", {}), "spec.template.spec")


def _matches(selector: JSON, labels: dict[str, str]) -> bool:
    try:
        return selector_object(selector)(labels)
    except ValueError:
        return False


def _event(new: JSON) -> list[Cause]:
    namespace = new["metadata"].get("namespace")
    about = new.setdefault("involvedObject", {}).get("namespace", "")
    if namespace != (about or "default"):
        return [wrong("involvedObject.namespace", about, "does not match event.namespace")]
    return []


def _secret(new: JSON) -> list[Cause]:
    new.setdefault("type", "Opaque")
    for key, value in (new.pop("stringData", None) or {}).items():
        new.setdefault("data", {})[key] = base64.b64encode(value.encode()).decode()
    for key, value in (new.get("data") or {}).items():
        try:
            base64.b64decode(value, validate=True)
        except ValueError as error:
            raise Unreadable(f'Secret in version "v1" cannot be handled as a Secret: data.{key}: {error}') from None
    return []


def _namespace(new: JSON) -> list[Cause]:
    meta = new["metadata"]
    meta["labels"] = {**(meta.get("labels") or {}), "kubernetes.io/metadata.name": meta["name"]}
    new.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    return []


def _slice(new: JSON) -> list[Cause]:
    new.setdefault("endpoints", [])
    new.setdefault("ports", [])
    if new.get("addressType") not in ("IPv4", "IPv6", "FQDN"):
        return [required("addressType")]
    return []


def _lease(new: JSON) -> list[Cause]:
    seconds = (new.get("spec") or {}).get("leaseDurationSeconds")
    path, text = "spec.leaseDurationSeconds", "must be greater than 0"
    return [wrong(path, seconds, text)] if seconds is not None and seconds <= 0 else []


_CHECKS = {
    "Pod": _pod,
    "Event": _event,
    "Secret": _secret,
    "Namespace": _namespace,
    "EndpointSlice": _slice,
    "Lease": _lease,
}


def complete_definition(new: JSON, now: float) -> list[Cause]:
    """Rules, defaults and the status of a CustomResourceDefinition, in place: it is established at once."""
    spec = new.setdefault("spec", {})
    names = spec.setdefault("names", {})
    causes = [required(f"spec.{name}") for name in ("group", "scope", "versions") if not spec.get(name)]
    causes += [required(f"spec.names.{name}") for name in ("plural", "kind") if not names.get(name)]
    causes += [
        required(f"spec.versions[{i}].name") for i, v in enumerate(spec.get("versions", ())) if not v.get("name")
    ]
    if causes:
        return causes
    if new["metadata"]["name"] != f"{names['plural']}.{spec['group']}":
        causes.append(wrong("metadata.name", new["metadata"]["name"], 'must be spec.names.plural+"."+spec.group'))
    if spec["group"] == CRDS or "." not in spec["group"]:
        causes.append(wrong("spec.group", spec["group"], "should be a domain with at least one dot"))
    if spec["scope"] not in ("Cluster", "Namespaced"):
        causes.append(not_supported("spec.scope", spec["scope"], ("Cluster", "Namespaced")))
    stored = [v["name"] for v in spec["versions"] if v.get("storage")]
    if len(stored) != 1:
        causes.append(wrong("spec.versions", stored, "must have exactly one version marked as storage version"))
    if causes:
        return causes
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", names["kind"] + "List")
    spec.setdefault("conversion", {"strategy": "None"})
    if not (new.get("status") or {}).get("conditions"):
        told = (("NamesAccepted", "NoConflicts"), ("Established", "InitialNamesAccepted"))
        at = timestamp(now)
        new["status"] = {
            "conditions": [
                {"type": t, "status": "True", "reason": r, "message": "", "lastTransitionTime": at} for t, r in told
            ]
        }
    new["status"].update(acceptedNames=names, storedVersions=stored)
    return []


def undeclared(resource: Resource, body: JSON, unknown: list[str]) -> ApiError:
    """What the real server answers to an apply of a custom resource with unknown fields."""
    listed = ", ".join(f".{name}: field not declared in schema" for name in unknown)
    place = f"{body['metadata'].get('namespace', '')}/{body['metadata'].get('name', '')}"
    what = f"{place}; {resource.api_version}, Kind={resource.kind}"
    return ApiError(500, "", f"failed to create typed patch object ({what}): {listed}")
