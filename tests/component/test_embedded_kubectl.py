"""What kubectl does against the embedded API server: as it was recorded, and live where there is a kubectl."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fakes.rest import Rest
from pylb.embedded.certificate import make
from pylb.embedded.resources import SERVICES
from pylb.embedded.server import Options, Server, serve

DATA = Path(__file__).parents[1] / "data"
RECORDED = [(path.stem, json.loads(path.read_text())) for path in sorted((DATA / "kubectl").glob("*.json"))]
NEEDED = ("kubectl", "openssl")
LIMIT_S = 40.0  # for one command

live = [
    pytest.mark.kubectl,
    pytest.mark.skipif(
        any(shutil.which(p) is None for p in NEEDED), reason=f"needs the programs {' and '.join(NEEDED)}"
    ),
    pytest.mark.timeout(180),
]


async def test_recorded_requests_are_answered_as_when_they_were_recorded() -> None:
    """Raw bodies of kubectl, protobuf among them; only versions and uids are those of the objects that are there."""
    assert len(RECORDED) > 30
    async with serve(Options(token="recorded")) as server:
        rest = Rest(server.url, "recorded")
        for name, command in RECORDED:
            for request in command["requests"]:
                await _settled()
                body = await _of_this_server(rest, request)
                answer = await rest.ask(request["method"], request["target"], body, request["content_type"])
                assert answer.status == request["status"], (name, request["target"], answer.body)
        assert server.problems == []
        nginx = server.store.get(SERVICES, "default", "nginx-80")
        told = {k: v for k, v in nginx["spec"]["ports"][0].items() if k != "nodePort"}
        assert told == {"port": 80, "protocol": "TCP", "targetPort": 80}


async def _settled() -> None:
    """Give the controllers their turn."""
    for _ in range(20):
        await asyncio.sleep(0)


async def _of_this_server(rest: Rest, request: dict[str, Any]) -> bytes:
    raw = base64.b64decode(request["body"])
    if request["method"] != "PUT":
        return raw
    body = json.loads(raw)
    meta = (await rest.get(request["target"].partition("?")[0])).json["metadata"]
    body["metadata"] |= {k: meta[k] for k in ("uid", "resourceVersion") if k in body["metadata"]}
    return json.dumps(body).encode()


def test_the_recording_holds_protobuf_and_names_no_machine() -> None:
    """So that the replay above means something, and so that it may be published."""
    kinds = {request["content_type"] for _, command in RECORDED for request in command["requests"]}
    assert "application/vnd.kubernetes.protobuf" in kinds
    text = "".join(json.dumps(command) for _, command in RECORDED)
    bodies = b"".join(base64.b64decode(r["body"]) for _, command in RECORDED for r in command["requests"])
    assert not [word for word in ("/tmp", "/home", "/root", "/work") if word in text or word.encode() in bodies]


class Kubectl:
    """The machine's kubectl, with a home and a kubeconfig of its own."""

    def __init__(self, home: Path, server: Server, authority: Path) -> None:
        self.server, self._home = server, home
        self._flags = (f"--server={server.url}", f"--token={server.token}", f"--certificate-authority={authority}")

    async def start(self, *command: str) -> asyncio.subprocess.Process:
        """A kubectl that runs on; its standard error goes where its output goes."""
        return await asyncio.create_subprocess_exec(
            *("kubectl", *self._flags, *command),
            env={"PATH": os.environ["PATH"], "HOME": str(self._home), "KUBECONFIG": str(self._home / "none")},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def __call__(self, command: str | list[str], text: str = "", code: int = 0) -> str:
        """What a command prints; it must end with `code`."""
        process = await self.start(*(command.split() if isinstance(command, str) else command))
        out, _ = await asyncio.wait_for(process.communicate(text.encode()), LIMIT_S)
        assert process.returncode == code, (command, out.decode())
        return out.decode()


@pytest.fixture
async def kubectl(tmp_path: Path) -> AsyncIterator[Kubectl]:
    """kubectl and a server with TLS, a token and three nodes."""
    cert, key = make(tmp_path, ["127.0.0.1"])
    async with serve(Options(token="secret-of-the-test", tls_cert=str(cert), tls_key=str(key))) as server:
        typed = Kubectl(tmp_path, server, cert)
        for name in ("n1", "n2", "n3"):
            await typed("create -f -", f"apiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}")
        yield typed
        assert server.problems == []


def _mark(test: Any) -> Any:
    for mark in live:
        test = mark(test)
    return test


@_mark
async def test_live_kubectl_does_what_was_recorded(tmp_path: Path) -> None:
    """Each recorded command, typed: the same exit code and the same lines."""
    cert, key = make(tmp_path, ["127.0.0.1"])
    async with serve(Options(token="t", tls_cert=str(cert), tls_key=str(key))) as server:
        typed = Kubectl(tmp_path, server, cert)
        for _, command in RECORDED:
            out = await typed(command["command"], command["stdin"], command["exit"])
            assert command["printed"] in out.replace(" from default namespace", ""), "kubectl 1.33 and later say so"
        assert server.problems == []


@_mark
async def test_drains_and_what_the_server_lacks(kubectl: Kubectl) -> None:
    """drain deletes; logs say that there are none; a body that cannot be read is told as the real server does."""
    await kubectl("create deploy web --image=web --port=80")
    assert "drained" in await kubectl("drain n1 --force")
    assert "SchedulingDisabled" in await kubectl("get nodes")
    assert "NotImplemented" in await kubectl("logs deploy/web", code=1)
    assert "deployment.apps/web" in await kubectl("get all")
    assert "cannot unmarshal string" in await kubectl(
        "create --validate=false -f -",
        "apiVersion: v1\nkind: Service\nmetadata: {name: s, annotations: wrong}\nspec: {ports: [{port: 1}]}",
        1,
    )
