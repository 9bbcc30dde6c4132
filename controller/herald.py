"""Tells what becomes of Services and of the configuration: events, Kubernetes Events and the log. It decides nothing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from pylb.controller.reconcile import Outcome
from pylb.core import events, notices
from pylb.core.allocation.ledger import Allocation
from pylb.core.config.loader import Problem
from pylb.core.events import Event
from pylb.core.model import ObjectRef, Service, ServiceKey
from pylb.core.notices import Notice
from pylb.core.reasons import Reason
from pylb.core.rivalry import QUIET_S, Contest
from pylb.kube.configuration import Configuration
from pylb.kube.recorder import EventRecorder
from pylb.runtime.eventlog import EventLog
from pylb.runtime.log import Logger

NAME = "controller"
_NO_CONCERN = (Reason.NOT_LOAD_BALANCER, Reason.OTHER_CLASS)  # what it waited for, it wants no more


class Herald:
    """The controller's voice."""

    def __init__(self, stream: EventLog, recorder: EventRecorder, log: Logger) -> None:
        self._stream, self._recorder, self._log = stream, recorder, log
        self._problems: tuple[str, ...] | None = None
        self._told: dict[ObjectRef, Notice] = {}
        self._pools: tuple[str, ...] = ()
        self._warned: Mapping[ObjectRef, Notice] = {}

    def settled(self, outcome: Outcome) -> None:
        """What a Service has now, if that is news."""
        key, decision, now = outcome.service.key, outcome.decision, time.time()
        if decision.reason in _NO_CONCERN:
            self._recorder.forget(outcome.service.ref)
        for notice in outcome.notices:
            self._recorder.record(outcome.service.ref, notice)
        if outcome.lost:
            self._released(key, outcome.lost, _why(outcome))
        if outcome.moved and decision.allocation is not None:
            allocation = decision.allocation
            self._tell(events.Allocated(now, key, tuple(map(str, allocation.addresses)), allocation.pool))
        if outcome.notices and decision.allocation is None and decision.reason is not None:
            self._tell(events.Pending(now, key, decision.reason.value, decision.text, decision.fix or None))

    def deleted(self, service: Service, allocation: Allocation | None) -> None:
        """A Service is gone."""
        self._recorder.forget(service.ref)
        if allocation is not None:
            self._released(service.key, tuple(map(str, allocation.addresses)), Reason.SERVICE_DELETED)

    def contested(self, service: Service, contest: Contest, decided: tuple[str, ...]) -> None:
        """Somebody else writes a Service's status, too."""
        notice = notices.second_writer(contest.by, contest.wrote, decided, QUIET_S)
        self._notify(service.ref, notice)
        self._log.warning("second_writer", service=service.key, by=contest.by, wrote=list(contest.wrote))

    def configuration(self, configuration: Configuration) -> None:
        """The configuration was loaded or refused; told when that, or the pools, changed."""
        self._judge(configuration)
        problems = tuple(map(str, configuration.problems))
        pools = tuple(sorted(configuration.current.pools))
        if problems == self._problems and pools == self._pools:
            return
        self._problems, self._pools = problems, pools
        now = time.time()
        self._tell(events.ConfigRejected(now, problems, NAME) if problems else events.ConfigLoaded(now, pools, NAME))
        if not pools and not problems:
            self._log.info("no address pool is defined yet: Services of type LoadBalancer stay pending")

    def _judge(self, configuration: Configuration) -> None:
        """Tell on each object all that is wrong with it, or, where nothing is, what is odd; when that is news."""
        wrong, odd = _by_object(configuration.problems), _by_object(configuration.warnings)
        told = {ref: notices.config_odd(texts) for ref, texts in odd.items()}
        told |= {ref: notices.config_rejected(texts) for ref, texts in wrong.items()}
        for ref, notice in told.items():
            if self._told.get(ref) != notice:
                self._notify(ref, notice)
        self._told = told

    def nodes_in_pools(self, warnings: Mapping[ObjectRef, Notice]) -> None:
        """Pools hold nodes' own addresses; told when that is news."""
        for ref, notice in warnings.items():
            if self._warned.get(ref) != notice:
                self._notify(ref, notice)
                self._log.warning("nodes_in_pool", pool=str(ref), text=notice.message)
        self._warned = warnings

    def _released(self, key: ServiceKey, addresses: tuple[str, ...], reason: Reason) -> None:
        self._tell(events.Released(time.time(), key, addresses, reason.value))

    def _notify(self, ref: ObjectRef, notice: Notice) -> None:
        self._recorder.record(ref, notice)

    def _tell(self, event: Event) -> None:
        raw = events.encode(event)
        self._stream.add(raw)
        self._log.info(raw["kind"], **{key: value for key, value in raw.items() if key not in ("kind", "at")})


def _by_object(problems: Iterable[Problem]) -> dict[ObjectRef, list[str]]:
    found: dict[ObjectRef, list[str]] = {}
    for problem in problems:
        found.setdefault(problem.ref, []).append(problem.told)
    return found


def _why(outcome: Outcome) -> Reason:
    """Why a Service lost addresses: for good, because the pools changed, or because it asks for others."""
    cleared = any(notice.reason == notices.CLEAR_ASSIGNMENT for notice in outcome.notices)
    return outcome.decision.reason or (Reason.CONFIG_CHANGED if cleared else Reason.REQUEST_CHANGED)
