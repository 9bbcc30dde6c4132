"""The query fields of writes: read, or refused with a 422 of the options that hold them."""

from __future__ import annotations

from pylb.embedded.errors import Cause, forbidden_field, invalid, not_supported, required
from pylb.embedded.messages import Request

STRICT, WARN, IGNORE = "Strict", "Warn", "Ignore"  # fieldValidation of a write
MAX_MANAGER = 128  # characters of a field manager's name
_KINDS = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions", "DELETE": "DeleteOptions"}
_POLICIES = ("Foreground", "Background", "Orphan")


def is_dry(request: Request) -> bool:
    """Whether a write shall change nothing."""
    return request.query.get("dryRun") == "All"


def check(request: Request, *, apply: bool = False) -> None:
    """Refuse options that cannot be."""
    query = request.query
    causes: list[Cause] = []
    if query.get("dryRun") not in (None, "", "All"):
        causes.append(not_supported("dryRun", [query["dryRun"]], ("All",)))
    if query.get("fieldValidation", "") not in ("", STRICT, WARN, IGNORE):
        causes.append(not_supported("fieldValidation", query["fieldValidation"], ("", STRICT, WARN, IGNORE)))
    manager = query.get("fieldManager", "")
    if len(manager) > MAX_MANAGER:
        text = f"Too long: may not be more than {MAX_MANAGER} bytes"
        causes.append(Cause("fieldManager", "FieldValueTooLong", text))
    if apply and not manager:
        causes.append(required("fieldManager", "is required for apply patch"))
    if "force" in query and not apply:
        causes.append(forbidden_field("force", "may not be specified for non-apply patch"))
    _refuse(request, causes)


def validation(request: Request) -> str:
    """What to do about unknown fields."""
    return request.query.get("fieldValidation", "") or WARN


def policy(request: Request, asked: object) -> str:
    """The propagation policy of a delete."""
    found = asked or request.query.get("propagationPolicy") or "Background"
    if found not in _POLICIES:
        _refuse(request, [not_supported("propagationPolicy", found, _POLICIES)])
    return str(found)


def _refuse(request: Request, causes: list[Cause]) -> None:
    if causes:
        raise invalid("", _KINDS.get(request.method, "Options"), "meta.k8s.io", causes)
