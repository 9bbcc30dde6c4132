"""MetalLB's old configuration (v0.8 to v0.12): one ConfigMap, turned into the custom resources that say the same.

Read strictly, as MetalLB read it: an unknown key is a Problem, and all of them are told at once. What values may be is the
business of `core.config.loader`, which reads the resources; what the old format alone forbids is said here. Pools and profiles
keep the names that people know, even such as no resource could have: `core.legacy.names` is for those who write
resources. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pylb.core import fields, places
from pylb.core.config.objects import (
    BGP_ADVERTISEMENT,
    COMMUNITY,
    L2_ADVERTISEMENT,
    ORIGIN,
    PEER,
    POOL,
    PROFILE,
    Problem,
)
from pylb.core.legacy import bgp as legacy_bgp
from pylb.core.legacy.fields import MAX_PROBLEMS, Complaints, Section, short
from pylb.core.model import ObjectRef

__all__ = ["MAX_PROBLEMS", "Converted", "convert"]

API_VERSION = places.API_VERSION
PEER_VERSION = places.PEER_VERSION
JSON = Mapping[str, Any]
PLACE = "place"  # key of a converted object: where in the document it stands, such as address-pools[0]
COMMUNITIES = "communities"  # name of the one Community
TOP_KEYS = frozenset({"address-pools", "peers", "bgp-communities", "bfd-profiles"})
POOL_KEYS = frozenset({"name", "protocol", "addresses", "auto-assign", "avoid-buggy-ips", "bgp-advertisements"})
LAYER2, BGP = "layer2", "bgp"


@dataclass(frozen=True, slots=True)
class Converted:
    """Custom resources that say what the ConfigMap says, and what is wrong with it.

    An entry with a problem is not among them. Of one that is right it names the ConfigMap (`config.ORIGIN`) and the
    place in it (PLACE).
    """

    pools: tuple[JSON, ...] = ()
    advertisements: tuple[JSON, ...] = ()
    problems: tuple[Problem, ...] = ()
    bgp_advertisements: tuple[JSON, ...] = ()
    peers: tuple[JSON, ...] = ()
    profiles: tuple[JSON, ...] = ()
    communities: tuple[JSON, ...] = ()


class _Made:
    """What was converted so far; resources of a kind are numbered as MetalLB's own converter numbered them."""

    def __init__(self, ref: ObjectRef) -> None:
        self._ref = ref
        self.kinds: dict[str, list[JSON]] = {}

    def add(self, kind: str, name: str, place: str, spec: JSON) -> None:
        meta = {"name": name, "namespace": self._ref.namespace}
        version = PEER_VERSION if kind == PEER else API_VERSION
        made = {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec, ORIGIN: self._ref, PLACE: place}
        self.kinds.setdefault(kind, []).append(made)

    def number(self, kind: str, place: str, spec: JSON) -> None:
        """Add one that has no name of its own."""
        self.add(kind, f"{kind.lower()}{len(self.kinds.get(kind, ())) + 1}", place, spec)

    def converted(self, problems: tuple[Problem, ...]) -> Converted:
        kinds = (POOL, L2_ADVERTISEMENT, BGP_ADVERTISEMENT, PEER, PROFILE, COMMUNITY)
        pools, layer2, bgp, peers, profiles, communities = (tuple(self.kinds.get(kind, ())) for kind in kinds)
        return Converted(pools, layer2, problems, bgp, peers, profiles, communities)


def convert(document: object, ref: ObjectRef) -> Converted:
    """Turn `data.config`, parsed from YAML, into resources. `ref` is the ConfigMap, which all messages name."""
    complaints, made = Complaints(ref), _Made(ref)
    if document is not None and not isinstance(document, Mapping):
        complaints.add("", f"a mapping with address-pools is expected, not {fields.shown(document)}")
        return made.converted(complaints.problems)
    whole = Section(document, "", "", TOP_KEYS, complaints)
    for section in whole.sections("address-pools", "address pool", POOL_KEYS):
        _convert_pool(section, made)
    for number, section in enumerate(whole.sections("peers", "peer", legacy_bgp.PEER_KEYS), 1):
        spec = legacy_bgp.peer(section)
        if section.sound:
            made.add(PEER, f"peer{number}", section.place, spec)
    for section in whole.sections("bfd-profiles", "bfd profile", legacy_bgp.PROFILE_KEYS):
        spec = legacy_bgp.profile(section)
        if section.sound:
            made.add(PROFILE, section.text("name"), section.place, spec)
    aliases = legacy_bgp.communities(whole)
    if aliases["communities"]:
        made.add(COMMUNITY, COMMUNITIES, "bgp-communities", aliases)
    return made.converted(complaints.problems)


def _convert_pool(section: Section, made: _Made) -> None:
    """One pool and how it is announced; neither where anything is wrong with it."""
    name, protocol = section.text("name"), section.text("protocol")
    section.require("name")
    if section.lacks("protocol"):
        section.complain("protocol", "it has no protocol: write layer2 or bgp")
    elif protocol and protocol not in (LAYER2, BGP):
        section.complain("protocol", f'unknown protocol "{short(protocol)}": write layer2 or bgp')
    spec = {
        "addresses": section.texts("addresses"),
        "autoAssign": section.flag("auto-assign") is not False,
        "avoidBuggyIPs": section.flag("avoid-buggy-ips") is True,
    }
    adverts = [
        (advert.place, legacy_bgp.advertisement(advert, name))
        for advert in section.sections("bgp-advertisements", "BGP advertisement", legacy_bgp.ADVERTISEMENT_KEYS)
    ]
    if protocol == LAYER2 and adverts:
        section.complain(
            "bgp-advertisements", "cannot have bgp-advertisements configuration element in a layer2 address pool"
        )
    if not section.sound:
        return
    made.add(POOL, name, section.place, spec)
    if protocol == LAYER2:
        made.number(L2_ADVERTISEMENT, section.place, {"ipAddressPools": [name]})
        return
    for place, advert in adverts or [(section.place, {"ipAddressPools": [name]})]:
        made.number(BGP_ADVERTISEMENT, place, advert)
