"""Whether everything of an installation is in place, and what to type where it is not: facts in, rows out.

Each check says one thing, and leaves what follows from another check's failure to that one: a speaker that does not
run is told once. Where all is well there are ten rows.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from pylb.core.explanation import poolchecks
from pylb.core.explanation.diagnosis import Check, Daemon, Facts, Level, Report, Row, again
from pylb.core.ownership.election import EXCLUDE_LABEL
from pylb.core.ownership.moves import DRAIN
from pylb.core.places import OWN_NAMESPACE
from pylb.core.several import count, some

DEPLOYMENT, DAEMON_SET = "deployment/pylb-controller", "daemonset/pylb-speaker"
BEAT_PORT, SPEAKER_PORT = 7946, 7472  # UDP and TCP (addon.names)
MAX_WAITING = 3  # Services that are told one by one
KEY_SPREAD_S = 150.0  # until all kubelets have brought a changed Secret (speaker.keyring)


def examine(facts: Facts) -> list[Row]:
    """The rows of all checks, each check's own together."""
    rows: list[Row] = []
    for check, look in _CHECKS.items():
        if facts.controllers is None and facts.speakers is None and check in _OF_DAEMONS and not facts.unseen:
            continue  # nothing is installed: the first row says so
        why = facts.unseen.get(check)
        if why:
            rows.append(
                Row(check, Level.WARN, f"not looked at: {why}", ("pylb doctor, as the cluster's administrator",))
            )
        else:
            rows += look(facts)
    return rows


def _pods(facts: Facts) -> Iterator[Row]:
    kubectl = f"{facts.commands.kubectl} -n {OWN_NAMESPACE}"
    if facts.controllers is None and facts.speakers is None:
        yield Row(Check.PODS, Level.FAIL, "pylb is not installed here", (facts.commands.install,))
        return
    for name, replicas in (("Deployment", facts.controllers), ("DaemonSet", facts.speakers)):
        if replicas is None:
            yield Row(Check.PODS, Level.FAIL, f"the {name} is gone", (again(facts),))
    lost = {node.name for node in facts.nodes if not node.ready}
    controllers = [one for one in facts.daemons if one.component == "controller" and one.node not in lost]
    speakers = [one for one in facts.daemons if one.component == "speaker" and one.node not in lost]
    up = [one for one in controllers if one.ready]
    wanted = facts.controllers or 0
    if len(up) < wanted:
        level = Level.WARN if up else Level.FAIL
        yield Row(
            Check.PODS,
            level,
            f"{len(up)} of {wanted} controllers are ready{_why(controllers)}",
            _look(controllers, kubectl) or (f"{kubectl} describe {DEPLOYMENT}",),
        )
    elif facts.controllers == 0:
        scale = f"{kubectl} scale {DEPLOYMENT} --replicas=2"
        yield Row(Check.PODS, Level.FAIL, "the Deployment is scaled to no controller at all", (scale,))
    good = {one.node for one in speakers if one.ready}
    missing = [node.name for node in facts.nodes if node.ready and node.name not in good]
    if facts.speakers is not None and missing:
        yield _missing_speakers(facts, speakers, missing, kubectl)
    together = _together(facts, up, kubectl)
    yield from together
    if len(up) >= wanted > 0 and not missing and facts.speakers is not None and not together:
        yield Row(Check.PODS, Level.OK, f"{count(len(up), 'controller')} and {count(len(good), 'speaker')} are ready")


def _together(facts: Facts, up: Sequence[Daemon], kubectl: str) -> list[Row]:
    """Controllers that all run on one node, though there is another: what an outage leaves, and nobody mends."""
    nodes = {one.node for one in up}
    others = sorted(facts.roomy & {node.name for node in facts.nodes if node.ready} - nodes)
    if len(up) < 2 or len(nodes) > 1 or not others:
        return []
    text = f"all controllers run on {some(nodes)}: with it, no Service would get an address for a while"
    return [Row(Check.PODS, Level.WARN, text, (f"{kubectl} delete pod {up[0].name}   (another starts elsewhere)",))]


def _missing_speakers(facts: Facts, speakers: Sequence[Daemon], missing: Sequence[str], kubectl: str) -> Row:
    bad = [one for one in speakers if not one.ready]
    if not bad and (facts.speakers or 0) + len(missing) <= len(facts.nodes):
        text = f"the DaemonSet leaves out {some(missing)} (a taint, or its node selector)"
        return Row(Check.PODS, Level.WARN, text, (f"{facts.commands.kubectl} describe node {missing[0]}",))
    text = f"no speaker is ready on {some(missing)}{_why(bad)}"
    return Row(Check.PODS, Level.FAIL, text, _look(bad, kubectl) or (f"{kubectl} describe {DAEMON_SET}",))


def _why(daemons: Iterable[Daemon]) -> str:
    found = sorted({one.trouble for one in daemons if not one.ready and one.trouble})
    return f": {some(found)}" if found else ""


def _look(daemons: Iterable[Daemon], kubectl: str) -> tuple[str, ...]:
    """How one looks at the first pod that is not ready."""
    bad = next((one for one in daemons if not one.ready), None)
    if bad is None:
        return ()
    if bad.ending:
        return (f"{kubectl} get pods --watch   (another one starts by itself)",)
    return (f"{kubectl} logs {bad.name}" if bad.running else f"{kubectl} describe pod {bad.name}",)


def _image(facts: Facts) -> Iterator[Row]:
    without = [name for name, has in facts.images.items() if has is False]
    unknown = [name for name, has in facts.images.items() if has is None]
    bring, each = facts.commands.bring_image, facts.commands.one_by_one
    for names, level, text in ((without, Level.FAIL, "is missing on"), (unknown, Level.WARN, "was not seen on")):
        if names:
            where = f"on {some(names)}: " if each else ""
            fix = f"{where}{bring}" if bring else f"see that {some(names)} can pull {facts.image}"
            yield Row(Check.IMAGE, level, f"{facts.image} {text} {some(names)}", (fix,))
    if not without and not unknown:
        yield Row(Check.IMAGE, Level.OK, f"{facts.image} is on {count(len(facts.images), 'node')}")


def _rights(facts: Facts) -> Iterator[Row]:
    for account in sorted({lack.account for lack in facts.lacks}):
        found = [str(lack) for lack in facts.lacks if lack.account == account]
        yield Row(Check.RIGHTS, Level.FAIL, f"{account} may not {some(found, 3)}", (again(facts),))
    if not facts.lacks:
        yield Row(Check.RIGHTS, Level.OK, "controllers and speakers may do all that they have to")


def _pools(facts: Facts) -> Iterator[Row]:
    """The pools, and the Services that wait for an address of one, as `core.explanation.explain` has it."""
    yield from poolchecks.pools(facts)
    for key, found in islice(sorted(facts.waiting.items()), MAX_WAITING):
        commands = [line for fix in found.fixes for line in fix.command.splitlines()[:1]]
        more = f"pylb explain {shlex.quote(key)}"
        yield Row(Check.POOLS, Level.WARN, f"{key} waits for an address: {found.text}", (*commands[:1], more))
    left = len(facts.waiting) - MAX_WAITING
    if left > 0:
        yield Row(
            Check.POOLS,
            Level.WARN,
            f"{count(left, 'more Service')} wait{'s' if left == 1 else ''}",
            ("pylb status",),
        )


def _nodes(facts: Facts) -> Iterator[Row]:
    kubectl = facts.commands.kubectl
    lost = [node.name for node in facts.nodes if not node.ready]
    cut = [node.name for node in facts.nodes if node.ready and node.network_unavailable]
    excluded = [node.name for node in facts.nodes if EXCLUDE_LABEL in node.labels]
    out = {*lost, *cut, *excluded}
    nobody = len(out) == len(facts.nodes)
    level = Level.FAIL if nobody else Level.WARN
    if excluded:
        text = f"{some(excluded)} {_be(excluded)} labelled {EXCLUDE_LABEL}: no address goes there"
        fix = f"{kubectl} label node {' '.join(excluded)} {EXCLUDE_LABEL}-"
        yield Row(Check.NODES, level, text, (fix,))
    drains = [*_drains(facts)]
    yield from drains
    for names, what in ((lost, "not Ready"), (cut, "without a network, as it says itself")):
        if names:
            yield Row(
                Check.NODES, level, f"{some(names)} {_be(names)} {what}", (f"{kubectl} describe node {names[0]}",)
            )
    if not out and not drains:
        yield Row(Check.NODES, Level.OK, f"{count(len(facts.nodes), 'node')} may have addresses")


def _drains(facts: Facts) -> Iterator[Row]:
    """Nodes that are to own nothing, and those that were meant to, maybe."""
    drained = [node.name for node in facts.nodes if node.drained]
    if drained:
        fixes = tuple(f"pylb undrain {name}" for name in drained)
        yield Row(Check.NODES, Level.WARN, f"{some(drained)} {_be(drained)} drained: no address goes there", fixes)
    for node in facts.nodes:
        if node.drain_fault:
            undo = f"{facts.commands.kubectl} annotate node {node.name} {DRAIN}-"
            text = f"{node.name} is not drained: {node.drain_fault}"
            yield Row(Check.NODES, Level.WARN, text, (f"pylb drain {node.name}", f"{undo}   (if it is not meant)"))


def _speakers(facts: Facts) -> Iterator[Row]:
    kubectl = f"{facts.commands.kubectl} -n {OWN_NAMESPACE}"
    pods = {one.node: one.name for one in facts.daemons if one.component == "speaker" and one.running and one.node}
    reports = {node: report for node, report in facts.reports.items() if node in pods}
    refused = [node for node, report in reports.items() if report.token_refused]
    if refused:
        text = f"the speakers of {some(refused)} do not take the key in the Secret pylb-reader"
        yield Row(Check.SPEAKERS, Level.FAIL, text, (f"{kubectl} rollout restart {DAEMON_SET}",))
    told = {node: report for node, report in reports.items() if not report.obstacle}
    quiet = [node for node in reports if node not in told and node not in refused]
    for node in quiet:
        yield _quiet(node, told, reports[node].obstacle, f"{kubectl} delete pod {pods[node]}")
    apart = {frozenset((one, other)) for one in told for other in told[one].strangers}
    if apart:
        yield _keys(told, frozenset().union(*apart), f"{kubectl} rollout restart {DAEMON_SET}")
    deaf = [
        f"{one} does not hear {other}"
        for one in told
        for other in told
        if other != one and other not in told[one].alive and frozenset((one, other)) not in apart
    ]
    if deaf:
        port = f"sudo ufw allow {BEAT_PORT}/udp   (on each node, or in whatever firewall there is)"
        yield Row(Check.SPEAKERS, Level.FAIL, f"{some(deaf)}: UDP port {BEAT_PORT} does not pass", (port,))
    if not told and not quiet and not refused:
        yield Row(Check.SPEAKERS, Level.FAIL, "no speaker runs", (f"{kubectl} describe {DAEMON_SET}",))
    elif not (refused or quiet or deaf or apart):
        hear = "all hear each other" if len(told) > 1 else "there is one, and no other node to take over"
        yield Row(Check.SPEAKERS, Level.OK, hear)


def _keys(told: dict[str, Report], nodes: frozenset[str], restart: str) -> Row:
    """Speakers that cannot read each other's beats: right after the Secret was changed that passes by itself."""
    text = f"the speakers on {some(sorted(nodes))} do not share a key"
    if max(seconds for report in told.values() for seconds in report.strangers.values()) < KEY_SPREAD_S:
        soon = "wait three minutes   (then each node has the new Secret pylb-speakers)"
        return Row(Check.SPEAKERS, Level.WARN, f"{text} yet", (soon,))
    return Row(Check.SPEAKERS, Level.FAIL, f"{text}, and do not hear each other", (restart,))


def _quiet(node: str, told: dict[str, Report], obstacle: str, restart: str) -> Row:
    """A speaker that did not answer us: whether its peers hear it says what is wrong."""
    if any(node in report.alive for report in told.values()):
        text = f"the API server does not reach the speaker on {node}, which its peers hear: {obstacle}"
        return Row(Check.SPEAKERS, Level.WARN, text, (f"sudo ufw allow {SPEAKER_PORT}/tcp   (on {node})",))
    heard = ", and no other speaker hears it" if told else ""
    return Row(Check.SPEAKERS, Level.FAIL, f"the speaker on {node} does not answer{heard}", (restart,))


def _rivals(facts: Facts) -> Iterator[Row]:
    yield from facts.rivals
    if facts.contests:
        who = some(f'"{one}"' for one in sorted(set(facts.contests.values())))
        text = f"{who} writes the status of {some(sorted(facts.contests))}, too: pylb leaves that alone for now"
        fix = f"stop one of the two; for MetalLB: {facts.commands.install} --takeover"
        yield Row(Check.RIVALS, Level.FAIL, text, (fix,))
    elif facts.contests_unseen:
        text = f"whether somebody else writes Services, too, was not told: {facts.contests_unseen}"
        yield Row(Check.RIVALS, Level.WARN, text, (f"{facts.commands.kubectl} -n {OWN_NAMESPACE} get pods -o wide",))
    elif not facts.rivals:
        taken = "; MetalLB's place was taken: `pylb rollback` returns to it" if facts.taken_over else ""
        yield Row(Check.RIVALS, Level.OK, f"no other load balancer was found{taken}")


def _proxy(facts: Facts) -> Iterator[Row]:
    yield from facts.proxy or (Row(Check.PROXY, Level.OK, "no sign of IPVS without strictARP"),)


def _be(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


_CHECKS: dict[Check, Callable[[Facts], Iterator[Row]]] = {
    Check.PODS: _pods,
    Check.IMAGE: _image,
    Check.RIGHTS: _rights,
    Check.POOLS: _pools,
    Check.ADVERTISEMENTS: poolchecks.advertisements,
    Check.NODES: _nodes,
    Check.SPEAKERS: _speakers,
    Check.RIVALS: _rivals,
    Check.PROXY: _proxy,
    Check.NETWORK: poolchecks.network,
}
_OF_DAEMONS = (Check.IMAGE, Check.RIGHTS, Check.SPEAKERS)  # that nothing can be said of where nothing is installed
