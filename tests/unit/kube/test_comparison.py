"""Whether a write would change anything."""

from __future__ import annotations

from typing import Any

import pytest

from pylb.kube.comparison import merged, would_change

IP = {"ip": "10.0.0.1"}
VIP = {"ip": "10.0.0.1", "ipMode": "VIP"}


@pytest.mark.parametrize(
    ("current", "patch", "changes"),
    [
        ({}, {"a": 1}, True),
        ({"a": 1, "b": 2}, {"a": 1}, False),
        ({"a": 1}, {"a": None}, True),
        ({}, {"a": None}, False),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, False),
        ({"a": [1, 2]}, {"a": [2, 1]}, True),
        ({}, {"loadBalancer": {"ingress": []}}, False),
        ({"loadBalancer": {}}, {"loadBalancer": {"ingress": None}}, False),
        ({"loadBalancer": {"ingress": [VIP]}}, {"loadBalancer": {"ingress": [IP]}}, False),
        ({"loadBalancer": {"ingress": [VIP]}}, {"loadBalancer": {"ingress": [{**IP, "ipMode": "Proxy"}]}}, True),
        ({"loadBalancer": {"ingress": [VIP]}}, {"loadBalancer": {"ingress": [IP, IP]}}, True),
        ({"loadBalancer": {"ingress": [VIP]}}, {"loadBalancer": {"ingress": None}}, True),
        (None, {"a": 1}, True),
        (None, {}, False),
        (None, {"a": None}, False),
        ({"a": False}, {"a": 0}, False),
        ({"a": ""}, {"a": None}, True),
    ],
)
def test_would_change(current: Any, patch: Any, changes: bool) -> None:
    assert would_change(current, patch) is changes


def test_merge_patch_of_rfc_7396() -> None:
    assert merged({"a": {"b": 1}, "c": [1]}, {"a": {"b": None, "d": {"e": None}}, "c": {"f": 1}}) == {
        "a": {"d": {}},
        "c": {"f": 1},
    }
