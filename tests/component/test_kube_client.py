"""Requests and their answers over real sockets: verbs, errors by type, and answers cut anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fakes.asking import PATH, connected, echo
from fakes.faulty_api import Exchange, FaultyApi, answers, crumbs, plain_404
from pylb.kube import pool
from pylb.kube.bearer import FileBearer, StaticBearer
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
