"""Which request may pass."""

from __future__ import annotations

import pytest

from pylb.runtime.gate import Request, Token, admit

PATHS = {"/healthz", "/state"}
OPEN = {"/healthz"}


def verdict(request: Request, token: Token = "t") -> int | None:  # noqa: S107 - a test's token
    response = admit(request, PATHS, OPEN, token)
    return response.status if response else None


@pytest.mark.parametrize(
    ("method", "target", "headers", "expected"),
    [
        ("GET", "/healthz", {}, None),
        ("HEAD", "/healthz?x=1", {}, None),
        ("POST", "/healthz", {}, 405),
        ("GET", "/state", {}, 401),
        ("GET", "/state", {"authorization": "Bearer t"}, None),
        ("GET", "/state", {"authorization": "bearer  t "}, None),
        ("GET", "/state", {"x-pylb-token": "t"}, None),
        ("GET", "/state", {"authorization": "Bearer stolen", "x-pylb-token": "t"}, None),
        ("GET", "/state", {"authorization": "Bearer tt"}, 401),
        ("GET", "/state", {"authorization": "Basic t"}, 401),
        ("GET", "/state", {"authorization": "t"}, 401),
        ("GET", "/state", {"x-pylb-token": ""}, 401),
        ("GET", "/state", {"x-pylb-token": "ü\udcff"}, 401),
        ("GET", "/nothing", {}, 401),
        ("GET", "/nothing", {"x-pylb-token": "t"}, 404),
        ("DELETE", "/state", {"x-pylb-token": "t"}, 405),
        ("GET", "//healthz", {}, 401),
        ("GET", "http://[broken/state", {}, 401),
    ],
)
def test_verdicts(method: str, target: str, headers: dict[str, str], expected: int | None) -> None:
    assert verdict(Request.of(method, target, headers)) == expected


@pytest.mark.parametrize("token", [None, "", lambda: None, lambda: ""])
def test_without_a_token_nobody_comes_in(token: Token) -> None:
    for given in ({}, {"x-pylb-token": ""}, {"authorization": "Bearer "}, {"authorization": "Bearer"}):
        assert verdict(Request.of("GET", "/state", given), token) == 401


def test_the_token_is_asked_for_each_time() -> None:
    tokens = iter(["old", "new"])
    request = Request.of("GET", "/state", {"x-pylb-token": "new"})
    assert [verdict(request, lambda: next(tokens)) for _ in range(2)] == [401, None]


def test_queries() -> None:
    assert Request.of("GET", "/a%20b?x=1&y=%2F", {}).query == {"x": "1", "y": "/"}
    assert Request.of("GET", "/a%20b", {}).path == "/a b"
    assert Request.of("GET", "/a?" + "x=1&" * 100, {}).query == {}


def test_no_token_in_the_repr() -> None:
    assert "s3cret" not in repr(Request.of("GET", "/", {"x-pylb-token": "s3cret"}))
