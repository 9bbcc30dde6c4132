"""Requests and streams over real sockets: deadlines, reuse, TLS, errors, and answers cut anywhere."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes.faulty_api import (
    Exchange,
    FaultyApi,
    answers,
    crumbs,
    drops,
    garbage,
    mid_line,
    never_answers,
    plain_404,
    silent,
)
from pylb.kube import pool
from pylb.kube.bearer import FileBearer, StaticBearer
from pylb.kube.client import Client
from pylb.kube.credentials import Credentials
from pylb.kube.errors import (
    ClusterError,
    Gone,
    Invalid,
    NotFound,
    ServerError,
    TooManyRequests,
    Unauthorized,
    Unreachable,
)

PATH = "/api/v1/nodes"


@asynccontextmanager
async def connected(api: FaultyApi, **more: Any) -> AsyncIterator[Client]:
    async with Client(replace(Credentials(api.url, "test"), **more)) as client:
        yield client


async def echo(exchange: Exchange) -> None:
    seen = exchange.request
    await exchange.json(
        {"method": seen.method, "query": seen.query, "headers": seen.headers, "body": seen.body.decode()}
    )


async def test_verbs_bodies_and_queries() -> None:
    async with FaultyApi(on_other=echo, on_list=echo) as api, connected(api, bearer=StaticBearer("s3cret")) as client:
        got = await client.get(PATH, {"labelSelector": "a in (b,c)", "limit": 5, "watch": False, "absent": None})
        assert got["query"] == {"labelSelector": "a in (b,c)", "limit": "5", "watch": "false"}
        assert got["headers"]["authorization"] == "Bearer s3cret"
        assert got["headers"]["user-agent"] == "pylb"
        posted = await client.post(PATH, {"a": "ä"})
        assert (posted["method"], json.loads(posted["body"])) == ("POST", {"a": "ä"})
        assert posted["headers"]["content-type"] == "application/json"
        assert (await client.put(PATH, {}))["method"] == "PUT"
        assert (await client.delete(PATH))["body"] == ""
        applied = await client.patch(PATH, {}, kind="apply", field_manager="pylb", force=True)
        assert applied["query"] == {"fieldManager": "pylb", "force": "true"}
        assert applied["headers"]["content-type"] == "application/apply-patch+yaml"
        for kind in ("merge", "json", "strategic"):
            assert kind in (await client.patch(PATH, [], kind=kind))["headers"]["content-type"]
        assert await client.text(PATH, headers={"X-Pylb-Token": "t"})
        assert api.requests[-1].headers["x-pylb-token"] == "t"


async def test_a_connection_is_kept() -> None:
    async with FaultyApi(on_list=echo) as api, connected(api) as client:
        for _ in range(5):
            await client.get(PATH)
        assert api.connections == 1


async def test_a_connection_is_kept_after_a_refusal() -> None:
    async with FaultyApi(on_list=answers(403, "Forbidden")) as api, connected(api) as client:
        for _ in range(3):
            with pytest.raises(ClusterError):
                await client.get(PATH)
        assert api.connections == 1


async def test_no_more_connections_are_kept_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "KEPT_MAX", 2)
    async with FaultyApi(on_list=echo) as api, connected(api) as client:
        await asyncio.gather(*(client.get(PATH) for _ in range(20)))
        assert api.connections <= pool.REQUESTS_MAX + 12
        assert len(client._pool._kept) == 2


async def test_at_most_so_many_requests_at_once() -> None:
    now = most = 0

    async def slow(exchange: Exchange) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        await exchange.json({})

    async with FaultyApi(on_list=slow) as api, connected(api) as client:
        await asyncio.gather(*(client.get(PATH) for _ in range(40)))
        assert most == pool.REQUESTS_MAX


@pytest.mark.parametrize(("method", "works"), [("get", True), ("put", True), ("post", False)])
async def test_a_kept_connection_that_was_closed_behind_our_back(method: str, works: bool) -> None:
    """What may be repeated is; a POST is not, since the server may have done it."""
    count = 0

    async def dies_second(exchange: Exchange) -> None:
        nonlocal count
        count += 1
        await (drops if count == 2 else echo)(exchange)

    async with FaultyApi(on_list=dies_second, on_other=dies_second) as api, connected(api) as client:
        await client.get(PATH)
        body = () if method == "get" else ({},)
        if works:
            assert await getattr(client, method)(PATH, *body)
        else:
            with pytest.raises(Unreachable):
                await getattr(client, method)(PATH, *body)


async def test_a_server_that_restarted_costs_no_error() -> None:
    async with FaultyApi(on_list=echo, on_other=echo) as api, connected(api) as client:
        await client.get(PATH)
        await api.away()
        await api.back()
        await asyncio.sleep(0.01)
        assert await client.post(PATH, {})


async def test_nobody_listens() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        client = Client(Credentials(f"http://127.0.0.1:{sock.getsockname()[1]}", "test"))
        with pytest.raises(Unreachable, match="cannot connect to 127"):
            await client.get(PATH)


async def test_the_deadline_holds_whatever_the_server_does() -> None:
    loop = asyncio.get_running_loop()

    async def half(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await never_answers(exchange)

    for behaviour in (never_answers, half):
        async with FaultyApi(on_list=behaviour) as api, connected(api) as client:
            start = loop.time()
            with pytest.raises(Unreachable, match="within the deadline"):
                await client.get(PATH, deadline=0.2)
            assert loop.time() - start < 1
            api.on_list = echo
            assert await client.get(PATH), "and the next request is fine"


async def test_requests_that_wait_behind_others_keep_their_deadline() -> None:
    async with FaultyApi(on_list=never_answers) as api, connected(api) as client:
        outcomes = await asyncio.gather(*(client.get(PATH, deadline=0.2) for _ in range(20)), return_exceptions=True)
        assert all(isinstance(outcome, Unreachable) for outcome in outcomes)


async def test_a_cancelled_request_leaves_no_connection_in_the_pool() -> None:
    async with FaultyApi(on_list=never_answers) as api, connected(api) as client:
        task = asyncio.create_task(client.get(PATH))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        api.on_list = echo
        assert (await client.get(PATH))["method"] == "GET"
        assert api.connections == 2


async def test_429_is_tried_again_when_it_says_when() -> None:
    count = 0

    async def busy_once(exchange: Exchange) -> None:
        nonlocal count
        count += 1
        await (answers(429, "TooManyRequests", "Retry-After: 0.1\r\n") if count == 1 else echo)(exchange)

    async with FaultyApi(on_list=busy_once) as api, connected(api) as client:
        assert await client.get(PATH)
        assert len(api.requests) == 2
        count = 0
        with pytest.raises(TooManyRequests) as caught:
            await client.get(PATH, tries=1)
        assert caught.value.retry_after == 0.1
        api.on_list = answers(429, "TooManyRequests", "Retry-After: 60\r\n")
        with pytest.raises(TooManyRequests):
            await client.get(PATH)


@pytest.mark.parametrize("size", [1, 3, 100])
async def test_answers_cut_anywhere(size: int) -> None:
    async def chunked(exchange: Exchange) -> None:
        await exchange.stream()
        for part in crumbs(7)(json.dumps({"a": "ä" * 50}, ensure_ascii=False).encode()):
            await exchange.chunk(part)
        await exchange.raw(b"0\r\nTrailer: x\r\n\r\n")

    async with FaultyApi(on_list=chunked, cut=crumbs(size)) as api, connected(api) as client:
        for _ in range(2):
            assert await client.get(PATH) == {"a": "ä" * 50}
        assert api.connections == 1


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{]", ServerError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ServerError),
        (b"HTTP/1.1 301 Moved\r\nLocation: http://evil/\r\nContent-Length: 0\r\n\r\n", ServerError),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", Unreachable),
        (b"\x00" * 200_000, Unreachable),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000, Unreachable),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Unreachable),
        (b"HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\ngone", Gone),
        (b"HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n", Invalid),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"[" * 100_000, ServerError),
    ],
)
async def test_bad_answers_are_typed(raw: bytes, kind: type[ClusterError]) -> None:
    async def behave(exchange: Exchange) -> None:
        await exchange.raw(raw)
        exchange.writer.close()

    async with FaultyApi(on_list=behave) as api, connected(api) as client:
        with pytest.raises(ClusterError) as caught:
            await client.get(PATH)
        assert type(caught.value) is kind


async def test_an_answer_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "BODY_MAX", 1000)

    async def big(exchange: Exchange) -> None:
        await exchange.json("x" * 2000)

    async with FaultyApi(on_list=big) as api, connected(api) as client:
        with pytest.raises(ServerError) as caught:
            await client.get(PATH)
        assert caught.value.reason == "TooLarge"


async def test_a_path_prefix_and_a_plain_404() -> None:
    async with FaultyApi(on_list=plain_404) as api, connected(api, server=f"{api.url}/k8s/clusters/c-1") as client:
        with pytest.raises(NotFound, match="404 page not found"):
            await client.get(PATH)
        assert api.requests[0].path == f"/k8s/clusters/c-1{PATH}"


async def test_401_reads_the_token_again(tmp_path: Path) -> None:
    """The kubelet renewed it, and the minute is not over."""
    file = tmp_path / "token"
    file.write_text("old\n")

    async def wants_new(exchange: Exchange) -> None:
        good = exchange.request.headers["authorization"] == "Bearer new"
        await (echo if good else answers(401, "Unauthorized"))(exchange)

    async with FaultyApi(on_list=wants_new) as api, connected(api, bearer=FileBearer(file)) as client:
        with pytest.raises(Unauthorized):
            await client.get(PATH)
        file.write_text("new\n")
        assert await client.get(PATH)


async def test_lines() -> None:
    async def speak(exchange: Exchange) -> None:
        await exchange.stream()
        await exchange.chunk(b'{"a": 1}\n\n{"a"')
        await exchange.chunk(b": 2}\n")
        await exchange.raw(b"0\r\n\r\n")

    async with FaultyApi(on_list=speak) as api, connected(api) as client:
        assert [value async for value in client.lines(PATH)] == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [(garbage, ServerError), (mid_line, Unreachable), (silent, Unreachable), (answers(403), ClusterError)],
)
async def test_streams_end_with_an_error(behaviour: Any, kind: type[ClusterError]) -> None:
    async with FaultyApi(on_list=behaviour) as api, connected(api) as client:
        with pytest.raises(kind):
            async for _ in client.lines(PATH, idle=0.2):
                pass


async def test_the_idle_deadline_counts_from_read_to_read() -> None:
    async def slow(exchange: Exchange) -> None:
        await exchange.stream()
        for _ in range(8):
            await asyncio.sleep(0.1)
            await exchange.chunk(b"1")
        await exchange.chunk(b"\n")
        await exchange.raw(b"0\r\n\r\n")

    async with FaultyApi(on_list=slow) as api, connected(api) as client:
        assert [value async for value in client.lines(PATH, idle=0.4)] == [11111111]


async def test_a_stream_that_is_left_ends_its_connection() -> None:
    async with FaultyApi() as api, connected(api) as client:
        stream = client.lines(PATH, {"watch": True, "resourceVersion": "1"})
        async with aclosing(stream) as values:
            task = asyncio.create_task(anext(values))
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert client._pool._streams == 0


async def test_streams_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "STREAMS_MAX", 1)
    async with FaultyApi(on_list=silent) as api, connected(api) as client, client.stream(PATH):
        with pytest.raises(Unreachable, match="more than 1 streams"):
            async for _ in client.lines(PATH):
                pass


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA, and a certificate for `kubernetes` and 127.0.0.1 that serves as the client's too."""
    folder = tmp_path_factory.mktemp("tls")
    if not Path("/usr/bin/openssl").exists():
        pytest.skip("openssl is not installed")
    (folder / "ext").write_text("subjectAltName=DNS:kubernetes,IP:127.0.0.1\n")
    for command in (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -subj /CN=ca -days 2",
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout srv.key -out srv.csr -subj /CN=srv",
        "x509 -req -in srv.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out srv.crt -days 2 -extfile ext",
    ):
        subprocess.run(["/usr/bin/openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    return folder


def server_context(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "srv.crt", folder / "srv.key")
    context.load_verify_locations(folder / "ca.crt")
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


async def test_tls_with_a_client_certificate(certificates: Path) -> None:
    async def who(exchange: Exchange) -> None:
        peer = exchange.writer.get_extra_info("peercert")
        await exchange.json(dict(pair for part in peer["subject"] for pair in part) if peer else {})

    ca, cert, key = ((certificates / name).read_bytes() for name in ("ca.crt", "srv.crt", "srv.key"))
    async with FaultyApi(tls=server_context(certificates), on_list=who) as api:
        async with connected(api, ca=ca, certificate=cert, key=key) as client:
            assert await client.get(PATH) == {"commonName": "srv"}
        async with connected(api, ca=ca, tls_server_name="kubernetes") as client:
            assert await client.get(PATH) == {}
        async with connected(api, insecure=True) as client:
            assert await client.get(PATH) == {}


@pytest.mark.parametrize("more", [{}, {"tls_server_name": "other.example"}])
async def test_tls_that_is_not_trusted(certificates: Path, more: dict[str, Any]) -> None:
    ca = (certificates / "ca.crt").read_bytes()
    async with FaultyApi(tls=server_context(certificates), on_list=echo) as api:
        trusted = {"ca": ca, **more} if more else {"ca": (certificates / "srv.crt").read_bytes()[:0] or None}
        async with connected(api, **trusted) as client:
            with pytest.raises(Unreachable, match="not trusted") as caught:
                await client.get(PATH)
            assert caught.value.reason == "Certificate"


async def test_a_server_that_does_not_speak_tls() -> None:
    async with FaultyApi() as api, connected(api, server=f"https://127.0.0.1:{api.port}", insecure=True) as client:
        with pytest.raises(Unreachable):
            await client.get(PATH, deadline=1)
