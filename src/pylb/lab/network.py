"""The network of a lab: its bridges in the namespace `lan`, and a namespace with cables for each host.

It is built with `ip -batch`: a LAN of three nodes stands after 15 to 60 ms, while to import pyroute2 alone takes 100 ms.
What runs in the hosts is not its business. The functions up to `Network` are pure.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterable
from ipaddress import IPv4Address
from pathlib import Path

from pylb.lab import namespaces
from pylb.lab.children import Children
from pylb.lab.errors import LabError
from pylb.lab.plan import INTERNET, LINK, MAC_PREFIX, MANAGEMENT, ULA, Host, Plan

LAN = "lan"  # the namespace of all bridges and of the API server
LAN_BRIDGE, MANAGEMENT_BRIDGE, SECOND_BRIDGE = "lan0", "mgmt0", "second0"
CABLES = {"lan": "l", "management": "m", "second": "s"}  # port of a host on a bridge: "l-n1", "m-n1"
SECOND_METRIC = 600  # of routes by a second card on the LAN, as NetworkManager has it for Wi-Fi
CARRIER_LIMIT_S, CARRIER_EVERY_S = 5.0, 0.002
_SYSCTLS = {
    "net/ipv4/conf/all/rp_filter": 0,
    "net/ipv4/conf/default/rp_filter": 0,
    "net/ipv6/conf/all/disable_ipv6": 0,
    "net/ipv6/conf/default/disable_ipv6": 0,
    "net/ipv6/conf/all/accept_dad": 0,  # a link-local address serves at once, not after a second
    "net/ipv6/conf/default/accept_dad": 0,
}
_FORWARDING = {
    "net/ipv4/ip_forward": 1,
    "net/ipv6/conf/all/forwarding": 1,
    "net/ipv6/conf/default/forwarding": 1,
    # a redirect would tell the client to send to a pod on another node by itself
    "net/ipv4/conf/all/send_redirects": 0,
    "net/ipv4/conf/default/send_redirects": 0,
}
_TWO_CARDS = {  # as where a daemon takes the routes of a card without a carrier away
    "net/ipv4/conf/all/ignore_routes_with_linkdown": 1,
    "net/ipv4/conf/default/ignore_routes_with_linkdown": 1,
}


def devices(host: Host) -> dict[str, str]:
    """A host's own end of each of its cables."""
    found = {"lan": "eth0"} if host.management is None else {"lan": "eth0", "management": "eth1"}
    return found if host.second is None else {**found, "second": host.second.device}


def port(host: str, cable: str = "lan") -> str:
    """The bridge's end of a host's cable."""
    return f"{CABLES[cable]}-{host}"


def sysctls(host: Host | None) -> dict[str, int]:
    """Kernel settings of a host's namespace; None is the namespace of the bridges."""
    if host is None or host.name == "client":
        return _SYSCTLS
    return {**_SYSCTLS, **_FORWARDING, **(_TWO_CARDS if host.second is not None else {})}


def bridge_lines(api: IPv4Address, second: bool = False) -> list[str]:
    """`ip -batch` in the namespace of the bridges: all of them, and the API server's address."""
    lines = [
        "link set lo up",
        # forward by MAC and flood the rest, as a cheap switch does: no snooping, no spanning tree
        f"link add {LAN_BRIDGE} address {MAC_PREFIX}:00:ff type bridge mcast_snooping 0 stp_state 0 forward_delay 0",
        f"link add {MANAGEMENT_BRIDGE} address {MAC_PREFIX}:01:01 type bridge mcast_snooping 0 stp_state 0",
        f"addr add {api}/{MANAGEMENT.prefixlen} dev {MANAGEMENT_BRIDGE}",
        f"link set {LAN_BRIDGE} addrgenmode none",
        f"link set {LAN_BRIDGE} up",
        f"link set {MANAGEMENT_BRIDGE} up",
    ]
    if second:
        lines += [
            f"link add {SECOND_BRIDGE} type bridge mcast_snooping 0 stp_state 0 forward_delay 0",
            f"link set {SECOND_BRIDGE} addrgenmode none",
            f"link set {SECOND_BRIDGE} up",
        ]
    return lines


def cable_lines(host: Host) -> list[str]:
    """`ip -batch` in the namespace of the bridges: a host's cables, and the way to a node's pods."""
    lines = _cable(port(host.name), LAN_BRIDGE, "eth0", host.mac, host.name)
    if host.management is not None:
        lines += _cable(port(host.name, "management"), MANAGEMENT_BRIDGE, "eth1", host.management_mac, host.name)
        lines.append(f"route replace {host.pods} via {host.management}")
    if (card := host.second) is not None:
        bridge = SECOND_BRIDGE if card.apart else LAN_BRIDGE
        lines += _cable(port(host.name, "second"), bridge, card.device, card.mac, host.name)
    return lines


def _cable(name: str, bridge: str, inside: str, mac: str, host: str) -> list[str]:
    return [
        f"link add {name} type veth peer name {inside} address {mac} netns {host}",
        f"link set {name} addrgenmode none",  # a switch's port has no address
        f"link set {name} master {bridge} up",
    ]


def host_lines(host: Host, plan: Plan) -> list[str]:
    """`ip -batch` in a host's own namespace: addresses and routes."""
    lines = [
        "link set lo up",
        f"addr add {host.lan}/{plan.subnet.prefixlen} broadcast {plan.subnet.broadcast_address} dev eth0",
        f"addr add {host.lan6}/{ULA.prefixlen} dev eth0 nodad",
        "link set eth0 up",
    ]
    if host.name == "router":
        lines.append(f"addr add {INTERNET}/32 dev lo")
    else:
        lines.append(f"route add default via {plan.router.lan}")
        lines.append(f"route add ::/0 via {plan.router.lan6}")
    if host.management is not None:
        lines += [f"addr add {host.management}/{MANAGEMENT.prefixlen} dev eth1", "link set eth1 up"]
        others = (other for other in plan.nodes.values() if other is not host)
        for other in others:
            lines += [f"route add {other.pods} via {other.lan}", f"route add {other.pods6} via {other.lan6}"]
    return lines + _second_lines(host, plan)


def _second_lines(host: Host, plan: Plan) -> list[str]:
    """A second card on the LAN is for when the first one has no carrier; another LAN is reached by its own card alone."""
    card = host.second
    if card is None:
        return []
    lines = [f"addr add {card.address} dev {card.device} noprefixroute", f"link set {card.device} up"]
    if card.apart:
        return [*lines, f"route add {card.address.network} dev {card.device} src {card.address.ip}"]
    by = f"dev {card.device} src {card.address.ip} metric {SECOND_METRIC}"
    lines += [f"route add {card.address.network} {by}", f"route add default via {plan.router.lan} {by}"]
    return lines + [f"route add {it.pods} via {it.lan} {by}" for it in plan.nodes.values() if it is not host]


class Network:
    """The network of a plan, in the mount and network namespace of this process; it needs `/run/netns` as a folder."""

    def __init__(self, plan: Plan, children: Children) -> None:
        self.plan = plan
        self._children = children

    async def up(self) -> None:
        """Build everything; this process's own network namespace becomes `lan`."""
        namespaces.name_own(LAN)
        self._set(LAN, None)
        await self._ip(LAN, bridge_lines(self.plan.api, self.plan.second == LINK))
        await self.attach(*self.plan.hosts.values())

    async def attach(self, *hosts: Host) -> None:
        """Make hosts, and plug them in."""
        await self._ip(LAN, [f"netns add {host.name}" for host in hosts])
        for host in hosts:
            self._set(host.name, host)
        await self._ip(LAN, [line for host in hosts for line in cable_lines(host)])
        await asyncio.gather(*(self._ip(host.name, host_lines(host, self.plan)) for host in hosts))
        await asyncio.gather(*(self._carried(host, cable) for host in hosts for cable in devices(host)))

    async def detach(self, host: Host) -> None:
        """Take a host away with everything that its kernel knew; its processes must be gone."""
        lines = [f"link del {port(host.name, cable)}" for cable in devices(host)]
        await self._ip(LAN, [*lines, f"netns del {host.name}"])

    async def cable(self, host: str, cable: str, plugged: bool) -> None:
        """Plug a host's cable in or pull it: the host sees its carrier come or go."""
        await self._ip(LAN, [f"link set {port(host, cable)} {'up' if plugged else 'down'}"])
        if plugged:
            await self._carried(self.plan.hosts[host], cable)

    async def ip(self, namespace: str, lines: Iterable[str]) -> None:
        """Run `ip -batch` in a namespace; LabError with the kernel's words if a line fails."""
        await self._ip(namespace, lines)

    async def _carried(self, host: Host, cable: str) -> None:
        """Wait until both ends of a plugged cable work; the kernel takes note of carriers in its own time."""
        end = asyncio.get_running_loop().time() + CARRIER_LIMIT_S
        for namespace, device in ((LAN, port(host.name, cable)), (host.name, devices(host)[cable])):
            while not namespaces.inside(namespace, functools.partial(namespaces.is_up, device)):
                if asyncio.get_running_loop().time() > end:
                    raise LabError(f"{device} in {namespace} has no carrier after {CARRIER_LIMIT_S:.0f} s")
                await asyncio.sleep(CARRIER_EVERY_S)

    def _set(self, namespace: str, host: Host | None) -> None:
        values = sysctls(host)

        def write() -> None:
            for name, value in values.items():
                path = Path("/proc/sys") / name
                if path.exists():  # a kernel without IPv6 has no such settings
                    path.write_text(str(value))

        namespaces.inside(namespace, write)

    async def _ip(self, namespace: str, lines: Iterable[str]) -> None:
        where = [] if namespace == LAN else ["-n", namespace]
        batch = list(lines)
        outcome = await self._children.run(["ip", *where, "-batch", "-"], "\n".join([*batch, ""]))
        if outcome.code != 0:
            said, _, number = outcome.err.strip().rpartition("Command failed -:")
            line = batch[int(number) - 1] if number.isdigit() else "ip -batch"
            raise LabError(f"in {namespace}: {line}: {said.strip()}")
