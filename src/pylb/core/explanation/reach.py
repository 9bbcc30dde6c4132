"""Whether what a Service has can be reached: endpoints, the line of nodes, who announces, who answers. Pure.

The line is the speakers' own election; what they, and the wire, say is compared with it.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from itertools import islice

from pylb.core.allocation.remedies import listed
from pylb.core.explanation.findings import Fix, Mark, Question, Row
from pylb.core.explanation.scene import Announcing, Case, Scene
from pylb.core.explanation.wire import Answer, WireSeen
from pylb.core.model import LOCAL, Endpoint, NodeName, Service
from pylb.core.ownership import lines
from pylb.core.ownership.election import EXCLUDE_LABEL, Verdict, elect
from pylb.core.places import API_VERSION, METALLB_NAMESPACE
from pylb.core.reasons import Reason

MAX_NODES = 10  # of which it is told why they are not in line
MAX_PORTS = 5  # that are told
ADVERT = {"apiVersion": API_VERSION, "kind": "L2Advertisement"}
ENDPOINTS, ADVERTISED, LINE, OUT, NODE, WIRE, PORT = (
    "endpoints",
    "advertisement",
    "line",
    "not in line",
    "announcer",
    "neighbour",
    "port",
)


def endpoints(scene: Scene, case: Case) -> Iterator[Row]:
    """Is a pod ready behind it?"""
    question, service = Question.ENDPOINTS, case.service
    if case.endpoints is None:
        yield Row(question, ENDPOINTS, Mark.UNKNOWN, "its EndpointSlices may not be read here")
        return
    ready = [one for one in case.endpoints if one.servable]
    if not ready:
        yield Row(
            question, ENDPOINTS, Mark.FAIL, _nothing_ready(service, len(case.endpoints)), (_look(scene, service),)
        )
        return
    nodes = sorted({str(one.node) for one in ready if one.node})
    of = f" of {len(case.endpoints)}" if len(case.endpoints) > len(ready) else ""
    text = f"{len(ready)}{of} ready, on {listed(nodes) or 'no node of the cluster'}"
    if service.traffic_policy == LOCAL:
        text += "; traffic policy Local: only these nodes may announce it"
    yield Row(question, ENDPOINTS, Mark.PASS, text)


def _nothing_ready(service: Service, number: int) -> str:
    if number:
        return f"none of its {number} endpoints is ready"
    if not service.selector:
        return "it has no selector, and nobody made EndpointSlices for it"
    chosen = ", ".join(f"{key}={value}" for key, value in sorted(service.selector.items()))
    return f"no pod stands behind it: {chosen} selects none that has an address"


def _look(scene: Scene, service: Service) -> Fix:
    if service.selector:
        return Fix("look at its pods", scene.shell.pods(service))
    return Fix("look at its EndpointSlices", scene.shell.slices(service))


def election(scene: Scene, case: Case) -> Iterator[Row]:
    """May a node announce it?"""
    question, service = Question.ELECTED, case.service
    addresses = lines.recorded(service)
    if not addresses:
        yield Row(question, LINE, Mark.UNKNOWN, "it has no address yet")
        return
    if scene.config is None or not scene.nodes:
        missing = "the pools" if scene.config is None else "the nodes"
        yield Row(question, LINE, Mark.UNKNOWN, f"{missing} may not be read here")
        return
    alive = scene.nodes.keys() if scene.alive is None else scene.alive
    if case.endpoints is None:  # as if each node had one
        known: list[Endpoint] = [Endpoint(node, servable=True) for node in scene.nodes]
    else:
        known = list(case.endpoints)
    verdict = elect(scene.config, service, addresses, known, scene.nodes, alive)
    pool = scene.config.pool_of(addresses)
    if verdict.reason is Reason.NO_ADVERTISEMENT and pool is not None and pool.name in scene.bgp_pools:
        yield Row(question, ADVERTISED, Mark.PASS, f"a BGPAdvertisement speaks of pool {pool.name}; no node is elected")
        return
    yield from _line(scene, case, verdict, pool.name if pool is not None else "")


def _line(scene: Scene, case: Case, verdict: Verdict, pool: str) -> Iterator[Row]:
    question = Question.ELECTED
    if verdict.ranking:
        yield Row(question, ADVERTISED, Mark.PASS, f"an L2Advertisement speaks of pool {pool}")
        yield _order(scene, case, verdict.ranking)
    else:
        reason = verdict.reason or Reason.NOT_ALIVE
        check = ADVERTISED if reason in (Reason.NO_ADVERTISEMENT, Reason.SHARED_WITH_SERVICE_SELECTORS) else LINE
        yield Row(question, check, Mark.FAIL, reason.text, tuple(_fix(scene, case, reason, verdict, pool)))
    for node, why in islice(sorted(verdict.excluded.items()), MAX_NODES):
        yield Row(question, OUT, Mark.HINT, f"{node}: {why.text}")
    for name, one in sorted(scene.nodes.items()):
        if one.drained:
            undrain = Fix("let it own addresses again", _undrain(name))
            yield Row(question, OUT, Mark.HINT, f"{name}: {Reason.NODE_DRAINS.text}", (undrain,))


def _order(scene: Scene, case: Case, ranking: Sequence[NodeName]) -> Row:
    """Who is in line; who is drained takes nothing anew, and keeps what no other takes."""
    free = [name for name in ranking if not _is_drained(scene, name)]
    if not free:
        held = any(found.nodes for found in case.announcing.values())
        fixes = tuple(Fix("let it own addresses again", _undrain(name)) for name in islice(ranking, MAX_NODES))
        text = f"all in line are drained ({listed(ranking)}): none of them takes an address"
        return Row(Question.ELECTED, LINE, Mark.WARN if held else Mark.FAIL, text, fixes)
    first, *then = free
    guess = "" if scene.alive is not None else "; which speakers are heard is not known here"
    rest = f", then {listed(then)}" if then else ", and no other"
    return Row(Question.ELECTED, LINE, Mark.PASS, f"{first} is first in line{rest}{guess}")


def _is_drained(scene: Scene, name: NodeName) -> bool:
    node = scene.nodes.get(name)
    return node is not None and node.drained


def _undrain(name: str) -> str:
    return f"pylb undrain {shlex.quote(name)}"


def _fix(scene: Scene, case: Case, reason: Reason, verdict: Verdict, pool: str) -> Iterator[Fix]:
    nodes = [node for node, why in verdict.excluded.items() if why is reason]
    shell, service = scene.shell, case.service
    if reason is Reason.NO_ADVERTISEMENT:
        meta = {"name": pool, "namespace": METALLB_NAMESPACE}
        raw = json.dumps({**ADVERT, "metadata": meta, "spec": {"ipAddressPools": [pool]}})
        yield Fix(f"announce pool {pool}", f"echo {shlex.quote(raw)} | {shell.on('apply -f -')}")
    elif reason is Reason.NO_ENDPOINT:
        yield _look(scene, service)
    elif reason is Reason.NO_ENDPOINT_ON_NODE:
        yield Fix("let every node announce it", shell.patch(service, {"externalTrafficPolicy": "Cluster"}))
    elif reason is Reason.NODE_EXCLUDED:
        yield Fix("take the label away", shell.on("label node", *nodes, f"{EXCLUDE_LABEL}-"))
    elif reason is Reason.NODE_NETWORK_UNAVAILABLE:
        yield Fix("look at the node", shell.on("describe node", *nodes[:1]))
    elif reason is Reason.NOT_ALIVE:
        yield Fix("look at the speakers", shell.on("-n pylb-system get pods -o wide"))
    elif reason in (Reason.NODE_NOT_SELECTED, Reason.SHARED_WITH_SERVICE_SELECTORS) and scene.config is not None:
        adverts = next((found for name, found in scene.config.advertisements.items() if name == pool), ())
        for advert in islice(adverts, 1):
            yield Fix("change its selectors", shell.edit("L2Advertisement", advert.ref.namespace, advert.name))


def announcement(scene: Scene, case: Case) -> Iterator[Row]:
    """Does a node announce it?"""
    question = Question.ANNOUNCED
    if not case.service.ingress:
        yield Row(question, NODE, Mark.UNKNOWN, "it has no address yet")
    several = len(case.service.ingress) > 1
    for address in dict.fromkeys(case.service.ingress):
        prefix = f"{address}: " if several else ""
        found = case.announcing.get(address, Announcing())
        mark, text, fixes = _announcer(scene, found)
        yield Row(question, NODE, mark, prefix + text, fixes)
        yield from (Row(question, NODE, mark, prefix + said) for mark, said in _beside(scene, found))


def _announcer(scene: Scene, found: Announcing) -> tuple[Mark, str, tuple[Fix, ...]]:
    logs = Fix("look at the speakers", scene.shell.on("-n pylb-system get pods -o wide"))
    if found.contested:
        wires = Fix("see whether they hear each other", "pylb doctor")
        return Mark.FAIL, f"{len(found.nodes)} nodes announce it: {', '.join(found.nodes)}", (wires,)
    if not found.nodes and not found.known:
        return Mark.UNKNOWN, "who announces it cannot be told: no ServiceL2Status, and no speaker can be asked", ()
    if not found.nodes:
        return Mark.FAIL, f"nobody does{f': {_sentence(found.reason)}' if found.reason else ''}", (logs,)
    name = found.nodes[0]
    node = scene.nodes.get(NodeName(name))
    if found.guessed:
        return Mark.UNKNOWN, f"{name} did, by an event of Kubernetes; nothing newer is told", ()
    if scene.nodes and node is None:
        return Mark.FAIL, f"{name} does, and is no node of the cluster any more", (logs,)
    if found.helper:
        return Mark.PASS, f"{found.helper} does in the place of {name}, whose speaker is away", ()
    if node is not None and not node.ready:
        return Mark.WARN, f"{name} does, and is NotReady", (Fix("look at it", scene.shell.on("describe node", name)),)
    if found.silent:
        return Mark.WARN, f"{name} does, and its speaker is not heard", (logs,)
    return Mark.PASS, f"{name} does", ()


def _beside(scene: Scene, found: Announcing) -> Iterator[tuple[Mark, str]]:
    if found.stranger:
        yield Mark.FAIL, f"{found.stranger}, which is none of the cluster's, was heard to answer for it, too"
    if found.changes:
        yield Mark.WARN, f"it went to another node {found.changes} times within a minute"
    if found.provisional:
        yield Mark.WARN, "provisional: nothing shows so far that its node is not cut off"


def answers(scene: Scene, case: Case) -> Iterator[Row]:
    """Is it answered on the wire?"""
    question, service = Question.ANSWERED, case.service
    if not service.ingress:
        yield Row(question, WIRE, Mark.UNKNOWN, "it has no address yet")
    for address in dict.fromkeys(service.ingress):
        seen = case.wires.get(address)
        if seen is None:
            ask = f"pylb explain {shlex.quote(service.key)} --probe"
            yield Row(question, WIRE, Mark.UNKNOWN, f"{address} was not looked at yet", (Fix("look", ask),))
        else:
            yield from _seen(seen, case.announcing.get(address, Announcing()))


def _seen(seen: WireSeen, found: Announcing) -> Iterator[Row]:
    question, vantage = Question.ANSWERED, seen.vantage
    where = f"seen from {vantage.host}" + (f", {vantage.interface}" if vantage.interface else "")
    protocol = "ND" if ":" in seen.address else "ARP"
    if vantage.node and vantage.node in found.nodes:
        text = f"{vantage.host} is {vantage.node}, which announces it: the wire cannot be seen from here"
        yield Row(question, WIRE, Mark.UNKNOWN, text)
    elif vantage.obstacle:
        yield Row(question, WIRE, Mark.UNKNOWN, f"{seen.address}: {vantage.obstacle} ({where})")
    elif vantage.gateway:
        text = f"{seen.address} is behind the router {vantage.gateway}: who answers there cannot be seen ({where})"
        yield Row(question, WIRE, Mark.UNKNOWN, text)
    elif not seen.macs:
        yield Row(question, WIRE, Mark.FAIL, f"nobody answers {protocol} for {seen.address} ({where})")
    elif len(set(seen.macs)) > 1:
        shown = ", ".join(dict.fromkeys(seen.macs))
        yield Row(question, WIRE, Mark.FAIL, f"{len(set(seen.macs))} MACs answer for {seen.address}: {shown} ({where})")
    elif not seen.confirmed:
        text = f"{seen.macs[0]} answered {protocol} for {seen.address} some time ago, and not again ({where})"
        yield Row(question, WIRE, Mark.WARN, text)
    else:
        yield Row(question, WIRE, Mark.PASS, f"{seen.macs[0]} answers {protocol} for {seen.address} ({where})")
    for port, answer in islice(seen.answers, MAX_PORTS):
        mark, said = _PORTS[answer]
        yield Row(question, PORT, mark, f"{port} {said} ({where})")


_PORTS = {
    Answer.OPEN: (Mark.PASS, "takes connections"),
    Answer.REFUSED: (Mark.WARN, "refuses connections"),
    Answer.SILENT: (Mark.FAIL, "does not answer"),
    Answer.UNTRIED: (Mark.UNKNOWN, "is not TCP, and was not tried"),
}


def _sentence(reason: str) -> str:
    try:
        return Reason(reason).text
    except ValueError:
        return reason
