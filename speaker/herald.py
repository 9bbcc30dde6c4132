"""Tells what happens on this node: to the event stream, to Kubernetes Events and to the log. It decides nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from ipaddress import IPv4Address

from pylb.core import events, notices
from pylb.core.events import Event
from pylb.core.model import Address, NodeName, ObjectRef, Service, ServiceKey
from pylb.core.notices import Notice
from pylb.core.ownership.effects import Down, Dropped, MoveRefused, StoodDown, StoodIn, Took, Up
from pylb.core.ownership.lines import Line
from pylb.core.ownership.moves import MOVE, Move
from pylb.core.reasons import Reason
from pylb.kube.configuration import Configuration
from pylb.kube.recorder import EventRecorder
from pylb.runtime.eventlog import EventLog
from pylb.runtime.log import Logger


class Herald:
    """One node's voice."""

    def __init__(
        self,
        node: NodeName,
        stream: EventLog,
        recorder: EventRecorder,
        services: Mapping[str, Service],
        log: Logger,
    ) -> None:
        self._node, self._stream, self._recorder, self._services, self._log = node, stream, recorder, services, log
        self._refused: dict[Address, Reason] = {}
        self._announced: AbstractSet[tuple[ServiceKey, Address]] = frozenset()
        self._problems: tuple[str, ...] | None = None
        self._pools: tuple[str, ...] = ()
        self._drain_fault = ""

    def take(self, take: Took, announced: float) -> None:
        """This node announces an address; `announced` is the time from the decision to the first announcement, in s."""
        line = take.line
        address, services = str(line.address), tuple(line.services)
        if take.previous is None or take.previous == self._node:
            self._tell(events.Claimed(time.time(), address, self._node, services))
        else:
            lost = take.silent is not None
            detected = (take.silent or 0.0) * 1000 if lost else None
            after = (take.silent or 0.0) * 1000 + announced * 1000 if lost else None
            self._tell(
                events.Moved(
                    time.time(),
                    address,
                    take.previous,
                    self._node,
                    services,
                    take.cause.value,
                    _round(detected),
                    _round(after),
                )
            )

    def announced(self, pairs: AbstractSet[tuple[ServiceKey, Address]]) -> None:
        """The Services and addresses that this node announces; a Service is told of those that are new."""
        for service in sorted({service for service, _ in pairs - self._announced}):
            self._notify(service, notices.node_assigned(self._node))
        self._announced = pairs

    def standing(self, effect: StoodIn | StoodDown) -> None:
        """This node answers in another's place, with that one's MAC, or does so no more."""
        kind = events.StoodIn if isinstance(effect, StoodIn) else events.StoodDown
        self._tell(kind(time.time(), str(effect.address), self._node, effect.owner))

    def drop(self, drop: Dropped) -> None:
        """This node stopped answering for an address."""
        self._tell(events.Withdrawn(time.time(), str(drop.address), self._node, drop.reason.value))

    def move_refused(self, effect: MoveRefused) -> None:
        """A move of an address of ours was asked for, and cannot be."""
        line, reason = effect.line, effect.reason
        self._log.warning("not moved", address=str(line.address), to=effect.node, reason=reason.value, why=reason.text)
        fix = f"annotate {MOVE}={Move(effect.node, effect.term)} to move it, too" if effect.term else ""
        for service in line.services:
            self._notify(service, notices.not_moved(line.address, effect.node, reason, fix))

    def refused(self, refused: Mapping[Address, tuple[Reason, Line]]) -> None:
        """Owned addresses that cannot be announced here; each is told once as long as it lasts."""
        for address, (reason, line) in refused.items():
            if self._refused.get(address) is not reason:
                self._log.warning("not announced", address=str(address), reason=reason.value, why=reason.text)
                if reason is Reason.NO_INTERFACE:
                    for service in line.services:
                        self._notify(service, notices.announce_failed(self._node, address))
        self._refused = {address: reason for address, (reason, _) in refused.items()}

    def node(self, fault: str) -> None:
        """Why what this node's annotation says about draining is not understood; "" where it is."""
        if fault and fault != self._drain_fault:
            self._log.warning("not drained", why=fault)
            # A Node's events have its name for an UID, as kubelet and kubectl have it.
            self._recorder.record(ObjectRef("Node", "", self._node, self._node), notices.not_drained(self._node, fault))
        self._drain_fault = fault

    def member(self, change: Up | Down) -> None:
        """A speaker, this one too, is heard or not heard any more."""
        now = time.time()
        if isinstance(change, Down):
            silent = round(change.silent * 1000, 1)
            self._tell(events.MemberDown(now, change.node, self._node, change.cause.value, silent))
        else:
            self._tell(events.MemberUp(now, change.node, self._node))

    def conflict(self, address: IPv4Address, mac: str) -> None:
        """Somebody else answers for an address that this node owns."""
        self._tell(events.Conflict(time.time(), str(address), mac, self._node))

    def configuration(self, configuration: Configuration) -> None:
        """The configuration was loaded or refused; told when that, or the pools, changed."""
        if not configuration.synced:
            return
        problems = tuple(map(str, configuration.problems))
        pools = tuple(sorted(configuration.current.pools))
        if problems == self._problems and pools == self._pools:
            return
        self._problems, self._pools = problems, pools
        by = f"speaker-{self._node}"
        now = time.time()
        self._tell(events.ConfigRejected(now, problems, by) if problems else events.ConfigLoaded(now, pools, by))

    def _tell(self, event: Event) -> None:
        raw = events.encode(event)
        self._stream.add(raw)
        self._log.info(raw["kind"].replace("_", " "), **{k: v for k, v in raw.items() if k not in ("kind", "at")})

    def _notify(self, key: ServiceKey, notice: Notice) -> None:
        service = self._services.get(key)
        if service is not None:
            self._recorder.record(service.ref, notice)


def _round(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)
