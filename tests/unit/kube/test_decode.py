"""What is made of objects that are not what they should be: one exception, or a problem that names them."""

from __future__ import annotations

from typing import Any

import pytest

from pylb.kube import decode

META = {"name": "config", "namespace": "metallb-system", "uid": "u"}


@pytest.mark.parametrize(
    "text",
    [
        *("a: [", "\x00", "!!python/object:os.system {}", "[" * 5000),
        *("- !!timestamp 2020-99-99", "- !!timestamp x", "- !!bool x", "- !!int x", "- !!int ''", "- !!float x"),
        *("? [a]\n: b", "- *nowhere", "<<: 1"),
    ],
)
def test_an_old_configmap_that_is_no_yaml_is_a_problem_of_the_configmap(text: str) -> None:
    """Not an object that cannot be read: that would be a line in a log, and its owner would look at the ConfigMap."""
    made = decode.legacy_config({"metadata": META, "data": {"config": text}})
    assert made is not None
    [problem] = made.problems
    assert str(problem).startswith("ConfigMap metallb-system/config: data.config is not YAML: ")


@pytest.mark.parametrize(
    ("meta", "data"), [({**META, "name": "other"}, {"config": "a: ["}), (META, {"other": "a: ["}), (META, None)]
)
def test_other_configmaps_are_none_of_ours(meta: dict[str, Any], data: Any) -> None:
    assert decode.legacy_config({"metadata": meta, "data": data}) is None


@pytest.mark.parametrize(
    ("conditions", "addresses", "servable"),
    [
        ({}, ["10.0.0.1"], True),
        ({"ready": None}, ["10.0.0.1"], True),
        ({"ready": True}, [], False),
        ({"ready": False}, ["10.0.0.1"], False),
        ({"ready": False, "serving": True, "terminating": True}, ["10.0.0.1"], True),
    ],
)
def test_which_endpoints_can_serve(conditions: dict[str, Any], addresses: list[str], servable: bool) -> None:
    found = decode.endpoint_slice(
        {
            "metadata": {"name": "web-1", "namespace": "d", "labels": {"kubernetes.io/service-name": "web"}},
            "endpoints": [{"addresses": addresses, "conditions": conditions, "nodeName": "n1"}],
        }
    )
    assert found is not None
    assert [(one.node, one.servable) for one in found.endpoints] == [("n1", servable)]


@pytest.mark.parametrize("port", ["x", None, [], float("inf"), float("nan")])
def test_one_exception_whatever_the_shape(port: object) -> None:
    with pytest.raises(decode.DecodeError):
        decode.service({"metadata": {"name": "web", "namespace": "d"}, "spec": {"ports": [{"port": port}]}})


def test_who_recorded_a_services_addresses() -> None:
    """By managedFields of the status; whoever has no part in the addresses comes behind."""
    ingress = {"f:status": {"f:loadBalancer": {"f:ingress": {}}}}
    entries = [
        {"manager": "kubectl", "fieldsV1": ingress},
        {"manager": "pylb-controller", "subresource": "status", "fieldsV1": {"f:metadata": {}}},
        {"manager": "controller", "subresource": "status", "fieldsV1": ingress},
    ]
    found = decode.service({"metadata": {"name": "a", "namespace": "b", "managedFields": entries}})
    assert (found.recorder, found.status_managers) == ("controller", ("pylb-controller", "controller"))
    nobody = decode.service({"metadata": {"name": "a", "namespace": "b", "managedFields": entries[:2]}})
    assert (nobody.recorder, nobody.status_managers) == ("", ("pylb-controller",))


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({"pylb.io/term": "7", "pylb.io/since": "2026-01-01T00:00:00Z"}, (7, "2026-01-01T00:00:00Z")),
        ({}, (0, "")),
        (None, (0, "")),
        ({"pylb.io/term": "seven"}, (0, "")),
        ({"pylb.io/term": "-1"}, (0, "")),
        ({"pylb.io/term": "9999999999"}, (0, "")),
        ({"pylb.io/term": "9" * 5000}, (0, "")),
        ({"pylb.io/term": "\u0663"}, (0, "")),
    ],
)
def test_a_status_object_tells_of_its_claim(annotations: dict[str, str] | None, expected: tuple[int, str]) -> None:
    """Whatever somebody wrote there; the rest of the object is read all the same."""
    labels = {"metallb.io/node": "n1", "metallb.io/service-name": "web", "metallb.io/service-namespace": "default"}
    meta = {"namespace": "ns", "name": "l2-x", "labels": labels, "annotations": annotations}
    found = decode.l2_status({"metadata": meta})
    assert found is not None
    assert (found.node, found.term, found.since) == ("n1", *expected)
