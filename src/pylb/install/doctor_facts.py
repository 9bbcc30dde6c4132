"""What was read in a cluster, as the facts that `core.explanation.checks` judges by.

It knows how objects of Kubernetes look, and what is typed on MicroK8s, k3s and elsewhere; it judges nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import TypeVar

from pylb.addon.archive import NAME as ARCHIVE
from pylb.addon.detection import METALLB, Finding, Weight, detect
from pylb.addon.inventory import address, containers, take
from pylb.addon.iproute import Machine
from pylb.addon.names import COMPONENT_LABEL, CONTROLLER, JSON, NAMESPACE, SPEAKER
from pylb.addon.presence import is_ready, listed_on
from pylb.addon.render import IMAGE
from pylb.addon.survey import survey
from pylb.core.config import loader as config
from pylb.core.config.loader import KINDS, Loaded, Objects
from pylb.core.explanation.diagnosis import Check, Commands, Daemon, Facts, Level, Row
from pylb.core.explanation.explain import allocated
from pylb.core.explanation.findings import Row as Told
from pylb.core.explanation.findings import Shell, first_trouble
from pylb.core.explanation.pending import CHAIN
from pylb.core.explanation.scene import Case, Scene, ledger_of, own_addresses
from pylb.core.legacy import twins as legacy_twins
from pylb.core.legacy.conversion import Converted
from pylb.core.model import LOAD_BALANCER, Namespace, Service, ServiceKey
from pylb.install.doctor_look import LEGACY, Look
from pylb.kube import decode
from pylb.kube.configuration import API_VERSION, BGP, NAMESPACES
from pylb.kube.decode import DecodeError

T = TypeVar("T")
_VERSIONS = {name: version for name, (_, version, _) in BGP.items()}
COMPONENTS = ("controller", "speaker")
MAX_SERVICES = 20_000  # that are looked at
NO_IMAGE = ("ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff", "InvalidImageName")
NO_TROUBLE = ("ContainerCreating", "PodInitializing", "Completed")  # it begins, or has ended in order
NAMELESS = "neither the Deployment nor the DaemonSet is there to name it"
NEEDS = {  # check -> the lists that it is made of
    Check.PODS: ("nodes", "deployments", "daemonsets", "pods"),
    Check.IMAGE: ("nodes", "daemonsets", "pods"),
    Check.POOLS: ("pools", "advertisements", "services", "namespaces", *BGP, *LEGACY),
    Check.ADVERTISEMENTS: ("nodes", "pools", "advertisements", "namespaces", *LEGACY),
    Check.NODES: ("nodes",),
    Check.SPEAKERS: ("pods",),
    Check.RIVALS: ("nodes", "deployments", "daemonsets", "system pods"),
    Check.PROXY: ("nodes", "kube-proxy"),
    Check.NETWORK: ("nodes", "pools", *LEGACY),
}


def facts(look: Look, machine: Machine, settings: Sequence[str] = ()) -> Facts:
    """The facts. `machine` is what this machine knows of its networks, `settings` files of flags that lie on it."""
    nodes = look.of("nodes")
    deployment = _own(look.of("deployments"), CONTROLLER)
    daemon_set = _own(look.of("daemonsets"), SPEAKER)
    image = next((str(one.get("image", "")) for own in (daemon_set, deployment) for one in containers(own or {})), "")
    commands = typed(nodes, image)
    loaded = load(look)
    rivals, proxy = _found(look, settings, commands)
    return Facts(
        nodes=tuple(_decoded(nodes, decode.node)),
        roomy=frozenset(str(one["metadata"]["name"]) for one in nodes if _has_room(one)),
        controllers=_wanted(deployment, "spec", "replicas"),
        speakers=_wanted(daemon_set, "status", "desiredNumberScheduled"),
        daemons=tuple(_decoded((pod for pod in look.of("pods") if _component(pod) in COMPONENTS), _daemon)),
        image=image,
        images=_images(nodes, look.of("pods"), image),
        lacks=look.lacks,
        kinds={"pools", "advertisements"} <= {*look.lists, *look.refused},
        loaded=loaded,
        used=_used(loaded, look.of("services")),
        reserved=_used(loaded, look.of("services"), reserved=True),
        waiting=_waiting(loaded, look, commands),
        reports=look.reports,
        rivals=rivals,
        contests={key: contest.by for key, contest in look.contests.items()},
        contests_unseen=look.contests_unseen,
        taken_over=bool(look.of("backup")),
        proxy=proxy,
        subnets=survey(take(nodes), machine).facts.subnets,
        commands=commands,
        unseen=_unseen(look, image),
    )


def typed(nodes: Sequence[JSON], image: str) -> Commands:
    """What is typed in a cluster that has these nodes."""
    own = "/" not in image  # else it is fetched from a registry
    manifests = "pylb manifests --without-keys" + ("" if image in ("", IMAGE) else f" --image {image}")
    if any("microk8s.io/cluster" in (node["metadata"].get("labels") or {}) for node in nodes):
        bring = f"microk8s images import {ARCHIVE}" if own else ""
        pool = "microk8s pylb range A-B"
        return Commands("microk8s kubectl", "microk8s enable pylb", pool, manifests, bring, one_by_one=False)
    if any("+k3s" in _version(node) for node in nodes):
        bring = f"sudo k3s ctr images import {ARCHIVE}" if own else ""
        return Commands("sudo k3s kubectl", manifests=manifests, bring_image=bring)
    return Commands(manifests=manifests, bring_image=f"sudo ctr -n k8s.io images import {ARCHIVE}" if own else "")


def _version(node: JSON) -> str:
    return str(((node.get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion", ""))


def load(look: Look) -> Loaded:
    """The configuration of both namespaces and both forms, as the daemons load it: BGP holds back nothing of the rest."""
    old: list[Converted] = [made for made in _decoded(look.of(*LEGACY), decode.legacy_config) if made is not None]
    namespaces: list[Namespace] = _decoded(look.of("namespaces"), decode.namespace)
    standing = {name: _ours(look.of(name), _VERSIONS.get(name, API_VERSION)) for name in KINDS}
    rest = [legacy_twins.unmatched(made, standing) for made in old]
    rows = {name: [*items, *(raw for made in rest for raw in getattr(made, name))] for name, items in standing.items()}
    loaded = config.load(Objects(**rows), namespaces, _decoded(look.of("nodes"), decode.node))
    problems = (*(problem for made in old for problem in made.problems), *loaded.problems)
    found = loaded.config or loaded.layer2
    return Loaded(None if len(problems) > len(loaded.problems) else found, problems)


def _ours(items: Iterable[JSON], version: str) -> list[Mapping[str, object]]:
    ours = ({**item, "apiVersion": version} for item in items if item["metadata"].get("namespace") in NAMESPACES)
    return _decoded(ours, decode.custom_resource)


def _decoded(items: Iterable[JSON], read: Callable[[JSON], T]) -> list[T]:
    """The values of objects, without those whose shape nobody has heard of: the daemons leave them out, too."""
    values = []
    for item in items:
        with suppress(DecodeError):
            values.append(read(item))
    return values


def _used(loaded: Loaded, services: Iterable[JSON], reserved: bool = False) -> dict[str, int]:
    """How many addresses of each pool Services have recorded, or of those that it reserves; one that is shared counts once."""
    entries = (
        one for item in services for one in (item.get("status") or {}).get("loadBalancer", {}).get("ingress") or ()
    )
    recorded = {found for one in entries if (found := address(one.get("ip"))) is not None}
    pools = loaded.config.pools.values() if loaded.config else ()
    spans = [(pool.name, span) for pool in pools for span in (pool.reserved if reserved else pool.ranges)]
    held = {(name, one) for name, span in spans for one in recorded if one in span}
    return dict(Counter(name for name, _ in held))


def _waiting(loaded: Loaded, look: Look, commands: Commands) -> dict[str, Told]:
    """What keeps each Service from an address that has none, as the controller would decide."""
    config = loaded.config
    if config is None:
        return {}
    known: dict[ServiceKey, Service] = {one.key: one for one in _decoded(look.of("services"), decode.service)}
    nodes = _decoded(look.of("nodes"), decode.node)
    taken = own_addresses(config, nodes)
    scene = Scene(
        config=config,
        ledger=ledger_of(config, known.values(), taken),
        taken=taken,
        shell=Shell(commands.kubectl),
    )
    found = {}
    for key, one in islice(known.items(), MAX_SERVICES):
        if one.type == LOAD_BALANCER and one.load_balancer_class is None and not one.ingress:
            trouble = first_trouble(row for row in allocated(scene, Case(one), known) if row.check in CHAIN)
            if trouble is not None:
                found[str(key)] = trouble
    return found


def _own(items: Iterable[JSON], name: str) -> JSON | None:
    found = ((one["metadata"].get("namespace"), one["metadata"].get("name"), one) for one in items)
    return next((one for where, called, one in found if (where, called) == (NAMESPACE, name)), None)


def _has_room(node: JSON) -> bool:
    """Whether nothing keeps pods like the controllers' from a node; no taint of theirs is tolerated."""
    spec = node.get("spec") or {}
    kept = [taint for taint in spec.get("taints") or () if taint.get("effect") in ("NoSchedule", "NoExecute")]
    return not kept and not spec.get("unschedulable")


def _wanted(item: JSON | None, part: str, key: str) -> int | None:
    return None if item is None else int((item.get(part) or {}).get(key) or 0)


def _component(pod: JSON) -> str:
    return str((pod["metadata"].get("labels") or {}).get(COMPONENT_LABEL, ""))


def _daemon(raw: JSON) -> Daemon:
    pod = decode.pod(raw)
    states = [one.get("state") or {} for one in (raw.get("status") or {}).get("containerStatuses") or ()]
    running = bool(states) and all("running" in state for state in states)
    ending = bool(raw["metadata"].get("deletionTimestamp"))
    return Daemon(_component(raw), pod.name, str(pod.node or ""), pod.ready, running, ending, _trouble(raw, states))


def _trouble(raw: JSON, states: Iterable[JSON]) -> str:
    """Why a pod does not run; "" where nothing tells, as for one that begins."""
    for state in states:
        reason = str((state.get("waiting") or state.get("terminated") or {}).get("reason") or "")
        if reason and reason not in NO_TROUBLE:
            return reason
    for one in (raw.get("status") or {}).get("conditions") or ():
        if one.get("type") == "PodScheduled" and one.get("status") == "False":
            return str(one.get("message") or one.get("reason") or "")
    return ""


def _images(nodes: Sequence[JSON], pods: Iterable[JSON], image: str) -> dict[str, bool | None]:
    """Whether each node that is Ready has the image: by its list, or by a pod of ours that started, or cannot."""
    listed = listed_on(nodes, image)
    found: dict[str, bool | None] = {
        name: True if name in listed else None
        for name in (str(one["metadata"]["name"]) for one in nodes if is_ready(one))
    }
    for pod in pods:
        name = str((pod.get("spec") or {}).get("nodeName") or "")
        if found.get(name, True) is True or _component(pod) not in COMPONENTS:
            continue
        for status in (pod.get("status") or {}).get("containerStatuses") or ():
            waiting = ((status.get("state") or {}).get("waiting") or {}).get("reason")
            if status.get("imageID"):
                found[name] = True
            elif waiting in NO_IMAGE:
                found[name] = False
    return found


def _found(look: Look, settings: Sequence[str], commands: Commands) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """Other load balancers, and what is wrong with kube-proxy."""
    objects = look.of(
        "nodes", "deployments", "daemonsets", "system pods", "kube-proxy", "cilium pools", "cilium policies"
    )
    findings = detect(objects, take(objects, settings), settings, commands.kubectl)
    rows = [
        (one.what == "ipvs", _row(one, commands, bool(look.of("backup"))))
        for one in findings
        if one.weight is not Weight.NOTE
    ]
    return tuple(row for is_proxy, row in rows if not is_proxy), tuple(row for is_proxy, row in rows if is_proxy)


def _row(finding: Finding, commands: Commands, taken_over: bool) -> Row:
    if finding.what == METALLB:
        text = f"MetalLB is back, whose place was taken: {finding.text}" if taken_over else finding.text
        back = ("or, to return to MetalLB: pylb rollback",) if taken_over else ()
        return Row(Check.RIVALS, Level.FAIL, text, (f"{commands.install} --takeover", *back))
    check = Check.PROXY if finding.what == "ipvs" else Check.RIVALS
    return Row(check, Level.FAIL if finding.weight is Weight.STOP else Level.WARN, finding.text, finding.fix)


def _unseen(look: Look, image: str) -> dict[Check, str]:
    found = {check: look.refused[name] for check, names in NEEDS.items() for name in names if name in look.refused}
    if look.lacks_unseen:
        found[Check.RIGHTS] = look.lacks_unseen
    if look.reports_unseen:
        found.setdefault(Check.SPEAKERS, look.reports_unseen)
    if found and not image:
        found.setdefault(Check.IMAGE, NAMELESS)
    return found
