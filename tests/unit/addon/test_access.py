"""Who may do what: the daemons what they do and no more, and people who look nothing but that."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from pylb.addon.access import CLUSTER_RULES, NAMESPACE_RULES
from pylb.addon.names import HISTORY, JSON, MEMORY


def allowed(name: str, namespace: str, group: str, resource: str, verb: str, item: str = "") -> bool:
    """Whether an account of ours may do that there, as RBAC adds rules up. `item` is the one object that it is about."""
    rules = [*CLUSTER_RULES[name], *NAMESPACE_RULES.get((namespace, name), ())]
    return any(
        group in rule["apiGroups"]
        and resource in rule["resources"]
        and verb in rule["verbs"]
        and ("resourceNames" not in rule or item in rule["resourceNames"])
        for rule in rules
    )


READ = ("get", "list", "watch")
FOLLOW = ("list", "watch")
KEEP = ("get", "create", "patch")
METALLB = "metallb.io"
CONFIGURATION = (
    "ipaddresspools",
    "l2advertisements",
    "bgpadvertisements",
    "bgppeers",
    "bfdprofiles",
    "communities",
)
BOTH = ("pylb-controller", "pylb-speaker")
NAMED = {"configmaps": "config", "leases": "pylb-controller"}  # kinds of which one object alone is used
CALLS = [  # (account, namespace or "" for all, group, resource, verbs): what the daemons ask of the API server
    *((account, "", "", resource, FOLLOW) for account in BOTH for resource in ("services", "nodes", "namespaces")),
    *((account, "", METALLB, kind, FOLLOW) for account in BOTH for kind in CONFIGURATION),
    ("pylb-controller", "", "", "services", ("get",)),
    ("pylb-controller", "", METALLB, "ipaddresspools", ("get",)),
    *((account, "", "", "events", ("create", "patch")) for account in BOTH),
    ("pylb-controller", "", "", "services/status", ("patch",)),
    ("pylb-controller", "", METALLB, "ipaddresspools/status", ("patch",)),
    ("pylb-controller", "pylb-system", "coordination.k8s.io", "leases", (*READ, "create", "update")),
    ("pylb-speaker", "", "discovery.k8s.io", "endpointslices", FOLLOW),
    *((account, "pylb-system", METALLB, "configurationstates", KEEP) for account in BOTH),
    *((account, "pylb-system", METALLB, "configurationstates/status", ("patch",)) for account in BOTH),
    *((account, "pylb-system", "", "pods", ("get",)) for account in BOTH),
    ("pylb-speaker", "pylb-system", METALLB, "servicel2statuses", (*READ, "create", "delete", "patch")),
    ("pylb-speaker", "pylb-system", METALLB, "servicel2statuses/status", ("patch",)),
    ("pylb-speaker", "pylb-system", "", "configmaps", ("get", "update")),
    ("pylb-controller", "pylb-system", "", "configmaps", ("patch",)),
    ("pylb-controller", "pylb-system", "", "configmaps", ("create",)),
    *((account, place, "", "configmaps", FOLLOW) for account in BOTH for place in ("pylb-system", "metallb-system")),
]


@pytest.mark.parametrize(("account", "namespace", "group", "resource", "verbs"), CALLS)
def test_the_daemons_may_do_what_they_do(
    account: str, namespace: str, group: str, resource: str, verbs: tuple[str, ...]
) -> None:
    written = MEMORY if account == "pylb-controller" else HISTORY
    item = written if resource == "configmaps" and verbs != FOLLOW else NAMED.get(resource, "")
    assert all(allowed(account, namespace, group, resource, verb, item) for verb in verbs)


@pytest.mark.parametrize("account", BOTH)
def test_the_daemons_may_do_no_more(account: str) -> None:
    """Each right that is granted is one that the table above says is used."""
    used = {
        (namespace, group, resource, verb)
        for name, namespace, group, resource, verbs in CALLS
        if name == account
        for verb in verbs
    }
    found = {("", *right) for rule in CLUSTER_RULES[account] for right in rights(rule)}
    for (namespace, name), rules in NAMESPACE_RULES.items():
        found |= {(namespace, *right) for rule in rules if name == account for right in rights(rule)}
    assert found == used


def rights(rule: JSON) -> set[tuple[str, str, str]]:
    """(group, resource, verb), one by one."""
    return set(itertools.product(rule["apiGroups"], rule["resources"], rule["verbs"]))


@pytest.mark.parametrize("account", BOTH)
@pytest.mark.parametrize("namespace", ["pylb-system", "metallb-system"])
def test_of_configmaps_a_daemon_reads_the_old_configuration_alone(account: str, namespace: str) -> None:
    """A list that is narrowed to metadata.name counts as one about that name."""
    for verb in FOLLOW:
        assert allowed(account, namespace, "", "configmaps", verb, "config")
        assert not allowed(account, namespace, "", "configmaps", verb, "another")
        assert not allowed(account, "", "", "configmaps", verb, "config")
    assert not allowed(account, namespace, "", "configmaps", "get", "config")


def test_of_configmaps_a_speaker_changes_the_history_alone() -> None:
    for name, namespace, verb in itertools.product(BOTH, ("pylb-system", "metallb-system", ""), ("get", "update")):
        own = (name, namespace) == ("pylb-speaker", "pylb-system")
        assert allowed(name, namespace, "", "configmaps", verb, HISTORY) is own
        assert not allowed(name, namespace, "", "configmaps", verb, "config")
        assert not allowed(name, namespace, "", "configmaps", "delete", HISTORY)
        assert not allowed("pylb-speaker", namespace, "", "configmaps", "create", HISTORY)


def test_of_configmaps_a_controller_changes_the_memory_alone() -> None:
    """No name can narrow what is created."""
    for name, namespace in itertools.product(BOTH, ("pylb-system", "metallb-system", "")):
        own = (name, namespace) == ("pylb-controller", "pylb-system")
        assert allowed(name, namespace, "", "configmaps", "create", MEMORY) is own
        for verb in (*FOLLOW, "patch"):
            assert allowed(name, namespace, "", "configmaps", verb, MEMORY) is own
        assert not any(allowed(name, namespace, "", "configmaps", verb, MEMORY) for verb in ("update", "delete"))
        assert not any(allowed(name, namespace, "", "configmaps", "patch", other) for other in ("config", HISTORY))


READS = re.compile(r'"/(?:api/v1|apis/([a-z0-9.]+)/v[0-9a-z]+)/(?:namespaces/[^/"]+/)?([a-z0-9]+)"')
READERS = {
    "pylb-controller": ("controller", "src/pylb/kube"),
    "pylb-speaker": ("speaker", "src/pylb/kube"),
}


@pytest.mark.parametrize("account", BOTH)
def test_every_collection_that_the_code_names_may_be_used(account: str) -> None:
    """A forgotten right goes unnoticed where RBAC is off, which is how MicroK8s starts."""
    root = Path(__file__).parents[3]
    texts = [path.read_text() for folder in READERS[account] for path in (root / folder).rglob("*.py")]
    named = {match.groups(default="") for text in texts for match in READS.finditer(text)}
    assert ("", "services") in named
    for group, resource in named:
        item = NAMED.get(resource, "")
        verbs = ("create", "patch") if resource == "events" else FOLLOW
        assert all(allowed(account, "pylb-system", group, resource, verb, item) for verb in verbs), (group, resource)


@pytest.mark.parametrize("account", BOTH)
def test_no_daemon_reads_secrets_or_writes_what_is_not_its_own(account: str) -> None:
    granted = [
        (namespace, resource, verb)
        for namespace, rules in (
            ("", CLUSTER_RULES[account]),
            *((ns, rules) for (ns, name), rules in NAMESPACE_RULES.items() if name == account),
        )
        for rule in rules
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]
    assert not [item for item in granted if item[1] == "secrets" or "*" in item]
    written = {(ns, resource) for ns, resource, verb in granted if verb not in READ}
    ours = {"configurationstates", "servicel2statuses", "leases", "configmaps"}
    for namespace, resource in written:
        name, _, sub = resource.partition("/")
        assert resource in ("events", "services/status", "ipaddresspools/status") or (
            name in ours and sub in ("", "status") and namespace == "pylb-system"
        )


def test_the_controllers_have_one_lease_and_no_others() -> None:
    """kube-scheduler and others keep theirs in kube-system; a Lease is created by no name that RBAC could see."""
    group, own = "coordination.k8s.io", "pylb-system"
    for verb in (*READ, "update"):
        assert allowed("pylb-controller", own, group, "leases", verb, "pylb-controller")
        assert not allowed("pylb-controller", own, group, "leases", verb, "another")
    assert allowed("pylb-controller", own, group, "leases", "create")
    for name, namespace, verb in itertools.product(
        BOTH, ("kube-system", "metallb-system"), (*READ, "create", "update")
    ):
        assert not allowed(name, namespace, group, "leases", verb, "pylb-controller")
    assert not allowed("pylb-speaker", own, group, "leases", "get", "pylb-controller")
    assert not allowed("pylb-controller", own, group, "leases", "delete", "pylb-controller")


def test_who_looks_reaches_our_pods_alone() -> None:
    """pods/proxy of the whole cluster would open every pod's pages to who may look at pylb."""
    verbs = {verb for rule in CLUSTER_RULES["pylb-viewer"] for verb in rule["verbs"]}
    everywhere = {resource for rule in CLUSTER_RULES["pylb-viewer"] for resource in rule["resources"]}
    assert verbs == set(READ)
    assert not everywhere & {"pods/proxy", "secrets"}
    ours = NAMESPACE_RULES["pylb-system", "pylb-viewer"]
    assert {"apiGroups": [""], "resources": ["pods/proxy"], "verbs": ["get"]} in ours
    secret = next(rule for rule in ours if rule["resources"] == ["secrets"])
    assert (secret["resourceNames"], secret["verbs"]) == (["pylb-reader"], ["get"])
