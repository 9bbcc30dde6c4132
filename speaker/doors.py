"""Whether a node's port accepts, refuses or says nothing: TCP connections that are closed as soon as they stand.

What silence means is decided elsewhere; here it is no answer at all.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

from pylb.core.ownership.evidence import Port
from pylb.core.ownership.questions import Answer, Question

LIMIT = 1.0  # s that a connection may take to stand
PORTS = range(1, 1 << 16)
MAX_DOORS = 64  # connections under way at a time, one a node
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closed at once, nothing is left behind at either end


@dataclass(slots=True)
class _Knock:
    question: Question
    socket: socket.socket
    timer: asyncio.TimerHandle


class Doors:
    """The connections under way, in the running loop."""

    def __init__(self, on_answer: Callable[[Answer], None]) -> None:
        self._on_answer = on_answer
        self._knocks: dict[str, _Knock] = {}

    def __len__(self) -> int:
        return len(self._knocks)

    def ask(self, question: Question) -> bool:
        """Connect to (address, number); False if that node is being asked already, too many are, or no way leads there."""
        key = question.node or str(question.address)
        if key in self._knocks or len(self._knocks) >= MAX_DOORS or question.number not in PORTS:
            return False
        family = socket.AF_INET6 if question.address.version == 6 else socket.AF_INET
        try:
            made = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        except OSError:  # no descriptor left, or a kernel without IPv6
            return False
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        code = made.connect_ex((str(question.address), question.number))
        if code != errno.EINPROGRESS:
            made.close()
            return self._tell(question, code)
        loop = asyncio.get_running_loop()
        self._knocks[key] = _Knock(question, made, loop.call_later(LIMIT, self._end, key))
        loop.add_writer(made, self._on_ready, key)
        return True

    def close(self) -> None:
        """Give up all of them; no answer follows."""
        for key in list(self._knocks):
            self._end(key)

    def _on_ready(self, key: str) -> None:
        knock = self._knocks[key]
        code = knock.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._end(key)
        self._tell(knock.question, code)

    def _end(self, key: str) -> None:
        knock = self._knocks.pop(key)
        knock.timer.cancel()
        asyncio.get_running_loop().remove_writer(knock.socket)
        knock.socket.close()

    def _tell(self, question: Question, code: int) -> bool:
        """Tell what a finished connection showed; False if it showed nothing."""
        port = {0: Port.ACCEPTS, errno.ECONNREFUSED: Port.REFUSES}.get(code)
        if port is not None:
            self._on_answer(Answer(question, port=port))
        return port is not None
