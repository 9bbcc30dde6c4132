"""Sends what nobody should send, from a host of a lab: `python noise.py frames|beats …`. Run as a program.

`frames COUNT SEED ADDRESS` puts frames on eth0: random bytes, and ARP that is cut off at each length. `beats KEY PORT
ADDRESS…` sends datagrams to speakers: garbage, beats signed with KEY, and some that are too long. `replay SECONDS FROM TO
PORT` sends the beats that came in from one host again, to another. All print what they sent as JSON.
"""

from __future__ import annotations

import json
import random
import socket
import sys
import time
from ipaddress import IPv4Address

from pylb.speaker import arp
from pylb.speaker import beat as codec
from pylb.speaker.keyring import derive

DEVICE, ETHERTYPE_IP = "eth0", 0x0800
MANY = 20  # of each kind of datagram


def frames(count: int, seed: int, address: str) -> dict[str, int]:
    """Frames to everybody; the longest is 1514 bytes."""
    rng = random.Random(seed)  # noqa: S311 - the same noise each time
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
        link.bind((DEVICE, 0))
        own: bytes = link.getsockname()[4]
        whole = arp.request(IPv4Address(address), IPv4Address("0.0.0.0"), own)
        cut = [whole[:length] for length in range(14, 42)]
        wrong = [bytearray(whole) for _ in range(count)]
        for one in wrong:
            one[rng.randrange(14, 22)] ^= 1 << rng.randrange(8)  # another hardware, protocol, length or operation
        heads = [b"\xff" * 6 + own + kind for kind in (b"\x08\x06", b"\x08\x00", b"\x86\xdd", b"\x88\xcc")]
        noise = [rng.choice(heads) + rng.randbytes(rng.randrange(1501)) for _ in range(count)]
        for frame in (*cut, *map(bytes, wrong), *noise):
            link.send(frame)
    return {"cut": len(cut), "wrong": len(wrong), "noise": len(noise)}


def beats(key: str, port: int, addresses: list[str]) -> dict[str, int]:
    """Datagrams that no speaker of the cluster sends; how many of each flaw each address got."""
    found = derive(key.encode())
    wrong = [
        codec.encode(codec.Beat(found.cluster, node, codec.State.LEAVING, 2**64 - 1, 2**63 + number), found.signing)
        for number in range(MANY)
        for node in ("n1", "n2", "n3")
    ]
    kinds = {
        "other_key": wrong,
        "too_short": [b"", b"PLB", b"\0" * 10],
        "not_ours": [bytes([number]) * 200 for number in range(MANY)],
        "too_long": [b"PLB" + b"\0" * 1400] * 3,
        "other_version": [b"PLB\xff" + b"\0" * 100] * 3,
    }
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        for address in addresses:
            for datagrams in kinds.values():
                for datagram in datagrams:
                    link.sendto(datagram, (address, port))
    return {kind: len(datagrams) for kind, datagrams in kinds.items()}


def replay(seconds: float, sender: str, to: str, port: int) -> dict[str, int]:
    """Hear a speaker's beats as they come in here, and send them again, later, to another node."""
    heard: list[bytes] = []
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETHERTYPE_IP)) as link:
        link.bind((DEVICE, ETHERTYPE_IP))
        link.settimeout(seconds)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            packet = link.recv(2048)
            if (
                packet[9] == socket.IPPROTO_UDP
                and packet[12:16] == socket.inet_aton(sender)
                and packet[28:31] == b"PLB"
            ):
                heard.append(packet[28:])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for datagram in heard:
            out.sendto(datagram, (to, port))
    return {"stale": len(heard)}


def main() -> None:
    what, *words = sys.argv[1:]
    if what == "frames":
        told = frames(int(words[0]), int(words[1]), words[2])
    elif what == "beats":
        told = beats(words[0], int(words[1]), words[2:])
    else:
        told = replay(float(words[0]), words[1], words[2], int(words[3]))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
