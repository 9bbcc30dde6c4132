"""The embedded API server over HTTP, as far as no real one can be asked; what both promise stands in tests/conformance."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fakes.rest import APPLY, Rest
from pylb.embedded import http
from pylb.embedded.server import Server, serve

SERVICES = "/api/v1/namespaces/default/services"
CONFIGS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server that made no mistake of its own by the end of the test."""
    async with serve() as running:
        yield running
        assert running.problems == []


@pytest.fixture
def rest(server: Server) -> Rest:
    """A client of it."""
    return Rest(server.url)


def config(name: str, **labels: str) -> dict[str, Any]:
    """A ConfigMap."""
    return {"metadata": {"name": name, "labels": labels}, "data": {"a": "1"}}


async def test_a_token_of_a_page_is_good_until_its_version_is_forgotten(rest: Rest, server: Server) -> None:
    """410; clients list anew."""
    for name in "ab":
        await rest.post(CONFIGS, config(name))
    old = (await rest.get(f"{CONFIGS}?limit=1")).json["metadata"]["continue"]
    await rest.post(CONFIGS, config("late"))
    server.faults.compact()
    answer = await rest.get(f"{CONFIGS}?limit=1&continue={old}")
    assert (answer.status, answer.json["reason"]) == (410, "Expired")


async def test_bodies_are_bounded(rest: Rest) -> None:
    """3 MiB are taken (as a body), a byte more is 413; protobuf of other kinds is 415 with a hint."""
    big = json.dumps({**config("big"), "data": {"a": "x" * (http.MAX_BODY - 500)}}).encode()
    assert (await rest.ask("POST", CONFIGS, big)).status == 201
    answer = await rest.ask("POST", CONFIGS, big + b" " * 500)
    assert answer.status == 413
    envelope = b"k8s\x00\x0a\x0c\x0a\x02v1\x12\x06Widget\x12\x00"
    refused = await rest.ask("POST", CONFIGS, envelope, "application/vnd.kubernetes.protobuf")
    assert refused.status == 415
    assert "JSON" in refused.json["message"]


async def test_aliases_in_yaml_are_refused(rest: Rest) -> None:
    """They could make a small text a huge object."""
    body = b"kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\na: &x [1]\nb: *x"
    assert (await rest.ask("PATCH", f"{CONFIGS}/a?fieldManager=me", body, APPLY)).status == 400


async def test_garbage_on_the_wire_is_answered_and_the_server_lives(server: Server, rest: Rest) -> None:
    """Not HTTP, half a request, a head without end."""
    host, port = server.addresses[0]
    for raw in (b"\x16\x03\x01\x00", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 70_000, b"POST / HTTP/1.1\r\n"):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(raw)
        writer.write_eof()
        await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await writer.wait_closed()
    assert (await rest.get("/readyz")).status == 200


async def test_faults_that_tests_can_order(server: Server, rest: Rest) -> None:
    """Some requests fail, the rest are answered."""
    server.faults.fail_next(2, 503, "GET .*services")
    assert (await rest.get(CONFIGS)).status == 200
    assert [(await rest.get(SERVICES)).status for _ in range(3)] == [503, 503, 200]
    assert server.faults.failed == 2
