"""Who may do what: service accounts and roles of the daemons, and the roles of people who look.

A daemon may read what it decides by and write what is its own: a Service's status, events, and the status objects in
pylb-system. What it needs in one namespace is a Role there. No daemon may read Secrets: keys reach it as files. People get two roles called pylb-viewer: a ClusterRole to read what
pylb reads, and a Role in pylb-system for what opens the daemons' own pages, so that nobody gets a way into the pods
of other namespaces with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from pylb.addon.names import (
    CONTROLLER,
    HISTORY,
    JSON,
    MEMORY,
    METALLB_NAMESPACE,
    NAMESPACE,
    READER_SECRET,
    SPEAKER,
    VIEWER,
    meta,
)
from pylb.core.places import GROUP

READ = ("get", "list", "watch")
FOLLOW = ("list", "watch")  # what a daemon keeps a copy of
KEEP = ("get", "create", "patch")  # an object of one's own, under a name that is known
RBAC = "rbac.authorization.k8s.io"
CONFIGURATION = (  # kinds that people write
    "ipaddresspools",
    "l2advertisements",
    "bgpadvertisements",
    "bgppeers",
    "bfdprofiles",
    "communities",
)
REPORTS = ("servicel2statuses", "servicebgpstatuses", "configurationstates")  # kinds that the daemons write
LEGACY_CONFIG = "config"  # a ConfigMap
LEASES = "coordination.k8s.io"


def rule(group: str, resources: Sequence[str], verbs: Sequence[str], names: Sequence[str] = ()) -> JSON:
    """One RBAC rule; `names` narrows it to objects of these names."""
    narrow = {"resourceNames": list(names)} if names else {}
    return {"apiGroups": [group], "resources": list(resources), **narrow, "verbs": list(verbs)}


_EVENTS = rule("", ["events"], ["create", "patch"])
_WANTED = rule(GROUP, CONFIGURATION, FOLLOW)
_OLD_CONFIGURATION = rule("", ["configmaps"], FOLLOW, [LEGACY_CONFIG])
_STATUS = ("patch",)
_STATE = (  # of a component that tells what it makes of the configuration
    rule(GROUP, ["configurationstates"], KEEP),
    rule(GROUP, ["configurationstates/status"], _STATUS),
    rule("", ["pods"], ["get"]),  # its own, which owns the object
)

_LEASE = (  # which of the controllers leads; no name can narrow what is created
    rule(LEASES, ["leases"], ["create"]),
    rule(LEASES, ["leases"], [*READ, "update"], [CONTROLLER]),
)

_MEMORY = (  # of Services that are gone; no name can narrow what is created
    rule("", ["configmaps"], ["create"]),
    rule("", ["configmaps"], [*FOLLOW, "patch"], [MEMORY]),
)

CLUSTER_RULES: dict[str, tuple[JSON, ...]] = {
    CONTROLLER: (
        rule("", ["services"], READ),  # got after a conflict
        rule("", ["nodes", "namespaces"], FOLLOW),  # no Service is given a node's own address
        rule("", ["services/status"], _STATUS),
        _WANTED,
        rule(GROUP, ["ipaddresspools"], ["get"]),  # once, for its status
        rule(GROUP, ["ipaddresspools/status"], _STATUS),
        _EVENTS,
    ),
    SPEAKER: (
        rule("", ["services", "nodes", "namespaces"], FOLLOW),
        rule("discovery.k8s.io", ["endpointslices"], FOLLOW),
        _WANTED,
        _EVENTS,
    ),
    VIEWER: (
        rule("", ["services", "nodes", "namespaces", "pods", "events"], READ),
        rule("", ["configmaps"], READ, [LEGACY_CONFIG, HISTORY, MEMORY]),
        rule("discovery.k8s.io", ["endpointslices"], READ),
        rule(GROUP, [*CONFIGURATION, *REPORTS], READ),
    ),
}
NAMESPACE_RULES: dict[tuple[str, str], tuple[JSON, ...]] = {
    (NAMESPACE, CONTROLLER): (
        _OLD_CONFIGURATION,
        *_STATE,
        *_LEASE,
        *_MEMORY,
    ),
    (METALLB_NAMESPACE, CONTROLLER): (_OLD_CONFIGURATION,),
    (NAMESPACE, SPEAKER): (
        _OLD_CONFIGURATION,
        *_STATE,
        rule(GROUP, ["servicel2statuses"], [*READ, "create", "delete", "patch"]),
        rule(GROUP, ["servicel2statuses/status"], _STATUS),
        rule("", ["configmaps"], ["get", "update"], [HISTORY]),  # the installation makes it: no name narrows a create
    ),
    (METALLB_NAMESPACE, SPEAKER): (_OLD_CONFIGURATION,),
    (NAMESPACE, VIEWER): (
        rule("", ["pods/proxy"], ["get"]),
        rule("", ["secrets"], ["get"], [READER_SECRET]),
    ),
}
_COMPONENTS = {CONTROLLER: "controller", SPEAKER: "speaker", VIEWER: "viewer"}


def accounts(version: str) -> list[JSON]:
    """The service accounts of the daemons."""
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta(name, _COMPONENTS[name], version, NAMESPACE)}
        for name in (CONTROLLER, SPEAKER)
    ]


def roles(version: str) -> list[JSON]:
    """All roles, and the bindings of the daemons. Who looks is bound by the cluster's owner."""
    objects: list[JSON] = []
    for name, rules in CLUSTER_RULES.items():
        objects.append(_role("ClusterRole", name, None, rules, version))
        if name != VIEWER:
            objects.append(_binding("ClusterRole", name, None, version))
    for (namespace, name), rules in NAMESPACE_RULES.items():
        objects.append(_role("Role", name, namespace, rules, version))
        if name != VIEWER:
            objects.append(_binding("Role", name, namespace, version))
    return objects


def _role(kind: str, name: str, namespace: str | None, rules: Sequence[JSON], version: str) -> JSON:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": kind,
        "metadata": meta(name, _COMPONENTS[name], version, namespace),
        "rules": list(rules),
    }


def _binding(kind: str, name: str, namespace: str | None, version: str) -> JSON:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": f"{kind}Binding",
        "metadata": meta(name, _COMPONENTS[name], version, namespace),
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}],
    }
