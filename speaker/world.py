"""The cluster as the speaker needs it: Services, endpoints, nodes and configuration, kept current, as core's values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from pylb.core.config.loader import EMPTY
from pylb.core.model import Node, NodeName
from pylb.core.ownership.lines import Line, Lines, View, by_service
from pylb.kube import decode
from pylb.kube.client import Client
from pylb.kube.collection import Collection
from pylb.kube.configuration import Configuration


class World:
    """Calls `on_change` whenever something changed that an election could depend on."""

    def __init__(self, client: Client, on_change: Callable[[], None], load_balancer_class: str | None = None) -> None:
        self._class = load_balancer_class
        self._on_change = on_change
        self._current = self._earlier = EMPTY  # the configuration that the last lines went by, and the one before it
        self._lines = Lines()
        self.configuration = Configuration(client, on_change)
        self.services = self._watch(client, "/api/v1/services", decode.service)
        self.slices = self._watch(client, "/apis/discovery.k8s.io/v1/endpointslices", decode.endpoint_slice)
        self._nodes = self._watch(client, "/api/v1/nodes", decode.node)

    @property
    def synced(self) -> bool:
        """Whether everything was read once, a configuration included; before that nothing can be elected."""
        return self.configuration.usable and all(collection.synced for collection in self._collections())

    @property
    def partial(self) -> bool:
        """Whether it never knew a good configuration, and goes by what is valid of the one that stands there.

        Such a speaker must not be first in line where others go by the last good configuration: they would leave
        addresses to it that it does not know.
        """
        return self.configuration.salvaged

    @property
    def ready(self) -> bool:
        """Whether all is known that a speaker needs, a good configuration included."""
        return self.synced and not self.partial

    @property
    def nodes(self) -> dict[NodeName, Node]:
        return {node.name: node for node in self._nodes.items.values()}

    def lines(self) -> list[Line]:
        """One line for each recorded address, whoever of the nodes is alive."""
        endpoints = by_service(self.slices.items.values())
        services = self.services.items.values()
        if self.configuration.current is not self._current:
            self._earlier, self._current = self._current, self.configuration.current
        nodes = self.nodes
        view = View(self._current, nodes, frozenset(nodes), self._class, self._earlier)
        return self._lines.update(view, services, endpoints)

    @property
    def collections(self) -> tuple[Collection[Any], ...]:
        """All that is followed, the configuration's included."""
        return (*self._collections(), *self.configuration.collections)

    async def run(self) -> None:
        """Keep it current for ever."""
        await asyncio.gather(self.configuration.run(), *(collection.run() for collection in self._collections()))

    def _collections(self) -> Iterator[Collection[Any]]:
        yield from (self.services, self.slices, self._nodes)

    def _watch(self, client: Client, path: str, read: Callable[[Any], Any]) -> Collection[Any]:
        return Collection(client, path, read, on_change=lambda *_: self._on_change(), on_synced=self._on_change)
