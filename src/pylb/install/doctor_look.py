"""What a doctor reads in a cluster: objects, the daemons' rights, and each speaker's own word; nothing is changed.

A list that may not be read, or is not answered in order, is remembered with its reason; only a cluster that does not
answer at all is an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pylb.addon.access import CLUSTER_RULES, NAMESPACE_RULES
from pylb.addon.backup import NAME as BACKUP
from pylb.addon.names import COMPONENT_LABEL, CONTROLLER, CONTROLLER_PORT, JSON, NAMESPACE, SPEAKER, SPEAKER_PORT
from pylb.core.explanation.diagnosis import Lack, Report
from pylb.kube import decode
from pylb.kube.client import Client
from pylb.kube.configuration import BGP, L2_ADVERTISEMENTS, NAMESPACES, POOLS
from pylb.kube.decode import DecodeError
from pylb.kube.errors import ClusterError, Forbidden, NotFound, Unauthorized, Unreachable
from pylb.tui import decoders
from pylb.tui.facts import Contest
from pylb.tui.reporters import Token

ACCOUNTS = (CONTROLLER, SPEAKER)
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
AT_ONCE = 16  # requests; an API server on a Raspberry Pi answers some hundred a second
STATE_LIMIT_S = 2.0  # for one speaker's answer
MAX_SPEAKERS, MAX_CONTROLLERS = 100, 5  # that are asked
LEGACY = tuple(f"config in {name}" for name in NAMESPACES)
_NAMED = {"fieldSelector": f"metadata.name={decode.LEGACY_CONFIG_NAME}"}
Query = Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list is read; items of a list do not tell their kind."""

    kind: str
    path: str
    query: Query = field(default_factory=dict)


PLACES = {
    "nodes": Place("Node", "/api/v1/nodes"),
    "services": Place("Service", "/api/v1/services"),
    "namespaces": Place("Namespace", "/api/v1/namespaces"),
    "deployments": Place("Deployment", "/apis/apps/v1/deployments"),
    "daemonsets": Place("DaemonSet", "/apis/apps/v1/daemonsets"),
    "pods": Place("Pod", f"/api/v1/namespaces/{NAMESPACE}/pods"),
    "system pods": Place("Pod", "/api/v1/namespaces/kube-system/pods"),
    "kube-proxy": Place(
        "ConfigMap", "/api/v1/namespaces/kube-system/configmaps", {"fieldSelector": "metadata.name=kube-proxy"}
    ),
    "backup": Place("Secret", f"/api/v1/namespaces/{NAMESPACE}/secrets", {"fieldSelector": f"metadata.name={BACKUP}"}),
    "pools": Place("IPAddressPool", POOLS),
    "advertisements": Place("L2Advertisement", L2_ADVERTISEMENTS),
    **{name: Place(kind, f"/apis/{version}/{resource}") for name, (kind, version, resource) in BGP.items()},
    "cilium pools": Place("CiliumLoadBalancerIPPool", "/apis/cilium.io/v2alpha1/ciliumloadbalancerippools"),
    "cilium policies": Place("CiliumL2AnnouncementPolicy", "/apis/cilium.io/v2alpha1/ciliuml2announcementpolicies"),
    **{
        name: Place("ConfigMap", f"/api/v1/namespaces/{where}/configmaps", _NAMED)
        for name, where in zip(LEGACY, NAMESPACES, strict=True)
    },
}


@dataclass(frozen=True, slots=True)
class Look:
    """What was read. A list that the API server does not know is in neither `lists` nor `refused`."""

    version: str = ""
    lists: Mapping[str, list[JSON]] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)  # list -> why it was not read
    lacks: tuple[Lack, ...] = ()
    lacks_unseen: str = ""
    reports: Mapping[str, Report] = field(default_factory=dict)  # node -> what its speaker said
    reports_unseen: str = ""
    contests: Mapping[str, Contest] = field(default_factory=dict)  # by Service, as the leading controller tells
    contests_unseen: str = ""

    def of(self, *names: str) -> list[JSON]:
        """The objects of some lists."""
        return [item for name in names for item in self.lists.get(name, ())]


async def look(client: Client) -> Look:
    """Read all of it, in some seconds at most. Raises ClusterError where the cluster does not answer, or not to us."""
    version = await client.get("/version", tries=1)
    gate = asyncio.Semaphore(AT_ONCE)
    (lists, refused), (lacks, lacks_unseen) = await asyncio.gather(_read_all(client, gate), _review(client, gate))
    reports, reports_unseen = await _hear(client, gate, lists.get("pods", []))
    contests, contests_unseen = await _ask_leader(client, gate, lists.get("pods", []))
    told = str(version.get("gitVersion", "")) if isinstance(version, Mapping) else ""
    return Look(told, lists, refused, lacks, lacks_unseen, reports, reports_unseen, contests, contests_unseen)


async def _read_all(client: Client, gate: asyncio.Semaphore) -> tuple[dict[str, list[JSON]], dict[str, str]]:
    answers = await asyncio.gather(*(_read(client, gate, place) for place in PLACES.values()))
    found = dict(zip(PLACES, answers, strict=True))
    lists = {name: answer for name, answer in found.items() if isinstance(answer, list)}
    return lists, {name: answer for name, answer in found.items() if isinstance(answer, str)}


async def _read(client: Client, gate: asyncio.Semaphore, place: Place) -> list[JSON] | str | None:
    """The items of a list; why there are none; None where the API server does not know the kind."""
    try:
        async with gate:
            answer = await client.get(place.path, place.query)
        return [{**item, "kind": place.kind} for item in answer["items"] if isinstance(item.get("metadata"), dict)]
    except NotFound:
        return None
    except (Unreachable, Unauthorized):
        raise
    except ClusterError as error:
        return str(error)
    except (KeyError, TypeError, AttributeError):
        return f"{place.path} answered no list"


def questions() -> Iterator[tuple[Lack, JSON]]:
    """Each right that a daemon is to have, and how one asks for it."""
    everywhere = [("", name, CLUSTER_RULES[name]) for name in ACCOUNTS]
    inside = [(where, name, rules) for (where, name), rules in NAMESPACE_RULES.items() if name in ACCOUNTS]
    for where, account, rules in (*everywhere, *inside):
        for rule in rules:
            for name in rule.get("resourceNames", [""]):
                for resource in rule["resources"]:
                    for verb in rule["verbs"]:
                        yield Lack(account, verb, resource, where), _attributes(rule, resource, verb, where, name)


def _attributes(rule: JSON, resource: str, verb: str, namespace: str, name: str) -> JSON:
    plural, _, part = resource.partition("/")
    [group] = rule["apiGroups"]
    return {"group": group, "resource": plural, "subresource": part, "verb": verb, "namespace": namespace, "name": name}


async def _review(client: Client, gate: asyncio.Semaphore) -> tuple[tuple[Lack, ...], str]:
    """The rights that are missing, and why it could not be found out, if so."""

    async def ask(lack: Lack, attributes: JSON) -> Lack | None:
        async with gate:
            answer = await client.post(REVIEWS, _question(lack.account, attributes))
        return None if (answer.get("status") or {}).get("allowed") is True else lack

    try:
        answers = await asyncio.gather(*(ask(lack, attributes) for lack, attributes in questions()))
    except (Unreachable, Unauthorized):
        raise
    except ClusterError as error:
        return (), str(error)
    return tuple(dict.fromkeys(lack for lack in answers if lack is not None)), ""


def _question(account: str, attributes: JSON) -> JSON:
    """A SubjectAccessReview, with the groups that the API server gives to a service account."""
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", "system:authenticated"]
    spec = {"user": f"system:serviceaccount:{NAMESPACE}:{account}", "groups": groups, "resourceAttributes": attributes}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}


async def _hear(client: Client, gate: asyncio.Semaphore, pods: Iterable[JSON]) -> tuple[dict[str, Report], str]:
    """What each speaker says of itself, and why none could be asked, if so."""
    asked = [pod for pod in pods if _runs(pod, "speaker")][:MAX_SPEAKERS]
    headers = await Token(client).headers() if asked else {}
    if asked and not headers:
        return {}, "the readers' key in the Secret pylb-reader cannot be read"

    async def ask(pod: JSON) -> Report:
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}:{SPEAKER_PORT}/proxy/state"
        try:
            async with gate:
                raw = await client.get(path, headers=headers, deadline=STATE_LIMIT_S, tries=1)
            told = decoders.snapshot(raw)
        except (ClusterError, DecodeError) as error:
            if isinstance(error, Forbidden) and error.reason:  # the API server's word, not the speaker's
                raise
            return Report(obstacle=str(error), token_refused=isinstance(error, (Unauthorized, Forbidden)))
        alive = frozenset(member.node for member in told.members if member.alive)
        interfaces = frozenset(name for held in told.addresses if held.mine for name in held.interfaces)
        return Report(alive, interfaces, strangers=dict(told.strangers))

    try:
        answers = await asyncio.gather(*map(ask, asked))
        if any(one.obstacle for one in answers):  # peers that answered at once may not have missed it by then
            heard = [pod for pod, one in zip(asked, answers, strict=True) if not one.obstacle]
            later = dict(zip((_node(pod) for pod in heard), await asyncio.gather(*map(ask, heard)), strict=True))
        else:
            later = {}
    except Forbidden as error:
        return {}, str(error)
    return {**{_node(pod): one for pod, one in zip(asked, answers, strict=True)}, **later}, ""


async def _ask_leader(
    client: Client, gate: asyncio.Semaphore, pods: Iterable[JSON]
) -> tuple[Mapping[str, Contest], str]:
    """Which Services somebody else writes, too, and why no controller that runs told it, if so."""
    asked = [pod for pod in pods if _runs(pod, "controller")][:MAX_CONTROLLERS]
    headers = await Token(client).headers() if asked else {}
    why = ""
    for pod in asked if headers else ():  # without the key the speakers' line says so
        try:
            async with gate:
                path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}:{CONTROLLER_PORT}/proxy/state"
                raw = await client.get(path, headers=headers, deadline=STATE_LIMIT_S, tries=1)
            told = decoders.contests(raw)
        except (ClusterError, DecodeError) as error:
            why = str(error)
            continue
        if told is not None:
            return told, ""
    return {}, why


def _node(pod: JSON) -> str:
    return str(pod["spec"]["nodeName"])


def _runs(pod: JSON, component: str) -> bool:
    labels, status = pod["metadata"].get("labels") or {}, pod.get("status") or {}
    placed = bool((pod.get("spec") or {}).get("nodeName")) and not pod["metadata"].get("deletionTimestamp")
    return placed and labels.get(COMPONENT_LABEL) == component and status.get("phase") == "Running"
