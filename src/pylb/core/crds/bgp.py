"""The definitions of the `metallb.io` resources that are about BGP: see `core.crds.table`."""

from __future__ import annotations

from pylb.core.crds.resources import (
    GROUP,
    NO_STATUS,
    NODE_COLUMN,
    POOL_COLUMNS,
    Column,
    Resource,
    Version,
    announcement_fields,
    node_selectors,
    service_status,
)
from pylb.core.crds.schemas import (
    Schema,
    as_numbers,
    choice,
    empty,
    flag,
    immutable,
    number,
    record,
    records,
    rules,
    text,
    texts,
)

_WHOLE_ADDRESSES = (
    "!has(self.serviceSelectors) || size(self.serviceSelectors) == 0 || "
    "((!has(self.aggregationLength) || self.aggregationLength == 32) && "
    "(!has(self.aggregationLengthV6) || self.aggregationLengthV6 == 128))"
)


def advertisement() -> Resource:
    """BGPAdvertisement."""
    spec = record(
        "Which pools are announced to which routers, and how.",
        {
            "aggregationLength": number("Announced prefix length of IPv4 addresses.", 1, 2**31 - 1, 32),
            "aggregationLengthV6": number("Announced prefix length of IPv6 addresses.", None, 2**31 - 1, 128),
            "localPref": number("LOCAL_PREF towards routers of the own AS; the highest wins.", 0, 2**32 - 1),
            "communities": texts("Communities (64512:1, large:64512:1:2) or names of them (see Community)."),
            **announcement_fields(),
            "peers": texts("Names of the BGPPeers to announce to; none means all."),
        },
    )
    spec = rules(spec, (_WHOLE_ADDRESSES, "serviceSelectors need aggregation lengths of 32 and 128"))
    columns = (*POOL_COLUMNS, ("Peers", "string", ".spec.peers", 0), NODE_COLUMN)
    version = Version("v1beta1", spec, empty(NO_STATUS), columns)
    description = "Announces the addresses of pools to BGP routers."
    return Resource("BGPAdvertisement", "bgpadvertisements", description, (version,))


def _session_fields() -> dict[str, Schema]:
    """What both versions of BGPPeer have in common."""
    return {
        "myASN": as_numbers("The cluster's own AS number."),
        "peerASN": as_numbers("The router's AS number."),
        "peerAddress": text("The router's address."),
        "sourceAddress": text("The address to connect from."),
        "routerID": text("The BGP identifier to tell the router, written like an IPv4 address."),
        "holdTime": text("The hold time to propose, such as 90s (RFC 4271)."),
        "keepaliveTime": text("The time between keepalives, such as 30s (RFC 4271)."),
        "password": text("The TCP MD5 password of the session."),
        "bfdProfile": text("The BFDProfile to watch the session with; none means no BFD."),
        "ebgpMultiHop": flag("Whether the router is more than one hop away."),
    }


def _newer_session_fields() -> dict[str, Schema]:
    """What BGPPeer has since v1beta2."""
    connect = rules(
        text("The time between attempts to connect, in whole seconds, such as 10s."),
        (
            "duration(self).getSeconds() >= 1 && duration(self).getSeconds() <= 65535",
            "connect time should be between 1 seconds to 65535",
        ),
        ("duration(self).getMilliseconds() % 1000 == 0", "connect time should contain a whole number of seconds"),
    )
    secret = record(
        "The Secret of type kubernetes.io/basic-auth whose key `password` is the session's password.",
        {"name": text("Its name."), "namespace": text("Its namespace.")},
    )
    return {
        "dynamicASN": choice(
            "Takes the router's AS number as it comes, if it is of this kind.", "internal", "external"
        ),
        "localASN": number("An AS number to show to this router in place of myASN.", 1, 2**32 - 1),
        "interface": text("The interface to find the router on, in place of peerAddress."),
        "peerPort": number("The router's TCP port.", 1, 16384, 179),
        "connectTime": connect,
        "nodeSelectors": node_selectors(),
        "passwordSecret": {**secret, "x-kubernetes-map-type": "atomic"},
        "enableGracefulRestart": immutable(
            flag("Keeps routes while the session restarts (RFC 4724)."),
            "EnableGracefulRestart cannot be changed after creation",
        ),
        "vrf": text("The host's VRF to connect in."),
        "disableMP": flag("Out of use; see dualStackAddressFamily.", False),
        "dualStackAddressFamily": flag("Whether the session carries both address families.", False),
    }


def peer() -> Resource:
    """BGPPeer."""
    columns: tuple[Column, ...] = (
        ("Address", "string", ".spec.peerAddress", 0),
        ("ASN", "string", ".spec.peerASN", 0),
        ("BFD Profile", "string", ".spec.bfdProfile", 0),
        ("Multi Hops", "string", ".spec.ebgpMultiHop", 0),
    )
    older = {
        **_session_fields(),
        "peerPort": number("The router's TCP port.", 0, 16384),
        "nodeSelectors": node_selectors(needs_values=True),
    }
    newer = {**_session_fields(), **_newer_session_fields()}
    what = "A session with a BGP router."
    v1beta1 = Version(
        "v1beta1",
        record(what, older, ["myASN", "peerASN", "peerAddress"]),
        empty(NO_STATUS),
        columns,
        stored=False,
        warning=f"{GROUP}/v1beta1 BGPPeer is out of date; write {GROUP}/v1beta2",
    )
    v1beta2 = Version("v1beta2", record(what, newer, ["myASN"]), empty(NO_STATUS), columns)
    return Resource("BGPPeer", "bgppeers", "A router that addresses are announced to by BGP.", (v1beta1, v1beta2))


def bfd_profile() -> Resource:
    """BFDProfile."""

    def interval(description: str) -> Schema:
        return number(f"{description}, in milliseconds.", 10, 60000)

    spec = record(
        "The timers of a BFD session (RFC 5880).",
        {
            "receiveInterval": interval("The shortest time between packets that are received"),
            "transmitInterval": interval("The shortest time between packets that are sent"),
            "echoInterval": interval("The shortest time between echo packets that are received"),
            "detectMultiplier": number("How many packets may be missed.", 2, 255),
            "minimumTtl": number("The lowest TTL of a packet of a session over several hops.", 1, 254),
            "echoMode": flag("Whether echo packets are sent."),
            "passiveMode": flag("Whether the router is left to start the session."),
        },
    )
    columns: tuple[Column, ...] = (
        ("Passive Mode", "boolean", ".spec.passiveMode", 0),
        ("Transmit Interval", "integer", ".spec.transmitInterval", 0),
        ("Receive Interval", "integer", ".spec.receiveInterval", 0),
        ("Multiplier", "integer", ".spec.detectMultiplier", 0),
    )
    version = Version("v1beta1", spec, empty(NO_STATUS), columns)
    return Resource("BFDProfile", "bfdprofiles", "How quickly the loss of a BGP router is noticed.", (version,))


def community() -> Resource:
    """Community."""
    alias = record("One name.", {"name": text("The name."), "value": text("64512:1, or large:64512:1:2.")})
    spec = record("Names of communities.", {"communities": records("The names.", alias)})
    version = Version("v1beta1", spec, empty(NO_STATUS))
    return Resource("Community", "communities", "Names for BGP communities.", (version,))


def status() -> Resource:
    """ServiceBGPStatus."""
    extra = {"peers": texts("Names of the BGPPeers that the address is for, whether or not a session is up.")}
    description = "To which BGP peers a node announces a Service's address. The speakers write it."
    return service_status("ServiceBGPStatus", "servicebgpstatuses", description, "Node", extra)
