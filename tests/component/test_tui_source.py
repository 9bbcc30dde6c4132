"""Live facts: from the embedded API server, and from a pod behind its proxy; through outages, to the plain report."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fakes.rest import Rest
from pylb.core import crds, events
from pylb.embedded.resources import EVENTS, NAMESPACES, NODES, PODS, SERVICES
from pylb.embedded.server import Options, Server, serve
from pylb.kube.bearer import StaticBearer
from pylb.kube.credentials import Credentials
from pylb.runtime import http
from pylb.tui import cli, once, reporters, rows, source
from pylb.tui.facts import Kind
from pylb.tui.inbox import Inbox
from pylb.tui.source import ClusterSource
from pylb.tui.state import State
from pylb.tui.store import fold_all

TOKEN, READER = "token-of-the-test", "token-of-the-readers"
PATIENCE_S = 15.0
POOL = {
    "apiVersion": "metallb.io/v1beta1",
    "kind": "IPAddressPool",
    "metadata": {"name": "lan", "namespace": "metallb-system"},
    "spec": {"addresses": ["10.0.0.10-10.0.0.19"]},
}
ADVERT = {**POOL, "kind": "L2Advertisement", "spec": {}}
METALLB = "/apis/metallb.io/v1beta1/namespaces"


class Speaker:
    """A speaker's HTTP side."""

    def __init__(self) -> None:
        self.log = http.EventLog()
        self.state: dict[str, Any] = {
            "node": "n1",
            "incarnation": "a",
            "state": "active",
            "members": [],
            "addresses": [],
        }
        routes = {"/state": self.tell, "/events": http.stream_events(self.log)}
        self.server = http.Server(routes, token=READER)

    async def tell(self, request: http.Request) -> http.Answer:
        return self.state

    def hold(self, address: str) -> None:
        self.state["addresses"] = [{"address": address, "owner": "n1", "mine": True, "candidates": ["n1"]}]
        self.log.add(events.encode(events.Claimed(2e9, address, "n1", ("web/blog",))))


@dataclass
class Watch:
    """A source that runs, and what its facts add up to."""

    source: ClusterSource
    inbox: Inbox = field(default_factory=Inbox)
    state: State = field(default_factory=State)

    async def until(self, ready: Callable[[State], bool]) -> State:
        """Wait until the state is so."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            self.state = fold_all(self.state, self.inbox.drain())
            if ready(self.state):
                return self.state
            assert asyncio.get_running_loop().time() < deadline, self.state
            await asyncio.sleep(0.02)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serve(Options(token=TOKEN)) as made:
        for name in ("metallb-system", "pylb-system", "web"):
            with suppress(Exception):  # it may be there from the start
                made.store.create(NAMESPACES, "", {"metadata": {"name": name}})
        made.store.create(NODES, "", {"metadata": {"name": "n1"}})
        yield made
        assert made.problems == []


@pytest.fixture
async def watch(server: Server, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watch]:
    for module, name, value in (
        (source, "PULSE_S", 0.1),
        (source, "PULSE_DEADLINE_S", 0.5),
        (source, "RETRY_S", (0.2,)),
        (reporters, "STATE_S", 0.1),
        (reporters, "SETTLE_S", 0.0),
        (reporters, "PAUSES_S", (0.1,)),
    ):
        monkeypatch.setattr(module, name, value)
    found = Watch(ClusterSource(credentials(server)))
    task = asyncio.ensure_future(found.source.run(found.inbox.put))
    yield found
    assert not task.done(), "a source never ends by itself"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def credentials(server: Server) -> Credentials:
    return Credentials(server.url, "test", bearer=StaticBearer(TOKEN))


async def define(server: Server) -> Rest:
    """Bring MetalLB's kinds into being, with a pool and an advertisement."""
    rest = Rest(server.url, TOKEN)
    for definition in crds.definitions():
        answer = await rest.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        assert answer.status == 201, answer.body
    for raw, plural in ((POOL, "ipaddresspools"), (ADVERT, "l2advertisements")):
        answer = await rest.post(f"{METALLB}/metallb-system/{plural}", raw)
        assert answer.status == 201, answer.body
    return rest


def add_service(server: Server, name: str, ip: str = "") -> None:
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}], "selector": {"app": name}}
    server.store.create(SERVICES, "web", {"metadata": {"name": name}, "spec": spec})
    if ip:
        status = {"loadBalancer": {"ingress": [{"ip": ip}]}}
        server.store.update(SERVICES, "web", name, lambda old: {**old, "status": status}, subresource="status")


async def add_speaker(server: Server, speaker: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod of ours on n1 that answers, and the Secret with the readers' token."""
    port = await speaker.server.start("127.0.0.1", 0)
    monkeypatch.setattr(reporters, "PORTS", {"speaker": port})
    monkeypatch.setattr(source, "PORTS", {"speaker": port})
    data = {"token": base64.b64encode(READER.encode()).decode()}
    rest = Rest(server.url, TOKEN)
    await rest.post(reporters.SECRET.rpartition("/")[0], {"metadata": {"name": "pylb-reader"}, "data": data})
    labels = {"app.kubernetes.io/name": "pylb", "app.kubernetes.io/component": "speaker"}
    meta = {"name": "pylb-speaker-n1", "labels": labels}
    spec = {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]}
    server.store.create(PODS, "pylb-system", {"metadata": meta, "spec": spec})
    await asyncio.sleep(0.05)  # the instant kubelet gives it an address of its own first
    status = {"phase": "Running", "podIP": "127.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]}
    server.store.update(PODS, "pylb-system", meta["name"], lambda old: {**old, "status": status}, subresource="status")


def words(state: State) -> dict[str, str]:
    """Each Service's word and node."""
    now = state.link.heard_at or 0.0
    return {row.name: f"{row.word.name} {row.node}" for row in rows.services(state, now)}


async def test_a_plain_cluster_shows_less_and_grows(server: Server, watch: Watch) -> None:
    """No MetalLB kinds, no speakers: Services with a question mark; then kinds, a pool, a status, an event."""
    add_service(server, "blog", "10.0.0.10")
    state = await watch.until(lambda state: bool(state.services) and state.listed.keys() >= once.NEEDED)
    assert state.listed[Kind.STATUS] is False
    assert words(state) == {"blog": "OK ?"}
    rest = await define(server)
    await watch.until(lambda state: state.config is not None and "lan" in state.config.pools)
    labels = {"metallb.io/node": "n1", "metallb.io/service-name": "blog", "metallb.io/service-namespace": "web"}
    status = {**POOL, "kind": "ServiceL2Status", "metadata": {"name": "l2-x", "labels": labels}, "spec": {}}
    assert (await rest.post(f"{METALLB}/pylb-system/servicel2statuses", status)).status == 201
    state = await watch.until(lambda state: bool(state.statuses))
    assert words(state) == {"blog": "OK n1"}
    add_service(server, "late")
    about = {"kind": "Service", "namespace": "web", "name": "late"}
    note = {"metadata": {"name": "late.1"}, "involvedObject": about, "reason": "AllocationFailed", "message": "no IPs"}
    server.store.create(EVENTS, "web", {**note, "type": "Warning", "lastTimestamp": "2026-11-20T14:03:22Z"})
    state = await watch.until(lambda state: bool(state.notes))
    late = next(row for row in rows.services(state, 0.0) if row.name == "late")
    assert (late.word.name, late.why) == ("PEND", "no IPs")
    server.store.delete(SERVICES, "web", "late")
    await watch.until(lambda state: "web/late" not in state.services)


async def test_a_refused_configuration_is_told(server: Server, watch: Watch) -> None:
    rest = await define(server)
    await watch.until(lambda state: state.config is not None and "lan" in state.config.pools)
    other = {**POOL, "metadata": {"name": "other", "namespace": "metallb-system"}}
    await rest.post(f"{METALLB}/metallb-system/ipaddresspools", other)
    state = await watch.until(lambda state: bool(state.problems))
    assert "overlaps" in state.problems[0]
    assert state.config is not None
    assert list(state.config.pools) == ["lan"]


async def test_a_speaker_tells_its_state_and_events(
    server: Server, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker = Speaker()
    add_service(server, "blog", "10.0.0.10")
    await add_speaker(server, speaker, monkeypatch)
    await watch.until(lambda state: "n1" in state.speakers)
    speaker.hold("10.0.0.10")
    state = await watch.until(lambda state: bool(state.events) and words(state) == {"blog": "OK n1"})
    assert state.events == (events.Claimed(2e9, "10.0.0.10", "n1", ("web/blog",)),)
    speaker.log.add({"kind": "of another version", "at": 1.0})
    await watch.until(lambda state: state.counters.get("unknown") == 1)
    await speaker.server.close()
    await watch.until(lambda state: bool(state.speakers["n1"].silent))
    server.store.delete(PODS, "pylb-system", "pylb-speaker-n1")
    await watch.until(lambda state: not state.speakers)


async def test_a_restarted_speaker_is_read_from_its_start(
    server: Server, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its events count from 1 again; what was told before is not shown twice."""
    speaker = Speaker()
    await add_speaker(server, speaker, monkeypatch)
    for number in range(3):
        speaker.log.add(events.encode(events.MemberUp(float(number), "n2", "n1")))
    await watch.until(lambda state: len(state.events) == 3)
    second = Speaker()
    second.state["incarnation"] = "b"
    port = int(next(iter(reporters.PORTS.values())))
    await speaker.server.close()
    await second.server.start("127.0.0.1", port)
    for number in range(2, 7):
        second.log.add(events.encode(events.MemberUp(float(number), "n2", "n1")))
    state = await watch.until(lambda state: len(state.events) >= 7)
    assert [event.at for event in state.events] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    await second.server.close()


async def test_a_pod_that_may_not_be_asked_is_no_alarm(
    server: Server, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the readers' token the screen shows less; nobody is called silent."""
    monkeypatch.setattr(reporters, "SECRET", "/api/v1/namespaces/pylb-system/secrets/none")
    speaker = Speaker()
    await add_speaker(server, speaker, monkeypatch)
    await watch.until(lambda state: bool(state.pods))
    await asyncio.sleep(1.0)  # some ten refusals
    state = await watch.until(lambda state: True)
    assert state.speakers == {}
    await speaker.server.close()


async def test_an_outage_is_told_and_ends(server: Server, watch: Watch) -> None:
    add_service(server, "blog", "10.0.0.10")
    await watch.until(lambda state: state.link.online is True and bool(state.services))
    server.faults.delay = 60.0
    state = await watch.until(lambda state: state.link.online is False)
    assert state.link.reason
    assert list(state.services) == ["web/blog"]
    server.faults.delay = 0.0
    watch.source.hurry()
    await watch.until(lambda state: state.link.online is True)
    add_service(server, "later")
    await watch.until(lambda state: "web/later" in state.services)


async def test_one_namespace_alone(server: Server) -> None:
    server.store.create(NAMESPACES, "", {"metadata": {"name": "other"}})
    add_service(server, "blog")
    assert list((await once.collect(ClusterSource(credentials(server)))).services) == ["web/blog"]
    assert (await once.collect(ClusterSource(credentials(server), namespace="other"))).services == {}


async def run_tui(*arguments: str) -> tuple[int, str, str]:
    """`pylb tui` as a user without a terminal runs it."""
    import sys

    done = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pylb", "tui", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await asyncio.wait_for(done.communicate(), 30)
    return done.returncode or 0, out.decode(), error.decode()


def kubeconfig(folder: Path, url: str) -> str:
    path = folder / "config"
    path.write_text(
        f"apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: '{url}'}}}}]\n"
        f"users: [{{name: c, user: {{token: {TOKEN}}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: c}}}}]\n"
    )
    return str(path)


async def test_once_prints_and_its_exit_code_tells(server: Server, tmp_path: Path) -> None:
    await define(server)
    config = kubeconfig(tmp_path, server.url)
    code, out, _ = await run_tui("--once", "--kubeconfig", config)
    assert code == cli.OK
    assert "no Service of type LoadBalancer" in out
    add_service(server, "blog")
    code, out, error = await run_tui("--kubeconfig", config)
    assert code == cli.PROBLEM
    assert error == "this is no terminal: printing once\n"
    assert out.isascii()
    assert "PEND  web/blog" in out
    assert "lan" in out


async def test_a_cluster_that_is_away_is_exit_code_3(tmp_path: Path) -> None:
    code, out, error = await run_tui("--once", "--kubeconfig", kubeconfig(tmp_path, "http://127.0.0.1:9"))
    assert (code, out) == (cli.UNREACHABLE, "")
    assert error.startswith("the cluster at 127.0.0.1:9 cannot be reached: ")
    assert error.count("\n") == 1
