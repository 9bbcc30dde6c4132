"""Carries connections from a socket made outside all namespaces to the API server inside."""

from __future__ import annotations

import asyncio
import contextlib
import socket

CHUNK = 1 << 16


class Forward:
    """One listening socket, one address behind it. An address that does not answer closes the connection."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)

    async def start(self, listener: socket.socket) -> asyncio.AbstractServer:
        return await asyncio.start_server(self._carry, sock=listener)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._to)
        except OSError:
            writer.transport.abort()
            return
        for end in (writer, far_writer):  # else Nagle and delayed acknowledgements cost 40 ms a request
            end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.gather(_pipe(reader, far_writer), _pipe(far_reader, writer))
        writer.close()
        far_writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
