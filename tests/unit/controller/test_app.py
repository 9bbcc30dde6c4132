"""The controller's wiring: what a change in the cluster does to the books and to what is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fakes.world import configured, pool, service
from pylb.controller.app import Controller
from pylb.core.config.loader import Problem
from pylb.core.model import ObjectRef, Service
from pylb.core.ranges import parse_address
from pylb.core.reasons import Reason
from pylb.kube.client import Client
from pylb.kube.credentials import Credentials
from pylb.runtime.eventlog import EventLog
from pylb.runtime.log import Logger

WEB = service("web", load_balancer_ip="10.0.0.2")
SHARED = {"metallb.io/allow-shared-ip": "k"}


class Wired(Controller):
    """A controller whose objects the test hands over, as a watch would."""

    def __init__(self, *pools: Any) -> None:
        super().__init__(Client(Credentials("http://127.0.0.1:1", "test")), EventLog(), Logger("test"))
        self.configuration.current, self.configuration.loaded = configured(*pools), True
        for collection in (self.services, self.hosts._nodes, self.remembrance._stored, *self.configuration._all()):
            collection._synced.set()
        self._on_configuration()

    def see(self, old: Service | None, new: Service | None) -> None:
        key = (new or old or WEB).key
        if new is None:
            del self.services.items[key]
        else:
            self.services.items[key] = new
            self._versions[key] = "1"
        self._on_service(key, old, new)

    def told(self) -> list[str]:
        return [event["kind"] for event in self.events.since(None) if event["kind"] != "config_loaded"]


def settle(controller: Controller) -> None:
    """A round at once."""
    for _ in controller._settling():
        pass


@pytest.fixture
async def controller() -> Wired:
    return Wired(pool("p", "10.0.0.0/30"))


async def test_a_service_that_comes_again_under_its_name_is_another_one(controller: Wired) -> None:
    """Whether the watch shows the deletion, or a new list only the difference."""
    for between in (True, False):
        controller.see(controller.services.items.get(WEB.key), WEB)
        settle(controller)
        again = replace(service("web"), uid="another")
        if between:
            controller.see(WEB, None)
            controller.see(None, again)
        else:
            controller.see(WEB, again)
        assert controller._target(WEB.key) is None, "the old decision is not for the new Service"
        settle(controller)
        found = controller._target(WEB.key)
        assert found is not None
        assert (found.uid, found.wanted.ingress) == ("another", ("10.0.0.2",)), "what it had before"
    assert controller.told() == ["allocated", "released", "allocated"] + ["released", "allocated"] * 2


async def test_who_waits_for_an_address_that_is_not_given_up_after_all_waits_no_more(controller: Wired) -> None:
    """a asks for another address and, before that was written, for the old one again, which b may share by then."""
    here = service("a", 80, load_balancer_ip="10.0.0.1", ingress=("10.0.0.1",), annotations=SHARED)
    away, late = (
        replace(here, load_balancer_ip="10.0.0.2"),
        service("b", 81, load_balancer_ip="10.0.0.1", annotations=SHARED),
    )
    controller.see(None, here)
    settle(controller)
    controller.see(here, away)
    controller.see(None, late)
    settle(controller)
    assert controller._target(late.key) is None, "it is shown by a"
    controller.writer._due.clear()  # as if both had been looked at
    controller.see(away, here)
    settle(controller)
    assert late.key in controller.writer._due
    found = controller._target(late.key)
    assert found is not None
    assert found.wanted.ingress == ("10.0.0.1",)


async def test_an_answer_that_comes_late_brings_no_older_version_back(controller: Wired) -> None:
    """The watch may show what a write made, and the next change too, before the write is answered."""
    controller.see(None, WEB)
    settle(controller)
    found = controller._target(WEB.key)
    assert found is not None
    written = replace(WEB, ingress=found.wanted.ingress, annotations={"metallb.io/ip-allocated-from-pool": "p"})
    for version, one in (("5", written), ("6", replace(written, load_balancer_ip="10.0.0.1"))):
        controller.see(controller.services.items[WEB.key], one)
        controller._versions[WEB.key] = version
    controller._on_grant(WEB.key, found.version, "5")
    settle(controller)
    again = controller._target(WEB.key)
    assert again is not None
    assert (again.version, again.wanted.ingress) == ("6", ("10.0.0.1",))


async def test_an_answer_that_comes_first_tells_the_version(controller: Wired) -> None:
    controller.see(None, WEB)
    settle(controller)
    controller._on_grant(WEB.key, "1", "5")
    found = controller._target(WEB.key)
    assert found is not None
    assert found.version == "5"


async def test_a_pool_that_goes_while_a_write_waits_changes_what_is_written(controller: Wired) -> None:
    controller.see(None, WEB)
    settle(controller)
    found = controller._target(WEB.key)
    assert found is not None
    assert found.wanted.ingress == ("10.0.0.2",)
    controller.configuration.current = configured()
    controller._on_configuration()
    settle(controller)
    assert controller._target(WEB.key) is None, "nothing was written yet, and nothing is to be"
    released = controller.events.since(None)[-2]
    assert (released["kind"], released["reason"]) == ("released", "no_pool")


async def test_an_address_that_a_pool_loses_is_released_for_that(controller: Wired) -> None:
    plain = service("web")
    controller.see(None, plain)
    settle(controller)
    controller.configuration.current = configured(pool("p", "10.0.0.2/31"))
    controller._on_configuration()
    settle(controller)
    assert [event.get("reason") for event in controller.events.since(None)[-2:]] == ["config_changed", None]


async def test_without_a_good_configuration_nobody_loses_an_address(controller: Wired) -> None:
    """A controller that starts while the kinds are unknown knows no pool, and no address would seem allowed."""
    controller.configuration.loaded = False
    controller.configuration.current = configured()
    controller.see(None, replace(WEB, ingress=("10.0.0.2",)))
    settle(controller)
    assert (controller._target(WEB.key), controller.books.decisions) == (None, {})


async def test_with_a_part_of_a_configuration_what_is_not_known_is_left_as_it_is(controller: Wired) -> None:
    """The address that is recorded stays, without a write; a new one is given; what is known again is as ever."""
    configuration = controller.configuration
    problem = Problem(ObjectRef("IPAddressPool", "n", "broken"), "", "nonsense")
    configuration.loaded, configuration.salvaged, configuration.problems = False, True, (problem,)
    lasting = replace(service("web"), ingress=("10.9.9.9",))
    controller.see(None, lasting)
    controller.see(None, service("new"))
    settle(controller)
    assert controller._target(lasting.key) is None
    assert controller._target(service("new").key) is not None
    assert controller.books.decisions[lasting.key].reason is Reason.CONFIG_INVALID
    configuration.loaded, configuration.salvaged, configuration.problems = True, False, ()
    controller._on_configuration()
    settle(controller)
    found = controller._target(lasting.key)
    assert found is not None
    assert found.wanted.ingress == ("10.0.0.1",)


async def test_nothing_is_settled_before_everything_was_read(controller: Wired) -> None:
    controller.services._synced.clear()
    controller.see(None, WEB)
    settle(controller)
    assert controller.told() == []


@pytest.mark.parametrize(
    "after", [None, replace(service("late"), type="ClusterIP"), service("late", load_balancer_class="x")]
)
async def test_who_waits_no_more_is_not_told_about_it(controller: Wired, after: Service | None) -> None:
    """Neither who is gone, nor who wants no address any more; an Event that was not written yet would be untrue."""
    late = service("late", load_balancer_ip="10.9.9.9")
    controller.see(None, late)
    settle(controller)
    assert len(controller.recorder._outbox) == 1
    controller.see(late, after and replace(after, uid=late.uid))
    settle(controller)
    assert len(controller.recorder._outbox) == 0


async def test_the_pools_are_counted_once_everything_is_settled(controller: Wired) -> None:
    settle(controller)
    controller.pools._changed.clear()
    controller.see(None, WEB)
    assert not controller.pools._changed.is_set()
    settle(controller)
    assert controller.pools._changed.is_set()


def nodes_are(controller: Wired, **addresses: str) -> None:
    """As the watch would tell it."""
    nodes = controller.hosts._nodes
    for name, address in addresses.items():
        nodes._set(name, (parse_address(address),))


async def test_a_pool_that_holds_a_nodes_address_is_warned_of_once(controller: Wired) -> None:
    nodes_are(controller, n1="10.0.0.0", n2="10.0.0.9")
    for _ in range(2):
        controller._on_configuration()
        settle(controller)
    controller.see(None, service("web"))
    settle(controller)
    found = controller._target(WEB.key)
    assert found is not None
    assert found.wanted.ingress == ("10.0.0.1",)
    outbox, now = controller.recorder._outbox, controller.recorder._clock()
    recorded = [outbox.take(now) for _ in range(len(outbox))]
    [item] = [one for one in recorded if one is not None and one.notice.reason == "NodeAddress"]
    assert (str(item.ref), item.times.count) == ("IPAddressPool metallb-system/p", 1)
    assert "10.0.0.0 (node n1); no Service is given one" in item.notice.message


async def test_a_pin_on_a_nodes_address_is_served_once_the_node_has_another(controller: Wired) -> None:
    nodes_are(controller, n1="10.0.0.2")
    controller.see(None, WEB)
    settle(controller)
    assert controller.books.waiting[WEB.key].reason is Reason.NODE_ADDRESS
    nodes_are(controller, n1="10.9.0.2")
    settle(controller)
    assert not controller.books.waiting


async def test_what_is_refused_is_held_until_the_back_off_is_over(controller: Wired) -> None:
    controller.see(None, WEB)
    settle(controller)
    found = controller._target(WEB.key)
    assert found is not None
    controller._on_refusal(WEB.key, found.wanted, "no")
    settle(controller)
    assert (controller._target(WEB.key), controller.told()) == (None, ["allocated", "released", "pending"])
    controller._try_refused(WEB.key, controller.books.refused[WEB.key])
    settle(controller)
    assert controller._target(WEB.key) == found


async def test_a_refusal_of_what_is_history_holds_nothing(controller: Wired) -> None:
    """The Service changed while its write was under way: the API server refused it for that."""
    controller.see(None, WEB)
    settle(controller)
    found = controller._target(WEB.key)
    assert found is not None
    controller.see(WEB, replace(WEB, type="ClusterIP"))
    settle(controller)
    controller._on_refusal(WEB.key, found.wanted, "may only be used when `spec.type` is 'LoadBalancer'")
    assert (controller.books.refused, controller._target(WEB.key)) == ({}, None)


async def test_nothing_is_given_before_it_is_known_which_addresses_are_nodes(controller: Wired) -> None:
    controller.hosts._nodes._synced.clear()
    controller.see(None, WEB)
    settle(controller)
    assert controller.told() == []
    controller.hosts._forbidden = True  # an older ClusterRole
    settle(controller)
    assert controller.told() == ["allocated"]


async def test_a_removal_that_is_refused_is_not_written_in_a_loop(controller: Wired) -> None:
    """The Service waits, and so is looked at in each round."""
    gone = replace(WEB, ingress=("10.9.9.9",), load_balancer_ip="10.9.9.9")
    controller.see(None, gone)
    settle(controller)
    found = controller._target(WEB.key)
    assert found is not None
    assert found.wanted.ingress == ()
    controller._on_refusal(WEB.key, found.wanted, "no")
    settle(controller)
    assert controller._target(WEB.key) is None
