"""What the definitions of `core.crds.table` have in common: versions and resources as values, and how they are written.

A resource is a kind with its versions; `definition` turns it into the object that Kubernetes wants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pylb.core import places
from pylb.core.crds.schemas import (
    Schema,
    empty,
    immutable,
    record,
    selectors,
    text,
    texts,
)

Column = tuple[str, str, str, int]  # name, type, JSON path, priority (above 0: only with -o wide)
GROUP = places.GROUP
WIDE = 10  # the priority of a column that only -o wide shows

NO_STATUS = "Nothing is reported."
NO_SPEC = "Nobody asks anything of it."
_POOLS = "Names of the pools to announce. Neither names nor selectors: all pools."
_POOL_SELECTORS = "Pools to announce, by their labels, besides those named."
_NODE_SELECTORS = "Nodes that this is for; one of the selectors is enough, none means all nodes."
_SERVICE_SELECTORS = "Services that this is for; one of the selectors is enough, none means all Services."

POOL_COLUMNS: tuple[Column, ...] = (
    ("IPAddressPools", "string", ".spec.ipAddressPools", 0),
    ("IPAddressPool Selectors", "string", ".spec.ipAddressPoolSelectors", 0),
)
NODE_COLUMN: Column = ("Node Selectors", "string", ".spec.nodeSelectors", WIDE)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a resource: its fields, and whether it is the one that is stored."""

    name: str
    spec: Schema
    status: Schema
    columns: tuple[Column, ...] = ()
    spec_required: bool = False
    stored: bool = True
    warning: str = ""  # what kubectl prints to who uses a version that is on its way out


@dataclass(frozen=True, slots=True)
class Resource:
    """One custom resource."""

    kind: str
    plural: str
    description: str
    versions: tuple[Version, ...] = ()


def node_selectors(needs_values: bool = False) -> Schema:
    """The field `nodeSelectors`."""
    return selectors(_NODE_SELECTORS, needs_values)


def announcement_fields() -> dict[str, Schema]:
    """What both kinds of advertisement have in common."""
    return {
        "ipAddressPools": texts(_POOLS),
        "ipAddressPoolSelectors": selectors(_POOL_SELECTORS),
        "nodeSelectors": node_selectors(),
        "serviceSelectors": selectors(_SERVICE_SELECTORS),
    }


def service_status(kind: str, plural: str, description: str, node_column: str, extra: dict[str, Schema]) -> Resource:
    """A resource that tells what a node does for a Service; which node and Service never changes."""
    fields = {
        "node": immutable(text("The node.")),
        "serviceName": immutable(text("The Service's name.")),
        "serviceNamespace": immutable(text("The Service's namespace.")),
        **extra,
    }
    columns: tuple[Column, ...] = (
        (node_column, "string", ".status.node", 0),
        ("Service Name", "string", ".status.serviceName", 0),
        ("Service Namespace", "string", ".status.serviceNamespace", 0),
    )
    version = Version("v1beta1", empty(NO_SPEC), record("What the speaker does.", fields), columns)
    return Resource(kind, plural, description, (version,))


def _version(version: Version, description: str) -> dict[str, Any]:
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": version.spec,
        "status": version.status,
    }
    columns = [
        {"name": name, "type": kind, "jsonPath": path, **({"priority": priority} if priority else {})}
        for name, kind, path, priority in version.columns
    ]
    return {
        "name": version.name,
        "served": True,
        "storage": version.stored,
        **({"deprecated": True, "deprecationWarning": version.warning} if version.warning else {}),
        "schema": {"openAPIV3Schema": record(description, properties, ["spec"] if version.spec_required else [])},
        "subresources": {"status": {}},
        **({"additionalPrinterColumns": columns} if columns else {}),
    }


def definition(resource: Resource) -> dict[str, Any]:
    """The CustomResourceDefinition (apiextensions.k8s.io/v1) of a resource."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": resource.kind,
                "listKind": f"{resource.kind}List",
                "plural": resource.plural,
                "singular": resource.kind.lower(),
            },
            "scope": "Namespaced",
            "versions": [_version(version, resource.description) for version in resource.versions],
        },
    }
