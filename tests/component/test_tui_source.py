"""Live facts: from the embedded API server, and from a pod behind its proxy; through outages, to the plain report."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from fakes.tui_cluster import (
    METALLB,
    POOL,
    Speaker,
    Watch,
    add_service,
    add_speaker,
    credentials,
    define,
    serving,
)
from pylb.core import events
from pylb.embedded.resources import EVENTS, PODS, SERVICES
from pylb.embedded.server import Server
from pylb.tui import once, reporters, rows, source
from pylb.tui.facts import Kind
from pylb.tui.source import ClusterSource
from pylb.tui.state import State


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving("n1") as made:
        yield made


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


async def test_the_leader_tells_who_else_writes(server: Server, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked again and again; a follower's word of nothing does not end it, and an unheard one is no silent speaker."""
    monkeypatch.setattr(reporters, "CONTROLLER_STATE_S", 0.1)
    leader = Speaker()
    contest = {"by": "k3s", "wrote": ["10.0.0.9"], "left_alone_s": 600}
    leader.state = {"role": "leader", "contested": {"web/blog": contest}}
    add_service(server, "blog", "10.0.0.10")
    await add_speaker(server, leader, monkeypatch, "controller")
    await watch.until(lambda state: words(state) == {"blog": "RIVL ?"})
    leader.state["contested"] = {}
    await watch.until(lambda state: words(state) == {"blog": "OK ?"})
    await leader.server.close()
    await asyncio.sleep(0.5)
    assert not (await watch.until(lambda state: True)).speakers


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
