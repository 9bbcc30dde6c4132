"""The pod proxy, and the embedded API server as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fakes.rest import Rest
from pylb.embedded.resources import NODES, PODS
from pylb.embedded.server import Options, Server, serve

TOKEN = "secret-of-the-test"
LIMIT_S = 20.0


class Pod:
    """A stand-in for a speaker: keeps what it was sent, answers by path, streams on /events."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.more = asyncio.Event()
        self.left = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.seen.append(head)
        if " /events" in head:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/jsonl\r\n\r\nfirst\n")
            await writer.drain()
            await self.more.wait()
            writer.write(b"second\n")
            with contextlib.suppress(ConnectionError):
                while await reader.read(1):
                    pass
            self.left.set()
        elif " /broken" in head:
            writer.write(b"nonsense\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\nx-own: yes\r\ncontent-type: text/x\r\n\r\nno")
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@pytest.fixture
async def place() -> AsyncIterator[tuple[Server, Rest, Pod, str]]:
    """A server, a client, a pod, and the path of the pod's proxy."""
    pod = Pod()
    listener = await asyncio.start_server(pod.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with serve(Options(token=TOKEN)) as server:
        server.store.create(NODES, "", {"metadata": {"name": "n1"}})
        spec = {"nodeName": "n1", "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": port}]}]}
        server.store.create(PODS, "default", {"metadata": {"name": "speaker"}, "spec": spec})
        await asyncio.sleep(0.05)
        status = {"phase": "Running", "podIP": "127.0.0.1"}
        server.store.update(PODS, "default", "speaker", lambda old: {**old, "status": status}, subresource="status")
        path = f"/api/v1/namespaces/default/pods/speaker:{port}/proxy"
        yield server, Rest(server.url, TOKEN), pod, path
        assert server.problems == []
    listener.close()
    await listener.wait_closed()


async def test_the_proxy_passes_path_query_and_headers_and_drops_the_token(place: Any) -> None:
    """The pod's own status, headers and body come back; the cluster's token never reaches a pod."""
    _, rest, pod, path = place
    answer = await rest.ask("GET", f"{path}/state?since=1&x=%2F", **{"x-pylb-token": "own"})
    assert (answer.status, answer.body, answer.headers["x-own"]) == (404, b"no", "yes")
    assert answer.headers["content-type"] == "text/x"
    head = pod.seen[0]
    assert head.startswith("GET /state?since=1&x=%2F HTTP/1.1\r\n")
    assert "x-pylb-token: own" in head.lower()
    assert "authorization" not in head.lower()
    assert TOKEN not in head
    first = path.rpartition(":")[0]
    assert (await rest.get(f"{first}/proxy/state")).status == 404, "without a port, the first one of the pod"
    assert len(pod.seen) == 2


async def test_streams_come_through_as_they_are_and_end_with_the_client(place: Any) -> None:
    """The first line arrives while the pod still holds the second back."""
    _, rest, pod, path = place
    async with rest.open("GET", f"{path}/events") as (head, chunks):
        assert head.status_code == 200
        assert await anext(chunks) == b"first\n"
        pod.more.set()
        assert await anext(chunks) == b"second\n"
    await asyncio.wait_for(pod.left.wait(), 5)


async def test_what_the_proxy_cannot_reach(place: Any) -> None:
    """No such pod, no address, nobody listening, a pod that speaks no HTTP, a port that is none."""
    server, rest, _, path = place
    base = "/api/v1/namespaces/default/pods"
    assert (await rest.get(f"{base}/none:80/proxy/x")).status == 404
    assert (await rest.get(f"{base}/speaker:none/proxy/x")).status == 400
    assert (await rest.get(f"{base}/https:speaker:80/proxy/x")).status == 400
    assert (await rest.get(f"{path}/broken")).status == 502
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        answer = await rest.get(f"{base}/speaker:{closed.getsockname()[1]}/proxy/x")
    assert (answer.status, answer.json["reason"]) == (503, "ServiceUnavailable")
    spec = {"containers": [{"name": "c", "image": "i"}], "nodeSelector": {"no": "such"}}
    server.store.create(PODS, "default", {"metadata": {"name": "new"}, "spec": spec})
    assert (await rest.get(f"{base}/new:80/proxy/x")).status == 503
    assert (await rest.get(f"{base}/speaker/log")).status == 501


async def start(*arguments: str, **more: Any) -> asyncio.subprocess.Process:
    """`python -m pylb.embedded`."""
    source = str(Path(__file__).parents[2] / "src")
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pylb.embedded", *arguments),
        env={**os.environ, "PYTHONPATH": source},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        **more,
    )


async def test_the_process_serves_on_sockets_that_it_is_handed_and_ends_cleanly(tmp_path: Path) -> None:
    """One bound, one listening already; one line when it serves; SIGTERM ends it with 0, open watches or not."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    bound, listening = socket.socket(), socket.socket()
    with bound, listening:
        for one in (bound, listening):
            one.bind(("127.0.0.1", 0))
        listening.listen()
        ports = [one.getsockname()[1] for one in (bound, listening)]
        numbers = (bound.fileno(), listening.fileno())
        handed = [flag for number in numbers for flag in ("--listen-fd", str(number))]
        process = await start(*handed, "--token-file", str(tmp_path / "token"), pass_fds=numbers)
    try:
        assert process.stdout is not None
        told = json.loads(await asyncio.wait_for(process.stdout.readline(), LIMIT_S))
        assert [address[1] for address in told["addresses"]] == ports
        clients = [Rest(f"http://127.0.0.1:{port}", TOKEN) for port in ports]
        assert (await clients[0].post("/api/v1/namespaces", {"metadata": {"name": "n"}})).status == 201
        assert (await clients[1].get("/api/v1/namespaces/n")).status == 200
        async with clients[0].watch("/api/v1/namespaces?watch=1") as events:
            assert (await anext(events))[0] == "ADDED"
            process.send_signal(signal.SIGTERM)
            out, err = await asyncio.wait_for(process.communicate(), LIMIT_S)
        assert (process.returncode, out, err) == (0, b"", b"")
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "nothing to listen on"),
        (("--listen", "8080"), "'8080' is not HOST:PORT"),
        (("--listen-fd", "99"), "'99' is not the number of an open socket"),
        (("--listen", "127.0.0.1:0", "--token-file", "/none"), "the token file /none cannot be read"),
        (("--listen", "127.0.0.1:0", "--node-grace", "-1"), "'-1' is not a number of seconds"),
        (("--listen", "127.0.0.1:0", "--service-network", "x"), "'x' is not a network"),
        (("--listen", "127.0.0.1:0", "--tls-cert", "/none"), "--tls-cert and --tls-key belong together"),
        (("--listen", "127.0.0.1:0", "--tls-cert", "/none", "--tls-key", "/none"), "cannot serve"),
        (("--listen", "192.0.2.1:1"), "cannot serve"),
    ],
)
async def test_bad_input_is_one_line_and_exit_2(arguments: tuple[str, ...], told: str) -> None:
    """It names the input; no traceback."""
    process = await start(*arguments)
    _, err = await asyncio.wait_for(process.communicate(), LIMIT_S)
    assert process.returncode == 2
    assert told in err.decode().splitlines()[-1]
    assert "Traceback" not in err.decode()
