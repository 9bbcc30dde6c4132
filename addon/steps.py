"""What enable and disable do to a cluster, step by step, so that each can be run again after it broke off.

MicroK8s takes the addon for enabled as soon as the Deployment is there: it is therefore the last thing that is made,
and the last that is deleted, and a step that fails before leaves a command that can be typed again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pylb.addon.access import REPORTS
from pylb.addon.kubectl import Kubectl, KubectlError
from pylb.addon.names import JSON, METALLB_NAMESPACE, NAMESPACE, READER_SECRET, SPEAKERS_SECRET, is_ours
from pylb.addon.render import Settings, render
from pylb.core.crd_resources import GROUP
from pylb.core.crds import definitions

Say = Callable[[str], None]
ESTABLISHED_S = 30  # until the API server serves a new kind of object
DEFINITION, POOLS = "CustomResourceDefinition", "IPAddressPool"


@dataclass(frozen=True, slots=True)
class Found:
    """What is there before: names of our kinds' definitions, and whether they and metallb-system are someone else's."""

    definitions: frozenset[str]
    foreign: frozenset[tuple[str, str]]  # (kind, name)

    def mine(self, item: JSON) -> bool:
        """Whether an object may be changed or deleted as far as it exists."""
        return identity(item) not in self.foreign


def identity(item: JSON) -> tuple[str, str]:
    """(kind, name) of an object that belongs to the whole cluster."""
    return str(item["kind"]), str(item["metadata"]["name"])


def is_custom(item: JSON) -> bool:
    """Whether an object is one of our kinds, and not the definition of one."""
    return str(item["apiVersion"]).startswith(f"{GROUP}/")


def reach(kubectl: Kubectl) -> None:
    """Ask the API server for its version; raises Unreachable before anything was changed."""
    kubectl.run("get", "--raw", "/version")


def look(kubectl: Kubectl) -> Found:
    """Find out what exists already."""
    names = [f"{DEFINITION.lower()}s/{item['metadata']['name']}" for item in definitions()]
    items = kubectl.objects(f"namespaces/{METALLB_NAMESPACE}", *names)
    present = frozenset(name for kind, name in map(identity, items) if kind == DEFINITION)
    return Found(present, frozenset(identity(item) for item in items if not is_ours(item)))


def rivals(kubectl: Kubectl) -> list[str]:
    """The workloads of a MetalLB in its usual namespace: it and pylb would answer for the same Services."""
    items = kubectl.objects("deployments,daemonsets", "-n", METALLB_NAMESPACE)
    found = []
    for item in items:
        containers = item["spec"]["template"]["spec"].get("containers") or []
        if any("metallb/" in str(container.get("image", "")) for container in containers):
            found.append(f"{item['kind'].lower()}/{item['metadata']['name']}")
    return sorted(found)


def enable(kubectl: Kubectl, settings: Settings, say: Say) -> None:
    """Make an installation, or bring one up to date. Raises KubectlError; can be repeated."""
    running = rivals(kubectl)
    if running:
        raise KubectlError(f"MetalLB runs here ({', '.join(running)} in {METALLB_NAMESPACE}): stop it first")
    found = look(kubectl)
    objects = [item for item in render(settings) if found.mine(item)]
    basis = [item for item in objects if item["kind"] in ("Namespace", DEFINITION)]
    kubectl.apply(basis)
    _establish(kubectl)
    say(f"  {_count(basis, DEFINITION)} kinds of custom resources, {_count(basis, 'Namespace')} namespaces")
    if found.foreign:
        say("  left as they are: " + ", ".join(sorted(name for _, name in found.foreign)))
    pool = [item for item in objects if is_custom(item)]
    if pool:
        kubectl.apply(pool)
        say("  the pool " + ", ".join(settings.addresses))
    _keys(kubectl, [item for item in objects if item["kind"] == "Secret"], say)
    done = {id(item) for item in (*basis, *pool)}
    rest = [item for item in objects if id(item) not in done and item["kind"] not in ("Secret", "Deployment")]
    kubectl.apply(rest)
    kubectl.apply([item for item in objects if item["kind"] == "Deployment"])
    say("  the controller, a speaker on each node, and their rights")


def _count(objects: Sequence[JSON], kind: str) -> int:
    return sum(item["kind"] == kind for item in objects)


def _establish(kubectl: Kubectl) -> None:
    names = [f"{DEFINITION.lower()}s/{item['metadata']['name']}" for item in definitions()]
    kubectl.run("wait", "--for=condition=Established", f"--timeout={ESTABLISHED_S}s", *names)


def _keys(kubectl: Kubectl, wanted: Sequence[JSON], say: Say) -> None:
    """Make the Secrets that are missing. One that is there stays: the running speakers share it."""
    present = kubectl.objects("secrets", SPEAKERS_SECRET, READER_SECRET, "-n", NAMESPACE)
    names = {item["metadata"]["name"] for item in present}
    missing = [item for item in wanted if item["metadata"]["name"] not in names]
    if missing:
        kubectl.create(missing)
    say("  the speakers' keys" + (" (kept)" if not missing else ""))


def disable(kubectl: Kubectl, purge: bool, say: Say) -> None:
    """Delete an installation; pools and other configuration only with `purge`. Raises KubectlError; can be repeated."""
    found = look(kubectl)
    objects = render(Settings("", "", addresses=("0.0.0.0/32",)))
    kubectl.delete([item for item in objects if item["kind"] == "DaemonSet"])
    kubectl.delete([item for item in objects if item["kind"] == "Secret" or "Role" in item["kind"]])
    reports = [f"{plural}.{GROUP}" for plural in REPORTS if f"{plural}.{GROUP}" in found.definitions]
    if reports:
        kubectl.run("delete", ",".join(reports), "--all", "-n", NAMESPACE, "--ignore-not-found=true")
    if purge:
        _purge(kubectl, found, objects)
    kubectl.delete([item for item in objects if item["kind"] in ("ServiceAccount", "Deployment")])
    say("  gone: the controller, the speakers, their rights and keys")
    if purge:
        kubectl.delete([item for item in objects if identity(item) == ("Namespace", NAMESPACE)])
        say("  gone: the pools, the rest of the configuration, and what held them")
    _tell_what_stays(kubectl, found, purge, say)


def _purge(kubectl: Kubectl, found: Found, objects: Sequence[JSON]) -> None:
    """Delete configuration, definitions and metallb-system, as far as they are not someone else's."""
    kinds = {item["spec"]["names"]["kind"] for item in definitions() if item["metadata"]["name"] in found.definitions}
    pool = [item for item in objects if is_custom(item) and item["kind"] in kinds]
    if pool:
        kubectl.delete(pool)
    mine = [item for item in objects if item["kind"] == DEFINITION and found.mine(item)]
    mine += [item for item in objects if identity(item) == ("Namespace", METALLB_NAMESPACE) and found.mine(item)]
    if mine:
        kubectl.delete(mine)


def _tell_what_stays(kubectl: Kubectl, found: Found, purge: bool, say: Say) -> None:
    left = sorted(name for _, name in found.foreign)
    if purge:
        if left:
            say("  stays, because it is not pylb's: " + ", ".join(left))
        return
    pools: list[JSON] = []
    if f"ipaddresspools.{GROUP}" in found.definitions:
        pools = kubectl.objects(f"ipaddresspools.{GROUP}", "--all-namespaces")
    names = sorted(f"{item['metadata'].get('namespace', '')}/{item['metadata']['name']}" for item in pools)
    say("  stays: the pools " + (", ".join(names) if names else "(none)"))
    say(f"  stays: the kinds of custom resources, and the namespaces {NAMESPACE} and {METALLB_NAMESPACE}")
    say("  stays: the addresses that Services have recorded; nothing answers for them now")
