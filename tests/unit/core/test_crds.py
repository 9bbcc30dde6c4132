"""The definitions of the `metallb.io` resources: what they are, what they accept, and that a real API server may."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from pylb.core.crds.table import definitions

JSON = dict[str, Any]
STRUCTURAL = {  # keywords that apiextensions.k8s.io/v1 takes and that we use
    "type", "format", "description", "properties", "required", "items", "additionalProperties", "enum", "default",
    "minimum", "maximum", "minItems", "minLength", "maxLength", "pattern", "x-kubernetes-validations",
    "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type",
}  # fmt: skip
PYTHON_TYPES = {"string": str, "boolean": bool, "integer": int, "array": list, "object": dict}
SELECTOR = {"matchLabels", "matchExpressions"}


def crd(kind: str) -> JSON:
    return next(item for item in definitions() if item["spec"]["names"]["kind"] == kind)


def schema(kind: str, version: str = "v1beta1") -> JSON:
    found = next(v for v in crd(kind)["spec"]["versions"] if v["name"] == version)
    return dict(found["schema"]["openAPIV3Schema"])


def versions() -> list[tuple[str, str]]:
    return [(item["spec"]["names"]["kind"], v["name"]) for item in definitions() for v in item["spec"]["versions"]]


def nodes(node: JSON, path: str = "") -> Iterator[tuple[str, JSON]]:
    yield path, node
    for name, inner in node.get("properties", {}).items():
        yield from nodes(inner, f"{path}.{name}")
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")
    if "additionalProperties" in node:
        yield from nodes(node["additionalProperties"], f"{path}{{}}")


def test_the_kinds_versions_and_names() -> None:
    seen = {
        item["metadata"]["name"]: [(v["name"], v["served"], v["storage"]) for v in item["spec"]["versions"]]
        for item in definitions()
    }
    only = [("v1beta1", True, True)]
    assert seen == {
        "ipaddresspools.metallb.io": only,
        "l2advertisements.metallb.io": only,
        "bgpadvertisements.metallb.io": only,
        "bgppeers.metallb.io": [("v1beta1", True, False), ("v1beta2", True, True)],
        "bfdprofiles.metallb.io": only,
        "communities.metallb.io": only,
        "servicel2statuses.metallb.io": only,
        "servicebgpstatuses.metallb.io": only,
        "configurationstates.metallb.io": only,
    }


def test_every_definition_is_namespaced_with_a_status_subresource_and_no_webhook() -> None:
    for item in definitions():
        spec = item["spec"]
        names = spec["names"]
        assert item["apiVersion"] == "apiextensions.k8s.io/v1"
        assert (spec["group"], spec["scope"], "conversion" in spec) == ("metallb.io", "Namespaced", False)
        assert item["metadata"]["name"] == f"{names['plural']}.metallb.io"
        assert names["listKind"] == names["kind"] + "List"
        assert names["singular"] == names["kind"].lower()
        assert all(version["subresources"] == {"status": {}} for version in spec["versions"])


def test_each_call_returns_objects_of_its_own() -> None:
    """Who labels a definition must not change the next caller's; nor do two places of one share a dict."""
    first = definitions()
    before = copy.deepcopy(first)
    first[0]["metadata"]["labels"] = {"a": "b"}
    first[0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clear()
    assert definitions() == before
    walked = [id(n) for k, v in versions() for _, n in nodes(schema(k, v))]
    assert walked  # the walk below is of one call, where identities are comparable
    for item in definitions():
        for version in item["spec"]["versions"]:
            seen = [id(node) for _, node in nodes(version["schema"]["openAPIV3Schema"])]
            assert len(seen) == len(set(seen))


@pytest.mark.parametrize(("kind", "version"), versions())
def test_the_schema_is_structural(kind: str, version: str) -> None:
    """The rules of Kubernetes' structural schemas, as far as a table of keywords can break them."""
    for path, node in nodes(schema(kind, version)):
        where = f"{kind} {version} {path}"
        assert node.get("type") in PYTHON_TYPES, where
        assert set(node) <= STRUCTURAL, where
        assert ("items" in node) == (node["type"] == "array"), where
        assert not ("properties" in node and "additionalProperties" in node), where
        assert set(node.get("required", ())) <= set(node.get("properties", {})), where
        assert type(node.get("default", PYTHON_TYPES[node["type"]]())) is PYTHON_TYPES[node["type"]], where
        for key in node.get("x-kubernetes-list-map-keys", ()):
            assert key in node["items"]["required"], where


@pytest.mark.parametrize(("kind", "version"), versions())
def test_everything_is_described_but_what_all_objects_have(kind: str, version: str) -> None:
    bare = {path for path, node in nodes(schema(kind, version)) if not node.get("description")}
    allowed = (".apiVersion", ".kind", ".metadata")
    assert {path for path in bare if path not in allowed and not path.endswith(("[]", "{}"))} == set()


@pytest.mark.parametrize(("kind", "version"), versions())
def test_columns_show_fields_that_exist(kind: str, version: str) -> None:
    found = next(v for v in crd(kind)["spec"]["versions"] if v["name"] == version)
    paths = {path for path, _ in nodes(schema(kind, version))} | {".metadata.creationTimestamp"}
    for column in found.get("additionalPrinterColumns", ()):
        assert column["jsonPath"] in paths
        assert column["type"] in ("string", "integer", "boolean", "date")


FIELDS = {  # MetalLB's fields: a manifest that names one of them must keep it
    ("IPAddressPool", "v1beta1", "spec"): "addresses autoAssign avoidBuggyIPs serviceAllocation",
    ("IPAddressPool", "v1beta1", "status"): "assignedIPv4 assignedIPv6 availableIPv4 availableIPv6",
    ("L2Advertisement", "v1beta1", "spec"): "ipAddressPools ipAddressPoolSelectors nodeSelectors interfaces "
    "serviceSelectors preferredNodeSelectors",
    ("BGPAdvertisement", "v1beta1", "spec"): "aggregationLength aggregationLengthV6 localPref communities "
    "ipAddressPools ipAddressPoolSelectors nodeSelectors peers serviceSelectors",
    ("BGPPeer", "v1beta1", "spec"): "myASN peerASN peerAddress sourceAddress peerPort holdTime keepaliveTime routerID "
    "nodeSelectors password bfdProfile ebgpMultiHop",
    ("BGPPeer", "v1beta2", "spec"): "myASN peerASN dynamicASN localASN peerAddress interface sourceAddress routerID "
    "peerPort holdTime keepaliveTime connectTime nodeSelectors password passwordSecret bfdProfile "
    "enableGracefulRestart ebgpMultiHop vrf disableMP dualStackAddressFamily",
    ("BFDProfile", "v1beta1", "spec"): "receiveInterval transmitInterval echoInterval detectMultiplier minimumTtl "
    "echoMode passiveMode",
    ("Community", "v1beta1", "spec"): "communities",
    ("ServiceL2Status", "v1beta1", "status"): "node serviceName serviceNamespace interfaces",
    ("ServiceBGPStatus", "v1beta1", "status"): "node serviceName serviceNamespace peers",
    ("ConfigurationState", "v1beta1", "status"): "result errorSummary conditions",
}


@pytest.mark.parametrize(("kind", "version", "part"), FIELDS)
def test_the_fields_are_those_of_metallb(kind: str, version: str, part: str) -> None:
    assert set(schema(kind, version)["properties"][part]["properties"]) == set(FIELDS[kind, version, part].split())


REQUIRED = {
    ("IPAddressPool", "v1beta1"): {"spec", "spec.addresses"},
    ("BGPPeer", "v1beta1"): {"spec.myASN", "spec.peerASN", "spec.peerAddress"},
    ("BGPPeer", "v1beta2"): {"spec.myASN"},
}


@pytest.mark.parametrize(("kind", "version"), versions())
def test_what_must_be_there(kind: str, version: str) -> None:
    """An L2Advertisement without a spec is in use, and means all pools; a pool without addresses is refused."""
    root = schema(kind, version)
    seen = set(root.get("required", ())) | {f"spec.{n}" for n in root["properties"]["spec"].get("required", ())}
    assert seen == REQUIRED.get((kind, version), set())


DEFAULTS = {
    ("IPAddressPool", "v1beta1", "autoAssign"): True,
    ("IPAddressPool", "v1beta1", "avoidBuggyIPs"): False,
    ("BGPAdvertisement", "v1beta1", "aggregationLength"): 32,
    ("BGPAdvertisement", "v1beta1", "aggregationLengthV6"): 128,
    ("BGPPeer", "v1beta2", "peerPort"): 179,
    ("BGPPeer", "v1beta2", "disableMP"): False,
    ("BGPPeer", "v1beta2", "dualStackAddressFamily"): False,
}


def test_the_defaults_are_those_of_metallb() -> None:
    seen = {
        (kind, version, path.removeprefix(".spec.")): node["default"]
        for kind, version in versions()
        for path, node in nodes(schema(kind, version))
        if "default" in node
    }
    assert seen == DEFAULTS


def test_what_a_status_is_about_cannot_change() -> None:
    """Which node and Service a status object is about is fixed, so that two speakers cannot fight over one object."""
    for kind in ("ServiceL2Status", "ServiceBGPStatus"):
        fields = schema(kind)["properties"]["status"]["properties"]
        fixed = {name for name, node in fields.items() if "x-kubernetes-validations" in node}
        assert fixed == {"node", "serviceName", "serviceNamespace"}


def test_the_older_peer_says_that_it_is_old() -> None:
    older, newer = crd("BGPPeer")["spec"]["versions"]
    assert older["deprecated"] is True
    assert "v1beta2" in older["deprecationWarning"]
    assert "deprecated" not in newer


@pytest.mark.parametrize(("kind", "version"), versions())
def test_selectors_are_label_selectors_wherever_they_stand(kind: str, version: str) -> None:
    for path, node in nodes(schema(kind, version)):
        if path.lower().endswith(("selectors[]", "preference")) and "weight" not in node["properties"]:
            assert set(node["properties"]) == SELECTOR, path
