"""Answers ARP for an address with a MAC that is another's, as an access point does for its stations, dead or alive:
`python parrot.py ADDRESS MAC`. Run as a program on a host of a lab, until SIGTERM.
"""

from __future__ import annotations

import signal
import socket
import sys

from pylb.lab import arping

DEVICE = "eth0"


def answer(address: str, mac: bytes) -> None:
    """Answer whoever asks, be it by unicast to the other."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(arping.ETH_P_ARP)) as link:
        link.bind((DEVICE, arping.ETH_P_ARP))
        while True:
            heard = arping.decode(link.recv(2048))
            if heard and (heard["op"], heard["target"]) == ("request", address):
                asker = bytes.fromhex(str(heard["mac"]).replace(":", ""))
                source = socket.inet_aton(str(heard["ip"]))
                link.send(arping.encode(arping.REPLY, asker, (mac, socket.inet_aton(address)), (asker, source)))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    print("{}", flush=True)
    answer(sys.argv[1], bytes.fromhex(sys.argv[2].replace(":", "")))
