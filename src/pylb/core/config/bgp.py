"""Objects of BGP: one of each kind read. Rules and texts are MetalLB's.

A field that one of MetalLB's modes refuses and another takes is taken. What may not stand there yet (a profile, a Secret,
the name of a community) is no fault of who names it: `core.config.sessions` tells of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from pylb.core import durations
from pylb.core.config.layer2 import read_nodes, read_services
from pylb.core.config.objects import BGP_PORT, BFDProfile, BGPAdvertisement, BGPPeer, Community
from pylb.core.config.sheets import Sheet
from pylb.core.errors import ParseError
from pylb.core.model import Address
from pylb.core.ranges import parse_address

LARGE = "large"  # the mark of a community of three parts
MIN_HOLD = 3  # s (RFC 4271, section 4.2), or 0: no keepalives at all
MAX_HOLD = MAX_CONNECT = 65535  # s
NOT_LOCAL = "\n\r"  # no name or password may hold them: they would begin a new line of a router's configuration
_WRITE_COMMUNITY = "write 64512:1, or large:64512:1:2, or a name that a Community object gives to one"
_WRITE_ADDRESS = "write an IP address, such as 192.168.1.1"
_WRITE_TIME = "write a number and a unit, such as 90s or 1m30s"


def parse_community(text: str) -> Community:
    """A community, as `u16:u16` or `large:u32:u32:u32`; raises ParseError."""
    parts = text.split(":")
    if len(parts) == 2:
        return Community(_numbers(parts, 16, text))
    if len(parts) != 4:
        raise ParseError(f"invalid community format: {text}")
    if parts[0] != LARGE:
        raise ParseError(
            "invalid community value: invalid marker for large community, expected community to be of format "
            f'{LARGE}:<uint32>:<uint32>:<uint32> but got "{text}" instead'
        )
    return Community(_numbers(parts[1:], 32, text))


def _numbers(parts: list[str], bits: int, text: str) -> tuple[int, ...]:
    for part in parts:
        if not (part.isascii() and part.isdecimal() and len(part) <= 20 and int(part) < 2**bits):
            raise ParseError(f'invalid community value: invalid section "{part}" of community "{text}"')
    return tuple(map(int, parts))


def read_communities(sheet: Sheet) -> tuple[tuple[str, Community], ...]:
    """The names that a Community object gives; none if anything is wrong with it."""
    found: dict[str, Community] = {}
    for number, row in enumerate(sheet.spec.get("communities", ())):
        where, name, value = f"spec.communities[{number}]", row.get("name", ""), row.get("value", "")
        wrap = f'parsing community "{name}": {{}}'
        one = sheet.read(f"{where}.value", parse_community, value, _WRITE_COMMUNITY, wrap)
        if name in found:
            sheet.say(f"{where}.name", f'duplicate definition of community "{name}"', "give each name once")
        if one is not None:
            found.setdefault(name, one)
    return () if sheet.problems else tuple(found.items())


def read_profile(sheet: Sheet) -> BFDProfile | None:
    """The profile; None if anything is wrong with it. Bounds are the schema's."""
    sheet.prefix = f"parsing bfd profile {sheet.name}: "
    if not sheet.name:
        sheet.say("metadata.name", "missing bfd profile name", "give it a name")
    spec = sheet.spec
    profile = BFDProfile(
        name=sheet.name,
        ref=sheet.ref,
        receive_interval=spec.get("receiveInterval"),
        transmit_interval=spec.get("transmitInterval"),
        echo_interval=spec.get("echoInterval"),
        detect_multiplier=spec.get("detectMultiplier"),
        minimum_ttl=spec.get("minimumTtl"),
        echo_mode=spec.get("echoMode", False),
        passive_mode=spec.get("passiveMode", False),
    )
    return None if sheet.problems else profile


def read_advertisement(sheet: Sheet, names: Mapping[str, Community]) -> BGPAdvertisement | None:
    """The advertisement; None if anything is wrong with it. `names` are those that Community objects give."""
    spec = sheet.spec
    _aggregation(sheet)
    communities, unknown = _communities(sheet, names)
    advert = BGPAdvertisement(
        name=sheet.name,
        ref=sheet.ref,
        aggregation_length=spec["aggregationLength"],
        aggregation_length_v6=spec["aggregationLengthV6"],
        local_pref=spec.get("localPref", 0),
        communities=communities,
        unknown=unknown,
        peers=sheet.unique(spec.get("peers", ()), "spec.peers", "peers"),
        pools=sheet.unique(spec.get("ipAddressPools", ()), "spec.ipAddressPools", "ipAddressPools"),
        pool_selectors=sheet.selectors(spec.get("ipAddressPoolSelectors", ()), "spec.ipAddressPoolSelectors"),
        nodes=read_nodes(sheet),
        services=read_services(sheet),
    )
    return None if sheet.problems else advert


def _aggregation(sheet: Sheet) -> None:
    for field, family, longest in (("aggregationLength", 4, 32), ("aggregationLengthV6", 6, 128)):
        length = sheet.spec[field]
        if length > longest:
            fix = f"write {longest} at most; {longest} announces each address by itself"
            sheet.say(f"spec.{field}", f"invalid aggregation length {length} for IPv{family}", fix)
        elif length != longest and sheet.spec.get("serviceSelectors"):
            text = f"serviceSelectors and {field} are mutually exclusive, both cannot be set in {sheet.name}"
            sheet.say(f"spec.{field}", text, "leave one of the two out")


def _communities(sheet: Sheet, names: Mapping[str, Community]) -> tuple[frozenset[Community], tuple[str, ...]]:
    """Those that are known, and names that stand for nothing yet."""
    texts = sheet.spec.get("communities", ())
    sheet.unique(texts, "spec.communities", "community")
    found, unknown = set(), []
    for number, text in enumerate(texts):
        where = f"spec.communities[{number}]"
        if text in names:
            found.add(names[text])
        elif ":" not in text:
            unknown.append(text)
            said = f'community "{text}" in BGP advertisement {sheet.name} is defined by no Community object'
            sheet.warn(where, said, "until one does it is left out; " + _WRITE_COMMUNITY)
        else:
            wrap = f'invalid community "{text}" in BGP advertisement: {{}}'
            one = sheet.read(where, parse_community, text, _WRITE_COMMUNITY, wrap)
            found.update(() if one is None else (one,))
    return frozenset(found), tuple(unknown)


def read_peer(sheet: Sheet) -> BGPPeer | None:
    """The peer; None if anything is wrong with it, which the sheet then tells."""
    sheet.prefix = f"parsing peer {sheet.name} "
    spec = sheet.spec
    _numbers_of(sheet)
    _place(sheet)
    _secrets(sheet)
    hold, keepalive = _timers(sheet)
    wrap = f"failed to convert peer {sheet.name} node selector: {{}}"
    peer = BGPPeer(
        name=sheet.name,
        ref=sheet.ref,
        my_asn=spec.get("myASN", 0),
        peer_asn=spec.get("peerASN", 0),
        dynamic_asn=spec.get("dynamicASN", ""),
        local_asn=spec.get("localASN", 0),
        address=_address(sheet, "peerAddress", "invalid BGPPeer address"),
        interface=spec.get("interface", ""),
        source=_address(sheet, "sourceAddress", "invalid source IP"),
        router_id=_address(sheet, "routerID", "invalid router ID"),
        port=spec.get("peerPort", 0) or BGP_PORT,
        hold_time=hold,
        keepalive_time=keepalive,
        connect_time=_connect_time(sheet),
        nodes=sheet.selectors(spec.get("nodeSelectors", ()), "spec.nodeSelectors", wrap),
        password=spec.get("password", ""),
        password_secret=spec.get("passwordSecret", {}).get("name", ""),
        profile=spec.get("bfdProfile", ""),
        graceful_restart=spec.get("enableGracefulRestart", False),
        multi_hop=spec.get("ebgpMultiHop", False),
        vrf=spec.get("vrf", ""),
        disable_mp=spec.get("disableMP", False),
        dual_stack=spec.get("dualStackAddressFamily", False),
    )
    return None if sheet.problems else peer


def _numbers_of(sheet: Sheet) -> None:
    mine, theirs, dynamic = (sheet.spec.get(name) for name in ("myASN", "peerASN", "dynamicASN"))
    if not mine:
        sheet.say("spec.myASN", "missing local ASN", "write the cluster's own AS number, such as 64512")
    if not theirs and not dynamic:
        sheet.say("spec.peerASN", "missing peer ASN and dynamicASN", "write the router's AS number, or dynamicASN")
    if theirs and dynamic:
        sheet.say("spec.dynamicASN", "both peer ASN and dynamicASN specified", "leave one of the two out")
    if theirs and theirs == mine and sheet.spec.get("ebgpMultiHop"):
        text = "invalid ebgp-multihop parameter set for an ibgp peer"
        sheet.say("spec.ebgpMultiHop", text, "leave it out: it is for peers of another AS")


def _place(sheet: Sheet) -> None:
    address, interface = sheet.spec.get("peerAddress"), sheet.spec.get("interface")
    if not address and not interface:
        sheet.say("spec.peerAddress", "peer has no Address or Interface specified", "write the router's address")
    if address and interface:
        text = "peer has both Address and Interface specified"
        sheet.say("spec.interface", text, "leave one of the two out")


def _secrets(sheet: Sheet) -> None:
    who = f'"{sheet.ref.namespace}"/"{sheet.name}"'
    if sheet.spec.get("password") and sheet.spec.get("passwordSecret", {}).get("name"):
        text = f"can not have both password and secret ref set in peer config {who}"
        sheet.say("spec.passwordSecret", text, "leave one of the two out")
    for field, name in (("interface", "interface"), ("password", "password"), ("vrf", "VRF name")):
        if any(one in sheet.spec.get(field, "") for one in NOT_LOCAL):
            text = f"{name} for peer {who} contains invalid characters"
            sheet.say(f"spec.{field}", text, "write it on one line")


def _address(sheet: Sheet, field: str, text: str) -> Address | None:
    said = sheet.spec.get(field)
    if not said:
        return None
    return sheet.read(f"spec.{field}", parse_address, said, _WRITE_ADDRESS, f'{text} "{said}": {{}}')


def _timers(sheet: Sheet) -> tuple[float | None, float | None]:
    """Hold and keepalive time in seconds; one that is given makes the other."""
    hold, keepalive = _time(sheet, "holdTime"), _time(sheet, "keepaliveTime")
    if hold is None and keepalive is None:
        return None, None
    if hold is None:
        hold = (keepalive or 0.0) * 3
    if keepalive is None:
        keepalive = hold / 3
    if hold < 0 or 0 < int(hold) < MIN_HOLD:
        text = f'invalid BGPPeer timers: invalid hold time "{durations.write(hold)}": must be 0 or >=3s'
        sheet.say("spec.holdTime", text, f"write 0, or from {MIN_HOLD}s to {MAX_HOLD}s")
    if hold > MAX_HOLD:
        text = f'hold time "{durations.write(hold)}" is longer than a BGP message can say'
        sheet.warn("spec.holdTime", text, f"{MAX_HOLD}s is proposed")
    if keepalive > hold or keepalive < 0:
        times = durations.write(keepalive), durations.write(hold)
        text = 'invalid BGPPeer timers: invalid keepaliveTime "{}", must be lower than holdTime "{}"'.format(*times)
        sheet.say("spec.keepaliveTime", text, "a third of the hold time is usual")
    return hold, keepalive


def _time(sheet: Sheet, field: str) -> float | None:
    said = sheet.spec.get(field)
    if said is None:
        return None
    return sheet.read(f"spec.{field}", durations.parse, said, _WRITE_TIME)


def _connect_time(sheet: Sheet) -> float | None:
    seconds = _time(sheet, "connectTime")
    if seconds is None:
        return None
    if not 1 <= int(seconds) <= MAX_CONNECT:
        sheet.say("spec.connectTime", "connect time should be between 1 seconds to 65535", _WRITE_TIME)
    elif round(seconds * 1000) % 1000:
        sheet.say("spec.connectTime", "connect time should contain a whole number of seconds", _WRITE_TIME)
    return seconds
