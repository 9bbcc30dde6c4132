"""Asks by ARP who has an address, again and again, and prints each answer as JSON: `python asker.py ADDRESS EVERY_MS`.

A third word names another device than eth0. Run as a program on a host of a lab, until SIGTERM.
"""

from __future__ import annotations

import json
import select
import signal
import socket
import sys
import time

from pylb.lab import arping


def ask(address: str, every: float, device: str = "eth0") -> None:
    """A question each `every` seconds; an answer is told with the number of the question that it came after."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(arping.ETH_P_ARP)) as link:
        link.bind((device, arping.ETH_P_ARP))
        own: bytes = link.getsockname()[4]
        asked, due = 0, time.monotonic()
        while True:
            if time.monotonic() >= due:
                probe = arping.encode(
                    arping.REQUEST, arping.BROADCAST, (own, b"\0" * 4), (b"\0" * 6, socket.inet_aton(address))
                )
                link.send(probe)
                asked, due = asked + 1, max(due + every, time.monotonic())
            if select.select([link], [], [], max(0.0, due - time.monotonic()))[0]:
                heard = arping.decode(link.recv(2048))
                if heard and (heard["op"], heard["ip"], heard["to"]) == ("reply", address, own.hex(":")):
                    print(json.dumps({"at": time.time(), "asked": asked, "mac": heard["mac"]}), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    print("{}", flush=True)
    ask(sys.argv[1], float(sys.argv[2]) / 1000, *sys.argv[3:])
