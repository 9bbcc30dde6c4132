"""Which resources the server has: the built-in ones in a table, and those that CustomResourceDefinitions bring.

It knows names and properties of kinds, never an object of one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pylb.embedded.errors import JSON


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource in one version of its group."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    short: tuple[str, ...] = ()
    status: bool = False  # has a status subresource
    scale: bool = False
    generation: bool = False  # metadata.generation counts changes of the spec
    all: bool = False  # member of the category `all`
    singular: str = ""
    list_kind: str = ""
    custom: bool = False
    schema: JSON | None = None
    columns: tuple[JSON, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What objects are stored under; versions share it."""
        return self.group, self.plural

    @property
    def api_version(self) -> str:
        """`v1` or `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def path(self) -> str:
        """`api/v1` or `apis/apps/v1`."""
        return f"apis/{self.api_version}" if self.group else f"api/{self.version}"

    def item(self, obj: JSON) -> JSON:
        """An object as it stands in a list: built-in kinds say there once, for all, what they are."""
        if self.custom:
            return self.view(obj)
        return {name: value for name, value in obj.items() if name not in ("kind", "apiVersion")}

    def view(self, obj: JSON) -> JSON:
        """An object as this version shows it (conversion None)."""
        return obj if obj.get("apiVersion") == self.api_version else {**obj, "apiVersion": self.api_version}


def _plain(group: str, plural: str, kind: str, *short: str, namespaced: bool = True) -> Resource:
    return Resource(group, "v1", plural, kind, namespaced, short)


APPS, RBAC, COORDINATION = "apps", "rbac.authorization.k8s.io", "coordination.k8s.io"
DISCOVERY, CRDS = "discovery.k8s.io", "apiextensions.k8s.io"

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", False, ("ns",), status=True)
NODES = Resource("", "v1", "nodes", "Node", False, ("no",), status=True)
SERVICES = Resource("", "v1", "services", "Service", True, ("svc",), status=True, all=True)
PODS = Resource("", "v1", "pods", "Pod", True, ("po",), status=True, all=True)
EVENTS = _plain("", "events", "Event", "ev")
LEASES = _plain(COORDINATION, "leases", "Lease")
DEPLOYMENTS = Resource(
    APPS, "v1", "deployments", "Deployment", True, ("deploy",), status=True, scale=True, generation=True, all=True
)
SLICES = Resource(DISCOVERY, "v1", "endpointslices", "EndpointSlice", True, generation=True)
DEFINITIONS = Resource(
    CRDS,
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    False,
    ("crd", "crds"),
    status=True,
    generation=True,
)

# What stands below `DEPLOYMENTS` here is stored and shown; nothing acts on it.
BUILT_IN = (
    NAMESPACES,
    NODES,
    SERVICES,
    PODS,
    _plain("", "configmaps", "ConfigMap", "cm"),
    _plain("", "secrets", "Secret"),
    EVENTS,
    _plain("", "serviceaccounts", "ServiceAccount", "sa"),
    _plain("", "endpoints", "Endpoints", "ep"),
    DEPLOYMENTS,
    Resource(APPS, "v1", "daemonsets", "DaemonSet", True, ("ds",), status=True, generation=True, all=True),
    LEASES,
    SLICES,
    DEFINITIONS,
    _plain(RBAC, "roles", "Role"),
    _plain(RBAC, "rolebindings", "RoleBinding"),
    _plain(RBAC, "clusterroles", "ClusterRole", namespaced=False),
    _plain(RBAC, "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
)

GROUPS = frozenset(resource.group for resource in BUILT_IN)

# What a real server has and this one knowingly lacks: groups, and (group, resource) of groups that it has.
LACKING_GROUPS = frozenset(
    {
        *("admissionregistration.k8s.io", "apiregistration.k8s.io", "autoscaling", "batch", "certificates.k8s.io"),
        *("events.k8s.io", "flowcontrol.apiserver.k8s.io", "metrics.k8s.io", "networking.k8s.io", "node.k8s.io"),
        *("policy", "scheduling.k8s.io", "storage.k8s.io"),
    }
)
LACKING = frozenset(
    {
        *(("", name) for name in ("limitranges", "persistentvolumeclaims", "persistentvolumes", "podtemplates")),
        *(("", name) for name in ("replicationcontrollers", "resourcequotas")),
        *((APPS, name) for name in ("controllerrevisions", "replicasets", "statefulsets")),
    }
)


class Registry:
    """The resources that are served now."""

    def __init__(self) -> None:
        self._table: dict[tuple[str, str, str], Resource] = {}
        self.born: dict[tuple[str, str], int] = {}  # custom resource -> version of its definition's creation
        for resource in BUILT_IN:
            self.add(resource)

    def __iter__(self) -> Iterator[Resource]:
        return iter(tuple(self._table.values()))

    def add(self, resource: Resource) -> None:
        """Serve a resource."""
        self._table[resource.group, resource.version, resource.plural] = resource

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """The resource of a path."""
        return self._table.get((group, version, plural))

    def of_key(self, key: tuple[str, str]) -> Resource | None:
        """Any version of a resource."""
        return next((r for r in self._table.values() if r.key == key), None)

    def versions(self, group: str) -> list[str]:
        """The versions of a group, the preferred one first."""
        found = list(dict.fromkeys(r.version for r in self._table.values() if r.group == group))
        return sorted(found, key=version_priority)

    def groups(self) -> list[str]:
        """All named groups, in order of appearance."""
        return [g for g in dict.fromkeys(r.group for r in self._table.values()) if g]

    def define(self, definition: JSON) -> None:
        """Serve what a CustomResourceDefinition defines, and no longer what an earlier state of it did."""
        self.undefine(definition)
        for resource in of_definition(definition):
            self.add(resource)

    def undefine(self, definition: JSON) -> None:
        """Serve no longer what a CustomResourceDefinition defines."""
        key = definition["spec"]["group"], definition["spec"]["names"]["plural"]
        self._table = {k: r for k, r in self._table.items() if not (r.custom and r.key == key)}


def version_priority(version: str) -> tuple[int, int, int, str]:
    """Sort key of API versions: v2 before v1 before v1beta2 before v1alpha1, others last."""
    stage = 0
    text = version[1:]
    for rank, word in ((1, "beta"), (2, "alpha")):
        if word in text:
            major, _, minor = text.partition(word)
            if major.isdigit() and (minor.isdigit() or not minor):
                return rank, -int(major), -int(minor or 0), version
    if version.startswith("v") and text.isdigit():
        return stage, -int(text), 0, version
    return 3, 0, 0, version


def of_definition(definition: JSON) -> list[Resource]:
    """The resources, one a served version, of a CustomResourceDefinition."""
    spec = definition["spec"]
    names = spec["names"]
    return [
        Resource(
            spec["group"],
            version["name"],
            names["plural"],
            names["kind"],
            spec.get("scope") == "Namespaced",
            tuple(names.get("shortNames") or ()),
            status="status" in (version.get("subresources") or {}),
            generation=True,
            all="all" in (names.get("categories") or ()),
            singular=names.get("singular") or names["kind"].lower(),
            list_kind=names.get("listKind") or names["kind"] + "List",
            custom=True,
            schema=(version.get("schema") or {}).get("openAPIV3Schema"),
            columns=tuple(version.get("additionalPrinterColumns") or ()),
        )
        for version in spec["versions"]
        if version.get("served")
    ]
