"""Sends beats from a node's address under a key that nobody has: `python forger.py NODE ADDRESS PORT TO...`, as whoever is
on the LAN can. Run as a program on a host of a lab, until SIGTERM.
"""

from __future__ import annotations

import secrets
import signal
import socket
import struct
import sys
import time
from collections.abc import Sequence

from pylb.speaker import beat
from pylb.speaker.keyring import derive

EVERY_S = 0.05  # twice as often as a speaker


def forged(node: str, source: str, target: str, port: int, sequence: int) -> bytes:
    """An IPv4 packet with a beat that says that its sender takes part; the kernel fills in length and checksum."""
    key = derive(secrets.token_bytes(32))
    said = beat.encode(beat.Beat(key.cluster, node, beat.State.ACTIVE, 1, sequence), key.signing)
    udp = struct.pack("!HHHH", port, port, 8 + len(said), 0) + said
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    return struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_UDP, 0) + ends + udp


def forge(node: str, source: str, port: int, targets: Sequence[str]) -> None:
    """Until the end."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as out:
        sequence = 0
        while True:
            sequence += 1
            for target in targets:
                out.sendto(forged(node, source, target, port, sequence), (target, 0))
            time.sleep(EVERY_S)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    print("{}", flush=True)
    forge(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
