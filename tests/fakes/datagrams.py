"""Sends datagrams from one port of a host and prints what comes back: `python datagrams.py ADDRESS PORT FROM TIMES`.

One JSON text a line; an error's name where nothing comes.
"""

from __future__ import annotations

import json
import socket
import sys

WAIT_S = 0.3


def main() -> None:
    """The command line."""
    address, port, own, times = sys.argv[1], *map(int, sys.argv[2:5])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(WAIT_S)
        link.bind(("", own))
        for _ in range(times):
            link.sendto(b"hello", (address, port))
            try:
                print(json.dumps(link.recv(2048).decode()))
            except OSError as error:
                print(json.dumps(type(error).__name__))


if __name__ == "__main__":
    main()
