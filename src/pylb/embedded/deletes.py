"""The answers that delete: one object, or what the selectors choose of a collection."""

from __future__ import annotations

from typing import Any

from pylb.embedded import options
from pylb.embedded.bodies import decode
from pylb.embedded.errors import bad_request, named
from pylb.embedded.messages import Request, Response, as_json
from pylb.embedded.reads import Target, key_of, list_of, natural, selection
from pylb.embedded.resources import PODS, SERVICES
from pylb.embedded.store import Store


def delete(store: Store, target: Target, request: Request) -> Response:
    """DELETE of one object: Services and Pods come back, as does what is not gone yet; of others a Status tells."""
    last, gone = store.delete(target.resource, target.namespace, target.name, **_delete_options(request))
    if not gone or target.resource in (SERVICES, PODS):
        return as_json(200, target.resource.view(last))
    resource = target.resource
    details = {**named(target.name, resource.plural, resource.group), "uid": last["metadata"]["uid"]}
    return as_json(200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})


def _delete_options(request: Request) -> dict[str, Any]:
    options.check(request)
    body = decode(request)
    if body is not None and not isinstance(body, dict):
        raise bad_request("the body is no DeleteOptions")
    asked = body or {}
    bounds = asked.get("preconditions")
    bounds = bounds if isinstance(bounds, dict) else {}
    grace = asked.get("gracePeriodSeconds", _natural_or_none(request.query.get("gracePeriodSeconds", "")))
    policy = options.policy(
        request, asked.get("propagationPolicy") or ("Orphan" if asked.get("orphanDependents") else "")
    )
    return {
        "uid": str(bounds.get("uid") or ""),
        "version": str(bounds.get("resourceVersion") or ""),
        "policy": policy,
        "grace": grace if isinstance(grace, int) else None,
        "dry": options.is_dry(request) or "All" in (asked.get("dryRun") or ()),
    }


def _natural_or_none(text: str) -> int | None:
    return natural(text) if text else None


def delete_collection(store: Store, target: Target, request: Request) -> Response:
    """DELETE of a collection: what the selectors choose; returns the list."""
    match, resource = selection(target, request), target.resource
    wanted = {k: v for k, v in _delete_options(request).items() if k in ("policy", "grace", "dry")}
    keys = [key_of(obj) for obj in store.objects(resource, target.namespace) if match(obj)]
    gone = (store.delete(resource, *key, **wanted)[0] for key in keys if store.find(resource, *key) is not None)
    items = [*gone]
    return as_json(200, list_of(resource, items, {"resourceVersion": str(store.version)}))
