"""The controller's wiring: what a change in the cluster does to the books and to what is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fakes.world import configured, pool, service
from pylb.controller.app import Controller
from pylb.core.model import Service
from pylb.kube.client import Client
from pylb.kube.credentials import Credentials
from pylb.runtime.eventlog import EventLog
from pylb.runtime.log import Logger

WEB = service("web", load_balancer_ip="10.0.0.2")


class Wired(Controller):
    """A controller whose objects the test hands over, as a watch would."""

    def __init__(self, *pools: Any) -> None:
        super().__init__(Client(Credentials("http://127.0.0.1:1", "test")), EventLog(), Logger("test"))
        self.configuration.current, self.configuration.loaded = configured(*pools), True
        for collection in (self.services, *self.configuration._all()):
            collection._synced.set()
        self._on_configuration()

    def see(self, old: Service | None, new: Service | None) -> None:
        key = (new or old or WEB).key
        if new is None:
            del self.services.items[key]
        else:
            self.services.items[key] = new
        self._on_service(key, old, new)

    def told(self) -> list[str]:
        return [event["kind"] for event in self.events.since(None) if event["kind"] != "config_loaded"]


@pytest.fixture
async def controller() -> Wired:
    return Wired(pool("p", "10.0.0.0/30"))


async def test_a_service_that_comes_again_under_its_name_is_another_one(controller: Wired) -> None:
    """Whether the watch shows the deletion, or a new list only the difference."""
    for between in (True, False):
        controller.see(controller.services.items.get(WEB.key), WEB)
        controller._settle()
        again = replace(service("web"), uid="another")
        if between:
            controller.see(WEB, None)
            controller.see(None, again)
        else:
            controller.see(WEB, again)
        assert controller._target(WEB.key) is None, "the old decision is not for the new Service"
        controller._settle()
        found = controller._target(WEB.key)
        assert found is not None
        assert (found[0], found[1].ingress) == ("another", ("10.0.0.0",))
    assert controller.told() == ["allocated", "released", "allocated"] + ["released", "allocated"] * 2


async def test_a_pool_that_goes_while_a_write_waits_changes_what_is_written(controller: Wired) -> None:
    controller.see(None, WEB)
    controller._settle()
    found = controller._target(WEB.key)
    assert found is not None
    assert found[1].ingress == ("10.0.0.2",)
    controller.configuration.current = configured()
    controller._on_configuration()
    controller._settle()
    assert controller._target(WEB.key) is None, "nothing was written yet, and nothing is to be"
    released = controller.events.since(None)[-2]
    assert (released["kind"], released["reason"]) == ("released", "no_pool")


async def test_an_address_that_a_pool_loses_is_released_for_that(controller: Wired) -> None:
    plain = service("web")
    controller.see(None, plain)
    controller._settle()
    controller.configuration.current = configured(pool("p", "10.0.0.2/31"))
    controller._on_configuration()
    controller._settle()
    assert [event.get("reason") for event in controller.events.since(None)[-2:]] == ["config_changed", None]


async def test_without_a_good_configuration_nobody_loses_an_address(controller: Wired) -> None:
    """A controller that starts on a faulty one knows no pool, and no address would seem allowed."""
    controller.configuration.loaded = False
    controller.configuration.current = configured()
    controller.see(None, replace(WEB, ingress=("10.0.0.2",)))
    controller._settle()
    assert (controller._target(WEB.key), controller.books.decisions) == (None, {})


async def test_nothing_is_settled_before_everything_was_read(controller: Wired) -> None:
    controller.services._synced.clear()
    controller.see(None, WEB)
    controller._settle()
    assert controller.told() == []


@pytest.mark.parametrize(
    "after", [None, replace(service("late"), type="ClusterIP"), service("late", load_balancer_class="x")]
)
async def test_who_waits_no_more_is_not_told_about_it(controller: Wired, after: Service | None) -> None:
    """Neither who is gone, nor who wants no address any more; an Event that was not written yet would be untrue."""
    late = service("late", load_balancer_ip="10.9.9.9")
    controller.see(None, late)
    controller._settle()
    assert len(controller.recorder._outbox) == 1
    controller.see(late, after and replace(after, uid=late.uid))
    controller._settle()
    assert len(controller.recorder._outbox) == 0


async def test_the_pools_are_counted_once_everything_is_settled(controller: Wired) -> None:
    controller._settle()
    controller.pools._changed.clear()
    controller.see(None, WEB)
    assert not controller.pools._changed.is_set()
    controller._settle()
    assert controller.pools._changed.is_set()
