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
    JSON,
    METALLB_NAMESPACE,
    NAMESPACE,
    READER_SECRET,
    SPEAKER,
    VIEWER,
    meta,
)

READ = ("get", "list", "watch")
WRITE = ("create", "delete", "patch", "update")
RBAC = "rbac.authorization.k8s.io"
METALLB = "metallb.io"
CONFIGURATION = (  # kinds that people write
    "ipaddresspools",
    "l2advertisements",
    "bgpadvertisements",
    "bgppeers",
    "bfdprofiles",
    "communities",
)
REPORTS = ("servicel2statuses", "servicebgpstatuses", "configurationstates")  # kinds that the daemons write
LEGACY_CONFIG, HISTORY = "config", "pylb-history"  # ConfigMaps


def rule(group: str, resources: Sequence[str], verbs: Sequence[str], names: Sequence[str] = ()) -> JSON:
    """One RBAC rule; `names` narrows it to objects of these names."""
    narrow = {"resourceNames": list(names)} if names else {}
    return {"apiGroups": [group], "resources": list(resources), **narrow, "verbs": list(verbs)}


def with_status(*resources: str) -> list[str]:
    """The resources and their status."""
    return [*resources, *(f"{resource}/status" for resource in resources)]


_EVENTS = rule("", ["events"], ["create", "patch"])
_POOLS = rule(METALLB, ["ipaddresspools", "l2advertisements"], READ)
_OLD_CONFIGURATION = rule("", ["configmaps"], READ, [LEGACY_CONFIG])
_CHANGE = ("get", "patch", "update")

CLUSTER_RULES: dict[str, tuple[JSON, ...]] = {
    CONTROLLER: (
        rule("", ["services", "namespaces"], READ),
        rule("", ["services/status"], _CHANGE),
        _POOLS,
        rule(METALLB, ["ipaddresspools/status"], _CHANGE),
        _EVENTS,
    ),
    SPEAKER: (
        rule("", ["services", "nodes", "namespaces"], READ),
        rule("discovery.k8s.io", ["endpointslices"], READ),
        _POOLS,
        _EVENTS,
    ),
    VIEWER: (
        rule("", ["services", "nodes", "namespaces", "pods", "events"], READ),
        rule("", ["configmaps"], READ, [LEGACY_CONFIG, HISTORY]),
        rule("discovery.k8s.io", ["endpointslices"], READ),
        rule(METALLB, [*CONFIGURATION, *REPORTS], READ),
    ),
}
NAMESPACE_RULES: dict[tuple[str, str], tuple[JSON, ...]] = {
    (NAMESPACE, CONTROLLER): (
        _OLD_CONFIGURATION,
        rule(METALLB, with_status("configurationstates"), [*READ, *WRITE]),
        rule("", ["pods"], READ),
    ),
    (METALLB_NAMESPACE, CONTROLLER): (_OLD_CONFIGURATION,),
    (NAMESPACE, SPEAKER): (
        _OLD_CONFIGURATION,
        rule(METALLB, with_status(*REPORTS), [*READ, *WRITE]),
        rule("", ["pods"], READ),
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
