"""Which request may pass: the path, the method and the token. Pure, except that the token may be asked for."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

TOKEN_HEADER = "x-pylb-token"  # noqa: S105 - a header's name; an API server's pod proxy strips Authorization
QUERY_MAX = 32  # fields of a query
METHODS = ("GET", "HEAD")

Token = str | Callable[[], str | None] | None


@dataclass(frozen=True, slots=True)
class Request:
    """What a handler sees of a request. Header names are in lower case; tokens are not in its repr."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, method: str, target: str, headers: Mapping[str, str]) -> Request:
        """The request for a target such as /events?since=3; a query that cannot be read is empty."""
        try:
            url = urlsplit(target)
            query = dict(parse_qsl(url.query, max_num_fields=QUERY_MAX))
        except ValueError:
            return cls(method, target.partition("?")[0], {}, headers)
        return cls(method, unquote(url.path), query, headers)


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


def admit(request: Request, paths: Container[str], open_paths: Container[str], token: Token) -> Response | None:
    """None for a request that may pass, else its refusal.

    The token is asked for before anything is told, so that a stranger cannot learn which paths there are.
    """
    if request.path not in open_paths and not _knows(request, token() if callable(token) else token):
        return Response(401, b"a token is wanted\n", headers=(("WWW-Authenticate", "Bearer"),))
    if request.path not in paths:
        return Response(404, b"no such path\n")
    if request.method not in METHODS:
        return Response(405, b"read-only\n", headers=(("Allow", ", ".join(METHODS)),))
    return None


def _knows(request: Request, token: str | None) -> bool:
    """The request carries the token; compared in constant time. No token lets nobody in."""
    if not token:
        return False
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    offered = [request.headers.get(TOKEN_HEADER, ""), given.strip() if scheme.lower() == "bearer" else ""]
    return any(hmac.compare_digest(each.encode("utf-8", "replace"), token.encode()) for each in offered)
