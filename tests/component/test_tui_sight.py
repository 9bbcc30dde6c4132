"""What the source sees of a cluster beside its Services: endpoints, history, MetalLB's own objects; and what it may not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fakes.rest import Rest
from fakes.tui_cluster import METALLB, TOKEN, Watch, add_service, credentials, define, serving
from pylb.core import history
from pylb.core.history import Entry
from pylb.core.model import Endpoint
from pylb.embedded.resources import EVENTS, PODS, SLICES
from pylb.embedded.server import Server
from pylb.tui import once, settings, source
from pylb.tui.facts import Kind
from pylb.tui.objects import BgpAdvert, BgpPeer, BgpStatus, ConfigVerdict, PoolUse
from pylb.tui.source import ClusterSource

MOVE = Entry(1_795_183_402.0, "10.0.0.10", ("web/blog",), "n1", "n2", "silent", 3, 402.4, 415.0)
LABELS = {"metallb.io/node": "n1", "metallb.io/service-name": "blog", "metallb.io/service-namespace": "web"}
ALWAYS = 100_000  # requests


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving("n1") as made:
        yield made


@pytest.fixture
async def watch(server: Server) -> AsyncIterator[Watch]:
    found = Watch(ClusterSource(credentials(server)))
    task = asyncio.ensure_future(found.source.run(found.inbox.put))
    yield found
    assert not task.done(), "a source never ends by itself"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_endpoints_and_history(server: Server, watch: Watch) -> None:
    meta = {"name": "blog-x", "labels": {"kubernetes.io/service-name": "blog"}}
    ready = {"addresses": ["10.1.0.5"], "nodeName": "n1", "conditions": {"ready": True}}
    server.store.create(SLICES, "web", {"metadata": meta, "addressType": "IPv4", "endpoints": [ready]})
    state = await watch.until(lambda state: bool(state.slices))
    assert state.endpoints("web/blog") == [Endpoint("n1", servable=True)]  # type: ignore[arg-type]
    data = {history.KEY: history.render([MOVE])}
    where, rest = "/api/v1/namespaces/pylb-system/configmaps", Rest(server.url, TOKEN)
    await rest.post(where, {"metadata": {"name": history.NAME}, "data": data})
    state = await watch.until(lambda state: bool(state.moves))
    assert state.moves == (MOVE,)
    await rest.delete(f"{where}/{history.NAME}")
    await watch.until(lambda state: not state.moves)


async def test_a_plain_metallb_cluster(server: Server, watch: Watch) -> None:
    """Its pods, pools' status, BGP and what its components make of the configuration."""
    rest = await define(server)
    labels = {"app": "metallb", "component": "speaker"}
    spec: dict[str, Any] = {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]}
    server.store.create(PODS, "metallb-system", {"metadata": {"name": "speaker-1", "labels": labels}, "spec": spec})
    objects: dict[str, tuple[str, dict[str, Any]]] = {
        "v1beta2/bgppeers": ("BGPPeer", {"myASN": 64500, "peerASN": 64501, "peerAddress": "10.0.0.1", "password": "x"}),
        "v1beta1/bgpadvertisements": ("BGPAdvertisement", {"ipAddressPools": ["lan"]}),
        "v1beta1/servicebgpstatuses": ("ServiceBGPStatus", {}),
        "v1beta1/configurationstates": ("ConfigurationState", {}),
    }
    for where, (kind, spec) in objects.items():
        version, _, plural = where.partition("/")
        raw = {
            "apiVersion": f"metallb.io/{version}",
            "kind": kind,
            "metadata": {"name": "a", "labels": LABELS},
            "spec": spec,
        }
        answer = await rest.post(f"/apis/metallb.io/{version}/namespaces/metallb-system/{plural}", raw)
        assert answer.status == 201, answer.body
    counts = {"assignedIPv4": 1, "assignedIPv6": 0, "availableIPv4": 9, "availableIPv6": 0}
    at = f"{METALLB}/metallb-system"
    await rest.patch(f"{at}/ipaddresspools/lan/status", {"status": counts})
    await rest.patch(f"{at}/configurationstates/a/status", {"status": {"result": "Invalid", "errorSummary": "bad"}})
    await rest.patch(f"{at}/servicebgpstatuses/a/status", {"status": {"peers": ["router"]}})
    key = "metallb-system/a"
    state = await watch.until(
        lambda state: (
            bool(state.pools and state.peers and state.bgp_adverts and state.pods)
            and bool(state.bgp and state.bgp[key].peers and state.verdicts and state.verdicts[key].text)
        )
    )
    assert state.peers == {key: BgpPeer("a", "10.0.0.1", 64501, 64500)}
    assert state.bgp_adverts == {key: BgpAdvert("a", ("lan",))}
    assert state.bgp == {key: BgpStatus("web/blog", "n1", ("router",))}
    assert state.verdicts == {key: ConfigVerdict("a", "", False, "bad")}
    assert state.pools == {"metallb-system/lan": PoolUse("lan", 1, 0, 9, 0)}
    assert state.pods["metallb-system/speaker-1"].node == "n1"


async def test_events_of_our_pods_are_in_the_log(server: Server, watch: Watch) -> None:
    about = {"kind": "Pod", "namespace": "pylb-system", "name": "pylb-speaker-x"}
    note = {"metadata": {"name": "x.1"}, "involvedObject": about, "reason": "BackOff", "message": "restarting"}
    server.store.create(EVENTS, "pylb-system", {**note, "type": "Warning", "source": {"component": "kubelet"}})
    state = await watch.until(lambda state: bool(state.log))
    assert [one.about for one in state.notes.values()] == ["Pod pylb-system/pylb-speaker-x"]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (source, settings):
        monkeypatch.setattr(module, "DOUBT_S", 0.1)
    monkeypatch.setattr(once, "SPEAKERS_S", 0.2)


@pytest.mark.usefixtures("impatient")
async def test_who_may_see_services_alone_sees_them_soon(server: Server) -> None:
    """What may not be read is named, and nobody waits for it."""
    add_service(server, "blog", "10.0.0.10")
    server.faults.fail_next(ALWAYS, 403, r" /(?!api/v1/services|version)")
    started = asyncio.get_running_loop().time()
    state = await once.collect(ClusterSource(credentials(server)))
    assert asyncio.get_running_loop().time() - started < once.LIMIT_S / 2
    assert list(state.services) == ["web/blog"]
    assert set(state.denied) == set(Kind) - {Kind.SERVICE}
    assert state.denied[Kind.NODE]


@pytest.mark.usefixtures("impatient")
async def test_a_pool_is_seen_where_the_old_config_map_may_not_be_read(server: Server) -> None:
    await define(server)
    server.faults.fail_next(ALWAYS, 403, "configmaps")
    state = await once.collect(ClusterSource(credentials(server)))
    assert state.config is not None
    assert list(state.config.pools) == ["lan"]
    assert set(state.denied) == {Kind.CONFIG, Kind.HISTORY}


@pytest.mark.usefixtures("impatient")
async def test_pools_that_may_not_be_read_leave_nothing_to_go_by(server: Server) -> None:
    await define(server)
    server.faults.fail_next(ALWAYS, 403, "ipaddresspools")
    state = await once.collect(ClusterSource(credentials(server)))
    assert state.config is None
    assert state.listed[Kind.CONFIG] is False


@pytest.mark.usefixtures("impatient")
async def test_rights_that_come_later_are_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "ASK_AGAIN_S", 0.1)
    server.faults.fail_next(ALWAYS, 403, "/nodes")
    found = Watch(ClusterSource(credentials(server)))
    task = asyncio.ensure_future(found.source.run(found.inbox.put))
    await found.until(lambda state: Kind.NODE in state.denied)
    server.faults.fail_next(0)
    state = await found.until(lambda state: bool(state.nodes))
    assert Kind.NODE not in state.denied
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
