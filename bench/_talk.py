"""Asks for a page again and again on one connection, and prints the Unix time of each answer, after an empty line.

`python -I -S _talk.py ADDRESS PORT` on a lab's client; it ends when the connection breaks. Imports nothing of pylb.
"""

from __future__ import annotations

import http.client
import json
import sys
import time

EVERY, LIMIT = 0.05, 10.0  # s


def talk(address: str, port: int) -> None:
    """Ask until the connection breaks."""
    connection = http.client.HTTPConnection(address, port, timeout=LIMIT)
    connection.connect()
    connection.auto_open = 0  # once, and never again
    print(flush=True)
    while True:
        connection.request("GET", "/")
        connection.getresponse().read()
        print(json.dumps({"at": time.time()}), flush=True)
        time.sleep(EVERY)


if __name__ == "__main__":
    talk(sys.argv[1], int(sys.argv[2]))
