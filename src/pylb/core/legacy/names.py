"""What the old ConfigMap's resources are called when they are written down: names that Kubernetes takes.

The old format let pools and profiles have any name. A name that the API server takes stays, since Services ask for pools
by name; another is changed as MetalLB's own converter changed it, and whoever asks for it by the old one has to be told.
Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pylb.core.config.objects import BGP_ADVERTISEMENT, COMMUNITY, L2_ADVERTISEMENT, PEER, POOL, PROFILE
from pylb.core.legacy.conversion import PLACE, Converted

JSON = Mapping[str, Any]
MAX_NAME = 63  # characters, as the converter cut; an object's name may have 253
# In the order in which they are made, so that each finds what it refers to.
ORDER = (COMMUNITY, PROFILE, PEER, POOL, BGP_ADVERTISEMENT, L2_ADVERTISEMENT)
_TAKEN = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")  # of RFC 1123 subdomains, those without odd dots
_ODD_DOTS = re.compile(r"\.\.|\.-|-\.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A resource to be made: a whole manifest, and the place in the ConfigMap that it comes from."""

    body: JSON
    place: str

    @property
    def kind(self) -> str:
        return str(self.body["kind"])

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])


@dataclass(frozen=True, slots=True)
class Named:
    """What to make, in order; which pools and profiles are called otherwise; and what cannot be."""

    wanted: tuple[Wanted, ...]
    pools: Mapping[str, str] = field(default_factory=dict)  # old name: new name, where they differ
    profiles: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[tuple[str, str], ...] = ()  # place, what is wrong


def clean(name: str) -> str:
    """The name that a resource has instead; "" where nothing is left of it."""
    if _TAKEN.fullmatch(name) and not _ODD_DOTS.search(name):
        return name
    plain = re.sub("[^-a-z0-9]", "-", name[:MAX_NAME].lower())
    first = next((at for at, letter in enumerate(plain) if letter.isalpha()), len(plain))
    return plain[first:].rstrip("-")


def named(made: Converted, namespace: str) -> Named:
    """The resources of a ConfigMap as manifests for a namespace."""
    faults: list[tuple[str, str]] = []
    pools, profiles = _renamed(made.pools, faults), _renamed(made.profiles, faults)
    kinds = {
        COMMUNITY: made.communities,
        PROFILE: made.profiles,
        PEER: made.peers,
        POOL: made.pools,
        BGP_ADVERTISEMENT: made.bgp_advertisements,
        L2_ADVERTISEMENT: made.advertisements,
    }
    new = {POOL: pools, PROFILE: profiles}
    wanted = tuple(
        Wanted(_manifest(raw, kind, namespace, new.get(kind, {}), pools, profiles), str(raw.get(PLACE, "")))
        for kind in ORDER
        for raw in kinds[kind]
    )
    return Named(
        wanted,
        {old: name for old, name in pools.items() if old != name},
        {old: name for old, name in profiles.items() if old != name},
        tuple(faults),
    )


def _renamed(objects: tuple[JSON, ...], faults: list[tuple[str, str]]) -> dict[str, str]:
    """Old name: new name. Two of one name, old or new, are a fault, and so is a name without a letter."""
    found: dict[str, str] = {}
    owners: dict[str, str] = {}
    for raw in objects:
        old = str(raw["metadata"]["name"])
        new = found[old] = clean(old)
        place, other = f"{raw.get(PLACE, '')}.name", owners.get(new)
        if not new:
            faults.append((place, f'"{old}" cannot be made a name of Kubernetes, which has a letter; rename it'))
        elif other is not None:
            said = f'two are called "{old}"' if other == old else f'"{other}" and "{old}" both become "{new}"'
            faults.append((place, f"{said}; rename one of the two"))
        owners.setdefault(new, old)
    return found


def _manifest(
    raw: JSON,
    kind: str,
    namespace: str,
    own: Mapping[str, str],
    pools: Mapping[str, str],
    profiles: Mapping[str, str],
) -> JSON:
    spec = dict(raw["spec"])
    if "ipAddressPools" in spec:
        spec["ipAddressPools"] = [pools.get(name, name) for name in spec["ipAddressPools"]]
    if spec.get("bfdProfile"):
        spec["bfdProfile"] = profiles.get(spec["bfdProfile"], spec["bfdProfile"])
    name = str(raw["metadata"]["name"])
    meta = {"name": own.get(name, name), "namespace": namespace}
    return {"apiVersion": raw["apiVersion"], "kind": kind, "metadata": meta, "spec": spec}
