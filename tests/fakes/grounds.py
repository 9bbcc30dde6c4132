"""A real API server as a stage for `fakes.fates`: a front that a test stands in, and `kubectl proxy` behind it, by which
users get through too."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fakes import lives
from fakes.cluster import OURS, advertisement, pool
from fakes.fates import EVENTS, Front
from fakes.rest import Rest
from fakes.rivals import LEASE, RANGE
from pylb.core.verdicts import API_VERSION, CONTROLLER
from pylb.embedded.http import Connection, Handler, end
from pylb.embedded.messages import Request, Response

PASSED_ON = ("accept", "user-agent")
ENDS_S = 5.0
ADVERTISEMENTS = "/apis/metallb.io/v1beta1/namespaces/metallb-system/l2advertisements"
MEMORY = f"{OURS}/configmaps/pylb-memory"
VERDICT = f"/apis/{API_VERSION}/namespaces/pylb-system/configurationstates/{CONTROLLER.name}"
GONE = (200, 202, 404)


class Door:
    """Listens on a free port of 127.0.0.1; whoever stands in it answers."""

    def __init__(self, handler: Handler) -> None:
        self.handler, self.url = handler, ""
        self._guests: set[asyncio.Future[object]] = set()

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        guest = asyncio.ensure_future(Connection(reader, writer, self._answer).run())
        self._guests.add(guest)
        try:
            await guest
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._guests.discard(guest)

    async def _answer(self, request: Request) -> Response:
        return await self.handler(request)

    async def shut(self) -> None:
        """Cut all connections."""
        await end({*self._guests})


@dataclass
class RealStage:
    """The front, and the API server behind it."""

    rest: Rest
    server: Front = field(init=False)

    async def forward(self, request: Request) -> Response:
        """What the API server answers; a stream ends after a silence of `fakes.rest.LIMIT_S`."""
        kind = request.headers.get("content-type", "application/json")
        passed = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        if not request.flag("watch"):
            answer = await self.rest.ask(request.method, request.target, request.body, kind, **passed)
            return Response(answer.status, answer.body, answer.headers["content-type"])
        async with contextlib.AsyncExitStack() as stack:
            asked = self.rest.open(request.method, request.target, request.body, kind, **passed)
            head, chunks = await stack.enter_async_context(asked)
            if head.status_code != 200:
                return Response(head.status_code, b"".join([chunk async for chunk in chunks]))
            return Response(200, stream=_passed_on(chunks, stack.pop_all()))

    async def clear(self) -> None:
        """What a play finds: nothing of another one."""
        for path in (lives.SERVICES, lives.POOLS, ADVERTISEMENTS, EVENTS):
            for one in (await self.rest.get(path)).json["items"]:
                if one["metadata"]["name"] != "kubernetes":
                    await self._delete(f"{path}/{one['metadata']['name']}")
        for path in (MEMORY, LEASE, VERDICT):
            await self._delete(path)
        for path, body in ((lives.POOLS, pool("p", RANGE)), (ADVERTISEMENTS, advertisement())):
            answer = await self.rest.post(path, body)
            assert answer.status == 201, answer.body

    async def _delete(self, path: str) -> None:
        answer = await self.rest.delete(path)
        assert answer.status in GONE, answer.body


async def _passed_on(
    chunks: AsyncIterator[bytes], stack: contextlib.AsyncExitStack[bool | None]
) -> AsyncGenerator[bytes, None]:
    async with stack:
        with contextlib.suppress(asyncio.TimeoutError, ConnectionError):
            async for chunk in chunks:
                yield chunk


@contextlib.asynccontextmanager
async def stage(url: str) -> AsyncIterator[RealStage]:
    """The stage, whose API server is at a URL that wants no credentials; cleared."""
    made = RealStage(Rest(url))
    door = Door(made.forward)
    server = await asyncio.start_server(door.meet, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    door.url, made.server = f"http://{host}:{port}", door
    await made.clear()
    try:
        yield made
    finally:
        server.close()
        await door.shut()
        await made.clear()


@contextlib.contextmanager
def proxied(kubectl: Path, kubeconfig: Path) -> Iterator[str]:
    """The URL of a `kubectl proxy`."""
    command = [str(kubectl), f"--kubeconfig={kubeconfig}", "proxy", "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            said = process.stdout.readline()
            found = re.search(r"127\.0\.0\.1:\d+", said)
            assert found, said
            yield f"http://{found[0]}"
        finally:
            process.terminate()
            process.wait(ENDS_S)
