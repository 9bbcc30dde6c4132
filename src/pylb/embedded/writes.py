"""The answers that write: create, replace, the patch types, apply, and the scale subresource."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from pylb.embedded import metadata, options, patches, schema, shapes, tables
from pylb.embedded.admission import undeclared
from pylb.embedded.bodies import decode, media_type, plain
from pylb.embedded.errors import (
    JSON,
    ApiError,
    Cause,
    Unreadable,
    bad_request,
    conflict,
    invalid,
    not_found,
    unsupported,
    wrong,
)
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


def _written(store: Store, status: int, target: Target, obj: JSON, request: Request) -> Response:
    told = store.admission.told()
    if tables.wanted(request):
        obj = tables.table(target.resource, [obj], obj["metadata"]["resourceVersion"], store.clock(), request)
    return as_json(status, obj, told)


def create(store: Store, target: Target, request: Request) -> Response:
    """POST on a collection."""
    options.check(request)
    made = _made(store, target, request, decode(request))
    return _written(store, 201, target, made, request)


def _made(store: Store, target: Target, request: Request, body: Any) -> JSON:
    dry, validation = options.is_dry(request), options.validation(request)
    return store.create(target.resource, target.namespace, body, dry=dry, validation=validation)


def replace(store: Store, target: Target, request: Request) -> Response:
    """PUT."""
    options.check(request)
    body = decode(request)
    named(target, body)
    return _update(store, target, request, lambda old: body)


def _update(store: Store, target: Target, request: Request, change: Callable[[JSON], Any]) -> Response:
    obj = store.update(
        target.resource,
        target.namespace,
        target.name,
        change,
        subresource=target.subresource,
        dry=options.is_dry(request),
        validation=options.validation(request),
    )
    return _written(store, 200, target, obj, request)


def patch(store: Store, target: Target, request: Request) -> Response:
    """PATCH, by its content type; 415 names those that the resource takes."""
    kind = media_type(request)
    options.check(request, apply=kind == _APPLY)
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
    try:
        return _update(store, target, request, patched(_PATCHES[kind], body, target.resource))
    except Unreadable as error:
        raise invalid("", "", "", [wrong("patch", "", error.message)]) from None


def named(target: Target, body: Any) -> None:
    """400 for a whole object that does not say the name which the URL says."""
    meta = body.get("metadata") if isinstance(body, dict) else None
    if meta is None or (isinstance(meta, dict) and not meta.get("name")):
        raise bad_request(
            f"the name of the object ({target.name} based on URL) was undeterminable: name must be provided"
        )


def patched(how: Callable[[Any, Any], Any], body: Any, resource: Resource | None = None) -> Callable[[JSON], Any]:
    """The change that a patch makes, with its failures as the server's answers."""

    def change(old: JSON) -> Any:
        try:
            result = how(old, body)
            if resource is not None and not resource.custom and isinstance(result, dict):
                shapes.check(resource, metadata.checked(resource, shapes.without_nulls(result)))
            return result
        except patches.PatchError as error:
            if error.malformed:
                raise bad_request(f"error decoding patch: {error}") from None
            text = f"the server rejected our request due to an error in our request: {error}"
            raise ApiError(422, "Invalid", text, {}) from None

    return change


def apply(store: Store, target: Target, request: Request) -> Response:
    """Server-side apply: fields that the same manager applied before and leaves out now go; conflicts are not found."""
    resource, name = target.resource, target.name
    body = _applied(target, request)
    owner = f"{request.query['fieldManager']}/{target.subresource}"
    old = store.find(resource, target.namespace, name)
    if old is None:
        if target.subresource:
            raise not_found(name, resource.plural, resource.group)
        if uid := body["metadata"].get("uid"):
            text = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            raise conflict(name, resource.plural, resource.group, text)
        made = _made(store, target, request, body)
        _remember(store, made, owner, body, request)
        return _written(store, 201, target, made, request)
    before = store.applied.get(old["metadata"]["uid"], {}).get(owner)
    keys = _list_keys(resource)
    response = _update(store, target, request, lambda obj: patches.apply(obj, before, body, keys))
    _remember(store, old, owner, body, request)
    return response


def _applied(target: Target, request: Request) -> JSON:
    """The body of an apply, which says what it is."""
    body, resource = plain(request.body, yaml_too=True), target.resource
    if not isinstance(body, dict) or not isinstance(body.get("metadata", {}), dict):
        raise bad_request("the body of an apply is an object")
    if not body.get("kind") or not body.get("apiVersion"):
        raise bad_request("invalid object type: /, Kind=")
    body.setdefault("metadata", {})
    named(target, body)
    if body["metadata"].get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    if resource.schema and (unknown := schema.prune(resource.schema, copy.deepcopy(body))):
        raise undeclared(resource, body, unknown)
    return body


def _list_keys(resource: Resource) -> patches.ListKeys:
    """How lists of a resource are merged: by its schema, or as the built-in kinds'."""
    rules = resource.schema or {}
    return (lambda path: schema.list_keys(rules, path)) if resource.custom else patches.built_in_keys


def _remember(store: Store, obj: JSON, owner: str, body: JSON, request: Request) -> None:
    managers = store.applied.setdefault(obj["metadata"]["uid"], {}) if not options.is_dry(request) else {}
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
        old = store.update(resource, target.namespace, target.name, change, dry=options.is_dry(request))
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
        "spec": {"replicas": count} if (count := obj["spec"].get("replicas", 0)) else {},
        "status": {"replicas": (obj.get("status") or {}).get("replicas", 0), "selector": chosen},
    }
