"""The controller: follows Services and pools, settles who has which address, and writes that into the API.

It decides nothing itself (`controller.reconcile` does), and gives and takes no address before everything was read once
and the configuration was good once, or a part of it is: recorded ones are adopted first, by what the pools allow, and
none is taken away for want of the other parts. All that it does for Services it does in terms, while it has the mandate
(`controller.mandate`): each begins with empty books and with Services that are read anew, and nothing but the
configuration is kept while another controller leads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from pylb.controller import fullness, hosts, standing
from pylb.controller.alarm import Alarm
from pylb.controller.herald import Herald
from pylb.controller.hosts import Hosts
from pylb.controller.mandate import Alone, Mandate
from pylb.controller.poolwriter import PoolWriter
from pylb.controller.reconcile import Books, Outcome, Refused, Wanted, wanted
from pylb.controller.remembrance import Remembrance
from pylb.controller.rounds import Round, at_leisure
from pylb.controller.shown import Shown
from pylb.controller.writer import Task, Writer
from pylb.core import notices, verdicts
from pylb.core.model import ObjectRef, Service, ServiceKey
from pylb.core.rivalry import Rivals
from pylb.kube.client import JSON, Client
from pylb.kube.collection import Collection
from pylb.kube.configuration import OWN_NAMESPACE, Configuration
from pylb.kube.recorder import EventRecorder
from pylb.kube.report import Report
from pylb.runtime.eventlog import EventLog
from pylb.runtime.log import Logger
from pylb.runtime.tasks import Nursery

REFUSED_AGAIN_S = 600.0  # until what the API server refused is tried again, if nothing changed


class Controller:
    """Everything that runs in the controller's process."""

    def __init__(
        self,
        client: Client,
        stream: EventLog,
        log: Logger,
        load_balancer_class: str | None = None,
        *,
        namespace: str = OWN_NAMESPACE,
        pod: str = "",
        mandate: Mandate | None = None,
    ) -> None:
        """`pod` is the pod that this process runs in, in `namespace`; it will own the status objects there.

        Without a `mandate` it is the only controller.
        """
        self.mandate = mandate or Alone()
        client = self.mandate.limit(client)
        self._client, self._log = client, log
        self._class = load_balancer_class
        self.books = Books(load_balancer_class)
        self.rivals = Rivals()
        self._namespace = namespace
        self.events = stream
        self.configuration = Configuration(client, self._on_configuration)
        self.services = self._read_services()
        self.hosts = Hosts(client, self._on_configuration, log)
        self.remembrance = self._remember()
        self.recorder = EventRecorder(client, notices.CONTROLLER)
        self.herald = Herald(self.events, self.recorder, log)
        self.writer = Writer(client, self._target, self._on_grant, self._on_refusal, log)
        self.pools = PoolWriter(client, self._fullness, log)
        self.report = Report(client, namespace, pod, verdicts.CONTROLLER, self.configuration)
        self._due: set[ServiceKey] = set()
        self._versions: dict[ServiceKey, str] = {}  # of the Services, as last seen or written
        self._shown = Shown(self._gives_up)
        self._round_due = asyncio.Event()
        self._current = Round()
        self._contests_end = Alarm(self._write_again)

    @property
    def ready(self) -> bool:
        """Whether it could do its work: a good configuration was read. Services are read by the one that leads."""
        return self.configuration.synced and self.configuration.loaded

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop`."""
        async with Nursery() as nursery:
            nursery.start(self.configuration.run(), "configuration")
            nursery.start(self.mandate.run(), "mandate")
            nursery.start(self._serve(), "terms")
            await stop.wait()
            await self.mandate.release()
            nursery.cancel()

    async def _serve(self) -> None:
        """Term after term, for ever."""
        while True:
            await self.mandate.won()
            self._start_anew()
            async with Nursery() as term:
                term.start(self._rounds(), "rounds")
                term.start(self.services.run(), "services")
                term.start(self.hosts.run(), "nodes")
                term.start(self.remembrance.run(), "memory")
                term.start(self.recorder.run(), "events")
                term.start(self.writer.run(), "writer")
                term.start(self.pools.run(), "pools")
                term.start(self.report.run(), "report")
                await self.mandate.lost()
                term.cancel()
            self.recorder.forget_all()
            self._start_anew()

    async def _rounds(self) -> None:
        """Round after round. What one raises ends the process: who starts anew knows more than after half of one."""
        while True:
            await self._round_due.wait()
            await at_leisure(self._settling(), lambda: self._current.is_full())

    def _start_anew(self) -> None:
        """Forget what may have become another's matter."""
        self.books, self._due, self.rivals, self._versions = Books(self._class), set(), Rivals(), {}
        self._shown, self._current = Shown(self._gives_up), Round()
        self.services = self._read_services()
        self.hosts = Hosts(self._client, self._on_configuration, self._log)
        self.remembrance = self._remember()
        self.writer = Writer(self._client, self._target, self._on_grant, self._on_refusal, self._log)

    def _remember(self) -> Remembrance:
        books = self.books
        return Remembrance(
            self._client,
            self._namespace,
            books.recollection,
            lambda: books.ledger.allocations,
            self._on_configuration,
            self._log,
        )

    def _fullness(self) -> dict[ObjectRef, fullness.Status]:
        return fullness.statuses(self.configuration.current, self.books.ledger, self.books.taken)

    def _read_services(self) -> Collection[Service]:
        return Collection(
            self._client,
            "/api/v1/services",
            self._read_service,
            on_change=self._on_service,
            on_synced=self._on_configuration,
        )

    def _read_service(self, raw: JSON) -> Service:
        """A Service, whose version counts even where it changed in nothing that is of interest."""
        found = standing.read(raw)
        self._versions[found.key] = raw["metadata"]["resourceVersion"]
        self.writer.seen(found.key, self._versions[found.key])
        return found

    def _on_service(self, key: str, old: Service | None, new: Service | None) -> None:
        if self._current.put_off(lambda: self._on_service(key, old, new)):
            self._due.add(ServiceKey(key))
            return
        if old is not None and (new is None or new.uid != old.uid):  # or another one came under its name
            self.remembrance.look()
            self.herald.deleted(old, self.books.leave(old))
            self.rivals.forget(old.key)
            self.writer.forget(old.key)
        elif old is not None and new is not None:
            self._watch_for_rivals(old, new)
        if key not in self.services.items:  # nor came another one under its name during a round
            self._versions.pop(ServiceKey(key), None)
        for waiter in self._shown.change(ServiceKey(key), old.ingress if old else (), new.ingress if new else ()):
            self.writer.want(waiter)
        self._make_due([ServiceKey(key)])

    def _watch_for_rivals(self, old: Service, new: Service) -> None:
        """Whoever else writes a Service has it, until he has been quiet for long."""
        decision, now = self.books.decisions.get(new.key), asyncio.get_running_loop().time()
        if decision is None or decision.ignored:
            return
        ours = tuple(map(str, decision.allocation.addresses)) if decision.allocation else ()
        contest = self.rivals.observe(standing.shown(old), standing.shown(new), ours, now)
        if contest is not None:
            self.herald.contested(new, contest, ours)
            self._wake(new)
            self._write_again()

    def _write_again(self) -> None:
        """Take up the Services that are nobody else's any more; come back for the others."""
        self._make_due(self.rivals.lapsed(asyncio.get_running_loop().time()))
        self._contests_end.set(min((one.until for one in self.rivals.contests.values()), default=None))

    def _on_configuration(self) -> None:
        self._make_due(self._present())

    def _present(self) -> list[ServiceKey]:
        return [service.key for service in self.services.items.values()]

    def _make_due(self, keys: Iterable[ServiceKey]) -> None:
        self._due.update(keys)
        self._round_due.set()

    def _settling(self) -> Iterator[None]:
        """One round: what is due, and what waits for something that it frees. What comes between its steps waits."""
        self._round_due.clear()
        if not (self.mandate.leads and self.services.synced and self.configuration.synced and self._knows_enough):
            return
        self.remembrance.look()
        self.herald.configuration(self.configuration)
        self.report.consider()
        if not self.configuration.usable:
            return
        config, present = self.configuration.current, cast("Mapping[ServiceKey, Service]", dict(self.services.items))
        due, self._due = self._due, set()
        self._current.begin(due)
        self.books.learn(config, self.hosts.addresses)
        self.herald.nodes_in_pools(hosts.warnings(config, self.books.taken))
        gaps = self.configuration.problems if self.configuration.salvaged else ()
        outcomes = yield from self.books.settling(config, present, due, gaps)
        self._current.decided()
        for outcome in outcomes:  # before any of them is written
            self._wake(outcome.service)
        for outcome in outcomes:
            self._carry_out(outcome)
            yield
        self.pools.changed()
        self.remembrance.changed()
        self._current.end()

    @property
    def _knows_enough(self) -> bool:
        """Whether addresses may be given, beside what says who has which: nobody else's, and one's own of before."""
        return self.hosts.known and self.remembrance.known

    def _carry_out(self, outcome: Outcome) -> None:
        self.herald.settled(outcome)
        if wanted(outcome.service, outcome.decision) is not None:
            self.writer.want(outcome.service.key)

    def _target(self, key: ServiceKey) -> Task | None:
        """What the writer should write now: the newest decision, unless it stands there already, a rival has it, or the
        API server refused it; nothing while another decision is due, which then counts."""
        if self.rivals.holds(key) or key in self.books.refused or key in self._due or key in self._current.keys:
            return None
        service, decision = self.services.items.get(key), self.books.decisions.get(key)
        target = wanted(service, decision) if service and decision else None
        step = self._next_step(service, target) if service and target else None
        if service is None or step is None:
            return None
        self.rivals.sent(key, step.ingress)
        return Task(service.uid, self._versions[key], step)

    def _next_step(self, service: Service, target: Wanted) -> Wanted | None:
        """The target, or as much of it as other Services do not show any more."""
        shown = self._shown.step(service.key, service.ingress, target.ingress)
        if shown is None or shown == target.ingress:
            return target if shown is not None else None
        return Wanted(shown, target.pool if shown else None)

    def _gives_up(self, key: ServiceKey, address: str) -> bool:
        """Whether a Service is about to be written without an address that it shows."""
        decision = self.books.decisions.get(key)
        if decision is None or decision.ignored or self.rivals.holds(key) or key in self.books.refused:
            return False
        return decision.allocation is None or address not in map(str, decision.allocation.addresses)

    def _wake(self, service: Service) -> None:
        """Whoever waits for a Service to give something up looks again whether it does."""
        for waiter in self._shown.look_again(service.key, service.ingress):
            self.writer.want(waiter)

    def _on_grant(self, key: ServiceKey, before: str, version: str) -> None:
        """A Service was written, on the version that was decided on; the watch may have shown that, and more, already."""
        if self._versions.get(key) == before:
            self._versions[key] = version

    def _on_refusal(self, key: ServiceKey, target: Wanted, why: str) -> None:
        """The API server will not take a status: give back what it says, unless that is history by now."""
        if self._current.put_off(lambda: self._on_refusal(key, target, why)):
            return
        service, decision = self.services.items.get(key), self.books.decisions.get(key)
        if service is None or decision is None or wanted(service, decision) != target:
            self.writer.want(key)
            return
        self.herald.settled(self.books.refuse(self.configuration.current, service, target, why))
        refused = self.books.refused[key]
        self._wake(service)
        asyncio.get_running_loop().call_later(REFUSED_AGAIN_S, self._try_refused, key, refused)
        self._make_due([])  # somebody may wait for what is given back

    def _try_refused(self, key: ServiceKey, refused: Refused) -> None:
        if self.books.refused.get(key) is refused:
            del self.books.refused[key]
            self._make_due([key])
