"""The answers that delete: one object, or what the selectors choose of a collection."""

from __future__ import annotations

from typing import Any

from pylb.embedded.bodies import decode
from pylb.embedded.errors import named
from pylb.embedded.messages import Request, Response, as_json
from pylb.embedded.reads import Target, key_of, natural, selection
from pylb.embedded.resources import PODS, SERVICES
from pylb.embedded.store import Store
from pylb.embedded.writes import is_dry


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
        "dry": is_dry(request) or "All" in (options.get("dryRun") or ()),
    }


def _natural_or_none(text: str) -> int | None:
    return natural(text) if text else None


def delete_collection(store: Store, target: Target, request: Request) -> Response:
    """DELETE of a collection: what the selectors choose; returns the list."""
    match, resource = selection(target, request), target.resource
    options = {k: v for k, v in _delete_options(request).items() if k in ("policy", "grace", "dry")}
    keys = [key_of(obj) for obj in store.objects(resource, target.namespace) if match(obj)]
    gone = (store.delete(resource, *key, **options)[0] for key in keys if store.find(resource, *key) is not None)
    items = [resource.view(last) for last in gone]
    meta = {"resourceVersion": str(store.version)}
    kind = resource.list_kind or resource.kind + "List"
    return as_json(200, {"kind": kind, "apiVersion": resource.api_version, "metadata": meta, "items": items})
