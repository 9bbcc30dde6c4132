"""What the controller has to do about its Services: pure decisions over the ledger, no clock and no API.

While parts of the configuration are not known nobody loses an address: what does not allow it may be what is missing.
Recorded addresses are adopted before any new one is given. What the API server refused to record is given back, and its
Service waits until itself or the pools change, or until it is given another try. A round goes on until nothing that was
freed could help somebody who waits. Nothing is said twice: a Service's notices are told again only when they have
changed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

from pylb.controller import exchange, precedence, recorded
from pylb.controller.patience import Patience
from pylb.controller.recollection import Recollection
from pylb.core import notices, spelling
from pylb.core.allocation import requests
from pylb.core.allocation.allocator import NONE_TAKEN, Decision, adoptable, decide
from pylb.core.allocation.ledger import Allocation, Ledger
from pylb.core.allocation.requests import ALLOCATED_FROM
from pylb.core.allocation.reserves import is_remembered
from pylb.core.config.loader import EMPTY, Config, Pool, Problem
from pylb.core.model import Address, NodeName, PoolName, Service, ServiceKey
from pylb.core.notices import Notice
from pylb.core.reasons import Reason

REFUSED = Reason.NO_ADDRESS  # what the API server does not record, no Service has
REFUSED_FIX = "change the Service or its pool; else it is tried again after 10 min"
MAX_ROUNDS = 4  # passes over those that wait; each needs a cause in the one before
MAX_GAPS = 3  # problems of the configuration that a Service is told of
_OF_POOLS = frozenset(  # that may have to do with what is not known
    {Reason.POOL_NOT_FOUND, Reason.ADDRESS_IN_NO_POOL, Reason.POOL_NOT_ALLOWED, Reason.ADDRESS_NOT_OF_POOL}
)
_NO_CONCERN = (Reason.NOT_LOAD_BALANCER, Reason.OTHER_CLASS)


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


@dataclass(frozen=True, slots=True)
class Refused:
    """A Service whose status the API server refused, as it and the pools were then, and what is decided meanwhile."""

    service: Service
    pools: Mapping[PoolName, Pool]
    decision: Decision


def wanted(service: Service, decision: Decision) -> Wanted | None:
    """What to write for a Service, or None where that stands there already or is not pylb's to write."""
    if decision.ignored:
        return None
    allocation = decision.allocation
    target = Wanted(_addresses(allocation), (str(allocation.pool) or None) if allocation else None)
    present = Wanted(service.ingress, service.annotations.get(ALLOCATED_FROM))
    by_proxy = isinstance(service, recorded.Standing) and bool(target.ingress)
    return target if target != present or by_proxy else None


class Books:
    """The controller's memory: who has what, and what was decided on each Service last."""

    def __init__(self, load_balancer_class: str | None = None) -> None:
        self.ledger = Ledger()
        self.waiting: dict[ServiceKey, Decision] = {}
        self.decisions: dict[ServiceKey, Decision] = {}
        self.refused: dict[ServiceKey, Refused] = {}
        self.taken = NONE_TAKEN  # addresses in the pools that are nodes' own
        self.recollection = Recollection()  # of Services that are gone
        self._unmet: dict[ServiceKey, Decision] = {}  # have an address, and would like another one, or one more
        self._patience = Patience()
        self._class = load_balancer_class
        self._known: tuple[Config, Mapping[Address, NodeName]] = EMPTY, NONE_TAKEN  # what `taken` was made of
        self._gaps = ""  # why parts of the configuration are not known

    def learn(self, config: Config, hosts: Mapping[Address, NodeName]) -> None:
        """These are the nodes' own addresses from now on; a changed `hosts` is another object."""
        if self._known[0] is not config or self._known[1] is not hosts:
            self._known = config, hosts
            self.taken = {address: node for address, node in hosts.items() if config.pool_of([address]) is not None}

    def leave(self, service: Service) -> Allocation | None:
        """A Service is gone: free what it had, remember it for the next one of its name, and return it."""
        allocation = self.forget(service.key)
        self.recollection.note(self._known[0], service, allocation)
        return allocation

    def forget(self, key: ServiceKey) -> Allocation | None:
        """A Service is gone: free what it had, and return it."""
        self.decisions.pop(key, None)
        self.waiting.pop(key, None)
        self.refused.pop(key, None)
        self._unmet.pop(key, None)
        return self.ledger.release(key)

    def refuse(self, config: Config, service: Service, target: Wanted, why: str) -> Outcome:
        """The API server will not record `target`: give it back, and leave the Service what its status goes on to say."""
        before, decision = self.ledger.allocations.get(service.key), self.decisions[service.key]
        if target.ingress:
            self.ledger.release(service.key)
            text = f"the API server refuses {requests.quoted(target.ingress)}: {why}"
            notice = notices.allocation_failed(service.key, text, REFUSED_FIX)
            standing = recorded.still_its_own(config, self.ledger, service)
            decision = _spelt(service, Decision(standing, (notice,), REFUSED, text, fix=REFUSED_FIX))
        self.refused[service.key] = Refused(service, config.pools, decision)
        self._take(service, decision)
        return self._only_news(Outcome(service, decision, before, decision.notices))

    def _reconsider(self, config: Config, services: Mapping[ServiceKey, Service]) -> None:
        """Whoever was refused and is another by now, or whose pools are, is decided on like all others."""
        changed = [
            key for key, one in self.refused.items() if services.get(key) != one.service or config.pools != one.pools
        ]
        for key in changed:
            del self.refused[key]

    def settle(
        self,
        config: Config,
        services: Mapping[ServiceKey, Service],
        due: Iterable[ServiceKey],
        gaps: Sequence[Problem] = (),
    ) -> list[Outcome]:
        """Decide on the Services that are due and on those that wait and may be helped, until nothing does that any more.

        `gaps` are the problems for which parts of the configuration are missing in `config`.
        """
        steps = self.settling(config, services, due, gaps)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return list(end.value)

    def settling(
        self,
        config: Config,
        services: Mapping[ServiceKey, Service],
        due: Iterable[ServiceKey],
        gaps: Sequence[Problem] = (),
    ) -> Generator[None, None, list[Outcome]]:
        """The same in steps, of a Service each. Nothing else may be asked of the books, nor `services` change, before it
        has ended; no decision is another until then."""
        told = "; ".join(map(str, gaps[:MAX_GAPS]))
        self._gaps = self._gaps if told == self._gaps else told  # the same object
        self._reconsider(config, services)
        keys = {*due, *self._stirred(config)}
        yield from self._adopt(config, [services[key] for key in keys if key in services])
        outcomes: dict[ServiceKey, Outcome] = {}
        for _ in range(MAX_ROUNDS):
            for service, decision in self._in_turn(config, [services[key] for key in keys if key in services]):
                if decision is not None:
                    outcomes[service.key] = self._settle_one(config, service, decision, outcomes.get(service.key))
                yield
            keys = self._stirred(config) or self._exchanging(config, services)
            if not keys:
                break
        else:
            self._patience.end()
        return [self._only_news(outcome) for outcome in outcomes.values()]

    def _stirred(self, config: Config) -> set[ServiceKey]:
        """Those who want something that they may have by now, or whose reasons may be others."""
        return self._patience.stirred((self.waiting, self._unmet), self.ledger, (config, self.taken, self._gaps))

    def _exchanging(self, config: Config, services: Mapping[ServiceKey, Service]) -> set[ServiceKey]:
        return exchange.let_go(self.ledger, self._unmet, services, lambda one: self._decide(config, one))

    def _adopt(self, config: Config, queue: Iterable[Service]) -> Iterator[None]:
        """Put every recorded address that its Service may keep into the ledger, before anything new is given."""
        for service in sorted(queue, key=precedence.recorded_first):
            yield
            if not service.ingress or service.key in self.ledger.allocations:
                continue
            allocation = adoptable(config, self.ledger, service, self._class, self.taken)
            allocation = allocation or self._decide(config, service).allocation
            if allocation is None or not set(service.ingress) <= set(_addresses(allocation)):
                continue
            kept = tuple(address for address in allocation.addresses if str(address) in service.ingress)
            self._record(service, replace(allocation, addresses=kept))

    def _in_turn(self, config: Config, queue: Iterable[Service]) -> Iterator[tuple[Service, Decision | None]]:
        """Each with what is decided, to be taken at once; None where its turn comes later (`controller.precedence`)."""
        first, rest = precedence.divided(queue, self.recollection.memory)
        later: list[tuple[int, Service]] = []
        for service in first:
            if not is_remembered(service.annotations):
                self.recollection.memory.forget(service.key)
            held, decision = recorded.held(self.ledger, service), self._decide(config, service)
            own = (*self.recollection.memory.addresses(service.key), *(held.addresses if held else ()))
            strangers = precedence.strangers(service, own, decision.allocation)
            if strangers:
                later.append((strangers, service))
            yield service, None if strangers else decision
        for service in (*(one for _, one in sorted(later, key=itemgetter(0))), *rest):
            yield service, self._decide(config, service)

    def _settle_one(self, config: Config, service: Service, found: Decision, earlier: Outcome | None) -> Outcome:
        before = earlier.before if earlier else self.ledger.allocations.get(service.key)
        held = self.ledger.allocations.get(service.key)
        decision = _spelt(service, found)
        self._take(service, decision)
        if decision.reason is Reason.NOT_LOAD_BALANCER:
            self.recollection.note(config, service, before)
        elif service.key in self.waiting:  # its pool may come back: all of them are made anew
            self.recollection.note(config, service, held)
        lasting = dict.fromkeys((*_lasting(earlier), *decision.notices))  # each once, however many passes a round takes
        return Outcome(service, decision, before, tuple(lasting))

    def _take(self, service: Service, decision: Decision) -> None:
        """A decision is the last word for now."""
        self._record(service, decision.allocation)
        if decision.allocation is None and decision.reason not in _NO_CONCERN:
            self.waiting[service.key] = decision
        else:
            self.waiting.pop(service.key, None)
        if exchange.is_unmet(service, decision):
            self._unmet[service.key] = decision
        else:
            self._unmet.pop(service.key, None)

    def _decide(self, config: Config, service: Service) -> Decision:
        """What `decide` says, except that nobody loses an address for want of what is not known, and that nobody gets one
        against the API server's word."""
        refused = self.refused.get(service.key)
        if refused is not None:
            return refused.decision
        decision = decide(config, self.ledger, service, self._class, self.taken, self.recollection.memory)
        if not self._gaps or decision.reason in _NO_CONCERN:
            return decision
        held = recorded.held(self.ledger, service)
        given = _addresses(decision.allocation)
        if held is not None and (decision.reason in _OF_POOLS or not set(_addresses(held)) <= set(given)):
            notice = notices.kept_as_it_is(_addresses(held), self._gaps)
            return Decision(held, (notice,), Reason.CONFIG_INVALID, notice.message)
        if decision.allocation is not None:
            return decision
        return replace(decision, notices=(*decision.notices, notices.waits_for_configuration(self._gaps)))

    def _record(self, service: Service, allocation: Allocation | None) -> None:
        if allocation is None:
            self.ledger.release(service.key)
        else:
            self.ledger.assign(service.key, requests.use(service), allocation)
            self.recollection.memory.forget(service.key)

    def _only_news(self, outcome: Outcome) -> Outcome:
        """The outcome without what its Service was told before."""
        before = self.decisions.get(outcome.service.key)
        self.decisions[outcome.service.key] = outcome.decision
        told = before.notices if before else ()
        return replace(outcome, notices=tuple(notice for notice in outcome.notices if notice not in told))


def _spelt(service: Service, decision: Decision) -> Decision:
    """The decision, with what its Service is to be told of annotations that nobody reads."""
    slips = () if decision.ignored else spelling.slips(service)
    if not slips:
        return decision
    return replace(decision, notices=(*decision.notices, notices.unknown_annotations(slips)))


def _lasting(earlier: Outcome | None) -> tuple[Notice, ...]:
    """What an earlier pass of the same round had to say and a later one does not make untrue."""
    return tuple(one for one in earlier.notices if one.type != notices.WARNING) if earlier else ()


def _addresses(allocation: Allocation | None) -> tuple[str, ...]:
    return tuple(str(address) for address in allocation.addresses) if allocation else ()
