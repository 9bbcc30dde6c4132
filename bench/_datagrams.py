"""Sends a datagram again and again from one port, and prints each with its answer as JSON; SIGTERM ends it.

`python -I -S _datagrams.py ADDRESS PORT EVERY_MS` on a lab's client; the other end sends back what it got, behind words of
its own. The lines are those of `pylb.lab.probe --each`; a datagram is given up after LIMIT. Imports nothing of pylb.
"""

from __future__ import annotations

import json
import select
import signal
import socket
import sys
import time

LIMIT = 0.5  # s


def send(address: str, port: int, every: float) -> None:
    """A datagram each `every` seconds; it says which it is."""
    waiting: dict[int, float] = {}  # number -> when it was sent
    number, due = 0, time.time()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.connect((address, port))
        while True:
            now = time.time()
            if now >= due:
                waiting[number], number, due = now, number + 1, max(due + every, now)
                try:
                    link.send(f"{number - 1}\n".encode())
                except OSError as error:  # a port is closed, or nobody has the address: so said the kernel
                    tell(waiting.pop(number - 1), now, type(error).__name__)
            for late in [one for one, at in waiting.items() if now > at + LIMIT]:
                tell(waiting.pop(late), now, "lost")
            if select.select([link], [], [], max(0.0, due - time.time()))[0]:
                answer(link, waiting)


def answer(link: socket.socket, waiting: dict[int, float]) -> None:
    """Take an answer in."""
    try:
        said = link.recv(2048)
    except OSError:  # about an earlier one, which is waited for
        return
    known = int(said.split()[-1])
    if known in waiting:
        tell(waiting.pop(known), time.time(), "")


def tell(sent: float, now: float, error: str) -> None:
    """A line for a datagram."""
    line = {"kind": "request", "at": sent, "ms": (now - sent) * 1000, "ok": not error, "text": error}
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    print(flush=True)
    send(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]) / 1000)
