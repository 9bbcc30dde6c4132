"""The stand-ins' HTTP: what they make of a request, and what they answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylb.lab.standins import BODY_LIMIT, Request, answer, parse


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("GET / HTTP/1.0\r\n\r\n", Request(keep=False, length=0, head_only=False)),
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", Request(keep=True, length=0, head_only=False)),
        ("GET /a?b HTTP/1.1\r\nConnection: close\r\n\r\n", Request(keep=False, length=0, head_only=False)),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", Request(keep=True, length=0, head_only=False)),
        ("HEAD / HTTP/1.1\r\n\r\n", Request(keep=True, length=0, head_only=True)),
        ("POST / HTTP/1.1\r\nCONTENT-LENGTH: 12\r\n\r\n", Request(keep=True, length=12, head_only=False)),
    ],
)
def test_requests(head: str, expected: Request) -> None:
    assert parse(head.encode()) == expected


@pytest.mark.parametrize(
    "head",
    [
        "",
        "GET /",
        "GET / HTTP/2.0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        f"POST / HTTP/1.1\r\nContent-Length: {BODY_LIMIT + 1}\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(head: str) -> None:
    with pytest.raises(ValueError):
        parse(head.encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_a_value_error(data: bytes) -> None:
    try:
        parse(data)
    except ValueError:
        return


def test_the_answer_names_pod_and_client() -> None:
    text = answer("p1", "10.77.0.5", Request(keep=True, length=0, head_only=False)).decode()
    head, body = text.split("\r\n\r\n")
    assert body == "p1 from 10.77.0.5\n"
    assert f"Content-Length: {len(body)}" in head
    assert "Connection: keep-alive" in head
    only = answer("p1", "10.77.0.5", Request(keep=False, length=0, head_only=True)).decode()
    assert only.endswith("Connection: close\r\n\r\n")
    assert f"Content-Length: {len(body)}" in only
