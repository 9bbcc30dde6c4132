"""What the controller has to do about its Services: pure decisions over the ledger, no clock and no API.

Recorded addresses are adopted before any new one is given. A round goes on until nothing that was freed could help
somebody who waits. Nothing is said twice: a Service's notices are told again only when they have changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pylb.core import notices, requests
from pylb.core.allocator import Decision, decide
from pylb.core.config import Config
from pylb.core.ledger import Allocation, Ledger
from pylb.core.model import Service, ServiceKey
from pylb.core.notices import Notice
from pylb.core.reasons import Reason
from pylb.core.requests import ALLOCATED_FROM

MAX_ROUNDS = 4  # passes over those that wait; each needs a cause in the one before


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one Service: what its status should say, and what is new to tell."""

    service: Service
    decision: Decision
    before: Allocation | None
    notices: tuple[Notice, ...] = ()

    @property
    def moved(self) -> bool:
        """Whether its addresses are others than before."""
        return _addresses(self.before) != _addresses(self.decision.allocation)

    @property
    def lost(self) -> tuple[str, ...]:
        """The addresses that it has no more."""
        now = _addresses(self.decision.allocation)
        return tuple(address for address in _addresses(self.before) if address not in now)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a Service's status and annotation should say."""

    ingress: tuple[str, ...]
    pool: str | None


def wanted(service: Service, decision: Decision) -> Wanted | None:
    """What to write for a Service, or None where that stands there already or is not pylb's to write."""
    if decision.ignored:
        return None
    allocation = decision.allocation
    target = Wanted(_addresses(allocation), str(allocation.pool) if allocation else None)
    present = Wanted(service.ingress, service.annotations.get(ALLOCATED_FROM))
    return None if target == present else target


class Books:
    """The controller's memory: who has what, and what was decided on each Service last."""

    def __init__(self, load_balancer_class: str | None = None) -> None:
        self.ledger = Ledger()
        self.waiting: dict[ServiceKey, Decision] = {}
        self.decisions: dict[ServiceKey, Decision] = {}
        self._partial: set[ServiceKey] = set()  # have one address, and would like one of the other family as well
        self._class = load_balancer_class

    def forget(self, key: ServiceKey) -> Allocation | None:
        """A Service is gone: free what it had, and return it."""
        self.decisions.pop(key, None)
        self.waiting.pop(key, None)
        self._partial.discard(key)
        return self.ledger.release(key)

    def settle(
        self, config: Config, services: Mapping[ServiceKey, Service], due: Iterable[ServiceKey]
    ) -> list[Outcome]:
        """Decide on the Services that are due and on those that wait; again on the latter until nothing changes."""
        queue = [services[key] for key in {*due, *self.waiting, *self._partial} if key in services]
        self._adopt(config, queue)
        outcomes: dict[ServiceKey, Outcome] = {}
        for _ in range(MAX_ROUNDS):
            changed = False
            for service in sorted(queue, key=_recorded_first):
                earlier = outcomes.get(service.key)
                held = self.ledger.allocations.get(service.key)
                outcome = self._settle_one(config, service, earlier)
                changed = changed or held != outcome.decision.allocation
                outcomes[service.key] = outcome
            if not changed:
                break
            queue = [services[key] for key in {*self.waiting, *self._partial} if key in services]
        return [self._only_news(outcome) for outcome in outcomes.values()]

    def _adopt(self, config: Config, queue: Iterable[Service]) -> None:
        """Put every recorded address that its Service may keep into the ledger, before anything new is given."""
        for service in sorted(queue, key=_recorded_first):
            if not service.ingress or service.key in self.ledger.allocations:
                continue
            allocation = decide(config, self.ledger, service, self._class).allocation
            if allocation is None or not set(service.ingress) <= set(_addresses(allocation)):
                continue
            kept = tuple(address for address in allocation.addresses if str(address) in service.ingress)
            self._record(service, replace(allocation, addresses=kept))

    def _settle_one(self, config: Config, service: Service, earlier: Outcome | None) -> Outcome:
        before = earlier.before if earlier else self.ledger.allocations.get(service.key)
        decision = decide(config, self.ledger, service, self._class)
        self._record(service, decision.allocation)
        if decision.allocation is None and decision.reason not in (Reason.NOT_LOAD_BALANCER, Reason.OTHER_CLASS):
            self.waiting[service.key] = decision
        else:
            self.waiting.pop(service.key, None)
        if _is_partial(service, decision.allocation):
            self._partial.add(service.key)
        else:
            self._partial.discard(service.key)
        notices = dict.fromkeys((*_lasting(earlier), *decision.notices))  # each once, however many passes a round takes
        return Outcome(service, decision, before, tuple(notices))

    def _record(self, service: Service, allocation: Allocation | None) -> None:
        if allocation is None:
            self.ledger.release(service.key)
        else:
            self.ledger.assign(service.key, requests.use(service), allocation)

    def _only_news(self, outcome: Outcome) -> Outcome:
        """The outcome without what its Service was told before."""
        before = self.decisions.get(outcome.service.key)
        self.decisions[outcome.service.key] = outcome.decision
        told = before.notices if before else ()
        return replace(outcome, notices=tuple(notice for notice in outcome.notices if notice not in told))


def _lasting(earlier: Outcome | None) -> tuple[Notice, ...]:
    """What an earlier pass of the same round had to say and a later one does not make untrue."""
    return tuple(one for one in earlier.notices if one.type != notices.WARNING) if earlier else ()


def _is_partial(service: Service, allocation: Allocation | None) -> bool:
    if allocation is None or service.family_policy != requests.PREFER_DUAL_STACK:
        return False
    return len(allocation.addresses) < len(requests.cluster_families(service.cluster_ips))


def _recorded_first(service: Service) -> tuple[int, str]:
    return -len(service.ingress), service.key


def _addresses(allocation: Allocation | None) -> tuple[str, ...]:
    return tuple(str(address) for address in allocation.addresses) if allocation else ()
