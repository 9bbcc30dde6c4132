"""From a request to the operation that answers it: who may ask, what the path names, what is refused."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field

from pylb.embedded import access, deletes, discovery, proxy, reads, watches, writes
from pylb.embedded.bodies import decode
from pylb.embedded.errors import (
    ApiError,
    bad_request,
    no_such_method,
    no_such_path,
    no_such_resource,
    not_acceptable,
    not_implemented,
)
from pylb.embedded.faults import Faults
from pylb.embedded.messages import Request, Response, as_json, as_text
from pylb.embedded.reads import Target
from pylb.embedded.resources import GROUPS, LACKING, LACKING_GROUPS, PODS
from pylb.embedded.store import Store

_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_OPENAPI_V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_REAL = "pylb does not use it; try the real cluster of `make cluster`"
_POD_LACKING = {
    "log": "the lab's pods write none; look at the process",
    "exec": "use `pylb lab exec`",
    "attach": "use `pylb lab exec`",
    "portforward": "use the pod proxy: .../pods/NAME:PORT/proxy/",
    "ephemeralcontainers": "it runs no containers",
    "binding": "its own scheduler places pods",
    "eviction": "delete the pod, as kubectl drain does where it finds no evictions",
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
            if self.token and access.is_anonymous(request, self.token) and not access.is_open(request):
                raise access.forbidden(request, self._target(request))
            refused = await self.faults.apply(request)
            return refused or await self._route(request)
        except ApiError as error:
            return _refusal(error, self.store.admission.told())
        except Exception as error:  # noqa: BLE001  # a mistake of ours: the client is told, and the tests see it in `problems`
            self.problems = [*self.problems, traceback.format_exc()][-MAX_PROBLEMS:]
            return as_json(500, ApiError(500, "InternalError", f"Internal error: {error!r}").body())

    def _target(self, request: Request) -> Target | None:
        try:
            return parse_path(self.store, request.path)
        except ApiError:
            return None

    async def _route(self, request: Request) -> Response:
        if request.path in access.HEALTH:
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
        if not request.accepts_json():
            raise not_acceptable()
        if target.subresource == "scale":
            return writes.scale(store, target, request)
        if method == "GET" and not target.name and request.flag("watch"):
            return watches.watch(store, self.gate, target, request)
        if not target.name:
            collection = {
                "GET": reads.listing,
                "POST": writes.create,
                "DELETE": deletes.delete_collection,
            }
            homeless = target.resource.namespaced and not target.namespace
            if method not in collection or (homeless and method != "GET"):
                raise no_such_method()
            return collection[method](store, target, request)
        single = {"GET": reads.read, "PUT": writes.replace, "PATCH": writes.patch}
        if method == "DELETE" and not target.subresource:
            return deletes.delete(store, target, request)
        if method not in single:
            raise no_such_method()
        return single[method](store, target, request)

    async def _on_pod(self, request: Request, target: Target) -> Response:
        if target.subresource == "proxy":
            name, port = proxy.split_name(target.name)
            return await proxy.forward(self.store.get(PODS, target.namespace, name), port, target.rest, request)
        raise not_implemented(f"pods/{target.subresource}", _POD_LACKING[target.subresource])


def _refusal(error: ApiError, warnings: tuple[tuple[str, str], ...]) -> Response:
    if error.plain:
        return as_text(error.code, error.message + "\n")
    headers = (("retry-after", "1"),) if error.code in (429, 504) else ()
    return as_json(error.code, error.body(), (*headers, *warnings))


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
    unknown = no_such_resource()
    parts = path.split("/")[1:]
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise no_such_path()
    if group in LACKING_GROUPS:
        raise not_implemented(f"group {group}", _REAL)
    if group not in GROUPS:
        unknown = no_such_path()
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    resource = store.registry.find(group, version, rest[0])
    if (group, rest[0]) in LACKING:
        raise not_implemented(rest[0], _REAL)
    if resource is None or (namespace and not resource.namespaced):
        raise unknown
    name, subresource = [*rest, "", ""][1:3]
    target = Target(resource, namespace, name, subresource, "/".join(rest[3:]))
    if not _served(target):
        raise unknown
    return target


def _served(target: Target) -> bool:
    resource, subresource = target.resource, target.subresource
    if resource.namespaced and target.name and not target.namespace:
        return False
    if target.rest and subresource != "proxy":
        return False
    if resource is PODS and (subresource in _POD_LACKING or subresource == "proxy"):
        return True
    return (
        not subresource or (subresource == "status" and resource.status) or (subresource == "scale" and resource.scale)
    )
