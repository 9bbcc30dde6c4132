"""What a request on a resource does: read, list, create, replace, patch, apply, delete, scale.

Functions of (store, target, request) that return responses; routing, authorisation and watches are elsewhere.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pylb.embedded import patches, schema, tables
from pylb.embedded.admission import IGNORE, STRICT, WARN, undeclared
from pylb.embedded.bodies import decode, media_type, plain
from pylb.embedded.errors import (
    JSON,
    ApiError,
    Cause,
    bad_request,
    expired,
    invalid,
    named,
    not_found,
    required,
    unsupported,
)
from pylb.embedded.http import Request, Response, as_json
from pylb.embedded.resources import PODS, SERVICES, Resource
from pylb.embedded.selectors import SelectorError, fields, labels
from pylb.embedded.store import Store

MAX_MANAGERS = 32  # field managers of one object whose applies are remembered
MAX_PAGE = 10_000  # objects of one page, whatever `limit` says

_STRATEGIC = "application/strategic-merge-patch+json"
_APPLY = "application/apply-patch+yaml"
_PATCHES: dict[str, Callable[[Any, Any], Any]] = {
    "application/json-patch+json": patches.json_patch,
    "application/merge-patch+json": patches.merge,
    _STRATEGIC: patches.strategic,
}


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names: `name` is empty for the collection, `rest` is what follows the subresource."""

    resource: Resource
    namespace: str
    name: str = ""
    subresource: str = ""
    rest: str = ""


def selection(target: Target, request: Request) -> Callable[[JSON], bool]:
    """The predicate of a request's namespace, name and selectors."""
    try:
        by_label = labels(request.query.get("labelSelector", ""))
        by_field = fields(request.query.get("fieldSelector", ""), target.resource)
    except SelectorError as error:
        raise bad_request(str(error)) from None

    def match(obj: JSON) -> bool:
        meta = obj["metadata"]
        return (
            target.namespace in ("", meta.get("namespace", ""))
            and target.name in ("", meta["name"])
            and by_label(meta.get("labels") or {})
            and by_field(obj)
        )

    return match


def version_of(request: Request) -> int | None:
    """The resourceVersion that a request asks from; None for any."""
    text = request.query.get("resourceVersion", "")
    if text in ("", "0"):
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise bad_request(f"invalid resource version {text!r}")
    return int(text)


def read(store: Store, target: Target, request: Request) -> Response:
    """One object, as it is or as a table."""
    resource = target.resource
    obj = resource.view(store.get(resource, target.namespace, target.name))
    if tables.wanted(request):
        return as_json(200, tables.table(resource, [obj], obj["metadata"]["resourceVersion"], store.clock(), request))
    return as_json(200, obj)


def listing(store: Store, target: Target, request: Request) -> Response:
    """The objects of a collection, in pages where `limit` asks for them."""
    asked = version_of(request)
    if asked is not None and asked > store.version:
        raise _too_new(asked, store.version)
    match, resource = selection(target, request), target.resource
    version, after = _continuation(store, request.query.get("continue", ""))
    found = [obj for obj in store.objects(resource, target.namespace) if match(obj) and _key(obj) > after]
    limit = _natural(request.query.get("limit", "")) or MAX_PAGE
    page, left = found[:limit], len(found) - limit
    meta: JSON = {"resourceVersion": str(version)}
    if left > 0:
        meta["continue"] = _token(version, _key(page[-1]))
        if not request.query.get("labelSelector") and not request.query.get("fieldSelector"):
            meta["remainingItemCount"] = left
    views = [resource.view(obj) for obj in page]
    if tables.wanted(request):
        shown = tables.table(resource, views, str(version), store.clock(), request)
        return as_json(200, {**shown, "metadata": meta})
    kind = resource.list_kind or resource.kind + "List"
    return as_json(200, {"kind": kind, "apiVersion": resource.api_version, "metadata": meta, "items": views})


def _too_new(asked: int, current: int) -> ApiError:
    text = f"Too large resource version: {asked}, current: {current}"
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    return ApiError(504, "Timeout", f"Timeout: {text}", {"causes": causes, "retryAfterSeconds": 1})


def _key(obj: JSON) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _natural(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _token(version: int, key: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps([version, *key]).encode()).decode()


def _continuation(store: Store, token: str) -> tuple[int, tuple[str, str]]:
    """The version and the last key of the pages before; a token is good as long as watches from its version are."""
    if not token:
        return store.version, ("", "")
    try:
        version, namespace, name = json.loads(base64.urlsafe_b64decode(token))
        known = store.history.knows(int(version))
    except (ValueError, TypeError):
        raise bad_request("continue key is not valid") from None
    if not known:
        raise expired("The provided continue parameter is too old to display a consistent list result.")
    return int(version), (str(namespace), str(name))


def _dry(request: Request) -> bool:
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
    made = store.create(
        target.resource, target.namespace, body, dry=_dry(request), validation=_validation(request)
    )
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
        dry=_dry(request),
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
    if resource.custom and resource.schema:
        if unknown := schema.prune(resource.schema, copy.deepcopy(body)):
            raise undeclared(resource, unknown)
    owner = f"{manager}/{target.subresource}"
    old = store.find(resource, target.namespace, name)
    if old is None:
        if target.subresource:
            raise not_found(name, resource.plural, resource.group)
        body = {**body, "metadata": {**(body.get("metadata") or {}), "name": name}}
        made = store.create(resource, target.namespace, body, dry=_dry(request), validation=_validation(request))
        _remember(store, made, owner, body, request)
        return _written(store, 201, target, made, request)
    before = store.applied.get(old["metadata"]["uid"], {}).get(owner)
    keys = patches.built_in_keys
    if resource.custom:
        rules = resource.schema or {}
        keys = lambda path: schema.list_keys(rules, path)  # noqa: E731  # one of two functions of the same shape
    response = _update(store, target, request, lambda obj: patches.apply(obj, before, body, keys))
    _remember(store, old, owner, body, request)
    return response


def _remember(store: Store, obj: JSON, owner: str, body: JSON, request: Request) -> None:
    managers = store.applied.setdefault(obj["metadata"]["uid"], {}) if not _dry(request) else {}
    if owner in managers or len(managers) < MAX_MANAGERS:
        managers[owner] = body


def delete(store: Store, target: Target, request: Request) -> Response:
    """DELETE of one object: Services and Pods come back, as does what is not gone yet; of others a Status tells."""
    last, gone = store.delete(target.resource, target.namespace, target.name, **_delete_options(request))
    if not gone or target.resource in (SERVICES, PODS):
        return as_json(200, target.resource.view(last))
    resource = target.resource
    details = {**named(target.name, resource.plural, resource.group), "uid": last["metadata"]["uid"]}
    return as_json(200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})


def _delete_options(request: Request) -> dict[str, Any]:
    body = decode(request)
    options = body if isinstance(body, dict) else {}
    bounds = options.get("preconditions")
    bounds = bounds if isinstance(bounds, dict) else {}
    grace = options.get("gracePeriodSeconds", _natural_or_none(request.query.get("gracePeriodSeconds", "")))
    policy = options.get("propagationPolicy") or request.query.get("propagationPolicy") or "Background"
    if options.get("orphanDependents"):
        policy = "Orphan"
    return {
        "uid": str(bounds.get("uid") or ""),
        "version": str(bounds.get("resourceVersion") or ""),
        "policy": policy,
        "grace": grace if isinstance(grace, int) else None,
        "dry": _dry(request) or "All" in (options.get("dryRun") or ()),
    }


def _natural_or_none(text: str) -> int | None:
    return _natural(text) if text else None


def delete_collection(store: Store, target: Target, request: Request) -> Response:
    """DELETE of a collection: what the selectors choose; returns the list."""
    match, resource = selection(target, request), target.resource
    options = {k: v for k, v in _delete_options(request).items() if k in ("policy", "grace", "dry")}
    items: list[JSON] = []
    for obj in filter(match, store.objects(resource, target.namespace)):
        if store.find(resource, *_key(obj)) is not None:  # it may have gone with another
            items.append(resource.view(store.delete(resource, *_key(obj), **options)[0]))
    meta = {"resourceVersion": str(store.version)}
    kind = resource.list_kind or resource.kind + "List"
    return as_json(200, {"kind": kind, "apiVersion": resource.api_version, "metadata": meta, "items": items})


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
        old = store.update(resource, target.namespace, target.name, change, dry=_dry(request))
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
