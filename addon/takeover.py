"""MetalLB's place is taken: its configuration is saved, its pods are stopped, and what would refuse pools without it goes.

Each step looks first at what is there, so that all can be repeated after any of them broke off. Nothing is deleted but
the webhook configuration, which the backup holds; `pylb.addon.rollback` is the way back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from pylb.addon import backup, metallb, oldconfig
from pylb.addon.access import REPORTS
from pylb.addon.backup import Backup
from pylb.addon.cluster import Cluster, ClusterFault
from pylb.addon.inventory import Inventory, address
from pylb.addon.names import JSON, METALLB_NAMESPACE, NAMESPACE
from pylb.addon.steps import Say
from pylb.core.crds.resources import GROUP
from pylb.core.ranges import Range
from pylb.core.several import some

LIMIT_S = 90.0  # until MetalLB's pods are gone; a pod that hangs is killed after its grace period of 30 s at most
POLL_S = 1.0
ADOPTED = "pylb-adopted"  # the pool of addresses that Services have and no pool holds
DEFINED = f"ipaddresspools.{GROUP}"
_WORKLOADS = ("deployments.apps", "daemonsets.apps")
_WEBHOOKS = "validatingwebhookconfigurations.admissionregistration.k8s.io"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long pods are waited for, and by which clock."""

    limit_s: float = LIMIT_S
    clock: Callable[[], float] = time.monotonic
    rest: Callable[[float], None] = time.sleep


def look(cluster: Cluster) -> tuple[Backup, list[metallb.Workload]]:
    """What is MetalLB's now, and which of its workloads are stopped already. Raises ClusterFault."""
    ours = sorted(name for name in cluster.definitions() if name.endswith(f".{GROUP}"))
    written = [name for name in ours if name.partition(".")[0] not in REPORTS]
    objects = cluster.listed(written) if written else []
    objects += cluster.find([f"configmaps/{oldconfig.NAME}"], METALLB_NAMESPACE)
    definitions = cluster.find([f"customresourcedefinitions/{name}" for name in ours]) if ours else []
    conversions = {str(item["metadata"]["name"]): metallb.conversion(item) for item in definitions}
    found = list(metallb.workloads(cluster.listed(_WORKLOADS)))
    now = Backup(
        datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        tuple(map(backup.bare, objects)),
        tuple(backup.bare(item) for item in cluster.listed([_WEBHOOKS]) if metallb.guards_configuration(item)),
        {name: stanza for name, stanza in conversions.items() if stanza is not None},
        tuple(map(metallb.described, found)),
        addresses(cluster),
    )
    return now, [metallb.described(item) for item in found if metallb.is_idle(item)]


def addresses(cluster: Cluster) -> dict[str, tuple[str, ...]]:
    """The recorded addresses of the Services that MetalLB and pylb serve."""
    found = {}
    for item in cluster.listed(["services"]):
        spec, status = item.get("spec") or {}, item.get("status") or {}
        ingress = (status.get("loadBalancer") or {}).get("ingress") or ()
        held = tuple(str(one["ip"]) for one in ingress if one.get("ip"))
        if held and spec.get("type") == "LoadBalancer" and not spec.get("loadBalancerClass"):
            found[f"{item['metadata']['namespace']}/{item['metadata']['name']}"] = held
    return found


def saved(cluster: Cluster) -> Backup | None:
    """The copy of a backup that the cluster holds. Raises ClusterFault."""
    found = cluster.find([f"secrets/{backup.NAME}"], NAMESPACE)
    if not found:
        return None
    try:
        return backup.of_secret(found[0])
    except ValueError as error:
        raise ClusterFault(str(error)) from None


def save(cluster: Cluster, folder: Path, say: Say) -> Backup:
    """Write the backup, add what an earlier one knows, and say how it is restored. Raises ClusterFault."""
    now, idle = look(cluster)
    whole = backup.merged(saved(cluster), now, idle)
    text = backup.to_text(whole)
    try:
        path = backup.write(text, folder, whole.at)
    except OSError as error:
        raise ClusterFault(f"the backup cannot be written to {folder}: {error.strerror}; name a folder") from None
    say(f"  backup: {path} ({_counted(whole)})")
    say(f"    to restore what is in it: {cluster.shown} apply -f {path}")
    _copy(cluster, text, say)
    return whole


def renew(cluster: Cluster) -> None:
    """Bring the copy in the cluster, if there is one, up to what is there now: pools that pylb made are in it, too."""
    earlier = saved(cluster)
    if earlier is not None:
        now, idle = look(cluster)
        _copy(cluster, backup.to_text(backup.merged(earlier, now, idle)), lambda text: None)


def _copy(cluster: Cluster, text: str, say: Say) -> None:
    copy = backup.secret(text)
    if copy is None:
        say("    it is too big for a copy in the cluster: keep the file")
    elif cluster.find([f"secrets/{backup.NAME}"], NAMESPACE):
        cluster.patch(f"secrets/{backup.NAME}", {"data": copy["data"]}, NAMESPACE)
    else:
        cluster.create([copy])


def plan(whole: Backup, idle: Iterable[metallb.Workload]) -> list[str]:
    """What a take-over would do."""
    stopped = set(idle)
    lines = [f"write a backup ({_counted(whole)})"]
    lines += [f"stop {one.shown}" for one in whole.workloads if one not in stopped]
    lines += [f"delete the webhook configuration {item['metadata']['name']}" for item in whole.webhooks]
    lines += [f"remove the conversion by MetalLB from {name}" for name in whole.conversions]
    return lines


def displace(cluster: Cluster, whole: Backup, force: bool, say: Say, patience: Patience | None = None) -> None:
    """Stop MetalLB, and wait until its pods are gone; then remove what asks it. Raises ClusterFault."""
    for item in metallb.workloads(cluster.listed(_WORKLOADS)):
        one = metallb.described(item)
        if not metallb.is_idle(item):
            cluster.patch(f"{one.kind.lower()}s.apps/{one.name}", metallb.stopping(one), one.namespace)
            say(f"  stopped: {one.shown}")
    _wait_until_gone(cluster, force, say, patience or Patience())
    present = [item for item in cluster.listed([_WEBHOOKS]) if metallb.guards_configuration(item)]
    if present:
        cluster.delete([backup.bare(item) for item in present])
        say(f"  gone: the webhook configuration {', '.join(str(one['metadata']['name']) for one in present)}")
    _convert_alone(cluster, whole.conversions, say)


def _convert_alone(cluster: Cluster, names: Iterable[str], say: Say) -> None:
    """Let the API server convert kinds itself: by MetalLB's webhook it could not even read them any more."""
    wanted = [f"customresourcedefinitions/{name}" for name in names]
    for item in cluster.find(wanted) if wanted else ():
        if metallb.conversion(item) is not None:
            name = item["metadata"]["name"]
            cluster.patch(
                f"customresourcedefinitions/{name}", {"spec": {"conversion": {"strategy": "None", "webhook": None}}}
            )
            say(f"  gone: the conversion of {name} by MetalLB")


def _wait_until_gone(cluster: Cluster, force: bool, say: Say, patience: Patience) -> None:
    end = patience.clock() + patience.limit_s
    while left := metallb.pods(cluster.listed(["pods"])):
        if patience.clock() >= end:
            named = some(left)
            if force:
                say(f"  MetalLB's pods are still there, and not waited for: {named}")
                return
            raise ClusterFault(
                f"MetalLB's pods are still there after {patience.limit_s:.0f} s: {named}\n"
                f"On a node that is lost: {cluster.shown} delete pod NAME -n {METALLB_NAMESPACE} --force; "
                "--force of this command does not wait for them"
            )
        patience.rest(POLL_S)


def lost(cluster: Cluster, inventory: Inventory, always: bool) -> list[JSON]:
    """The configuration of a backup that the cluster has lost, with its kinds or, where `always`, without.

    Nothing where a pool is there: whoever deletes some of them means it.
    """
    if inventory.pools or not (always or DEFINED not in cluster.definitions()):
        return []
    earlier = saved(cluster)
    return list(earlier.objects) if earlier else []


def adopted(held: Mapping[str, Sequence[str]], inventory: Inventory, spans: Iterable[Range]) -> list[JSON]:
    """A pool, and its advertisement, for the addresses that Services have and no range holds; none if all are held.

    Nothing is given out from it by itself.
    """
    nodes = {one.address for one in inventory.nodes}  # k3s' ServiceLB records those
    ranges = [*spans, *(span for pool in inventory.pools for span in pool.spans())]
    found = {one for texts in held.values() for text in texts if (one := address(text)) is not None}
    outside = [one for one in found - nodes if not any(one in span for span in ranges)]
    if not outside:
        return []
    new = [f"{one}/{one.max_prefixlen}" for one in sorted(outside, key=lambda one: (one.version, int(one)))]
    earlier = [entry for pool in inventory.pools if pool.name == ADOPTED for entry in pool.entries]
    entries = [*earlier, *new]
    specs = {
        "IPAddressPool": {"addresses": entries, "autoAssign": False},
        "L2Advertisement": {"ipAddressPools": [ADOPTED]},
    }
    return [
        {
            "apiVersion": f"{GROUP}/v1beta1",
            "kind": kind,
            "metadata": {"name": ADOPTED, "namespace": METALLB_NAMESPACE},
            "spec": spec,
        }
        for kind, spec in specs.items()
    ]


def changed(
    before: Mapping[str, Sequence[str]], after: Mapping[str, Sequence[str]], present: Iterable[str]
) -> list[str]:
    """The Services, of those that are `present`, whose addresses are others than before, in words."""
    return [
        f"{key} had {', '.join(before[key])} and has {', '.join(after.get(key, ())) or 'none'}"
        for key in sorted(set(before) & set(present))
        if set(before[key]) != set(after.get(key, ()))
    ]


def _counted(whole: Backup) -> str:
    pools, rest = len(whole.pools()), len(whole.objects) - len(whole.pools())
    return f"{pools} pools, {rest} other objects, the addresses of {len(whole.addresses)} Services"
