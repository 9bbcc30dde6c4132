"""The kubelet's port of a node: it accepts, and hangs up. While a lab's kubelet does not run, it refuses.

The socket belongs to the node's network namespace, the process does not: what is closed here is closed to the LAN.
"""

from __future__ import annotations

import asyncio
import socket

from pylb.lab import namespaces

KUBELET_PORT = 10250  # the kubelet's own, from the Node's status on a real cluster
BACKLOG = 128


class Door:
    """One node's."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._server: asyncio.Server | None = None

    @property
    def is_open(self) -> bool:
        """Whether it accepts."""
        return self._server is not None

    async def open(self) -> None:
        """Accept from now on; twice does no harm."""
        if self._server is None:
            made = namespaces.inside(self._namespace, _bind)
            self._server = await asyncio.start_server(_hang_up, sock=made, backlog=BACKLOG)

    def close(self) -> None:
        """Refuse from now on, or be silent with the node; twice does no harm."""
        if self._server is not None:
            self._server.close()
            self._server = None


def _bind() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("0.0.0.0", KUBELET_PORT))
    return made


async def _hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()
