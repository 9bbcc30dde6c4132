"""What /metrics of a controller says, beside what MetalLB's said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fakes import exposed
from fakes.world import configured, pool, service
from pylb.controller import fullness, metrics
from pylb.controller.app import Controller
from pylb.kube.client import Client
from pylb.kube.credentials import Credentials
from pylb.runtime.eventlog import EventLog
from pylb.runtime.log import Logger
from pylb.runtime.metrics import Registry

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
SHARED = {"metallb.io/allow-shared-ip": "k"}


@pytest.fixture
async def controller() -> Controller:
    """It leads, and has given three Services two addresses of eleven."""
    made = Controller(Client(Credentials("http://127.0.0.1:1", "test")), EventLog(), Logger("test"))
    config = configured(pool("p", "10.0.0.100-10.0.0.110"), pool("six", "fd00::/60"))
    made.configuration.current, made.configuration.loaded = config, True
    wishes = [service("a"), service("b", 80, annotations=SHARED), service("c", 81, annotations=SHARED)]
    present = {one.key: one for one in wishes}
    made.books.settle(config, present, present)
    return made


def text(controller: Controller) -> str:
    registry = Registry()
    metrics.register(registry, controller)
    return registry.render()


async def test_all_that_metallb_has_is_there(controller: Controller) -> None:
    """By name, type and labels, but for what stands in the table of differences."""
    wanted = {name: found for name, found in exposed.observed("controller").items() if name not in exposed.DIFFERENCES}
    assert len(wanted) >= 10
    ours = exposed.families(text(controller))
    assert {name: ours.get(name) for name in wanted} == wanted


async def test_pools_are_counted_as_their_status_does(controller: Controller) -> None:
    """A shared address once; IPv6 up to the largest number that MetalLB's counters hold."""
    told = dict(line.rsplit(" ", 1) for line in text(controller).splitlines() if not line.startswith("#"))
    names = ("addresses_total", "addresses_in_use_total", "ipv4_addresses_in_use_total", "ipv6_addresses_total")
    assert [told[f'metallb_allocator_{name}{{pool="p"}}'] for name in names] == ["11", "2", "2", "0"]
    assert float(told['metallb_allocator_ipv6_addresses_total{pool="six"}']) == float(fullness.BIGGEST)


async def test_updates_are_what_the_collections_took_in(controller: Controller) -> None:
    """They go on counting where a term begins with new collections."""
    registry = Registry()
    metrics.register(registry, controller)

    def told() -> list[str]:
        return re.findall(r"^metallb_k8s_client_update\w+ (\d+)$", registry.render(), re.MULTILINE)

    assert told() == ["0", "0"]
    controller.services._set("default/a", service("a"))
    controller.services._undecodable("default/b", ValueError("nonsense"))
    assert told() == ["1", "1"]
    controller._start_anew()
    controller.services._set("default/a", service("a"))
    assert told() == ["2", "1"]


async def test_the_page_of_the_docs_names_each_metric(controller: Controller) -> None:
    rows = PAGE.read_text().partition("## Controller")[2].partition("## History")[0]
    common = "process_|metallb_k8s_client_config_|pylb_kubernetes_|pylb_metrics_"  # told as a speaker's
    made = {name for name in exposed.families(text(controller)) if not re.match(common, name)}
    assert made == set(re.findall(r"^\| `(\w+)", rows, re.MULTILINE))
