"""MetalLB's old configuration (v0.8 to v0.12): one ConfigMap, turned into the custom resources that say the same.

Read strictly, as MetalLB read it: an unknown key is a Problem. Each pool becomes an IPAddressPool, each layer 2 pool
gets an L2Advertisement of its own. BGP's keys are known and, for now, carried no further.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pylb.core import fields
from pylb.core.config import MAX_OBJECTS, ORIGIN, Problem
from pylb.core.errors import ParseError
from pylb.core.model import ObjectRef

JSON = Mapping[str, Any]
MAX_PROBLEMS = 20  # told of one ConfigMap; who has mended them learns of the next
TOP_KEYS = frozenset({"address-pools", "peers", "bgp-communities", "bfd-profiles"})
POOL_KEYS = frozenset({"name", "protocol", "addresses", "auto-assign", "avoid-buggy-ips", "bgp-advertisements"})
LAYER2, BGP = "layer2", "bgp"


@dataclass(frozen=True, slots=True)
class Converted:
    """Custom resources that say what the ConfigMap says, and what is wrong with it."""

    pools: tuple[JSON, ...] = ()
    advertisements: tuple[JSON, ...] = ()
    problems: tuple[Problem, ...] = ()


def convert(document: object, ref: ObjectRef) -> Converted:
    """Turn `data.config`, parsed from YAML, into resources. `ref` is the ConfigMap, which all messages name."""
    if document is None:
        return Converted()
    if not isinstance(document, Mapping):
        return _refused(ref, "config", f"a mapping with address-pools is expected, not {fields.shown(document)}")
    try:
        _known(document, TOP_KEYS, "the configuration")
        entries = document.get("address-pools") or []
        if not isinstance(entries, list):
            raise ParseError(f"address-pools is a list, not {fields.shown(entries)}")
    except ParseError as error:
        return _refused(ref, "config", str(error))
    return _convert_pools(entries, ref)


def _refused(ref: ObjectRef, where: str, text: str) -> Converted:
    return Converted(problems=(Problem(ref, where, text),))


def _convert_pools(entries: list[Any], ref: ObjectRef) -> Converted:
    pools: list[JSON] = []
    adverts: list[JSON] = []
    problems: list[Problem] = []
    for number, entry in enumerate(entries[:MAX_OBJECTS], 1):
        if len(problems) == MAX_PROBLEMS:
            break
        try:
            pools.append(_pool(entry, number, ref))
            adverts.extend(_advertisement(entry, ref))
        except ParseError as error:
            problems.append(Problem(ref, f"address-pools[{number}]", str(error)))
    return Converted(tuple(pools), tuple(adverts), tuple(problems))


def _pool(entry: object, number: int, ref: ObjectRef) -> JSON:
    if not isinstance(entry, Mapping):
        raise ParseError(f"address pool #{number} is a mapping, not {fields.shown(entry)}")
    name = _text(entry.get("name"))
    if not name:
        raise ParseError(f"address pool #{number} has no name")
    _known(entry, POOL_KEYS, f'address pool "{name}"')
    protocol = _text(entry.get("protocol"))
    if protocol not in (LAYER2, BGP):
        said = f'unknown protocol "{protocol}"' if protocol else "no protocol"
        raise ParseError(f'address pool "{name}" has {said}: write layer2 or bgp')
    if protocol == LAYER2 and entry.get("bgp-advertisements"):
        raise ParseError(
            f'address pool "{name}": cannot have bgp-advertisements configuration element in a layer2 pool'
        )
    spec = {
        "addresses": list(fields.strings(entry.get("addresses"), "addresses")),
        "autoAssign": fields.boolean(entry.get("auto-assign"), "auto-assign", True),
        "avoidBuggyIPs": fields.boolean(entry.get("avoid-buggy-ips"), "avoid-buggy-ips", False),
    }
    return _resource(name, ref, spec)


def _text(raw: object) -> str:
    """A text, or a number that is one for YAML alone; an absent one is empty."""
    return "" if raw is None else str(raw) if isinstance(raw, (str, int, float)) else fields.shown(raw)


def _advertisement(entry: JSON, ref: ObjectRef) -> Iterator[JSON]:
    if entry.get("protocol") == LAYER2:
        name = _text(entry["name"])
        yield _resource(name, ref, {"ipAddressPools": [name]})


def _resource(name: str, ref: ObjectRef, spec: JSON) -> JSON:
    return {"metadata": {"name": name, "namespace": ref.namespace}, "spec": spec, ORIGIN: ref}


def _known(raw: JSON, keys: frozenset[str], where: str) -> None:
    odd = sorted(str(key) for key in raw if key not in keys)
    if odd:
        raise ParseError(f'unknown key "{odd[0]}" in {where}: known are {", ".join(sorted(keys))}')
