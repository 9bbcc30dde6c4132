"""The way back to MetalLB: pylb goes, what was saved comes back as far as it is missing, and MetalLB's pods start again.

Each step can be repeated. Configuration that is there is left as it is: it may have been changed since.
"""

from __future__ import annotations

from collections.abc import Iterable

from pylb.addon import backup, metallb, steps, takeover
from pylb.addon.backup import Backup
from pylb.addon.cluster import Cluster, ClusterFault
from pylb.addon.names import JSON, NAMESPACE
from pylb.addon.steps import Say
from pylb.addon.takeover import POLL_S, Patience
from pylb.core.crds.resources import GROUP
from pylb.core.several import some

READY_S = 180.0  # until MetalLB's pods are ready; their image may have to be pulled
_REPLICAS_LOST = "MetalLB is not here any more (was it disabled?): what was saved stays"


def restore(cluster: Cluster, saved: Backup, say: Say) -> None:
    """Bring back what a backup holds and the cluster has not, with the kinds that it needs. Raises ClusterFault."""
    steps.lay_basis(cluster)
    present = {backup.identity(item) for item in takeover.look(cluster)[0].objects}
    missing = [item for item in saved.objects if backup.identity(item) not in present]
    known = cluster.definitions()
    served = [item for item in missing if not backup.is_configuration(item) or _is_served(item, known)]
    if served:
        cluster.apply(served)
    say(f"  restored: {_named(served) or 'nothing: all of it is there'}")
    left = [item for item in missing if item not in served]
    if left:
        say(f"  not restored, since the cluster does not know their kinds: {_named(left)}")


def roll_back(cluster: Cluster, say: Say, patience: Patience | None = None) -> None:
    """Return to MetalLB. Raises ClusterFault; nothing was changed if MetalLB is not there to return to."""
    saved = takeover.saved(cluster)
    if saved is None:
        raise ClusterFault(
            "no backup is here: pylb took nothing over on this cluster, or the way back was gone already"
        )
    missing = _absent(cluster, saved)
    if missing or not saved.workloads:
        named = some([one.shown for one in missing]) or "its Deployment and DaemonSet"
        raise ClusterFault(
            f"{_REPLICAS_LOST}. Not there: {named}. Install it again; pools come back with `pylb restore`"
        )
    before = takeover.addresses(cluster)
    steps.disable(cluster, False, say)
    restore(cluster, saved, say)
    _ask_again(cluster, saved, say)
    for one in saved.workloads:
        cluster.patch(f"{one.kind.lower()}s.apps/{one.name}", metallb.starting(one), one.namespace)
        say(f"  started: {one.shown}")
    _wait_until_ready(cluster, saved, say, patience or Patience(READY_S))
    after = takeover.addresses(cluster)
    others = takeover.changed(before, after, _services(cluster))
    if others:
        raise ClusterFault(f"MetalLB serves again, but not all Services kept their addresses: {some(others)}")
    cluster.delete([_copy()])
    say(f"  the addresses of {len(before)} Services are as they were")


def _ask_again(cluster: Cluster, saved: Backup, say: Say) -> None:
    """MetalLB is asked again about its objects, as before; nothing of them is written until it answers."""
    for name, stanza in saved.conversions.items():
        if cluster.find([f"customresourcedefinitions/{name}"]):
            cluster.patch(f"customresourcedefinitions/{name}", {"spec": {"conversion": stanza}})
    if saved.webhooks:
        cluster.apply(saved.webhooks)
        say(f"  restored: {_named(saved.webhooks)}")


def _wait_until_ready(cluster: Cluster, saved: Backup, say: Say, patience: Patience) -> None:
    end = patience.clock() + patience.limit_s
    wanted = set(saved.workloads)
    while True:
        found = list(metallb.workloads(cluster.listed(["deployments.apps", "daemonsets.apps"])))
        waiting = [one.shown for one in map(metallb.described, filter(_is_not_ready, found)) if _is_of(one, wanted)]
        if not waiting:
            say("  MetalLB is ready")
            return
        if patience.clock() >= end:
            raise ClusterFault(f"MetalLB is not ready after {patience.limit_s:.0f} s: {some(waiting)}")
        patience.rest(POLL_S)


def _is_not_ready(item: JSON) -> bool:
    return not metallb.is_ready(item)


def _is_of(one: metallb.Workload, wanted: Iterable[metallb.Workload]) -> bool:
    return any((one.kind, one.namespace, one.name) == (it.kind, it.namespace, it.name) for it in wanted)


def _absent(cluster: Cluster, saved: Backup) -> list[metallb.Workload]:
    found = [metallb.described(item) for item in cluster.listed(["deployments.apps", "daemonsets.apps"])]
    return [one for one in saved.workloads if not _is_of(one, found)]


def _is_served(item: JSON, names: frozenset[str]) -> bool:
    """Whether the cluster knows an object's kind: by the plural that all of MetalLB's kinds have."""
    return f"{str(item['kind']).lower()}s.{GROUP}" in names or f"{str(item['kind']).lower()[:-1]}ies.{GROUP}" in names


def _services(cluster: Cluster) -> list[str]:
    return [f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in cluster.listed(["services"])]


def _named(items: Iterable[JSON]) -> str:
    return ", ".join(f"{item['kind']} {item['metadata']['name']}" for item in items)


def _copy() -> JSON:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": backup.NAME, "namespace": NAMESPACE}}
