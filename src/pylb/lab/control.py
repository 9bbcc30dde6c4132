"""The listening end of a lab's control socket: it checks who speaks, passes orders on, and answers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pylb.lab.errors import BadInput, LabError
from pylb.lab.protocol import LINE_LIMIT, decode, encode, failure

Order = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Control:
    """Serves orders by name; each takes a request and returns an answer, or raises LabError."""

    def __init__(self, orders: Mapping[str, Order]) -> None:
        self._orders = orders

    async def serve(self, listener: socket.socket) -> asyncio.AbstractServer:
        """Begin to serve on a listening socket."""
        return await asyncio.start_unix_server(self._talk, sock=listener, limit=LINE_LIMIT)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError):  # ValueError: a line without end
            if _ours(writer.get_extra_info("socket")):
                while line := await reader.readline():
                    writer.write(encode(await self.answer(line)))
                    await writer.drain()
        writer.close()

    async def answer(self, line: bytes) -> dict[str, Any]:
        """The answer to one request."""
        try:
            request = decode(line)
            what = str(request.get("do"))
            if what not in self._orders:
                raise BadInput(f"order {what!r}: not known; there are {', '.join(self._orders)}")
            return await self._orders[what](request)
        except LabError as error:
            return failure(error)


def _ours(peer: socket.socket) -> bool:
    """Whether the other end belongs to the user who runs this lab (another's id shows as nobody in here)."""
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _pid, uid, _gid = struct.unpack("3i", credentials)
    return bool(uid == os.getuid())
