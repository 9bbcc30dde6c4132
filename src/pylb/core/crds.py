"""pylb's own definitions of the `metallb.io` resources, from one table.

They decide the shape of the objects: fields, defaults, bounds, columns (`kubectl get`), so that every manifest that
MetalLB's definitions accept is accepted unchanged. What fields mean together (overlaps, families, unknown names) is
`core.config`'s matter. There is no conversion webhook: both versions of BGPPeer are one object, and a field that a
version does not have is pruned when it is read in that version.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pylb.core.crd_schemas import (
    Schema,
    as_numbers,
    choice,
    conditions,
    flag,
    immutable,
    number,
    record,
    records,
    rules,
    selector,
    selectors,
    text,
    texts,
)

GROUP = "metallb.io"
Column = tuple[str, str, str, int]  # name, type, JSON path, priority (above 0: only with -o wide)

_NODE_SELECTORS = "Nodes that this is for; one of the selectors is enough, none means all nodes."
_SERVICE_SELECTORS = "Services that this is for; one of the selectors is enough, none means all Services."
_POOLS = "Names of the pools to announce. Neither names nor selectors: all pools."
_POOL_SELECTORS = "Pools to announce, by their labels, besides those named."
_WIDE = 10  # the priority of a column that only -o wide shows


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a resource: its fields, and whether it is the one that is stored."""

    name: str
    spec: Schema
    status: Schema
    columns: tuple[Column, ...] = ()
    spec_required: bool = False
    stored: bool = True
    warning: str = ""  # what kubectl prints to who uses a version that is on its way out


@dataclass(frozen=True, slots=True)
class Resource:
    """One custom resource."""

    kind: str
    plural: str
    description: str
    versions: tuple[Version, ...] = field(default_factory=tuple)


def _nothing(description: str) -> Schema:
    return {"type": "object", "description": description}


_NO_SPEC = "Nobody asks anything of it."
_NO_STATUS = "Nothing is reported."


def _pool() -> Resource:
    allocation = record(
        "Which Services may use the pool without naming it. Such pools come before those that are for everyone.",
        {
            "priority": number("1 is the first choice, larger numbers come later, 0 comes last."),
            "namespaces": texts("Namespaces whose Services may use the pool."),
            "namespaceSelectors": selectors("Namespaces, by their labels, besides those named."),
            "serviceSelectors": selectors("Services, by their labels, within those namespaces."),
        },
    )
    spec = record(
        "What the pool holds, and who may use it.",
        {
            "addresses": texts("Ranges of addresses, as a CIDR (10.0.0.0/28) or as first-last (10.0.0.1-10.0.0.9)."),
            "autoAssign": flag("Whether Services that name neither pool nor address may be given one of it.", True),
            "avoidBuggyIPs": flag("Leaves out IPv4 addresses that end in .0 or .255.", False),
            "serviceAllocation": allocation,
        },
        ["addresses"],
    )
    counters = {
        f"{state}IP{family}": number(f"IP{family} addresses that are {meaning}.")
        for state, meaning in (("assigned", "in use"), ("available", "free"))
        for family in ("v4", "v6")
    }
    columns: tuple[Column, ...] = (
        ("Auto Assign", "boolean", ".spec.autoAssign", 0),
        ("Avoid Buggy IPs", "boolean", ".spec.avoidBuggyIPs", 0),
        ("Addresses", "string", ".spec.addresses", 0),
    )
    status = record("How full the pool is.", counters, sorted(counters))
    version = Version("v1beta1", spec, status, columns, spec_required=True)
    return Resource("IPAddressPool", "ipaddresspools", "Addresses that Services may be given.", (version,))


def _layer2() -> Resource:
    preferred = record(
        "A wish for some of the nodes.",
        {
            "weight": number("How much the wish weighs; a node's weights add up.", 1, 100),
            "preference": selector(),
        },
        ["weight", "preference"],
    )
    spec = record(
        "Which pools are announced, and from where.",
        {
            "ipAddressPools": texts(_POOLS),
            "ipAddressPoolSelectors": selectors(_POOL_SELECTORS),
            "nodeSelectors": selectors(_NODE_SELECTORS),
            "preferredNodeSelectors": records("Which of these nodes should announce, if they can.", preferred),
            "interfaces": texts("Network interfaces to announce on; none means all."),
            "serviceSelectors": selectors(_SERVICE_SELECTORS),
        },
    )
    columns = (*_POOL_COLUMNS, ("Interfaces", "string", ".spec.interfaces", 0), _NODE_COLUMN)
    version = Version("v1beta1", spec, _nothing(_NO_STATUS), columns)
    description = "Announces the addresses of pools on the LAN, by ARP and NDP."
    return Resource("L2Advertisement", "l2advertisements", description, (version,))


_POOL_COLUMNS: tuple[Column, ...] = (
    ("IPAddressPools", "string", ".spec.ipAddressPools", 0),
    ("IPAddressPool Selectors", "string", ".spec.ipAddressPoolSelectors", 0),
)
_NODE_COLUMN: Column = ("Node Selectors", "string", ".spec.nodeSelectors", _WIDE)
_WHOLE_ADDRESSES = (
    "!has(self.serviceSelectors) || size(self.serviceSelectors) == 0 || "
    "((!has(self.aggregationLength) || self.aggregationLength == 32) && "
    "(!has(self.aggregationLengthV6) || self.aggregationLengthV6 == 128))"
)


def _bgp() -> Resource:
    spec = record(
        "Which pools are announced to which routers, and how.",
        {
            "aggregationLength": number("Announced prefix length of IPv4 addresses.", 1, 2**31 - 1, 32),
            "aggregationLengthV6": number("Announced prefix length of IPv6 addresses.", None, 2**31 - 1, 128),
            "localPref": number("LOCAL_PREF towards routers of the own AS; the highest wins.", 0, 2**32 - 1),
            "communities": texts("Communities (64512:1, large:64512:1:2) or names of them (see Community)."),
            "ipAddressPools": texts(_POOLS),
            "ipAddressPoolSelectors": selectors(_POOL_SELECTORS),
            "nodeSelectors": selectors(_NODE_SELECTORS),
            "peers": texts("Names of the BGPPeers to announce to; none means all."),
            "serviceSelectors": selectors(_SERVICE_SELECTORS),
        },
    )
    spec = rules(spec, (_WHOLE_ADDRESSES, "serviceSelectors need aggregation lengths of 32 and 128"))
    columns = (*_POOL_COLUMNS, ("Peers", "string", ".spec.peers", 0), _NODE_COLUMN)
    version = Version("v1beta1", spec, _nothing(_NO_STATUS), columns)
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
            "connectTime must be between 1s and 65535s",
        ),
        ("duration(self).getMilliseconds() % 1000 == 0", "connectTime must be whole seconds"),
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
        "nodeSelectors": selectors(_NODE_SELECTORS),
        "passwordSecret": {**secret, "x-kubernetes-map-type": "atomic"},
        "enableGracefulRestart": immutable(flag("Keeps routes while the session restarts (RFC 4724).")),
        "vrf": text("The host's VRF to connect in."),
        "disableMP": flag("Out of use; see dualStackAddressFamily.", False),
        "dualStackAddressFamily": flag("Whether the session carries both address families.", False),
    }


def _peer() -> Resource:
    columns: tuple[Column, ...] = (
        ("Address", "string", ".spec.peerAddress", 0),
        ("ASN", "string", ".spec.peerASN", 0),
        ("BFD Profile", "string", ".spec.bfdProfile", 0),
        ("Multi Hops", "string", ".spec.ebgpMultiHop", 0),
    )
    older = {
        **_session_fields(),
        "peerPort": number("The router's TCP port.", 0, 16384),
        "nodeSelectors": selectors(_NODE_SELECTORS, needs_values=True),
    }
    newer = {**_session_fields(), **_newer_session_fields()}
    what = "A session with a BGP router."
    v1beta1 = Version(
        "v1beta1",
        record(what, older, ["myASN", "peerASN", "peerAddress"]),
        _nothing(_NO_STATUS),
        columns,
        stored=False,
        warning=f"{GROUP}/v1beta1 BGPPeer is out of date; write {GROUP}/v1beta2",
    )
    v1beta2 = Version("v1beta2", record(what, newer, ["myASN"]), _nothing(_NO_STATUS), columns)
    return Resource("BGPPeer", "bgppeers", "A router that addresses are announced to by BGP.", (v1beta1, v1beta2))


def _bfd() -> Resource:
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
    version = Version("v1beta1", spec, _nothing(_NO_STATUS), columns)
    return Resource("BFDProfile", "bfdprofiles", "How quickly the loss of a BGP router is noticed.", (version,))


def _community() -> Resource:
    alias = record("One name.", {"name": text("The name."), "value": text("64512:1, or large:64512:1:2.")})
    spec = record("Names of communities.", {"communities": records("The names.", alias)})
    version = Version("v1beta1", spec, _nothing(_NO_STATUS))
    return Resource("Community", "communities", "Names for BGP communities.", (version,))


def _service_status(kind: str, plural: str, description: str, node_column: str, extra: dict[str, Schema]) -> Resource:
    fields = {
        "node": immutable(text("The node.")),
        "serviceName": immutable(text("The Service's name.")),
        "serviceNamespace": immutable(text("The Service's namespace.")),
        **extra,
    }
    columns: tuple[Column, ...] = (
        (node_column, "string", ".status.node", 0),
        ("Service Name", "string", ".status.serviceName", 0),
        ("Service Namespace", "string", ".status.serviceNamespace", 0),
    )
    version = Version("v1beta1", _nothing(_NO_SPEC), record("What the speaker does.", fields), columns)
    return Resource(kind, plural, description, (version,))


def _layer2_status() -> Resource:
    interface = record("One interface.", {"name": text("Its name.")})
    extra = {"interfaces": records("The interfaces that it announces on; none means all.", interface)}
    description = "Which node announces a Service's address on the LAN. The speakers write it."
    return _service_status("ServiceL2Status", "servicel2statuses", description, "Allocated Node", extra)


def _bgp_status() -> Resource:
    extra = {"peers": texts("Names of the BGPPeers that the address is for, whether or not a session is up.")}
    description = "To which BGP peers a node announces a Service's address. The speakers write it."
    return _service_status("ServiceBGPStatus", "servicebgpstatuses", description, "Node", extra)


def _configuration() -> Resource:
    status = record(
        "What the component made of the configuration.",
        {
            "result": choice("Whether it was accepted.", "Valid", "Invalid", "Unknown"),
            "errorSummary": text("What is wrong with it, one problem a line."),
            "conditions": conditions("The same as conditions, one a part of the component."),
        },
    )
    columns: tuple[Column, ...] = (
        ("Result", "string", ".status.result", 0),
        ("Error", "string", ".status.errorSummary", 0),
        ("Age", "date", ".metadata.creationTimestamp", 0),
    )
    version = Version("v1beta1", _nothing(_NO_SPEC), status, columns)
    description = "Whether the controller, or a node's speaker, could use the configuration. They write it."
    return Resource("ConfigurationState", "configurationstates", description, (version,))


_TABLE: tuple[Callable[[], Resource], ...] = (
    _pool,
    _layer2,
    _bgp,
    _peer,
    _bfd,
    _community,
    _layer2_status,
    _bgp_status,
    _configuration,
)


def _version(version: Version, description: str) -> dict[str, Any]:
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": version.spec,
        "status": version.status,
    }
    columns = [
        {"name": name, "type": kind, "jsonPath": path, **({"priority": priority} if priority else {})}
        for name, kind, path, priority in version.columns
    ]
    return {
        "name": version.name,
        "served": True,
        "storage": version.stored,
        **({"deprecated": True, "deprecationWarning": version.warning} if version.warning else {}),
        "schema": {"openAPIV3Schema": record(description, properties, ["spec"] if version.spec_required else [])},
        "subresources": {"status": {}},
        **({"additionalPrinterColumns": columns} if columns else {}),
    }


def _definition(resource: Resource) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": resource.kind,
                "listKind": f"{resource.kind}List",
                "plural": resource.plural,
                "singular": resource.kind.lower(),
            },
            "scope": "Namespaced",
            "versions": [_version(version, resource.description) for version in resource.versions],
        },
    }


def definitions() -> list[dict[str, Any]]:
    """The CustomResourceDefinitions (apiextensions.k8s.io/v1), fresh at each call, in a fixed order."""
    return [_definition(make()) for make in _TABLE]
