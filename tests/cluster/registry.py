"""A registry that has every image: whatever is asked for is the stand-in. It also tells stand-ins where to listen.

`GET /v2/…` as far as containerd asks (OCI distribution spec 1.1, section 3); `GET /stand-in/ports?address=POD-IP` says
`{"pod": "namespace/name", "ports": [{"protocol": "TCP", "number": 80}]}`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import h11

from cluster.images import MANIFEST, Image
from pylb.lab.podspec import key, ports

READ_SIZE = 1 << 16
TALK_LIMIT_S = 60.0
JSON = Mapping[str, Any]


class Registry:
    """Serves on an address until the process ends. `pods` and `services` give what the cluster has now."""

    def __init__(self, pods: Callable[[], Iterable[JSON]], services: Callable[[], Iterable[JSON]]) -> None:
        self.image: Image | None = None
        self._pods = pods
        self._services = services

    async def start(self, address: str, port: int) -> asyncio.AbstractServer:
        return await asyncio.start_server(self._talk, address, port)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = h11.Connection(h11.SERVER)
        with contextlib.suppress(OSError, asyncio.TimeoutError, h11.ProtocolError):
            await asyncio.wait_for(self._serve(http, reader, writer), TALK_LIMIT_S)
        writer.close()

    async def _serve(self, http: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while http.our_state is not h11.MUST_CLOSE:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await reader.read(READ_SIZE))
            elif isinstance(event, h11.Request):
                status, kind, body, digest = self.answer(event.target.decode("ascii", "replace"))
                headers = [("content-type", kind), ("content-length", str(len(body)))]
                headers += [("docker-content-digest", digest)] if digest else []
                writer.write(http.send(h11.Response(status_code=status, headers=headers)) or b"")
                if event.method != b"HEAD":
                    writer.write(http.send(h11.Data(data=body)) or b"")
                writer.write(http.send(h11.EndOfMessage()) or b"")
                await writer.drain()
            elif isinstance(event, h11.ConnectionClosed):
                return
            elif http.our_state is h11.DONE and http.their_state is h11.DONE:
                http.start_next_cycle()

    def answer(self, target: str) -> tuple[int, str, bytes, str]:
        """(status, content type, body, digest) of what is asked for."""
        url = urlsplit(target)
        if url.path == "/stand-in/ports":
            return 200, "application/json", json.dumps(self._where(parse_qs(url.query))).encode(), ""
        words = url.path.strip("/").split("/")
        if words == ["v2"]:
            return 200, "application/json", b"{}", ""
        if self.image is None or words[0] != "v2" or len(words) < 4:
            return 404, "text/plain", b"no such thing\n", ""
        kind, reference = words[-2:]
        if kind == "manifests":  # by tag or by digest: there is one image
            return 200, MANIFEST, self.image.blobs[self.image.manifest], self.image.manifest
        if kind == "blobs" and reference in self.image.blobs:
            return 200, "application/octet-stream", self.image.blobs[reference], reference
        return 404, "text/plain", b"no such blob\n", ""

    def _where(self, query: Mapping[str, list[str]]) -> JSON:
        address = "".join(query.get("address", []))
        for pod in self._pods():
            if any(one.get("ip") == address for one in pod.get("status", {}).get("podIPs") or ()):
                wanted = ports(pod, self._services())
                return {"pod": key(pod), "ports": [port._asdict() for port in sorted(wanted)], "linger_ms": 0}
        return {"pod": "", "ports": []}
