"""What enable and disable do to a cluster, step by step, so that each can be run again after it broke off.

MicroK8s takes the addon for enabled as soon as the Deployment is there: it is therefore the last thing that is made,
and the last that is deleted, and a step that fails before leaves a command that can be typed again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pylb.addon.access import REPORTS
from pylb.addon.cluster import Cluster, ClusterFault
from pylb.addon.names import JSON, METALLB_NAMESPACE, NAMESPACE, READER_SECRET, SPEAKERS_SECRET, is_ours
from pylb.addon.render import Settings, render
from pylb.core.crds.resources import GROUP
from pylb.core.crds.table import definitions

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


def look(cluster: Cluster) -> Found:
    """Find out what exists already."""
    names = [f"{DEFINITION.lower()}s/{item['metadata']['name']}" for item in definitions()]
    items = cluster.find([f"namespaces/{METALLB_NAMESPACE}", *names])
    present = frozenset(name for kind, name in map(identity, items) if kind == DEFINITION)
    return Found(present, frozenset(identity(item) for item in items if not is_ours(item)))


def lay_basis(cluster: Cluster, objects: Sequence[JSON] | None = None) -> list[JSON]:
    """Make the namespaces and the kinds of custom resources that an installation needs, if they are not someone else's.

    `objects` are those of an installation, rendered. Raises ClusterFault.
    """
    if objects is None:
        found = look(cluster)
        objects = [item for item in render(Settings("", "")) if found.mine(item)]
    basis = [item for item in objects if item["kind"] in ("Namespace", DEFINITION)]
    cluster.apply(basis)
    _establish(cluster)
    return basis


def enable(cluster: Cluster, settings: Settings, say: Say, more: Sequence[JSON] = ()) -> None:
    """Make an installation, or bring one up to date. Raises ClusterFault; can be repeated.

    `more` is configuration that is made before anything runs.
    """
    found = look(cluster)
    objects = [item for item in render(settings) if found.mine(item)]
    basis = lay_basis(cluster, objects)
    say(f"  {_count(basis, DEFINITION)} kinds of custom resources, {_count(basis, 'Namespace')} namespaces")
    if found.foreign:
        say("  left as they are: " + ", ".join(sorted(name for _, name in found.foreign)))
    pool = [item for item in objects if is_custom(item)]
    if more:
        cluster.apply(more)
    if pool:
        cluster.apply(pool)
        say("  the pool " + ", ".join(settings.addresses))
    _keys(cluster, [item for item in objects if item["kind"] == "Secret"], say)
    done = {id(item) for item in (*basis, *pool)}
    rest = [item for item in objects if id(item) not in done and item["kind"] not in ("Secret", "Deployment")]
    cluster.apply(rest)
    cluster.apply([item for item in objects if item["kind"] == "Deployment"])
    say("  the controller, a speaker on each node, and their rights")


def _count(objects: Sequence[JSON], kind: str) -> int:
    return sum(item["kind"] == kind for item in objects)


def _establish(cluster: Cluster) -> None:
    cluster.establish([item["metadata"]["name"] for item in definitions()], ESTABLISHED_S)


def _keys(cluster: Cluster, wanted: Sequence[JSON], say: Say) -> None:
    """Make the Secrets that are missing. One that is there stays: the running speakers share it."""
    missing = _missing(cluster, wanted)
    if missing:
        try:
            cluster.create(missing)
        except ClusterFault:
            if _missing(cluster, wanted):
                raise
            missing = []  # somebody else installs at the same time
    say("  the speakers' keys" + (" (kept)" if not missing else ""))


def _missing(cluster: Cluster, wanted: Sequence[JSON]) -> list[JSON]:
    """Those of the Secrets that are not there."""
    present = cluster.find([f"secrets/{SPEAKERS_SECRET}", f"secrets/{READER_SECRET}"], NAMESPACE)
    names = {item["metadata"]["name"] for item in present}
    return [item for item in wanted if item["metadata"]["name"] not in names]


def disable(cluster: Cluster, purge: bool, say: Say) -> None:
    """Delete an installation; pools and other configuration only with `purge`. Raises ClusterFault; can be repeated."""
    found = look(cluster)
    objects = render(Settings("", "", addresses=("0.0.0.0/32",)))
    cluster.delete([item for item in objects if item["kind"] == "DaemonSet"])
    cluster.delete([item for item in objects if item["kind"] == "Secret" or "Role" in item["kind"]])
    reports = [f"{plural}.{GROUP}" for plural in REPORTS if f"{plural}.{GROUP}" in found.definitions]
    if reports:
        cluster.clear(reports, NAMESPACE)
    if purge:
        _purge(cluster, found, objects)
    cluster.delete([item for item in objects if item["kind"] in ("ServiceAccount", "ConfigMap", "Deployment")])
    say("  gone: the controller, the speakers, their rights and keys")
    if purge:
        cluster.delete([item for item in objects if identity(item) == ("Namespace", NAMESPACE)])
        say("  gone: the pools, the rest of the configuration, and what held them")
    _tell_what_stays(cluster, found, purge, say)


def _purge(cluster: Cluster, found: Found, objects: Sequence[JSON]) -> None:
    """Delete configuration, definitions and metallb-system, as far as they are not someone else's."""
    kinds = {item["spec"]["names"]["kind"] for item in definitions() if item["metadata"]["name"] in found.definitions}
    pool = [item for item in objects if is_custom(item) and item["kind"] in kinds]
    if pool:
        cluster.delete(pool)
    mine = [item for item in objects if item["kind"] == DEFINITION and found.mine(item)]
    mine += [item for item in objects if identity(item) == ("Namespace", METALLB_NAMESPACE) and found.mine(item)]
    if mine:
        cluster.delete(mine)


def _tell_what_stays(cluster: Cluster, found: Found, purge: bool, say: Say) -> None:
    left = sorted(name for _, name in found.foreign)
    if purge:
        if left:
            say("  stays, because it is not pylb's: " + ", ".join(left))
        return
    pools: list[JSON] = []
    if f"ipaddresspools.{GROUP}" in found.definitions:
        pools = cluster.listed([f"ipaddresspools.{GROUP}"])
    names = sorted(f"{item['metadata'].get('namespace', '')}/{item['metadata']['name']}" for item in pools)
    say("  stays: the pools " + (", ".join(names) if names else "(none)"))
    say(f"  stays: the kinds of custom resources, and the namespaces {NAMESPACE} and {METALLB_NAMESPACE}")
    say("  stays: the addresses that Services have recorded; nothing answers for them now")
