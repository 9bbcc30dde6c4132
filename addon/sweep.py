"""Who has these addresses? Asked of the LAN by ARP from a raw socket, or by whoever may not: through the kernel.

Without the right to open a raw socket a datagram to each address makes the kernel ask, and its neighbour table has the
answers. Either way takes a bounded time and sends two small frames an address. What the answers mean is not known here.
"""

from __future__ import annotations

import errno
import select
import socket
import struct
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from pylb.addon.iproute import Neighbour
from pylb.core.model import Address

MAX_TARGETS = 512  # addresses that are asked for at once; a kernel holds 1024 neighbours by default
LIMIT_S = 1.2  # for one sweep, however many targets
ROUNDS = 2  # times that an address is asked for: a broadcast can be lost, on Wi-Fi often
_BURST, _PAUSE_S = 16, 0.01  # frames that are sent at once, and the rest after it: 512 take 0.3 s
_DISCARD = 9  # UDP port of RFC 863: nobody listens, and nothing is said
_ETH_P_ARP = 0x0806
_FRAME = struct.Struct("!6s6sHHHBBH6s4s6s4s")  # Ethernet (RFC 894) and ARP (RFC 826)
_REQUEST, _REPLY = 1, 2


@dataclass(frozen=True, slots=True)
class Sweep:
    """Who answered. `obstacle` says why nobody was asked, where that is so."""

    answers: dict[Address, str] = field(default_factory=dict)  # address -> MAC
    obstacle: str = ""


def sweep(device: str, own: Address, targets: Sequence[Address], table: Callable[[], Iterable[Neighbour]]) -> Sweep:
    """Ask for each target on a device that has the address `own`; `table` reads the kernel's neighbours."""
    if len(targets) > MAX_TARGETS:
        return Sweep(obstacle=f"more than {MAX_TARGETS} addresses")
    try:
        socket.if_nametoindex(device)
    except OSError:
        return Sweep(obstacle=f"there is no interface {device}")
    if isinstance(own, IPv4Address):
        try:
            return Sweep(_by_packets(device, own, [one for one in targets if isinstance(one, IPv4Address)]))
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EACCES):
                return Sweep(obstacle=f"{device}: {error.strerror or error}")
    return _by_kernel(device, targets, table)


def _by_packets(device: str, own: IPv4Address, targets: Sequence[IPv4Address]) -> dict[Address, str]:
    answers: dict[Address, str] = {}
    end = time.monotonic() + LIMIT_S
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ARP)) as link:
        link.bind((device, _ETH_P_ARP))
        mac = link.getsockname()[4]
        for lap in range(ROUNDS):
            missing = [one for one in targets if one not in answers]
            for start in range(0, len(missing), _BURST):
                for target in missing[start : start + _BURST]:
                    link.send(_request(mac, own, target))
                _listen(link, mac, answers, time.monotonic() + _PAUSE_S)
            _listen(link, mac, answers, end - (ROUNDS - 1 - lap) * LIMIT_S / ROUNDS)
    return {one: answers[one] for one in targets if one in answers}


def _request(mac: bytes, own: IPv4Address, target: IPv4Address) -> bytes:
    head = (b"\xff" * 6, mac, _ETH_P_ARP, 1, 0x0800, 6, 4, _REQUEST)
    return _FRAME.pack(*head, mac, own.packed, b"\0" * 6, target.packed)


def _listen(link: socket.socket, mac: bytes, answers: dict[Address, str], end: float) -> None:
    """Take replies to `mac` until then."""
    while (left := end - time.monotonic()) > 0:
        if not select.select([link], [], [], left)[0]:
            return
        frame = link.recv(2048)
        if len(frame) < _FRAME.size:
            continue
        *_, operation, sender, address, target, _ = _FRAME.unpack_from(frame)
        if operation == _REPLY and target == mac and sender != mac:
            answers.setdefault(IPv4Address(address), sender.hex(":"))


def _by_kernel(device: str, targets: Sequence[Address], table: Callable[[], Iterable[Neighbour]]) -> Sweep:
    """Have the kernel ask: a datagram of no content to each, then a look into its table."""
    sent = 0
    for _ in range(ROUNDS):
        for start in range(0, len(targets), _BURST):
            sent += sum(_nudge(device, one) for one in targets[start : start + _BURST])
            time.sleep(_PAUSE_S)
    if not sent:
        return Sweep(obstacle="the kernel sends nothing there")
    time.sleep(LIMIT_S / ROUNDS)
    wanted = set(targets)
    return Sweep({one.address: one.mac for one in table() if one.device == device and one.address in wanted})


def _nudge(device: str, target: Address) -> bool:
    family = socket.AF_INET if isinstance(target, IPv4Address) else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as knock:
            knock.setblocking(False)
            with suppress(PermissionError):  # before Linux 5.7; the route decides then
                knock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            knock.sendto(b"", (str(target), _DISCARD))
    except OSError:
        return False
    return True
