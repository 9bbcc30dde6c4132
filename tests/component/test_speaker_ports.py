"""A speaker whose ports are still those of the one before it, which hands over and ends: on loopback."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from pylb.core.model import NodeName
from pylb.core.ownership.arbiter import Arbiter
from pylb.runtime.http import Server
from pylb.speaker import process
from pylb.speaker.heartbeat import Heartbeat, clock
from pylb.speaker.keyring import Keyring
from pylb.speaker.settings import Settings

ENDS_S = 0.25


@pytest.fixture
def before() -> Iterator[socket.socket]:
    """The one before has a port for its beats."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("0.0.0.0", 0))
        yield made


async def listen(port: int) -> None:
    heartbeat = Heartbeat(
        Arbiter(NodeName("n1"), 1, clock()), Keyring(b"a secret of 32 bytes, or so it is"), lambda now: None
    )
    server = Server({})
    settings = Settings(NodeName("n1"), bind="127.0.0.1", port=0, beat_port=port)
    try:
        await process._listen(SimpleNamespace(heartbeat=heartbeat), server, settings)  # type: ignore[arg-type]  # its part
    finally:
        heartbeat.close()
        await server.close()


async def test_it_waits_until_the_one_before_has_ended(before: socket.socket) -> None:
    port = before.getsockname()[1]
    asyncio.get_running_loop().call_later(ENDS_S, before.close)
    began = clock()
    await listen(port)
    assert ENDS_S <= clock() - began < process.PREDECESSOR


async def test_it_does_not_wait_for_ever(before: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PREDECESSOR", ENDS_S)
    with pytest.raises(OSError) as caught:
        await listen(before.getsockname()[1])
    assert caught.value.errno == errno.EADDRINUSE
