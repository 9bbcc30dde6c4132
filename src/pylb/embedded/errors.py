"""How the server says no: one exception that carries the Status which a real API server would answer.

It knows texts and codes, and nothing about HTTP beyond the number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cause:
    """One field that is wrong; `reason` is a CauseType of the API (FieldValueRequired, FieldValueInvalid, ...)."""

    field: str
    reason: str
    text: str

    def __str__(self) -> str:
        return f"{self.field}: {self.text}"

    def body(self) -> JSON:
        """The cause as it stands in Status.details.causes."""
        return {"reason": self.reason, "message": self.text, "field": self.field}


def required(field: str, text: str = "") -> Cause:
    """A field that must be there."""
    return Cause(field, "FieldValueRequired", "Required value" + (f": {text}" if text else ""))


def wrong(field: str, value: object, text: str) -> Cause:
    """A value that cannot be."""
    shown = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    return Cause(field, "FieldValueInvalid", f"Invalid value: {shown}: {text}")


def not_supported(field: str, value: object, allowed: Iterable[str]) -> Cause:
    """A word that is none of those that are known."""
    listed = ", ".join(f'"{word}"' for word in sorted(allowed))
    text = f"Unsupported value: {json.dumps(value, default=str)}: supported values: {listed}"
    return Cause(field, "FieldValueNotSupported", text)


def forbidden_field(field: str, text: str) -> Cause:
    """A value that may not be here or now."""
    return Cause(field, "FieldValueForbidden", f"Forbidden: {text}")


class ApiError(Exception):
    """A refusal with its HTTP code; `plain` makes the body a line of text, as the real server does for unknown paths."""

    def __init__(self, code: int, reason: str, message: str, details: JSON | None = None, *, plain: bool = False):
        super().__init__(message)
        self.code, self.reason, self.message, self.plain = code, reason, message, plain
        self.details = details

    def body(self) -> JSON:
        """The Status object."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            **({"reason": self.reason} if self.reason else {}),
            **({"details": self.details} if self.details is not None else {}),
            "code": self.code,
        }


class Unreadable(ApiError):
    """400 for a body that cannot be decoded as its kind; in a patch the real server makes it a 422."""

    def __init__(self, message: str):
        super().__init__(400, "BadRequest", message)


def qualified(plural: str, group: str) -> str:
    """`services` or `deployments.apps`, as messages name resources."""
    return f"{plural}.{group}" if group else plural


def named(name: str, plural: str, group: str) -> JSON:
    """The details that name an object."""
    return {**({"name": name} if name else {}), **({"group": group} if group else {}), "kind": plural}


def not_found(name: str, plural: str, group: str) -> ApiError:
    """404 for an object of a known resource."""
    message = f'{qualified(plural, group)} "{name}" not found'
    return ApiError(404, "NotFound", message, named(name, plural, group))


def no_such_path() -> ApiError:
    """404 for a group that is not served: plain text, as the real server answers."""
    return ApiError(404, "NotFound", "404 page not found", plain=True)


def no_such_resource() -> ApiError:
    """404 for a resource that a built-in group lacks."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def no_such_method() -> ApiError:
    """405."""
    text = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", text, {})


def already_exists(name: str, plural: str, group: str, *, ending: bool) -> ApiError:
    """409 for a second create."""
    message = f'{"object is being deleted: " if ending else ""}{qualified(plural, group)} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, named(name, plural, group))


def conflict(name: str, plural: str, group: str, why: str = "") -> ApiError:
    """409 for a write that was based on an older version."""
    told = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {qualified(plural, group)} "{name}": {told}'
    return ApiError(409, "Conflict", message, named(name, plural, group))


def invalid(name: str, kind: str, group: str, causes: Sequence[Cause]) -> ApiError:
    """422 with one cause a field."""
    told = ", ".join(str(cause) for cause in causes)
    message = f'{qualified(kind, group)} "{name}" is invalid: {told if len(causes) == 1 else f"[{told}]"}'
    details = {**named(name, kind, group), "causes": [cause.body() for cause in causes]}
    return ApiError(422, "Invalid", message, details)


def bad_request(message: str) -> ApiError:
    """400 for what cannot be read."""
    return ApiError(400, "BadRequest", message)


def expired(message: str) -> ApiError:
    """410 for a version or a continue token that the server no longer knows."""
    return ApiError(410, "Expired", message)


def not_acceptable() -> ApiError:
    """406 for a client that does not accept JSON."""
    return ApiError(406, "NotAcceptable", "406: Not Acceptable\n\nAvailable representations: application/json", {})


def unsupported(message: str) -> ApiError:
    """415 for a body of another kind."""
    return ApiError(415, "UnsupportedMediaType", message)


def not_implemented(what: str, hint: str) -> ApiError:
    """501 for what this server knows that it lacks."""
    return ApiError(501, "NotImplemented", f"the embedded API server has no {what}: {hint}")
