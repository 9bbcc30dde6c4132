"""pylb's own definitions of the `metallb.io` resources, from one table.

They decide the shape of the objects: fields, defaults, bounds, columns (`kubectl get`), so that every manifest that
MetalLB's definitions accept is accepted unchanged. What fields mean together (overlaps, families, unknown names) is
`core.config.loader`'s matter. There is no conversion webhook: both versions of BGPPeer are one object, and a field that a
version does not have is pruned when it is read in that version.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pylb.core.crds import bgp as crd_bgp
from pylb.core.crds.resources import (
    NO_SPEC,
    NO_STATUS,
    NODE_COLUMN,
    POOL_COLUMNS,
    Column,
    Resource,
    Version,
    announcement_fields,
    definition,
    service_status,
)
from pylb.core.crds.schemas import (
    choice,
    conditions,
    empty,
    flag,
    number,
    record,
    records,
    selector,
    selectors,
    text,
    texts,
)


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
            **announcement_fields(),
            "preferredNodeSelectors": records("Which of these nodes should announce, if they can.", preferred),
            "interfaces": texts("Network interfaces to announce on; none means all."),
        },
    )
    columns = (*POOL_COLUMNS, ("Interfaces", "string", ".spec.interfaces", 0), NODE_COLUMN)
    version = Version("v1beta1", spec, empty(NO_STATUS), columns)
    description = "Announces the addresses of pools on the LAN, by ARP and NDP."
    return Resource("L2Advertisement", "l2advertisements", description, (version,))


def _layer2_status() -> Resource:
    interface = record("One interface.", {"name": text("Its name.")})
    extra = {"interfaces": records("The interfaces that it announces on; none means all.", interface)}
    description = "Which node announces a Service's address on the LAN. The speakers write it."
    return service_status("ServiceL2Status", "servicel2statuses", description, "Allocated Node", extra)


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
    version = Version("v1beta1", empty(NO_SPEC), status, columns)
    description = "Whether the controller, or a node's speaker, could use the configuration. They write it."
    return Resource("ConfigurationState", "configurationstates", description, (version,))


_TABLE: dict[str, Callable[[], Resource]] = {
    "IPAddressPool": _pool,
    "L2Advertisement": _layer2,
    "BGPAdvertisement": crd_bgp.advertisement,
    "BGPPeer": crd_bgp.peer,
    "BFDProfile": crd_bgp.bfd_profile,
    "Community": crd_bgp.community,
    "ServiceL2Status": _layer2_status,
    "ServiceBGPStatus": crd_bgp.status,
    "ConfigurationState": _configuration,
}


def resource(kind: str) -> Resource:
    """The row of a kind, fresh at each call."""
    return _TABLE[kind]()


def definitions() -> list[dict[str, Any]]:
    """The CustomResourceDefinitions (apiextensions.k8s.io/v1), fresh at each call, in a fixed order."""
    return [definition(make()) for make in _TABLE.values()]
