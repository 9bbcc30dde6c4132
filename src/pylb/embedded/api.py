"""From a request to the operation that answers it: who may ask, what the path names, what is refused."""

from __future__ import annotations

import hmac
import traceback
from dataclasses import dataclass, field

from pylb.embedded import deletes, discovery, proxy, reads, watches, writes
from pylb.embedded.bodies import decode
from pylb.embedded.errors import ApiError, bad_request, no_such_path, not_implemented
from pylb.embedded.faults import Faults
from pylb.embedded.messages import Request, Response, as_json, as_text
from pylb.embedded.reads import Target
from pylb.embedded.resources import LACKING, PODS
from pylb.embedded.store import Store

_OPEN = frozenset({"/healthz", "/livez", "/readyz"})  # answered without a token, as /version
_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_OPENAPI_V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_POD_LACKING = {
    "log": "the lab's pods write none; look at the process",
    "exec": "use `pylb lab exec`",
    "attach": "use `pylb lab exec`",
    "portforward": "use the pod proxy: .../pods/NAME:PORT/proxy/",
    "ephemeralcontainers": "it runs no containers",
}
MAX_PROBLEMS = 100  # tracebacks of our own mistakes that are kept


@dataclass(slots=True)
class Api:
    """The handler of all requests; without a token everybody may ask."""

    store: Store
    gate: watches.Gate
    faults: Faults
    token: str = ""
    problems: list[str] = field(default_factory=list)

    async def __call__(self, request: Request) -> Response:
        """The answer to a request; it raises nothing but cancellation."""
        try:
            self._authorise(request)
            refused = await self.faults.apply(request)
            return refused or await self._route(request)
        except ApiError as error:
            return _refusal(error)
        except Exception as error:  # noqa: BLE001  # a mistake of ours: the client is told, and the tests see it in `problems`
            self.problems = [*self.problems, traceback.format_exc()][-MAX_PROBLEMS:]
            return as_json(500, ApiError(500, "InternalError", f"Internal error: {error!r}").body())

    def _authorise(self, request: Request) -> None:
        if not self.token or request.path in _OPEN or request.path == "/version":
            return
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode()):
            raise ApiError(401, "Unauthorized", "Unauthorized")

    async def _route(self, request: Request) -> Response:
        if request.path in _OPEN:
            return as_text(200, "ok")
        if request.path.rstrip("/") == _REVIEW and request.method == "POST":
            return _review(request)
        if request.path == "/openapi/v2":  # kubectl looks here for kinds that v3 lacks: an empty document, in protobuf
            return Response(200, content_type=_OPENAPI_V2)
        if request.method == "GET" and (found := discovery.document(self.store.registry, request.path)) is not None:
            return as_json(200, found)
        return await self._on_resource(request, parse_path(self.store, request.path))

    async def _on_resource(self, request: Request, target: Target) -> Response:
        method, store = request.method, self.store
        if target.resource is PODS and target.subresource not in ("", "status"):
            return await self._on_pod(request, target)
        if target.subresource == "scale":
            return writes.scale(store, target, request)
        if method == "GET" and not target.subresource and request.flag("watch"):
            return watches.watch(store, self.gate, target, request)
        if not target.name:
            collection = {
                "GET": reads.listing,
                "POST": writes.create,
                "DELETE": deletes.delete_collection,
            }
            if method not in collection:
                raise _no_such_method(request)
            if method == "POST" and target.resource.namespaced and not target.namespace:
                raise _no_such_method(request)
            return collection[method](store, target, request)
        single = {"GET": reads.read, "PUT": writes.replace, "PATCH": writes.patch}
        if method == "DELETE" and not target.subresource:
            return deletes.delete(store, target, request)
        if method not in single:
            raise _no_such_method(request)
        return single[method](store, target, request)

    async def _on_pod(self, request: Request, target: Target) -> Response:
        if target.subresource == "proxy":
            name, port = proxy.split_name(target.name)
            return await proxy.forward(self.store.get(PODS, target.namespace, name), port, target.rest, request)
        if target.subresource == "eviction" and request.method == "POST":
            body = decode(request) or {}
            options = body.get("deleteOptions") or {}
            self.store.delete(PODS, target.namespace, target.name, grace=options.get("gracePeriodSeconds"))
            return as_json(201, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})
        if target.subresource == "binding":
            raise not_implemented("binding", "its own scheduler places pods")
        raise not_implemented(f"pods/{target.subresource}", _POD_LACKING[target.subresource])


def _refusal(error: ApiError) -> Response:
    if error.plain:
        return as_text(error.code, error.message + "\n")
    headers = (("retry-after", "1"),) if error.code in (429, 504) else ()
    return as_json(error.code, error.body(), headers)


def _no_such_method(request: Request) -> ApiError:
    return ApiError(
        405, "MethodNotAllowed", f"the server does not allow this method on the requested resource: {request.method}"
    )


def _review(request: Request) -> Response:
    """SelfSubjectAccessReview: who has the token may do everything."""
    body = decode(request)
    if not isinstance(body, dict):
        raise bad_request("the body is not a SelfSubjectAccessReview")
    kind = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1"}
    return as_json(
        201, {**body, **kind, "status": {"allowed": True, "reason": "the embedded API server knows no roles"}}
    )


def parse_path(store: Store, path: str) -> Target:
    """What a path names; 404 as the real server says it, 501 for groups that this server knowingly lacks."""
    parts = path.split("/")[1:]
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise no_such_path()
    if group in LACKING:
        raise not_implemented(f"group {group}", "pylb does not use it; try the real cluster of `make cluster`")
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    resource = store.registry.find(group, version, rest[0])
    if resource is None or (namespace and not resource.namespaced):
        raise no_such_path()
    name, subresource = [*rest, "", ""][1:3]
    target = Target(resource, namespace, name, subresource, "/".join(rest[3:]))
    if not _served(target):
        raise no_such_path()
    return target


def _served(target: Target) -> bool:
    resource, subresource = target.resource, target.subresource
    if resource.namespaced and target.name and not target.namespace:
        return False
    if target.rest and subresource != "proxy":
        return False
    if resource is PODS and (subresource in _POD_LACKING or subresource in ("proxy", "eviction", "binding")):
        return True
    return (
        not subresource or (subresource == "status" and resource.status) or (subresource == "scale" and resource.scale)
    )
