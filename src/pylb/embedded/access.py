"""Who may ask: the one token, and for who shows none what Kubernetes lets anybody see."""

from __future__ import annotations

import hmac

from pylb.embedded.errors import ApiError, named, qualified
from pylb.embedded.messages import Request
from pylb.embedded.reads import Target

HEALTH = frozenset({"/healthz", "/livez", "/readyz"})
_OPEN = HEALTH | {"/version"}  # answered to anybody who shows no token
_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def is_anonymous(request: Request, token: str) -> bool:
    """Whether nobody in particular asks; 401 for a token that is wrong."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given:
        return True
    if not hmac.compare_digest(given.encode(), token.encode()):
        raise ApiError(401, "Unauthorized", "Unauthorized")
    return False


def is_open(request: Request) -> bool:
    """Whether anybody may ask this."""
    return request.path in _OPEN


def forbidden(request: Request, target: Target | None) -> ApiError:
    """403 for `system:anonymous`; a target is what the path names, if it names a resource."""
    who = 'User "system:anonymous" cannot'
    verb = _VERBS.get(request.method, request.method.lower())
    if target is None:
        return ApiError(403, "Forbidden", f'forbidden: {who} {verb} path "{request.path}"', {})
    resource = target.resource
    if not target.name and verb in ("get", "delete"):
        verb = "deletecollection" if verb == "delete" else "watch" if request.flag("watch") else "list"
    subject = qualified(resource.plural, resource.group) + (f' "{target.name}"' if target.name else "")
    where = f'in the namespace "{target.namespace}"' if target.namespace else "at the cluster scope"
    what = f'resource "{resource.plural}" in API group "{resource.group}" {where}'
    details = named(target.name, resource.plural, resource.group)
    return ApiError(403, "Forbidden", f"{subject} is forbidden: {who} {verb} {what}", details)
