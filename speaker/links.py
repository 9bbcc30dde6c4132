"""The interfaces of the node: what is known of them, which may announce at all, and which announce one address.

Pure: messages and values in, values out. `linkwatch` feeds it from the kernel.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from pylb.core.errors import ParseError
from pylb.core.model import Address
from pylb.core.reasons import Reason
from pylb.core.words import Word
from pylb.speaker.netlink import AddressGone, AddressSeen, Interface, LinkGone, LinkSeen, Message, RouteGone, RouteSeen

MAX_LINKS = 4096  # a node with 250 pods has 250 veths; beyond this the surplus is ignored
MAX_ADDRESSES = 256  # on one interface
MAX_GATEWAYS = 64  # on all of them
MAC_BYTES = 6
_UP, _BROADCAST, _RUNNING, _NOARP = 0x1, 0x2, 0x40, 0x80  # IFF_… of linux/if.h

# MetalLB's excludel2.yaml: bridges, tunnels and pod ends that containers and overlay networks make
EXCLUDED_NAMES = (
    r"^docker.*",
    r"^cbr.*",
    r"^dummy.*",
    r"^virbr.*",
    r"^lxcbr.*",
    r"^veth.*",
    r"^lo$",
    r"^cali.*",
    r"^tunl.*",
    r"^flannel.*",
    r"^kube-ipvs.*",
    r"^cni.*",
    r"^nodelocaldns.*",
    r"^lxc.*",
)


class Unusable(Word):
    """Why an interface announces nothing."""

    EXCLUDED = "excluded"
    DOWN = "down"
    NO_CARRIER = "no_carrier"
    ENSLAVED = "enslaved"
    NO_ARP = "no_arp"
    NO_BROADCAST = "no_broadcast"
    NOT_ETHERNET = "not_ethernet"

    @property
    def text(self) -> str:
        """One sentence for people, without the full stop."""
        return _TEXTS[self]


_TEXTS = {
    Unusable.EXCLUDED: "its name is that of a container or overlay interface",
    Unusable.DOWN: "it is down",
    Unusable.NO_CARRIER: "it has no carrier",
    Unusable.ENSLAVED: "it is a port of a bridge or bond",
    Unusable.NO_ARP: "it does not speak ARP",
    Unusable.NO_BROADCAST: "it cannot broadcast",
    Unusable.NOT_ETHERNET: "it has no Ethernet address",
}


@dataclass(frozen=True, slots=True)
class Link:
    """One interface as the kernel last told of it; `master` is the index of the bridge or bond that it is a port of.

    `gateway` is that of its default route in the main table, of the lowest metric.
    """

    index: int
    name: str
    mac: bytes = b""
    up: bool = False
    running: bool = False
    broadcast: bool = False
    noarp: bool = False
    master: int | None = None
    addresses: tuple[Interface, ...] = ()
    gateway: IPv4Address | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An interface that announces nothing, and why."""

    link: Link
    reason: Unusable


@dataclass(frozen=True, slots=True)
class Selection:
    """The interfaces that may announce, and the others."""

    usable: tuple[Link, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The interfaces that announce one address; none of them, and then the reason is set."""

    links: tuple[Link, ...]
    reason: Reason | None = None


def exclusion(patterns: Iterable[str]) -> re.Pattern[str]:
    """One pattern of many regular expressions in MetalLB's manner; ParseError names one that is none."""
    parts = []
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ParseError(f"{pattern!r} is no regular expression for interface names: {error}") from None
        parts.append(f"(?:{pattern})")
    return re.compile("|".join(parts) or r"(?!)")


DEFAULT_EXCLUSION = exclusion(EXCLUDED_NAMES)


def usable(links: Iterable[Link], exclude: re.Pattern[str] = DEFAULT_EXCLUSION) -> Selection:
    """Sort the interfaces into those that may announce and those that may not, each of these with its first reason."""
    good, bad = [], []
    for link in links:
        reason = _refuse(link, exclude)
        if reason is None:
            good.append(link)
        else:
            bad.append(LeftOut(link, reason))
    return Selection(tuple(good), tuple(bad))


def _refuse(link: Link, exclude: re.Pattern[str]) -> Unusable | None:
    checks = (
        (exclude.search(link.name) is not None, Unusable.EXCLUDED),
        (not link.up, Unusable.DOWN),
        (not link.running, Unusable.NO_CARRIER),
        (link.master is not None, Unusable.ENSLAVED),
        (link.noarp, Unusable.NO_ARP),
        (not link.broadcast, Unusable.NO_BROADCAST),
        (len(link.mac) != MAC_BYTES, Unusable.NOT_ETHERNET),
    )
    return next((reason for failed, reason in checks if failed), None)


def interfaces_for(address: Address, links: Sequence[Link], names: frozenset[str] | None) -> Choice:
    """Which of the usable `links` announce `address`: those named, or else those whose subnet holds it."""
    if names is not None:
        chosen = tuple(link for link in links if link.name in names)
    else:
        chosen = tuple(_one_a_subnet(address, links))
    return Choice(chosen) if chosen else Choice((), Reason.NO_INTERFACE)


def _one_a_subnet(address: Address, links: Iterable[Link]) -> Iterator[Link]:
    """Those whose subnet holds an address, but of several with the same one, such as a cable and Wi-Fi to one LAN, the
    first: with two it would have two MACs there."""
    met: set[object] = set()
    for link in links:
        networks = {known.network for known in link.addresses if address in known.network}
        if networks - met:
            yield link
        met |= networks


@dataclass(slots=True)
class _Entry:
    seen: LinkSeen | None = None
    addresses: set[Interface] = field(default_factory=set)


class Table:
    """The interfaces that the messages so far tell of."""

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}
        self._gateways: set[tuple[int, int, IPv4Address]] = set()  # index, metric, address
        self.doubts_gateways = False  # the kernel may have dropped some and not told: they are to be asked for anew

    def apply(self, message: Message) -> None:
        """Take one message in; what it says twice, or says of an unknown interface's end, changes nothing."""
        if isinstance(message, (RouteSeen, RouteGone)):
            self._route(message)
        else:
            self._apply_to_link(message)

    def forget_gateways(self) -> None:
        """They are asked for anew, now."""
        self._gateways.clear()
        self.doubts_gateways = False

    def _apply_to_link(self, message: Message) -> None:
        if isinstance(message, LinkGone):
            self._entries.pop(message.index, None)
            self._forget_gateways_of(message.index)
        elif isinstance(message, LinkSeen):
            entry = self._entry(message.index)
            if entry is not None:
                entry.seen = message
            if not message.flags & _UP:  # its routes go without a word
                self._forget_gateways_of(message.index)
        elif isinstance(message, AddressSeen):
            entry = self._entry(message.index)
            if entry is not None and len(entry.addresses) < MAX_ADDRESSES:
                entry.addresses.add(message.interface)
        elif isinstance(message, AddressGone) and message.index in self._entries:
            self._entries[message.index].addresses.discard(message.interface)
            # With its last address, or with the one that a route prefers, a link loses routes without a word.
            self.doubts_gateways |= any(index == message.index for index, _, _ in self._gateways)

    def _route(self, message: RouteSeen | RouteGone) -> None:
        told = {(index, message.metric, address) for index, address in message.hops}
        if isinstance(message, RouteGone):
            self._gateways -= told
            return
        if message.replaces:
            self._gateways = {one for one in self._gateways if one[1] != message.metric}
        if len(self._gateways | told) <= MAX_GATEWAYS:
            self._gateways |= told

    def _forget_gateways_of(self, index: int) -> None:
        self._gateways = {one for one in self._gateways if one[0] != index}

    def links(self) -> tuple[Link, ...]:
        """All interfaces, by index."""
        best = {index: address for index, _, address in sorted(self._gateways, reverse=True)}
        return tuple(
            _link(entry.seen, entry.addresses, best.get(index))
            for index, entry in sorted(self._entries.items())
            if entry.seen
        )

    def _entry(self, index: int) -> _Entry | None:
        if index not in self._entries and len(self._entries) >= MAX_LINKS:
            return None
        return self._entries.setdefault(index, _Entry())


def _link(seen: LinkSeen, addresses: Iterable[Interface], gateway: IPv4Address | None) -> Link:
    flags = seen.flags
    return Link(
        index=seen.index,
        name=seen.name,
        mac=seen.mac,
        up=bool(flags & _UP),
        running=bool(flags & _RUNNING),
        broadcast=bool(flags & _BROADCAST),
        noarp=bool(flags & _NOARP),
        master=seen.master,
        addresses=tuple(sorted(addresses, key=lambda one: (one.version, one.packed, one.network.prefixlen))),
        gateway=gateway,
    )
