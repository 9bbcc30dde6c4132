"""Asks the LAN by ARP who has an address, or listens to what is said, and prints JSON.

`python -I -S arping.py ADDRESS…` (as root of a lab's host): one line an address with every MAC that answered, not just
the first. `--listen` prints each ARP frame as it comes. Imports nothing of pylb, so it starts within 30 ms. An answer
to the asker repairs its kernel's neighbour entry: ask from the router where the client's must be left alone.
"""

from __future__ import annotations

import argparse
import json
import select
import signal
import socket
import struct
import time
from collections.abc import Iterator

ETH_P_ARP = 0x0806
REQUEST, REPLY = 1, 2
BROADCAST = b"\xff" * 6
FRAME = struct.Struct("!6s6sHHHBBH6s4s6s4s")  # Ethernet (RFC 894) and ARP (RFC 826)
SIOCGIFADDR = 0x8915  # linux/sockios.h
WAIT_S, ASKED = 0.3, 1


def encode(op: int, destination: bytes, sender: tuple[bytes, bytes], target: tuple[bytes, bytes]) -> bytes:
    """A frame; sender and target are (MAC, IPv4)."""
    return FRAME.pack(destination, sender[0], ETH_P_ARP, 1, 0x0800, 6, 4, op, *sender, *target)


def decode(frame: bytes) -> dict[str, object] | None:
    """What a frame says; None if it is no ARP for IPv4."""
    if len(frame) < FRAME.size:
        return None
    to, source, kind, hardware, protocol, _, _, op, mac, ip, target_mac, target = FRAME.unpack_from(frame)
    if (kind, hardware, protocol) != (ETH_P_ARP, 1, 0x0800):
        return None
    return {
        "op": {REQUEST: "request", REPLY: "reply"}.get(op, str(op)),
        "from": source.hex(":"),
        "to": to.hex(":"),
        "mac": mac.hex(":"),
        "ip": socket.inet_ntoa(ip),
        "target_mac": target_mac.hex(":"),
        "target": socket.inet_ntoa(target),
    }


def _open(device: str) -> socket.socket:
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
    link.bind((device, ETH_P_ARP))
    return link


def _own_address(device: str) -> bytes:
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as query:
        answer = fcntl.ioctl(query.fileno(), SIOCGIFADDR, struct.pack("256s", device.encode()))
    return answer[20:24]


def ask(device: str, addresses: list[str], wait: float, count: int, probe: bool) -> dict[str, list[dict[str, object]]]:
    """Who answers for each address within `wait` seconds of the last of `count` requests; a probe has no sender."""
    found: dict[str, list[dict[str, object]]] = {address: [] for address in addresses}
    with _open(device) as link:
        own = link.getsockname()[4]
        sender = (own, b"\0" * 4 if probe else _own_address(device))
        asked: dict[str, float] = {}
        for _ in range(count):
            for address in addresses:
                link.send(encode(REQUEST, BROADCAST, sender, (b"\0" * 6, socket.inet_aton(address))))
                asked[address] = time.monotonic()
            for frame in _frames(link, time.monotonic() + wait / count):
                heard = decode(frame)
                if heard and heard["op"] == "reply" and heard["target_mac"] == own.hex(":") and heard["ip"] in found:
                    address = str(heard["ip"])
                    ms = round((time.monotonic() - asked[address]) * 1000, 3)
                    found[address].append({"mac": heard["mac"], "from": heard["from"], "ms": ms})
    return found


def _frames(link: socket.socket, end: float) -> Iterator[bytes]:
    while (left := end - time.monotonic()) > 0:
        if select.select([link], [], [], left)[0]:
            yield link.recv(2048)


def listen(device: str, seconds: float) -> None:
    """Print each ARP frame with its Unix time; first an empty object, once it listens. SIGTERM ends it."""
    with _open(device) as link:
        print("{}", flush=True)
        for frame in _frames(link, time.monotonic() + seconds):
            heard = decode(frame)
            if heard:
                print(json.dumps({"at": time.time(), **heard}), flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="arping.py", description="Who answers by ARP?")
    parser.add_argument("address", nargs="*")
    parser.add_argument("--device", default="eth0")
    parser.add_argument("--wait", type=float, default=WAIT_S, help="seconds")
    parser.add_argument("--count", type=int, default=ASKED)
    parser.add_argument("--probe", action="store_true", help="as RFC 5227 asks, without an address of its own")
    parser.add_argument("--listen", type=float, metavar="SECONDS", help="print what is heard")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if arguments.listen:
        listen(arguments.device, arguments.listen)
        return
    for address, answers in ask(
        arguments.device, arguments.address, arguments.wait, arguments.count, arguments.probe
    ).items():
        print(json.dumps({"address": address, "answers": answers}))


if __name__ == "__main__":
    main()
