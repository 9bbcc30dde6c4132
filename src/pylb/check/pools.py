"""The configuration that the files make together: every problem of the loader's, at the line of its field. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pylb.check.inventory import ALIKE, HOME, Inventory
from pylb.core.config import loader as config
from pylb.core.config.loader import Config, Loaded
from pylb.core.config.objects import BGP_ADVERTISEMENT, KINDS, L2_ADVERTISEMENT, POOL, Objects, Problem
from pylb.core.explanation.scene import own_addresses
from pylb.core.legacy.conversion import PLACE, Converted
from pylb.core.manifest import Finding, Manifest
from pylb.core.model import Address, Namespace, Node, NodeName

NAME_LABEL = "kubernetes.io/metadata.name"  # which the API server gives each namespace
_NOTE = "metadata.annotations["
UNKNOWN = "unknown field "  # how the loader begins, which reads on: kubectl refuses the object
MEANT = "did you mean "  # how it says what was meant
BLOCK = "data.config"  # of the old ConfigMap
Key = tuple[str, str, str]  # kind, namespace, name


@dataclass(frozen=True, slots=True)
class Old:
    """MetalLB's ConfigMap: what it says, and the ConfigMap as if its text were a part of the file itself."""

    manifest: Manifest
    text: Manifest
    converted: Converted


@dataclass(frozen=True, slots=True)
class Pools:
    """What the configuration is, as far as it can be read, and what is wrong with it."""

    config: Config | None
    findings: tuple[Finding, ...] = ()
    taken: Mapping[Address, NodeName] = field(default_factory=dict)  # addresses in the pools that are nodes' own


def look(
    inventory: Inventory, old: Sequence[Old], namespaces: Sequence[Namespace], nodes: Sequence[Node] = ()
) -> Pools:
    """Load all objects as one set."""
    homed: dict[Key, Manifest] = {}
    rows: dict[str, list[Mapping[str, Any]]] = {name: [] for name in KINDS}
    for name, kind in KINDS.items():
        for manifest in inventory.configuration.get(kind, ()):
            raw = _homed(manifest)
            homed.setdefault((kind, raw["metadata"]["namespace"], manifest.name), manifest)
            rows[name].append(raw)
        rows[name] += (raw for one in old for raw in getattr(one.converted, name))
    loaded = config.load(Objects(**rows), namespaces, nodes)
    found = [*_meant(list(_told(loaded, homed, old))), *_hints(inventory, rows)]
    made = loaded.config or loaded.layer2
    taken = own_addresses(made, nodes) if made is not None else {}
    return Pools(made, (*found, *_nodes_own(made, taken, homed)), taken)


def _homed(manifest: Manifest) -> dict[str, Any]:
    """The object where it is going to be."""
    meta = {key: value for key, value in manifest.metadata.items() if key != "annotations"}
    notes = manifest.metadata.get("annotations")
    if isinstance(notes, dict):
        meta["annotations"] = {key: value for key, value in notes.items() if isinstance(value, str)}
    return {**manifest.raw, "metadata": {**meta, "namespace": manifest.namespace or HOME}}


def _told(loaded: Loaded, homed: Mapping[Key, Manifest], old: Sequence[Old]) -> Iterator[Finding]:
    for problem in (*loaded.problems, *loaded.warnings, *(one for made in old for one in made.converted.problems)):
        ref = problem.ref
        manifest = homed.get((ref.kind, ref.namespace, ref.name))
        if manifest is not None:
            unread = problem.text.startswith(UNKNOWN) or problem.field.startswith(_NOTE)
            stops = unread or problem not in loaded.warnings
            tell = manifest.fail if stops else manifest.hint
            yield tell(problem.field, problem.text, problem.fix)
            continue
        text = next((one for one in old if _is_of(problem, one)), None)
        if text is not None:
            yield _of_text(text, problem)


def _meant(found: Sequence[Finding]) -> Iterator[Finding]:
    """Without the fields that are missing because they are misspelt, which is told."""
    meant = {
        (one.ref, f"{one.field.rpartition('.')[0]}.{one.fix[len(MEANT) : -1]}")
        for one in found
        if one.text.startswith(UNKNOWN) and one.fix.startswith(MEANT)
    }
    return (one for one in found if (one.ref, one.field) not in meant)


def _is_of(problem: Problem, old: Old) -> bool:
    return (problem.ref.namespace, problem.ref.name) == (old.manifest.namespace or HOME, old.manifest.name)


def _of_text(old: Old, problem: Problem) -> Finding:
    """A problem of the ConfigMap: the reader's own fields are places in its text, the loader's are fields of resources."""
    inside = old.text.place.find(problem.field)
    if inside is not old.text.place:
        return old.text.fail(problem.field, problem.text, problem.fix)
    if problem.field.startswith(BLOCK) or not old.text.place.keys:
        return old.manifest.fail(problem.field, problem.text, problem.fix)
    return old.text.fail(_place(old, problem), problem.text, problem.fix)


def _place(old: Old, problem: Problem) -> str:
    """Where in the text the entry stands that a resource was made of; the first whose name is in the message."""
    made = old.converted
    for raw in (*made.pools, *made.peers, *made.profiles, *made.communities):
        if f'"{raw["metadata"]["name"]}"' in problem.text:
            below = ".addresses" if problem.field.startswith("spec.addresses") else ""
            return f"{raw.get(PLACE, '')}{below}"
    return ""


def _hints(inventory: Inventory, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Finding]:
    """What is allowed, and does nothing: names of pools that are in no file, pools that nobody announces."""
    pools = sorted(str(raw["metadata"].get("name")) for raw in rows["pools"])
    adverts = [one for kind in (L2_ADVERTISEMENT, BGP_ADVERTISEMENT) for one in inventory.configuration.get(kind, ())]
    for advert in adverts:
        for number, name in enumerate(_names(advert)):
            if pools and name not in pools:
                near = difflib.get_close_matches(name, pools, n=1, cutoff=ALIKE)
                fix = f"did you mean {near[0]}?" if near else f"the files have {', '.join(pools)}"
                text = f'no pool "{name}" is in these files: of one that does not exist nothing is announced'
                yield advert.hint(f"spec.ipAddressPools[{number}]", text, fix)
    if not adverts and not rows["advertisements"] and not rows["bgp_advertisements"]:
        for manifest in inventory.configuration.get(POOL, ())[:1]:
            text = "no L2Advertisement is in these files: without one nobody answers for the addresses of a pool"
            fix = f"an L2Advertisement in {HOME} without a spec announces all pools"
            yield manifest.hint("", text, fix)


def _nodes_own(
    made: Config | None, taken: Mapping[Address, NodeName], homed: Mapping[Key, Manifest]
) -> Iterator[Finding]:
    """Pools that hold addresses of nodes."""
    for address, node in taken.items():
        pool = made.pool_of([address]) if made is not None else None
        ref = pool.ref if pool is not None else None
        manifest = homed.get((ref.kind, ref.namespace, ref.name)) if ref is not None else None
        if manifest is not None:
            text = f"{address} is the own address of node {node}: no Service is given it"
            yield manifest.hint("spec.addresses", text, "leave it out of the ranges")


def _names(advert: Manifest) -> list[str]:
    spec = advert.raw.get("spec")
    names = spec.get("ipAddressPools") if isinstance(spec, dict) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
