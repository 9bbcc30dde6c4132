"""A controller's books as a cluster plays with them: pools and Services come, change and go, and who has what is looked at.

After each step the round is settled a second time, which may change nothing and tell nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fakes.world import configured
from pylb.controller.reconcile import Books, Outcome
from pylb.core.allocation.requests import ALLOCATED_FROM
from pylb.core.config.loader import Config
from pylb.core.model import Service, ServiceKey
from pylb.core.notices import Notice

START = 1_763_735_400.0  # Unix seconds


class Play:
    """Services by name, and the books about them. Statuses are written at once."""

    def __init__(self, *pools: dict[str, Any], namespaces: Any = (), load_balancer_class: str | None = None) -> None:
        self.now = START
        self.present: dict[ServiceKey, Service] = {}
        self.told: dict[str, list[Notice]] = {}  # in the last step, by Service
        self._namespaces, self._class = namespaces, load_balancer_class
        self.config: Config = configured(*pools, namespaces=namespaces)
        self.books = self._opened()

    def _opened(self) -> Books:
        books = Books(self._class)
        books.recollection.memory.look(self.now)
        return books

    def pools(self, *pools: dict[str, Any]) -> Play:
        """These are the pools from now on."""
        self.config = configured(*pools, namespaces=self._namespaces)
        return self._settle(*self.present)

    def put(self, *services: Service) -> Play:
        """They come, or change; what the status says of those that are there stays."""
        for one in services:
            before = self.present.get(one.key)
            if before is not None and not one.ingress:
                one = replace(one, ingress=before.ingress)
            self.present[one.key] = one
        return self._settle(*(one.key for one in services))

    def drop(self, *names: str) -> Play:
        """They are deleted."""
        for name in names:
            self.books.learn(self.config, {})
            self.books.recollection.memory.look(self.now)
            self.books.leave(self.present.pop(_key(name)))
        return self._settle()

    def wait(self, days: int) -> Play:
        """Time passes, in which somebody looks at the clock each day."""
        for _ in range(days):
            self.now += 86_400
            self.books.recollection.memory.look(self.now)
        return self

    def restart(self, remember: bool = True) -> Play:
        """Another controller leads, with what is recorded, and with the memory as it was written."""
        memory = self.books.recollection.memory
        self.books = self._opened()
        if remember:
            self.books.recollection.replace(memory, ())
        return self._settle(*self.present)

    def has(self, name: str) -> list[str]:
        """What a Service has."""
        return list(self.present[_key(name)].ingress)

    @property
    def all(self) -> dict[str, list[str]]:
        """What they all have, by name."""
        return {one.name: list(one.ingress) for one in self.present.values()}

    def _settle(self, *due: ServiceKey) -> Play:
        self.books.learn(self.config, {})
        self.books.recollection.memory.look(self.now)
        outcomes = self.books.settle(self.config, self.present, due)
        self.told = {outcome.service.name: list(outcome.notices) for outcome in outcomes if outcome.notices}
        for outcome in outcomes:
            self._write(outcome)
        again = self.books.settle(self.config, self.present, self.present)
        assert not [one for one in again if one.moved or one.notices], "settled anew, it is another"
        return self

    def _write(self, outcome: Outcome) -> None:
        if outcome.decision.ignored or outcome.service.key not in self.present:
            return
        found, allocation = self.present[outcome.service.key], outcome.decision.allocation
        notes = {key: value for key, value in found.annotations.items() if key != ALLOCATED_FROM}
        if allocation is None:
            self.present[found.key] = replace(found, ingress=(), annotations=notes)
            return
        given = tuple(str(address) for address in allocation.addresses)
        self.present[found.key] = replace(found, ingress=given, annotations={**notes, ALLOCATED_FROM: allocation.pool})


def _key(name: str) -> ServiceKey:
    return ServiceKey(name if "/" in name else f"default/{name}")
