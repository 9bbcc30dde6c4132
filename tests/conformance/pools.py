"""A custom resource for the tests: `pools`, in two versions, with all that a schema of ours uses."""

from __future__ import annotations

from typing import Any

from conformance.place import JSON, Api

SPEC: JSON = {
    "type": "object",
    "required": ["addresses"],
    "properties": {
        "addresses": {"type": "array", "items": {"type": "string", "minLength": 1}},
        "autoAssign": {"type": "boolean", "default": True},
        "weight": {"type": "integer", "minimum": 1, "maximum": 100},
        "mode": {"type": "string", "enum": ["a", "b"]},
        "port": {"x-kubernetes-int-or-string": True},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "word": {"type": "string", "pattern": "^[a-z]+$"},
    },
}
_CONDITION: JSON = {
    "type": "object",
    "required": ["type"],
    "properties": {"type": {"type": "string"}, "status": {"type": "string"}},
}
STATUS: JSON = {
    "type": "object",
    "properties": {
        "free": {"type": "integer"},
        "conditions": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
            "items": _CONDITION,
        },
    },
}
COLUMNS = [
    {"name": "Addresses", "type": "string", "jsonPath": ".spec.addresses"},
    {"name": "Mode", "type": "string", "jsonPath": ".spec.mode"},
    {"name": "Weight", "type": "integer", "jsonPath": ".spec.weight", "priority": 1},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
]


def short(group: str) -> str:
    """The short name of the pools of a group: two groups with one would be ambiguous."""
    return "pl" + group.partition(".")[0].removeprefix("c-")


def definition(group: str, /, **spec: Any) -> JSON:
    """The CustomResourceDefinition of `pools` in a group."""
    schema = {"type": "object", "required": ["spec"], "properties": {"spec": SPEC, "status": STATUS}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    old = {**version, "name": "v1beta1", "storage": False}
    names = {"plural": "pools", "kind": "Pool", "shortNames": [short(group)]}
    return {
        "metadata": {"name": f"pools.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": names,
            "versions": [{**version, "additionalPrinterColumns": COLUMNS}, old],
            **spec,
        },
    }


def pool(api: Api, name: str = "p", **spec: Any) -> JSON:
    """A pool."""
    spec = {"addresses": ["192.0.2.0/24"], **spec}
    return {"apiVersion": f"{api.group}/v1", "kind": "Pool", "metadata": {"name": name}, "spec": spec}


async def defined(api: Api) -> str:
    """The path of the pools, once they are served."""
    await api.define(definition(api.group))
    return api.pools
