"""What must hold of Services' addresses, judged by the API's objects alone: another reading of MetalLB's rules than the
controller's, which shares no code with it. Pure; raw JSON in, sentences out. It knows one class and pools without
`serviceAllocation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network, summarize_address_range
from itertools import combinations
from typing import Any

JSON = Mapping[str, Any]
Address = IPv4Address | IPv6Address
FROM = "metallb.io/ip-allocated-from-pool"
PIN, POOL, SHARE = (f"metallb.io/{name}" for name in ("loadBalancerIPs", "address-pool", "allow-shared-ip"))
TOLD = ("AllocationFailed", "LoadBalancerFailed")  # the reasons of the Events of those that wait


@dataclass(frozen=True)
class Pool:
    """A pool's name, what it holds, and whether it is given out of by itself."""

    name: str
    addresses: frozenset[Address]
    auto: bool


@dataclass(frozen=True)
class Wish:
    """A Service: what it asks for, and what its status and annotation say."""

    name: str
    uid: str
    balanced: bool  # it is of type LoadBalancer
    families: frozenset[int]
    either: bool  # one family will do
    pins: frozenset[Address]
    pool: str
    sharing: tuple[str, str]  # key and backend; the first "" where it shares with nobody
    ports: frozenset[tuple[str, int]]
    has: tuple[Address, ...]
    said: str  # the pool that its annotation names


def pools(items: Iterable[JSON]) -> list[Pool]:
    """All IPAddressPools."""
    return [
        Pool(
            one["metadata"]["name"],
            frozenset(address for text in one["spec"]["addresses"] for address in _span(text)),
            one["spec"].get("autoAssign", True),
        )
        for one in items
    ]


def _span(text: str) -> Iterator[Address]:
    first, dash, last = text.partition("-")
    if not dash:
        yield from ip_network(text)
        return
    for network in summarize_address_range(ip_address(first), ip_address(last)):
        yield from network


def wishes(items: Iterable[JSON]) -> list[Wish]:
    """All Services but the API server's own."""
    return [_wish(one) for one in items if one["metadata"]["name"] != "kubernetes"]


def _wish(one: JSON) -> Wish:
    meta, spec = one["metadata"], one["spec"]
    notes = meta.get("annotations") or {}
    ingress = one["status"]["loadBalancer"].get("ingress") or []
    pins = notes.get(PIN) or spec.get("loadBalancerIP") or ""
    local = spec.get("externalTrafficPolicy") == "Local"
    return Wish(
        meta["name"],
        meta["uid"],
        spec["type"] == "LoadBalancer",
        frozenset(ip_address(text).version for text in spec.get("clusterIPs") or ()),
        spec.get("ipFamilyPolicy") == "PreferDualStack",
        frozenset(ip_address(text.strip()) for text in pins.split(",") if text),
        notes.get(POOL, ""),
        (notes.get(SHARE, ""), str(sorted(spec["selector"].items())) if local else ""),
        frozenset((port.get("protocol", "TCP"), port["port"]) for port in spec["ports"]),
        tuple(ip_address(entry["ip"]) for entry in ingress),
        notes.get(FROM, ""),
    )


def may_share(one: Wish, other: Wish) -> bool:
    """Whether two Services may have one address."""
    return bool(one.sharing[0]) and one.sharing == other.sharing and not one.ports & other.ports


def twice(all_of_them: Iterable[Wish]) -> list[str]:
    """Addresses that two Services have which may not share one."""
    return [
        f"{one.name} and {other.name} both have {', '.join(map(str, sorted(set(one.has) & set(other.has), key=str)))}"
        for one, other in combinations(all_of_them, 2)
        if set(one.has) & set(other.has) and not may_share(one, other)
    ]


def allowed(wish: Wish, has: tuple[Address, ...], known: Iterable[Pool]) -> bool:
    """Whether a Service may go on with these addresses, the others aside."""
    families = {address.version for address in has}
    if not (wish.balanced and has) or not (families == wish.families or (wish.either and families < wish.families)):
        return False
    home = next((pool for pool in known if pool.addresses >= set(has)), None)
    return home is not None and wish.pool in ("", home.name) and (not wish.pins or wish.pins == set(has))


def could_have(wish: Wish, others: Iterable[Wish], known: Iterable[Pool]) -> bool:
    """Whether there is something for a Service that has nothing, or not what it asks for."""
    rest = [other for other in others if other.uid != wish.uid]
    homes = [pool for pool in known if wish.pool in ("", pool.name) and (pool.auto or wish.pool or wish.pins)]

    def is_free(address: Address) -> bool:
        return all(may_share(wish, other) for other in rest if address in other.has)

    for home in homes:
        if wish.pins:
            if {pin.version for pin in wish.pins} == wish.families and home.addresses >= wish.pins:
                return all(map(is_free, wish.pins))
            continue
        found = {family for family in wish.families if any(a.version == family and is_free(a) for a in home.addresses)}
        if found == wish.families or (wish.either and found):
            return True
    return False


def blocked_by_each_other(all_of_them: list[Wish], known: Iterable[Pool]) -> list[Wish]:
    """Services that would all have the addresses that they ask for if all of them moved at once, the others staying."""
    legal = [one for one in all_of_them if one.has and one.pins and allowed(one, tuple(one.pins), known)]
    moving = [one for one in legal if one.pins != set(one.has)]
    while True:
        left = [
            one
            for one in moving
            if all(
                may_share(one, other) or not one.pins & (other.pins if other in moving else set(other.has))
                for other in all_of_them
                if other.uid != one.uid
            )
        ]
        if left == moving:
            return left
        moving = left


def complaints(all_of_them: list[Wish], known: list[Pool]) -> list[str]:
    """All that is wrong with a cluster that is at rest."""
    said = twice(all_of_them)
    for wish in all_of_them:
        home = next((pool.name for pool in known if wish.has and pool.addresses >= set(wish.has)), "")
        if wish.said != home:
            said.append(f"{wish.name} has {wish.has}, and its annotation says {wish.said!r}")
        if wish.has and not (wish.balanced and home):
            said.append(f"{wish.name} has {wish.has}, which it may not have")
        elif wish.balanced and not allowed(wish, wish.has, known) and could_have(wish, all_of_them, known):
            said.append(f"{wish.name} has {wish.has}, and could have what it asks for")
    stuck = ", ".join(one.name for one in blocked_by_each_other(all_of_them, known))
    return [*said, f"{stuck} could have what they ask for together"] if stuck else said


def moved(before: Iterable[Wish], after: Iterable[Wish], known: list[Pool]) -> list[str]:
    """Services whose addresses are others than before, and which might have kept them. One more is no other."""
    now = {wish.uid: wish for wish in after}
    return [
        f"{old.name} had {old.has} and has {now[old.uid].has}"
        for old in before
        if old.uid in now and allowed(now[old.uid], old.has, known) and not set(old.has) <= set(now[old.uid].has)
    ]


def untold(all_of_them: Iterable[Wish], events: Iterable[JSON]) -> list[str]:
    """Services that wait, and have no Event that says why."""
    told = {one["involvedObject"].get("uid") for one in events if one["reason"] in TOLD}
    return [f"{one.name} waits, and nobody says why" for one in all_of_them if _waits(one) and one.uid not in told]


def _waits(wish: Wish) -> bool:
    return wish.balanced and not wish.has


def miscounted(all_of_them: Iterable[Wish], items: Iterable[JSON]) -> list[str]:
    """Pools whose status does not say how many addresses of theirs are given."""
    given = {address for wish in all_of_them for address in wish.has}
    return [
        f"{one['metadata']['name']} says {one.get('status')}"
        for one in items
        for family in (4, 6)
        if (one.get("status") or {}).get(f"assignedIPv{family}")
        != sum(address.version == family for address in given & pools([one])[0].addresses)
    ]
