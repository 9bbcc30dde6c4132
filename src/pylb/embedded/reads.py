"""What a request on a resource names and selects, and the answers that read: one object, or a list in pages."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pylb.embedded import tables
from pylb.embedded.errors import JSON, ApiError, Cause, bad_request, expired, forbidden_field, invalid
from pylb.embedded.messages import Request, Response, as_json
from pylb.embedded.resources import Resource
from pylb.embedded.selectors import SelectorError, fields, labels
from pylb.embedded.store import Store

MAX_PAGE = 10_000  # objects of one page, whatever `limit` says


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names: `name` is empty for the collection, `rest` is what follows the subresource."""

    resource: Resource
    namespace: str
    name: str = ""
    subresource: str = ""
    rest: str = ""


def selection(target: Target, request: Request) -> Callable[[JSON], bool]:
    """The predicate of a request's namespace and selectors."""
    try:
        by_label = labels(request.query.get("labelSelector", ""))
        by_field = fields(request.query.get("fieldSelector", ""), target.resource)
    except SelectorError as error:
        raise bad_request(str(error)) from None

    def match(obj: JSON) -> bool:
        meta = obj["metadata"]
        return (
            target.namespace in ("", meta.get("namespace", "")) and by_label(meta.get("labels") or {}) and by_field(obj)
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
    check_initial(request, watching=False)
    asked = version_of(request)
    if asked is not None and asked > store.version:
        raise _too_new(asked, store.version)
    match, resource = selection(target, request), target.resource
    version, after = _continuation(store, request.query.get("continue", ""))
    found = [obj for obj in store.objects(resource, target.namespace) if match(obj) and key_of(obj) > after]
    limit = natural(request.query.get("limit", "")) or MAX_PAGE
    page, left = found[:limit], len(found) - limit
    meta: JSON = {"resourceVersion": str(version)}
    if left > 0:
        meta["continue"] = _token(version, key_of(page[-1]))
        if not request.query.get("labelSelector") and not request.query.get("fieldSelector"):
            meta["remainingItemCount"] = left
    if tables.wanted(request):
        shown = tables.table(resource, [resource.view(obj) for obj in page], str(version), store.clock(), request)
        return as_json(200, {**shown, "metadata": meta})
    return as_json(200, list_of(resource, page, meta))


def list_of(resource: Resource, objects: Sequence[JSON], meta: JSON) -> JSON:
    """The list object of a resource."""
    items = [resource.item(obj) for obj in objects]
    kind = resource.list_kind or resource.kind + "List"
    return {"kind": kind, "apiVersion": resource.api_version, "metadata": meta, "items": items}


def check_initial(request: Request, *, watching: bool) -> None:
    """422 for `sendInitialEvents` where it cannot be."""
    if "sendInitialEvents" not in request.query:
        return
    causes: list[Cause] = []
    if request.query.get("resourceVersionMatch") != "NotOlderThan":
        text = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        causes.append(forbidden_field("resourceVersionMatch", text))
    if not watching:
        causes.append(forbidden_field("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    if causes:
        raise invalid("", "ListOptions", "meta.k8s.io", causes)


def _too_new(asked: int, current: int) -> ApiError:
    text = f"Too large resource version: {asked}, current: {current}"
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    return ApiError(504, "Timeout", f"Timeout: {text}", {"causes": causes, "retryAfterSeconds": 1})


def key_of(obj: JSON) -> tuple[str, str]:
    """(namespace, name) of an object."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def natural(text: str) -> int:
    """The number that a query field says; 0 if it says none."""
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
