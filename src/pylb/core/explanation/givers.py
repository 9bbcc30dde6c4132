"""Who gives a Service its address, by what, and what else there is to say of it before the allocator is asked: rows of the
first question. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from pylb.core import spelling
from pylb.core.allocation.remedies import listed
from pylb.core.explanation.findings import Fix, Mark, Question, Row
from pylb.core.explanation.scene import Case, Scene
from pylb.core.model import Service
from pylb.core.several import count

MAX_PROBLEMS = 3  # of the configuration that are told
CONFIG, CONTROLLER, WRITER, SPELLING, OTHERS = "configuration", "controller", "writer", "spelling", "not pylb's"
Q = Question.ALLOCATED


def standing(scene: Scene, case: Case) -> tuple[Row, ...]:
    """The rows that hold whatever the allocator says."""
    service = case.service
    own = (*_slips(service), *_not_ours(service), *_writer(case))
    return (*own, _controller(scene, case), _configuration(scene))


def _slips(service: Service) -> Iterator[Row]:
    for slip in spelling.slips(service):
        yield Row(Q, SPELLING, Mark.WARN, str(slip))


def _not_ours(service: Service) -> Iterator[Row]:
    """Where else the Service answers."""
    if service.external_ips:
        text = f"{listed(service.external_ips)} (spec.externalIPs): kube-proxy serves them, and nobody announces them"
        yield Row(Q, OTHERS, Mark.HINT, text)
    if service.node_ports:
        text = f"node port {listed(service.node_ports)}: kube-proxy serves it on the nodes' own addresses"
        yield Row(Q, OTHERS, Mark.HINT, text)


def _writer(case: Case) -> Iterator[Row]:
    if case.rival:
        fix = Fix("stop one of the two; for MetalLB:", "pylb install --takeover")
        yield Row(Q, WRITER, Mark.FAIL, f'"{case.rival}" writes its status, too, and pylb leaves it alone', (fix,))


def _controller(scene: Scene, case: Case) -> Row:
    """Who gives addresses; one that has its address does without for a while."""
    seen = scene.controllers
    away = Mark.WARN if case.service.ingress else Mark.FAIL
    look = scene.shell.on("-n pylb-system get pods -o wide")
    if not seen.known:
        return Row(Q, CONTROLLER, Mark.UNKNOWN, "whether a controller runs may not be seen here")
    if seen.trouble:
        return Row(Q, CONTROLLER, away, seen.trouble, (Fix("look at the pods", look),))
    if seen.leader:
        return Row(Q, CONTROLLER, Mark.PASS, f"{seen.leader} leads")
    if seen.ready and seen.silent:
        text = f"{listed(seen.ready)} runs by its pod, and does not answer: {seen.silent}; it may hang"
        lease = scene.shell.on("-n pylb-system get lease pylb-controller -o yaml")
        return Row(
            Q, CONTROLLER, away, text, (Fix("see whether it renews its Lease", lease), Fix("look at the pods", look))
        )
    if seen.ready:
        return Row(Q, CONTROLLER, Mark.PASS, f"{listed(seen.ready)} runs; who leads is not told")
    return Row(Q, CONTROLLER, away, "no controller is ready: nobody gives addresses", (Fix("look at the pods", look),))


def _configuration(scene: Scene) -> Row:
    if scene.problems:
        told = "; ".join(islice(scene.problems, MAX_PROBLEMS))
        text = f"it is invalid, and the last good one, or what is valid of this one, is in force: {told}"
        return Row(Q, CONFIG, Mark.WARN if scene.config else Mark.FAIL, text, (Fix("see all of it", "pylb doctor"),))
    if scene.config is None:
        return Row(Q, CONFIG, Mark.UNKNOWN, "the pools may not be read here")
    return Row(Q, CONFIG, Mark.PASS, f"{count(len(scene.config.pools), 'pool')}, no problem")
