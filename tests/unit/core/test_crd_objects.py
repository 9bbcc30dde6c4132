"""Which objects the definitions of the `metallb.io` resources accept: those in use, and the manifests of the seeds."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pylb.core.crds.table import definitions

JSON = dict[str, Any]
SEEDS = Path(__file__).parents[2] / "data" / "seeds"
PYTHON_TYPES = {"string": str, "boolean": bool, "integer": int, "array": list, "object": dict}


def crd(kind: str) -> JSON:
    return next(item for item in definitions() if item["spec"]["names"]["kind"] == kind)


def schema(kind: str, version: str = "v1beta1") -> JSON:
    found = next(v for v in crd(kind)["spec"]["versions"] if v["name"] == version)
    return dict(found["schema"]["openAPIV3Schema"])


def faults(node: JSON, value: object, path: str = "") -> list[str]:
    """What is wrong with a value, unknown fields included (the API server prunes those, kubectl refuses them)."""
    wanted = PYTHON_TYPES[node["type"]]
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        return [f"{path}: {value!r} is no {node['type']}"]
    found: list[str] = []
    if "enum" in node and value not in node["enum"]:
        found.append(f"{path}: {value!r} is none of {node['enum']}")
    if isinstance(value, int) and not node.get("minimum", value) <= value <= node.get("maximum", value):
        found.append(f"{path}: {value} is out of bounds")
    if isinstance(value, str) and "pattern" in node and not re.search(node["pattern"], value):
        found.append(f"{path}: {value!r} does not match")
    if isinstance(value, list):
        found += [f"{path}: too few"] if len(value) < node.get("minItems", 0) else []
        found += [text for item in value for text in faults(node["items"], item, f"{path}[]")]
    if isinstance(value, dict):
        found += [f"{path}.{name}: is missing" for name in node.get("required", ()) if name not in value]
        for name, inner in value.items():
            below = node.get("properties", {}).get(name, node.get("additionalProperties"))
            if path in ("", ".metadata") and name == "metadata":
                continue
            found += faults(below, inner, f"{path}.{name}") if below else [f"{path}.{name}: is unknown"]
    return found


def custom_objects() -> list[Any]:
    """Each metallb.io object of the manifests that users have; one file is broken on purpose."""
    found = []
    for path in sorted(SEEDS.glob("*.yaml")):
        try:
            documents = list(yaml.safe_load_all(path.read_text()))
        except yaml.YAMLError:
            assert "broken" in path.name
            continue
        for index, item in enumerate(documents):
            if str(item["apiVersion"]).startswith("metallb.io/"):
                found.append(pytest.param(item, id=f"{path.name}-{index}"))
    return found


def pool(**spec: object) -> JSON:
    return {"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": {"name": "p"}, "spec": spec}


def spec_of(kind: str, version: str = "v1beta1", **spec: object) -> JSON:
    return {"apiVersion": f"metallb.io/{version}", "kind": kind, "metadata": {"name": "x"}, "spec": spec}


ROUTER = {"myASN": 64512, "peerASN": 4200000000, "peerAddress": "10.0.0.1"}
CONDITION = {
    "type": "poolReconcilerValid",
    "status": "True",
    "reason": "Reconciled",
    "message": "",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}
ACCEPTED = [
    pool(addresses=["10.0.0.0/24", "fd00::1-fd00::9"]),
    pool(addresses=[], serviceAllocation={"priority": 5, "namespaceSelectors": [{"matchLabels": {"a": "b"}}]}),
    spec_of("L2Advertisement"),
    {"apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement", "metadata": {"name": "x"}},
    spec_of("L2Advertisement", preferredNodeSelectors=[{"weight": 100, "preference": {}}], interfaces=["eth0"]),
    spec_of("L2Advertisement", nodeSelectors=[{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]),
    spec_of("BGPAdvertisement", aggregationLength=24, localPref=4294967295, communities=["64512:1"]),
    spec_of("BGPPeer", **ROUTER, peerPort=0),
    spec_of("BGPPeer", "v1beta2", **ROUTER, holdTime="90s", passwordSecret={"name": "n", "namespace": "s"}),
    spec_of("BGPPeer", "v1beta2", myASN=0, dynamicASN="external", interface="eth0"),
    spec_of("BFDProfile", receiveInterval=10, detectMultiplier=255, minimumTtl=254),
    spec_of("Community", communities=[{"name": "a", "value": "large:1:2:3"}]),
    {**spec_of("ServiceL2Status"), "status": {"node": "n1", "serviceName": "w", "serviceNamespace": "d"}},
    {**spec_of("ServiceL2Status"), "status": {"node": "n1", "interfaces": [{"name": "eth0"}]}},
    {**spec_of("ServiceBGPStatus"), "status": {"node": "n1", "peers": ["router"]}},
    {**spec_of("ConfigurationState"), "status": {"result": "Valid", "conditions": [CONDITION]}},
]
REFUSED = [
    (pool(), ".spec.addresses: is missing"),
    ({"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": {}}, ".spec: is missing"),
    (pool(addresses="10.0.0.0/24"), ".spec.addresses: '10.0.0.0/24' is no array"),
    (pool(addresses=["10.0.0.0/24"], autoAssign="yes"), ".spec.autoAssign: 'yes' is no boolean"),
    (pool(addresses=[], autoAsign=True), ".spec.autoAsign: is unknown"),
    (
        spec_of("L2Advertisement", preferredNodeSelectors=[{"weight": 0, "preference": {}}]),
        ".spec.preferredNodeSelectors[].weight: 0 is out of bounds",
    ),
    (
        spec_of("L2Advertisement", preferredNodeSelectors=[{"weight": 1}]),
        ".spec.preferredNodeSelectors[].preference: is missing",
    ),
    (spec_of("BGPAdvertisement", aggregationLength=0), ".spec.aggregationLength: 0 is out of bounds"),
    (spec_of("BGPPeer", "v1beta2", peerASN=1), ".spec.myASN: is missing"),
    (spec_of("BGPPeer", "v1beta2", myASN=4294967296), ".spec.myASN: 4294967296 is out of bounds"),
    (spec_of("BGPPeer", "v1beta2", myASN=1, peerPort=16385), ".spec.peerPort: 16385 is out of bounds"),
    (
        spec_of("BGPPeer", "v1beta2", myASN=1, dynamicASN="both"),
        ".spec.dynamicASN: 'both' is none of ['internal', 'external']",
    ),
    (spec_of("BGPPeer", **ROUTER, vrf="red"), ".spec.vrf: is unknown"),
    (
        spec_of("BGPPeer", **ROUTER, nodeSelectors=[{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]),
        ".spec.nodeSelectors[].matchExpressions[].values: is missing",
    ),
    (spec_of("BFDProfile", transmitInterval=9), ".spec.transmitInterval: 9 is out of bounds"),
    ({**spec_of("ConfigurationState"), "status": {"result": "Fine"}}, ".status.result: 'Fine' is none of"),
    ({**pool(addresses=[]), "status": {"assignedIPv4": 1}}, ".status.assignedIPv6: is missing"),
]


@pytest.mark.parametrize("item", ACCEPTED)
def test_objects_in_use_are_accepted(item: JSON) -> None:
    assert faults(schema(item["kind"], item["apiVersion"].split("/")[1]), item) == []


@pytest.mark.parametrize(("item", "why"), REFUSED)
def test_malformed_objects_are_refused(item: JSON, why: str) -> None:
    found = faults(schema(item["kind"], item["apiVersion"].split("/")[1]), item)
    assert any(text.startswith(why) for text in found), found


@pytest.mark.parametrize("item", custom_objects())
def test_the_seeds_manifests_fit(item: JSON) -> None:
    assert item["metadata"]["name"]
    assert faults(schema(item["kind"], item["apiVersion"].split("/")[1]), item) == []


def test_the_seeds_hold_objects_to_check() -> None:
    assert {param.values[0]["kind"] for param in custom_objects()} == {"IPAddressPool", "L2Advertisement"}


def recorded() -> list[Any]:
    """Each metallb.io object that MetalLB was seen to write, or to be given."""
    found = []
    for path in sorted((SEEDS.parent / "observed").glob("*.json")):
        lists = (items for items in json.loads(path.read_text()).values() if isinstance(items, list))
        items = [item for items in lists for item in items if isinstance(item, dict)]
        ours = [item for item in items if str(item.get("apiVersion", "")).startswith("metallb.io/")]
        found += [pytest.param(item, id=f"{path.stem}-{number}") for number, item in enumerate(ours)]
    return found


@pytest.mark.parametrize("item", recorded())
def test_what_metallb_was_seen_to_write_fits(item: JSON) -> None:
    """Times are recorded as `<time>`: what is a time is not looked at."""
    assert faults(schema(item["kind"], item["apiVersion"].split("/")[1]), item) == []


def test_the_records_hold_objects_to_check() -> None:
    assert {param.values[0]["kind"] for param in recorded()} == {
        "IPAddressPool",
        "ServiceL2Status",
        "ConfigurationState",
    }
