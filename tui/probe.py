"""A look at an address from this host: who answers ARP or ND for it, and whether its ports take connections.

No rights are needed: an empty datagram to the discard port makes the kernel ask for the neighbour, whose table then
tells. Who may open a packet socket also hears whether a second one answers. A look takes LIMIT_S at most.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Address
from itertools import islice

from pylb.core.explanation.wire import Answer, Vantage, WireSeen
from pylb.core.model import Address, Node, Port
from pylb.core.ranges import parse_address
from pylb.tui import arping, neighbours
from pylb.tui.neighbours import Neighbour, Route

LIMIT_S = 4.5  # the kernel gives an address up after three questions, 1 s each
CONNECT_S = 2.0  # for each port, all at once
POLL_S = 0.05
LISTEN_S = 0.6  # for answers to a question of our own
NETLINK_S = 1.0
MAX_DATAGRAMS = 1_000  # of one answer of the kernel's: 200,000 neighbours
MAX_PORTS = 4
MAX_FRAMES = 10_000  # that are looked at while listening
DISCARD = 9  # the port (RFC 863)
ROUTE = "there is no route to it from here"
OWN = "this host itself has the address"


async def look(
    address: str, ports: Sequence[Port], nodes: Mapping[str, Node], now: Callable[[], float] = time.time
) -> WireSeen:
    """What is seen of an address of a Service with these ports. Never raises for what the network does."""
    started, parsed = time.monotonic(), parse_address(address)
    route = await asyncio.to_thread(_route, parsed)
    vantage = await asyncio.to_thread(_vantage, route, nodes)
    tried = [asyncio.ensure_future(_connect(address, port)) for port in islice(ports, MAX_PORTS)]
    try:
        macs: tuple[str, ...] = ()
        confirmed = True
        if route is not None and not (route.gateway or route.local):
            macs, confirmed = await _ask(parsed, route.interface)
        answers = tuple(zip(ports, await asyncio.gather(*tried), strict=False))
    finally:
        for one in tried:
            one.cancel()
    took = time.monotonic() - started
    return WireSeen(now(), address, vantage, macs, answers, round(took, 3), confirmed)


def _vantage(route: Route | None, nodes: Mapping[str, Node]) -> Vantage:
    """Where we are: the way out, and which node of the cluster this host is."""
    host = socket.gethostname()
    node = next((name for name, one in nodes.items() if name == host or _is_here(one.internal_ips)), "")
    if route is None:
        return Vantage(host, node=node, obstacle=ROUTE)
    obstacle = OWN if route.local else ""
    return Vantage(host, _name(route.interface), route.gateway, node, obstacle)


def _is_here(addresses: Iterable[Address]) -> bool:
    return any((route := _route(one)) is not None and route.local for one in addresses)


def _name(interface: int) -> str:
    try:
        return socket.if_indextoname(interface)
    except OSError:
        return ""


def _route(address: Address) -> Route | None:
    found = _kernel(neighbours.ask_route(address), dump=False)
    return next((one for one in found if isinstance(one, Route)), None)


def _entry(address: Address, interface: int) -> Neighbour | None:
    found = _kernel(neighbours.ask_neighbours(address), dump=True)
    mine = (one for one in found if isinstance(one, Neighbour) and one.address == address)
    return next((one for one in mine if one.interface == interface), None)


def _kernel(question: bytes, *, dump: bool) -> list[Neighbour | Route]:
    """What the kernel answers; nothing where it does not."""
    found: list[Neighbour | Route] = []
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as link:
            link.settimeout(NETLINK_S)
            link.bind((0, 0))
            link.send(question)
            for _ in range(MAX_DATAGRAMS):
                data = link.recv(1 << 17)
                found += neighbours.read(data)
                kinds = {kind for kind, _ in neighbours.messages(data)}
                if not dump or kinds & {neighbours.DONE, neighbours.ERROR}:
                    break
    except OSError:
        return found
    return found


async def _ask(address: Address, interface: int) -> tuple[tuple[str, ...], bool]:
    """The MACs that answer, and whether one did so now; without any after a while, or at once where all gave up."""
    everybody = await asyncio.to_thread(_listen, address, interface)
    if everybody:
        return everybody, True
    deadline, held = time.monotonic() + LIMIT_S, ""
    if not _stir(address, interface):
        return (), True
    while time.monotonic() < deadline:
        entry = await asyncio.to_thread(_entry, address, interface)
        if entry is not None and entry.state & neighbours.CONFIRMED and entry.mac:
            return (entry.mac,), True
        if entry is not None and entry.state & neighbours.FAILED:
            return (), True
        held = entry.mac if entry is not None and entry.state & neighbours.HELD else held
        await asyncio.sleep(POLL_S)
    return ((held,), False) if held else ((), True)


def _stir(address: Address, interface: int) -> bool:
    """Have the kernel ask for the neighbour; whether it did."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    scope = (interface,) if address.version == 6 and address.is_link_local else (0,)
    where = (str(address), DISCARD) if address.version == 4 else (str(address), DISCARD, 0, *scope)
    try:
        with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as datagram:
            datagram.sendto(b"", where)
    except OSError:
        return False
    return True


def _listen(address: Address, interface: int) -> tuple[str, ...]:
    """All that answer a question of our own, first heard first; nothing where we may not ask, or of IPv6."""
    if not isinstance(address, IPv4Address):
        return ()
    found: dict[str, None] = {}
    try:
        with socket.socket(
            socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.htons(arping.ETHER_ARP)
        ) as wire:
            wire.bind((_name(interface), arping.ETHER_ARP))
            wire.send(arping.question(wire.getsockname()[4], address))
            deadline = time.monotonic() + LISTEN_S
            for _ in range(MAX_FRAMES):
                wire.settimeout(max(deadline - time.monotonic(), 0.001))
                mac = arping.answer(wire.recv(1 << 11), address)
                if mac:
                    found[mac] = None
    except (OSError, struct.error):
        return tuple(found)
    return tuple(found)


async def _connect(address: str, port: Port) -> Answer:
    if port.protocol != "TCP":
        return Answer.UNTRIED
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(address, port.number), CONNECT_S)
    except ConnectionRefusedError:
        return Answer.REFUSED
    except asyncio.TimeoutError:
        return Answer.SILENT
    except OSError as error:
        return Answer.REFUSED if error.errno == errno.ECONNRESET else Answer.SILENT
    writer.close()
    return Answer.OPEN
