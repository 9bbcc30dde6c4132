"""BGP's part of the old ConfigMap: peers, advertisements, names of communities, profiles of BFD; each as the `spec` of the
resource that says the same.

A key that is absent is left out, so that the resource's own default holds; MetalLB's old ones were the same. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pylb.core.legacy.fields import Section

Spec = dict[str, Any]
HOLD_TIME = "90s"  # RFC 4271 section 10; MetalLB always proposed it
MAX_ALIASES = 1000  # names of communities
ADVERTISEMENT_NUMBERS = {
    "aggregation-length": "aggregationLength",
    "aggregation-length-v6": "aggregationLengthV6",
    "localpref": "localPref",
}
ADVERTISEMENT_KEYS = frozenset({*ADVERTISEMENT_NUMBERS, "communities"})
PEER_NUMBERS = {"my-asn": "myASN", "peer-asn": "peerASN", "peer-port": "peerPort"}
PEER_TEXTS = {
    "peer-address": "peerAddress",
    "source-address": "sourceAddress",
    "hold-time": "holdTime",
    "keepalive-time": "keepaliveTime",
    "router-id": "routerID",
    "password": "password",
    "bfd-profile": "bfdProfile",
}
PEER_KEYS = frozenset({*PEER_NUMBERS, *PEER_TEXTS, "node-selectors", "ebgp-multihop"})
SELECTOR_KEYS = frozenset({"match-labels", "match-expressions"})
EXPRESSION_KEYS = frozenset({"key", "operator", "values"})
PROFILE_NUMBERS = {
    "receive-interval": "receiveInterval",
    "transmit-interval": "transmitInterval",
    "echo-interval": "echoInterval",
    "detect-multiplier": "detectMultiplier",
    "minimum-ttl": "minimumTtl",
}
PROFILE_FLAGS = {"echo-mode": "echoMode", "passive-mode": "passiveMode"}
PROFILE_KEYS = frozenset({*PROFILE_NUMBERS, *PROFILE_FLAGS, "name"})


def advertisement(section: Section, pool: str) -> Spec:
    """One of a pool's `bgp-advertisements`."""
    spec: Spec = {"ipAddressPools": [pool], **_numbers(section, ADVERTISEMENT_NUMBERS)}
    labels = section.texts("communities")
    return {**spec, "communities": labels} if labels else spec


def peer(section: Section) -> Spec:
    """One of `peers`."""
    spec = _numbers(section, PEER_NUMBERS)
    spec |= {new: text for old, new in PEER_TEXTS.items() if (text := section.text(old))}
    spec.setdefault("holdTime", HOLD_TIME)
    nodes = [_selector(one) for one in section.sections("node-selectors", "node selector", SELECTOR_KEYS)]
    multihop = section.flag("ebgp-multihop")
    if nodes:
        spec["nodeSelectors"] = nodes
    if multihop is not None:
        spec["ebgpMultiHop"] = multihop
    return spec


def _selector(section: Section) -> Spec:
    labels = section.table("match-labels")
    found = section.sections("match-expressions", "expression", EXPRESSION_KEYS)
    expressions = [_expression(one) for one in found]
    return {
        **({"matchLabels": labels} if labels else {}),
        **({"matchExpressions": expressions} if expressions else {}),
    }


def _expression(section: Section) -> Spec:
    spec: Spec = {"key": section.text("key"), "operator": section.text("operator")}
    values = section.texts("values")
    return {**spec, "values": values} if values else spec


def profile(section: Section) -> Spec:
    """One of `bfd-profiles`."""
    section.require("name")
    flags = {new: value for old, new in PROFILE_FLAGS.items() if (value := section.flag(old)) is not None}
    return {**_numbers(section, PROFILE_NUMBERS), **flags}


def communities(whole: Section) -> Spec:
    """`bgp-communities`: one Community, its names in order."""
    names = whole.table("bgp-communities")
    if len(names) > MAX_ALIASES:
        whole.complain("bgp-communities", f"bgp-communities has {len(names)} names: {MAX_ALIASES} are read at most")
    ordered = sorted(names.items())[:MAX_ALIASES]
    return {"communities": [{"name": name, "value": value} for name, value in ordered]}


def _numbers(section: Section, known: Mapping[str, str]) -> Spec:
    return dict(_read_numbers(section, known))


def _read_numbers(section: Section, known: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    for old, new in known.items():
        value = section.number(old)
        if value is not None:
            yield new, value
