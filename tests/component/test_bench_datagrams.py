"""The client that sends datagrams tells each one's fate: answered, or lost."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "bench" / "_datagrams.py"
EVERY_MS = 5
DEAF = range(10, 13)  # the datagrams that are not answered
ENOUGH = 40  # datagrams after which these are waited for: each is given up after a while
WAIT = 10.0  # s


def serve(link: socket.socket) -> None:
    """Send each datagram back behind other words, but for some."""
    while True:
        data, sender = link.recvfrom(2048)
        if not data:
            return
        if int(data) not in DEAF:
            link.sendto(b"pod from somewhere\n" + data, sender)


def test_an_answer_that_does_not_come_is_a_lost_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=serve, args=(link,), daemon=True)
        thread.start()
        words = [sys.executable, "-I", "-S", str(PROGRAM), "127.0.0.1", str(link.getsockname()[1]), str(EVERY_MS)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as client:
            try:
                assert client.stdout is not None
                assert client.stdout.readline() == "\n"
                told = []
                while len(told) < ENOUGH or sum(not one["ok"] for one in told) < len(DEAF):
                    told.append(json.loads(client.stdout.readline()))
            finally:
                client.terminate()
                client.wait(WAIT)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", link.getsockname())
        thread.join(WAIT)
    assert {one["text"] for one in told if not one["ok"]} == {"lost"}
    assert sum(not one["ok"] for one in told) == len(DEAF)
    assert all(one["kind"] == "request" and one["ms"] >= 0 for one in told)
