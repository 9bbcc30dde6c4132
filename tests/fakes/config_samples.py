"""Objects of every kind that people write with every field of it, and what can be made wrong of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from pylb.core.config.loader import KINDS
from pylb.core.crds.table import resource

JSON = dict[str, Any]
Path = tuple[str | int, ...]
EXPRESSION = {"key": "a", "operator": "In", "values": ["b"]}
SELECTORS = [{"matchLabels": {"a": "b"}, "matchExpressions": [{**EXPRESSION, "key": "c"}]}]
COMMON = {"ipAddressPools": ["p"], "ipAddressPoolSelectors": SELECTORS, "nodeSelectors": SELECTORS}
SESSION = {
    "myASN": 64512,
    "peerASN": 64513,
    "peerAddress": "10.9.9.1",
    "sourceAddress": "10.9.9.2",
    "routerID": "10.9.9.3",
    "peerPort": 1179,
    "holdTime": "10s",
    "keepaliveTime": "2s",
    "nodeSelectors": SELECTORS,
    "password": "x",
    "bfdProfile": "b",
    "ebgpMultiHop": True,
}
NEWER = {
    "localASN": 7,
    "connectTime": "9s",
    "enableGracefulRestart": True,
    "vrf": "red",
    "disableMP": True,
    "dualStackAddressFamily": True,
}
SAMPLES: dict[tuple[str, str], list[JSON]] = {  # every field, with another value than its default
    ("IPAddressPool", "v1beta1"): [
        {
            "addresses": ["10.0.0.0/24"],
            "autoAssign": False,
            "avoidBuggyIPs": True,
            "serviceAllocation": {
                "priority": 3,
                "namespaces": ["a"],
                "namespaceSelectors": SELECTORS,
                "serviceSelectors": SELECTORS,
            },
        }
    ],
    ("L2Advertisement", "v1beta1"): [
        {
            **COMMON,
            "serviceSelectors": SELECTORS,
            "interfaces": ["eth0"],
            "preferredNodeSelectors": [{"weight": 7, "preference": one} for one in SELECTORS],
        }
    ],
    ("BGPAdvertisement", "v1beta1"): [
        {
            **COMMON,
            "aggregationLength": 24,
            "aggregationLengthV6": 64,
            "localPref": 5,
            "communities": ["1:2"],
            "peers": ["r"],
        },
        {"serviceSelectors": SELECTORS},
    ],
    ("BGPPeer", "v1beta1"): [SESSION],
    ("BGPPeer", "v1beta2"): [
        {**SESSION, **NEWER},
        {"myASN": 1, "dynamicASN": "external", "interface": "eth0", "passwordSecret": {"name": "s", "namespace": "n"}},
    ],
    ("BFDProfile", "v1beta1"): [
        {
            "receiveInterval": 10,
            "transmitInterval": 20,
            "echoInterval": 30,
            "detectMultiplier": 4,
            "minimumTtl": 5,
            "echoMode": True,
            "passiveMode": True,
        }
    ],
    ("Community", "v1beta1"): [{"communities": [{"name": "x", "value": "1:2"}]}],
}
EXPRESSIONS = ("matchLabels", "matchExpressions")  # of a selector; tests of selectors are about what is within
TABLE = [(kind, version.name) for kind in KINDS.values() for version in resource(kind).versions]
WRONG: dict[str, Any] = {"boolean": "yes", "integer": "1", "string": 1, "array": "a", "object": "a"}


def spec_of(kind: str, version: str) -> JSON:
    return next(one.spec for one in resource(kind).versions if one.name == version)


def fields(schema: JSON, path: str = "") -> Iterator[tuple[str, JSON, bool]]:
    """(path, schema, required) of each field; `[]` stands for any item of a list."""
    for name, below in schema.get("properties", {}).items():
        where = f"{path}.{name}".lstrip(".")
        yield where, below, name in schema.get("required", ())
        if name not in EXPRESSIONS:
            yield from fields(below, where)
            yield from fields(below.get("items", {}), f"{where}[]")


def places(value: object, path: str = "", keys: Path = ()) -> Iterator[tuple[str, Path]]:
    """Each field of a sample, as `fields` calls it, and the keys that lead there."""
    if isinstance(value, dict):
        for name, inner in value.items():
            where = f"{path}.{name}".lstrip(".")
            yield where, (*keys, name)
            if name not in EXPRESSIONS:
                yield from places(inner, where, (*keys, name))
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, f"{path}[]", (*keys, number))


def changed(sample: JSON, keys: Path, *value: object) -> JSON:
    """The sample with another value at a place, or with nothing there."""
    spec = copy.deepcopy(sample)
    inner: Any = spec
    for key in keys[:-1]:
        inner = inner[key]
    if value:
        inner[keys[-1]] = value[0]
    else:
        del inner[keys[-1]]
    return spec


def said(keys: Path) -> str:
    """A place as a problem names it."""
    return "spec" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)


def outside(schema: JSON) -> list[Any]:
    """Values beyond each bound of a field, and none of its choices."""
    bounds = ((schema.get("minimum"), -1), (schema.get("maximum"), 1))
    return [one + by for one, by in bounds if one is not None] + ["x"] * ("enum" in schema)
