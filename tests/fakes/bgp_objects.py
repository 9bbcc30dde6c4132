"""Short ways to write the objects of MetalLB that are about BGP, and to load any of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from pylb.core.config.loader import Loaded, Objects, load
from pylb.core.model import Node

JSON = dict[str, Any]
FIELDS = {
    "IPAddressPool": "pools",
    "L2Advertisement": "advertisements",
    "BGPAdvertisement": "bgp_advertisements",
    "BGPPeer": "peers",
    "BFDProfile": "profiles",
    "Community": "communities",
}


def made(kind: str, name: str, version: str = "v1beta1", ns: str = "metallb-system", **spec: Any) -> JSON:
    meta = {"name": name, "namespace": ns, "uid": f"uid-{name}"}
    return {"apiVersion": f"metallb.io/{version}", "kind": kind, "metadata": meta, "spec": spec}


def bgp(name: str = "a", **spec: Any) -> JSON:
    return made("BGPAdvertisement", name, **spec)


def peer(name: str = "r", **spec: Any) -> JSON:
    wanted = {"myASN": 64512, "peerASN": 64513, "peerAddress": "10.9.9.1", **spec}
    return made("BGPPeer", name, "v1beta2", **{key: value for key, value in wanted.items() if value is not None})


def profile(name: str = "b", **spec: Any) -> JSON:
    return made("BFDProfile", name, **spec)


def community(*rows: tuple[str, str], name: str = "c") -> JSON:
    return made("Community", name, communities=[{"name": key, "value": value} for key, value in rows])


def loaded(*objects: JSON, nodes: tuple[Node, ...] = ()) -> Loaded:
    sorted_: dict[str, list[JSON]] = {}
    for one in objects:
        sorted_.setdefault(FIELDS[one["kind"]], []).append(one)
    return load(Objects(**sorted_), nodes=nodes)


class Row(NamedTuple):
    objects: tuple[JSON, ...]
    field: str
    text: str


def row(field: str, text: str, *objects: JSON) -> Any:
    kinds = "+".join(f"{one['kind']}" for one in objects)
    return pytest.param(Row(objects, field, text), id=f"{kinds} {field} {text[:40]}")


def assert_refused(case: Row) -> None:
    """In these words, at this field; with what mends it."""
    found = loaded(*case.objects)
    assert [(problem.field, problem.text) for problem in found.problems] == [(case.field, case.text)]
    [problem] = found.problems
    assert problem.fix, "what mends it"
    assert str(problem) == f"{problem.ref}: {problem.text}; {problem.fix}"
    assert found.config is None
