"""Cuts a stream of bytes into lines, however it was split on its way; it knows no JSON."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from pylb.kube.errors import ServerError, Unreachable

LINE_MAX = 16 * 1024 * 1024  # bytes of a line; an object is at most 1.5 MiB in etcd, and managedFields come on top


async def split_lines(parts: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The lines of the stream, without their ends.

    Raises ServerError(reason=TooLarge) for a line above LINE_MAX, and Unreachable for a stream that ends in a line.
    """
    buffer = bytearray()
    async for part in parts:
        searched = len(buffer)
        buffer += part
        start = 0
        while (end := buffer.find(b"\n", max(start, searched))) >= 0:
            yield bytes(buffer[start:end])
            start = end + 1
        del buffer[:start]
        if len(buffer) > LINE_MAX:
            raise ServerError(f"a line of more than {LINE_MAX} bytes", reason="TooLarge")
    if buffer.strip():
        raise Unreachable("the stream ended in the middle of a line", reason="Broken")
