"""Asks for a page again and again on one connection, and prints each answer's time as JSON: `python talker.py ADDRESS PORT`.

Run as a program on a host of a lab, until SIGTERM. It connects once: a connection that breaks ends it.
"""

from __future__ import annotations

import http.client
import json
import sys
import time

EVERY_S, LIMIT_S = 0.05, 5.0


def talk(address: str, port: int) -> None:
    """Ask until the connection breaks, or the other end does not answer in time."""
    connection = http.client.HTTPConnection(address, port, timeout=LIMIT_S)
    connection.connect()
    connection.auto_open = 0  # once, and never again
    while True:
        connection.request("GET", "/")
        connection.getresponse().read()
        print(json.dumps({"at": time.time()}), flush=True)
        time.sleep(EVERY_S)


if __name__ == "__main__":
    try:
        talk(sys.argv[1], int(sys.argv[2]))
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"the connection broke: {type(error).__name__}")
