"""What of all objects is pylb's to look at: sorted by what they are; the rest is counted. Pure."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pylb.check import shape
from pylb.core.config.objects import GROUP, KINDS
from pylb.core.crds import table as crds
from pylb.core.manifest import Finding, Manifest, flatten, strays
from pylb.core.model import LOAD_BALANCER
from pylb.core.places import METALLB_NAMESPACE, NAMESPACES

HOME = METALLB_NAMESPACE  # where an object of the configuration is taken to be that names no namespace
CONFIG_MAP = "config"  # the name of MetalLB's old one
DEFAULT = "default"  # kubectl's namespace, where none is named
ALIKE = 0.6  # of difflib's ratio
_GONE = "AddressPool"  # a kind that MetalLB had up to v0.14.1


@dataclass(slots=True)
class Inventory:
    """The objects of all files."""

    configuration: dict[str, list[Manifest]] = field(default_factory=dict)  # by kind
    config_maps: list[Manifest] = field(default_factory=list)
    services: list[Manifest] = field(default_factory=list)  # of type LoadBalancer
    sound: list[Manifest] = field(default_factory=list)  # those of them that the API server takes
    namespaces: list[Manifest] = field(default_factory=list)
    nodes: list[Manifest] = field(default_factory=list)  # as a cluster tells them
    passed_over: Counter[str] = field(default_factory=Counter)  # kinds that are not looked at
    findings: list[Finding] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many objects were looked at."""
        rows = (*self.configuration.values(), self.config_maps, self.services, self.namespaces, self.nodes)
        return sum(map(len, rows))


def sort(manifests: Iterable[Manifest]) -> Inventory:
    """Sort them, and tell of those that are no objects, or of a kind that is misspelt.

    What comes from a cluster (it has a uid) gives way to what is to be applied in its place.
    """
    whole = list(manifests)
    found, flat = Inventory(findings=list(strays(whole))), list(flatten(whole))
    new = {_key(manifest) for manifest in flat if not standing(manifest)}
    for manifest in flat:
        if not standing(manifest) or _key(manifest) not in new:
            _sort(found, manifest)
    found.findings += _repeated(found)
    _supersede(found)
    return found


def standing(manifest: Manifest) -> bool:
    """Whether it is an object that a cluster has."""
    return bool(manifest.metadata.get("uid"))


def _key(manifest: Manifest) -> tuple[str, str, str]:
    """What it is known by, where it is going to be."""
    home = HOME if manifest.api_version.startswith(f"{GROUP}/") else DEFAULT
    return manifest.kind, manifest.namespace or home, manifest.name


def _sort(found: Inventory, manifest: Manifest) -> None:
    if not {"kind", "apiVersion", "metadata", "spec"} & manifest.raw.keys():
        text = "no object: it has neither apiVersion nor kind (values of a chart have none)"
        found.findings.append(manifest.hint("", text, "name the manifests alone: kubectl refuses it"))
    elif not manifest.kind or not manifest.api_version:
        lacking = "kind" if manifest.api_version else "apiVersion"
        found.findings.append(manifest.fail("", f"no object: it has no {lacking}", _below(manifest, lacking)))
    elif manifest.api_version.partition("/")[0] == GROUP:
        _sort_resource(found, manifest)
    elif manifest.api_version == "v1" and manifest.kind == "Service":
        _sort_service(found, manifest)
    elif _is_config(manifest):
        found.findings += shape.fits(manifest, shape.METADATA, "metadata")
        found.config_maps.append(manifest)
    elif manifest.api_version == "v1" and manifest.kind == "Namespace":
        found.namespaces.append(manifest)
    elif manifest.api_version == "v1" and manifest.kind == "Node":
        found.nodes.append(manifest)
    else:
        found.passed_over[manifest.kind] += 1


def _below(manifest: Manifest, lacking: str) -> str:
    near = difflib.get_close_matches(lacking.lower(), [key.lower() for key in manifest.raw], n=1, cutoff=ALIKE)
    return f'"{near[0]}" is written {lacking}' if near else f"add {lacking}"


def _is_config(manifest: Manifest) -> bool:
    where = manifest.namespace in (*NAMESPACES, "")
    named = (manifest.api_version, manifest.kind, manifest.name) == ("v1", "ConfigMap", CONFIG_MAP)
    data = manifest.raw.get("data")
    return named and where and isinstance(data, dict) and "config" in data


def _sort_resource(found: Inventory, manifest: Manifest) -> None:
    if manifest.kind not in KINDS.values():
        if manifest.kind in _others():
            found.passed_over[manifest.kind] += 1
        else:
            found.findings.append(_unknown_kind(manifest))
        return
    served = [version.name for version in crds.resource(manifest.kind).versions]
    version = manifest.api_version.partition("/")[2]
    if version not in served:
        meant = f"{GROUP}/{served[-1]}"
        text = f'no matches for kind "{manifest.kind}" in version "{manifest.api_version}"'
        found.findings.append(manifest.fail("apiVersion", text, f"write apiVersion: {meant}"))
        return
    if not standing(manifest):  # else the API server has taken it
        found.findings += (*shape.whole(manifest), *_home(manifest))
    found.configuration.setdefault(manifest.kind, []).append(manifest)


def _others() -> set[str]:
    """Kinds of the group that configure nothing."""
    return {str(one["spec"]["names"]["kind"]) for one in crds.definitions()} - set(KINDS.values())


def _unknown_kind(manifest: Manifest) -> Finding:
    text = f'no matches for kind "{manifest.kind}" in version "{manifest.api_version}"'
    if manifest.kind == _GONE:
        fix = "MetalLB has had no AddressPool since v0.14.2: write an IPAddressPool, and an L2Advertisement for it"
        return manifest.fail("kind", text, fix)
    lowered = {kind.lower(): kind for kind in KINDS.values()}
    near = difflib.get_close_matches(manifest.kind.lower(), lowered, n=1, cutoff=ALIKE)
    fix = f"did you mean {lowered[near[0]]}?" if near else f"there are {', '.join(lowered.values())}"
    return manifest.fail("kind", text, fix)


def _home(manifest: Manifest) -> Iterator[Finding]:
    if not manifest.namespace:
        text = "it names no namespace: kubectl puts it where -n says, or into default, where nobody reads it"
        yield manifest.hint("metadata", text, f"write namespace: {HOME} below metadata")
    elif manifest.namespace not in NAMESPACES:
        text = f"resource must be created in {HOME} namespace (or in pylb-system): elsewhere nobody reads it"
        yield manifest.fail("metadata.namespace", text, f"write namespace: {HOME}")


def _sort_service(found: Inventory, manifest: Manifest) -> None:
    spec = manifest.raw.get("spec")
    kind = spec.get("type") if isinstance(spec, dict) else None
    if kind != LOAD_BALANCER and (kind is None or kind in shape.SERVICE_TYPES):
        found.passed_over[manifest.kind] += 1
        return
    faults = [*shape.whole(manifest), *shape.fits(manifest, shape.SERVICE, "spec"), *shape.ports(manifest)]
    if isinstance(spec, dict) and kind == LOAD_BALANCER and spec.get("clusterIP") == "None":
        text = "spec.clusterIP: may not be set to 'None' for LoadBalancer services"
        faults.append(manifest.fail("spec.clusterIP", text, "leave it out"))
    if standing(manifest):  # the API server has taken it, whatever fields it knows
        faults = []
    found.findings += faults
    found.services.append(manifest)
    if not faults:
        found.sound.append(manifest)


def _repeated(found: Inventory) -> Iterator[Finding]:
    """An object that is there twice."""
    seen: dict[tuple[str, str, str], Manifest] = {}
    rows = (*found.configuration.values(), found.config_maps, found.services)
    for manifest in (one for row in rows for one in row):
        first = seen.setdefault(_key(manifest), manifest)
        if first is not manifest and manifest.name:
            where = f"{first.source}:{first.place.find('metadata.name').line}"
            text = f"it is written twice (first in {where}): the one that is applied last stays"
            yield manifest.fail("metadata.name", text, "remove one of the two, or give it another name")


def _supersede(found: Inventory) -> None:
    """Of an object that is there twice the second takes the first one's place."""
    for row in (*found.configuration.values(), found.config_maps, found.services):
        last = {_key(manifest): manifest for manifest in row}
        row[:] = [manifest for manifest in row if not manifest.name or last[_key(manifest)] is manifest]
    left = {id(manifest) for manifest in found.services}
    found.sound[:] = [manifest for manifest in found.sound if id(manifest) in left]
