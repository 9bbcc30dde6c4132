"""Which answer is which error, and what of it may be told."""

from __future__ import annotations

import json

import pytest

from pylb.kube import errors
from pylb.kube.errors import ClusterError, from_answer, from_status


def status(code: int, reason: str = "", **more: object) -> bytes:
    return json.dumps({"kind": "Status", "code": code, "reason": reason, "message": "why", **more}).encode()


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (400, "BadRequest", errors.Invalid),
        (401, "Unauthorized", errors.Unauthorized),
        (403, "Forbidden", errors.Forbidden),
        (404, "NotFound", errors.NotFound),
        (405, "MethodNotAllowed", errors.Invalid),
        (409, "AlreadyExists", errors.AlreadyExists),
        (409, "Conflict", errors.Conflict),
        (410, "Expired", errors.Gone),
        (415, "UnsupportedMediaType", errors.Invalid),
        (422, "Invalid", errors.Invalid),
        (429, "TooManyRequests", errors.TooManyRequests),
        (500, "InternalError", errors.ServerError),
        (501, "NotImplemented", errors.ServerError),
        (504, "Timeout", errors.ServerError),
    ],
)
def test_kinds(code: int, reason: str, kind: type[ClusterError]) -> None:
    error = from_answer(code, status(code, reason))
    assert type(error) is kind
    assert (error.status, error.reason, str(error)) == (code, reason, "why")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"404 page not found\n", "404 page not found"),
        (b"", "HTTP 404"),
        (b"\xff\xfe", "��"),
        (b'{"kind": "Other"}', '{"kind": "Other"}'),
        (b"[" * 100_000, "[" * 255 + "…"),
        (b'{"kind": "Status", "message": 5, "reason": [], "details": "x", "code": true}', "HTTP 404"),
    ],
)
def test_bodies_that_are_no_status(body: bytes, text: str) -> None:
    error = from_answer(404, body)
    assert type(error) is errors.NotFound
    assert str(error) == text


def test_a_message_is_cut_and_stays_on_a_line() -> None:
    error = from_answer(422, status(422, message="line one\nline two " + "secret " * 100))
    assert len(str(error)) == errors.MESSAGE_MAX
    assert str(error).startswith("line one line two")


@pytest.mark.parametrize(
    ("header", "details", "seconds"),
    [
        ("3", {}, 3.0),
        ("", {"retryAfterSeconds": 2}, 2.0),
        ("3", {"retryAfterSeconds": 2}, 3.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", {}, None),
        ("-1", {}, None),
        ("inf", {}, None),
        ("nan", {}, None),
        ("", {"retryAfterSeconds": "soon"}, None),
    ],
)
def test_retry_after(header: str, details: object, seconds: float | None) -> None:
    assert from_answer(429, status(429, details=details), header).retry_after == seconds


def test_the_status_of_a_watch() -> None:
    assert type(from_status({"kind": "Status", "code": 410, "reason": "Expired"})) is errors.Gone
    assert type(from_status({"code": "410"})) is errors.ServerError
    assert type(from_status({})) is errors.ServerError


def test_one_tree() -> None:
    kinds = [value for value in vars(errors).values() if isinstance(value, type) and value is not errors.Any]
    assert all(issubclass(kind, ClusterError) for kind in kinds)
