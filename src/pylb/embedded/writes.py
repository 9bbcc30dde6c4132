"""The answers that write: create, replace, the patch types, apply, and the scale subresource."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from pylb.embedded import patches, schema, tables
from pylb.embedded.admission import IGNORE, STRICT, WARN, undeclared
from pylb.embedded.bodies import decode, media_type, plain
from pylb.embedded.errors import JSON, ApiError, Cause, bad_request, invalid, not_found, required, unsupported
from pylb.embedded.messages import Request, Response, as_json
from pylb.embedded.reads import Target
from pylb.embedded.resources import Resource
from pylb.embedded.store import Store

MAX_MANAGERS = 32  # field managers of one object whose applies are remembered

_STRATEGIC = "application/strategic-merge-patch+json"
_APPLY = "application/apply-patch+yaml"
_PATCHES: dict[str, Callable[[Any, Any], Any]] = {
    "application/json-patch+json": patches.json_patch,
    "application/merge-patch+json": patches.merge,
    _STRATEGIC: patches.strategic,
}


def is_dry(request: Request) -> bool:
    """Whether a write shall change nothing."""
    return request.query.get("dryRun") == "All"


def _validation(request: Request) -> str:
    asked = request.query.get("fieldValidation", "") or WARN
    if asked not in (STRICT, WARN, IGNORE):
        raise bad_request(f'invalid fieldValidation "{asked}"')
    return asked


def _written(store: Store, status: int, target: Target, obj: JSON, request: Request) -> Response:
    told = tuple(("warning", f'299 - "{text}"'.replace("\n", " ")) for text in store.admission.warnings)
    store.admission.warnings.clear()
    if tables.wanted(request):
        obj = tables.table(target.resource, [obj], obj["metadata"]["resourceVersion"], store.clock(), request)
    return as_json(status, obj, told)


def create(store: Store, target: Target, request: Request) -> Response:
    """POST on a collection."""
    body = decode(request)
    made = store.create(target.resource, target.namespace, body, dry=is_dry(request), validation=_validation(request))
    return _written(store, 201, target, made, request)


def replace(store: Store, target: Target, request: Request) -> Response:
    """PUT."""
    body = decode(request)
    return _update(store, target, request, lambda old: body)


def _update(store: Store, target: Target, request: Request, change: Callable[[JSON], Any]) -> Response:
    obj = store.update(
        target.resource,
        target.namespace,
        target.name,
        change,
        subresource=target.subresource,
        dry=is_dry(request),
        validation=_validation(request),
    )
    return _written(store, 200, target, obj, request)


def patch(store: Store, target: Target, request: Request) -> Response:
    """PATCH, by its content type; 415 names those that the resource takes."""
    kind = media_type(request)
    if kind == _APPLY:
        return apply(store, target, request)
    known = [name for name in _PATCHES if not (target.resource.custom and name == _STRATEGIC)]
    if kind not in known:
        raise unsupported(
            "the body of the request was in an unknown format - accepted media types include: "
            + ", ".join([*known, _APPLY])
        )
    body = plain(request.body)
    if kind != "application/json-patch+json" and not isinstance(body, dict):
        raise bad_request("a patch of this type is an object")
    return _update(store, target, request, patched(_PATCHES[kind], body))


def patched(how: Callable[[Any, Any], Any], body: Any) -> Callable[[JSON], Any]:
    """The change that a patch makes, with its failures as the server's answers."""

    def change(old: JSON) -> Any:
        try:
            return how(old, body)
        except patches.PatchError as error:
            if error.malformed:
                raise bad_request(f"error decoding patch: {error}") from None
            text = f"the server rejected our request due to an error in our request: {error}"
            raise ApiError(422, "Invalid", text) from None

    return change


def apply(store: Store, target: Target, request: Request) -> Response:
    """Server-side apply: fields that the same manager applied before and leaves out now go; conflicts are not found."""
    resource, name = target.resource, target.name
    manager = request.query.get("fieldManager", "")
    if not manager:
        causes = [required("fieldManager", "is required for apply patch")]
        raise invalid("", "PatchOptions", "meta.k8s.io", causes)
    body = plain(request.body, yaml_too=True)
    if not isinstance(body, dict) or not isinstance(body.get("metadata", {}), dict):
        raise bad_request("the body of an apply is an object")
    if resource.schema and (unknown := schema.prune(resource.schema, copy.deepcopy(body))):
        raise undeclared(resource, unknown)
    owner = f"{manager}/{target.subresource}"
    old = store.find(resource, target.namespace, name)
    if old is None:
        if target.subresource:
            raise not_found(name, resource.plural, resource.group)
        body = {**body, "metadata": {**(body.get("metadata") or {}), "name": name}}
        made = store.create(resource, target.namespace, body, dry=is_dry(request), validation=_validation(request))
        _remember(store, made, owner, body, request)
        return _written(store, 201, target, made, request)
    before = store.applied.get(old["metadata"]["uid"], {}).get(owner)
    keys = _list_keys(resource)
    response = _update(store, target, request, lambda obj: patches.apply(obj, before, body, keys))
    _remember(store, old, owner, body, request)
    return response


def _list_keys(resource: Resource) -> patches.ListKeys:
    """How lists of a resource are merged: by its schema, or as the built-in kinds'."""
    rules = resource.schema or {}
    return (lambda path: schema.list_keys(rules, path)) if resource.custom else patches.built_in_keys


def _remember(store: Store, obj: JSON, owner: str, body: JSON, request: Request) -> None:
    managers = store.applied.setdefault(obj["metadata"]["uid"], {}) if not is_dry(request) else {}
    if owner in managers or len(managers) < MAX_MANAGERS:
        managers[owner] = body


def scale(store: Store, target: Target, request: Request) -> Response:
    """The scale subresource of Deployments."""
    old = store.get(target.resource, target.namespace, target.name)
    if request.method != "GET":
        body = decode(request) if request.method == "PUT" else None
        kind = media_type(request)
        if request.method == "PATCH" and (kind not in _PATCHES or kind == _STRATEGIC):
            raise unsupported("a scale takes JSON and merge patches")

        def change(obj: JSON) -> JSON:
            wanted = body or patched(_PATCHES[kind], plain(request.body))(scale_object(obj))
            return _scaled(obj, wanted)

        resource = target.resource
        old = store.update(resource, target.namespace, target.name, change, dry=is_dry(request))
    return as_json(200, scale_object(old))


def _scaled(obj: JSON, wanted: Any) -> JSON:
    count = (wanted.get("spec") or {}).get("replicas", 0) if isinstance(wanted, dict) else None
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        causes = [Cause("spec.replicas", "FieldValueInvalid", "must be a number greater than or equal to 0")]
        raise invalid(obj["metadata"]["name"], "Scale", "autoscaling", causes)
    version = (wanted.get("metadata") or {}).get("resourceVersion") or obj["metadata"]["resourceVersion"]
    return {
        **obj,
        "metadata": {**obj["metadata"], "resourceVersion": version},
        "spec": {**obj["spec"], "replicas": count},
    }


def scale_object(obj: JSON) -> JSON:
    """The autoscaling/v1 Scale of a workload."""
    meta = {k: obj["metadata"][k] for k in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")}
    chosen = ",".join(f"{k}={v}" for k, v in (obj["spec"]["selector"].get("matchLabels") or {}).items())
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": meta,
        "spec": {"replicas": obj["spec"].get("replicas", 0)},
        "status": {"replicas": (obj.get("status") or {}).get("replicas", 0), "selector": chosen},
    }
