"""What pylb writes into the API, counted: as much as people read, and nothing that stands there already."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Any

import pytest

from fakes.cluster import advertisement, pool, service
from fakes.quiet import OURS, PODS, Counted, controller, counted, speaker
from pylb.controller import poolwriter
from pylb.controller.app import Controller
from pylb.core.model import NodeName
from pylb.core.ownership.record import Renewal
from pylb.kube import report
from pylb.speaker import publisher

POOL = pool("p", "192.0.2.0/24")
STATUS = ("PATCH", "services/status")
EVENT = ("POST", "events")
POOL_STATUS = ("PATCH", "ipaddresspools/status")
L2, L2_STATUS = ("POST", "servicel2statuses"), ("PATCH", "servicel2statuses/status")
STATE, STATE_STATUS = ("POST", "configurationstates"), ("PATCH", "configurationstates/status")
STATES = f"/apis/metallb.io/v1beta1/namespaces/{OURS}/configurationstates"
POOLS = "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools"
REST = 0.7  # s without a write: more than any delay below
MANY = 20


@pytest.fixture(autouse=True)
def _sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is periodic or delayed, in less time."""
    monkeypatch.setattr(poolwriter, "DEBOUNCE", 0.3)
    monkeypatch.setattr(report, "DEBOUNCE", 0.3)
    monkeypatch.setattr(publisher, "AGAIN", 0.1)


async def settled(cluster: Counted) -> Any:
    """What was written until nothing more came."""
    await cluster.quiet(REST)
    return cluster.taken()


def web(controller: Controller, *names: str) -> list[Any]:
    return [one for one in controller.services.items.values() if one.name in names or (not names and one.ingress)]


async def test_a_new_service_costs_two_writes_and_three_more_when_it_is_announced() -> None:
    """And a pool's counters, which all Services of a second share."""
    async with counted(POOL, advertisement()) as cluster, controller(cluster) as one, speaker(cluster, "n1") as voice:
        await settled(cluster)
        await cluster.create(service("default/web"))
        assert await settled(cluster) == Counter([STATUS, EVENT, POOL_STATUS])
        voice.own(web(one, "web"))
        assert await settled(cluster) == Counter([EVENT, L2, L2_STATUS])


async def test_the_claim_is_told_with_the_object_and_another_term_costs_one_write_more() -> None:
    async with counted(POOL, advertisement(), service("default/web")) as cluster, controller(cluster) as one:
        for number, term in enumerate((4, 4, 5)):
            async with speaker(cluster, "n1") as voice:
                await settled(cluster)
                voice.own(web(one), term)
                written = await settled(cluster)
                [found] = (await cluster.admin.get(f"/apis/metallb.io/v1beta1/namespaces/{OURS}/servicel2statuses"))[
                    "items"
                ]
                notes = found["metadata"]["annotations"]
                assert notes["pylb.io/term"] == str(term)
                assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", notes["pylb.io/since"])
                status = {kind: count for kind, count in written.items() if kind[1].startswith("servicel2statuses")}
                assert status == [{L2: 1, L2_STATUS: 1}, {}, {("PATCH", "servicel2statuses"): 1}][number]


async def test_a_service_that_waits_costs_one_event() -> None:
    async with counted(pool("p", "192.0.2.1/32"), service("default/a")) as cluster, controller(cluster):
        await settled(cluster)
        await cluster.create(service("default/b"))
        assert await settled(cluster) == Counter([EVENT])
        events = (await cluster.admin.get("/api/v1/namespaces/default/events"))["items"]
        [message] = [event["message"] for event in events if event["involvedObject"]["name"] == "b"]
        beginning = 'Failed to allocate IP for "default/b": no available IPs; '
        assert message == f"{beginning}nothing is left in pool p: add a range, or delete a Service of type LoadBalancer"


async def test_services_at_once_share_the_pools_counters() -> None:
    async with counted(POOL, advertisement()) as cluster, controller(cluster):
        await settled(cluster)
        await asyncio.gather(*(cluster.create(service(f"default/s{number}")) for number in range(MANY)))
        written = await settled(cluster)
        assert (written[STATUS], written[EVENT]) == (MANY, MANY)
        assert 1 <= written[POOL_STATUS] <= 3
        assert sum(written.values()) == 2 * MANY + written[POOL_STATUS]
        status = (await cluster.admin.get(f"{POOLS}/p"))["status"]
        assert status == {"assignedIPv4": MANY, "availableIPv4": 256 - MANY, "assignedIPv6": 0, "availableIPv6": 0}


async def test_where_nothing_changes_nothing_is_written_and_a_restart_writes_nothing_either() -> None:
    bodies = [service(f"default/s{number}") for number in range(MANY)]
    async with counted(POOL, advertisement(), *bodies) as cluster, speaker(cluster, "n1") as voice:
        async with controller(cluster) as one:
            await settled(cluster)
            assert len(web(one)) == MANY
            voice.own(web(one))
            assert (await settled(cluster))[L2] == MANY
            await cluster.quiet(3 * REST)
            assert cluster.taken() == Counter()
        for _ in range(2):
            async with controller(cluster) as one:
                assert await settled(cluster) == Counter()
                assert len(one.books.ledger.allocations) == MANY
    async with counted(POOL) as cluster, controller(cluster):
        assert (await settled(cluster))[POOL_STATUS] == 1, "the count does see what is written"


async def test_a_restarted_speaker_writes_no_status_that_stands_there() -> None:
    """It takes part a moment after it has read them: until then it owns nothing, and removes nothing either."""
    async with counted(POOL, advertisement(), service("default/web")) as cluster, controller(cluster) as one:
        for number in range(2):
            async with speaker(cluster, "n1") as voice:
                await settled(cluster)
                voice.own(web(one))
                written = await settled(cluster)
                assert (written[L2], written[L2_STATUS], written[STATE]) == ((0, 0, 0) if number else (1, 1, 0))


async def test_what_each_component_makes_of_the_configuration() -> None:
    """ConfigurationState: one object each, owned by its pod, written when it changes."""
    pods = [{"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}} for name in "cs"]
    async with counted(POOL) as cluster:
        uids = [(await cluster.admin.post(PODS, body))["metadata"]["uid"] for body in pods]
        async with controller(cluster, "c"), speaker(cluster, "n1", "s"):
            written = await settled(cluster)
            assert (written[STATE], written[STATE_STATUS]) == (2, 2)
            found = await states(cluster)
            assert {name: raw["status"]["result"] for name, raw in found.items()} == {
                "controller": "Valid",
                "speaker-n1": "Valid",
            }
            owners = [raw["metadata"]["ownerReferences"][0]["uid"] for _, raw in sorted(found.items())]
            assert owners == uids

            await cluster.create(pool("q", "192.0.2.9/32"))
            assert await settled(cluster) == Counter([STATE_STATUS, STATE_STATUS, EVENT])
            for raw in (await states(cluster)).values():
                said = raw["status"]["errorSummary"]
                text = 'configuration error: CIDR "192.0.2.9/32" in pool "q" overlaps with already defined CIDR'
                assert said.startswith(text)
                assert said.endswith("(IPAddressPool metallb-system/q)")
                assert raw["status"]["conditions"][0]["message"] == said

            await cluster.create(service("default/web"))
            assert not {STATE, STATE_STATUS} & set(await settled(cluster)), "the last good one goes on"
            await cluster.admin.delete(f"{POOLS}/q")
            assert await settled(cluster) == Counter([STATE_STATUS, STATE_STATUS])
            assert all("errorSummary" not in raw["status"] for raw in (await states(cluster)).values())
        async with controller(cluster, "c"), speaker(cluster, "n1", "s"):
            assert await settled(cluster) == Counter()


DAEMON_SETS = f"/apis/apps/v1/namespaces/{OURS}/daemonsets"
STATUSES = f"/apis/metallb.io/v1beta1/namespaces/{OURS}/servicel2statuses"


async def test_who_owned_what_outlives_all_speaker_pods() -> None:
    """The garbage collector takes what a pod owns with it; ServiceL2Status goes with the DaemonSet."""
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    body = {"metadata": {"name": "s"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}
    async with counted(POOL, advertisement(), service("default/web")) as cluster, controller(cluster) as one:
        made = await cluster.admin.post(DAEMON_SETS, body)
        reference = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "s", "uid": made["metadata"]["uid"]}
        pod = {"metadata": {"name": "s-1", "ownerReferences": [{**reference, "controller": True}]}}
        await cluster.admin.post(PODS, {**pod, "spec": template["spec"]})
        async with speaker(cluster, "n1", "s-1") as voice:
            await settled(cluster)
            voice.own(web(one), 4)
            await settled(cluster)
        await cluster.admin.delete(f"{PODS}/s-1")
        [found] = (await cluster.admin.get(STATUSES))["items"]
        assert found["metadata"]["ownerReferences"] == [reference]
        assert found["metadata"]["annotations"]["pylb.io/term"] == "4"
        await cluster.admin.delete(f"{DAEMON_SETS}/s")
        assert (await cluster.admin.get(STATUSES))["items"] == []


async def test_a_renewal_is_one_write_for_all_that_a_node_owns() -> None:
    bodies = [service(f"default/s{number}") for number in range(MANY)]
    async with (
        counted(POOL, advertisement(), *bodies) as cluster,
        controller(cluster) as one,
        speaker(cluster, "n1") as voice,
        speaker(cluster, "n2") as other,
    ):
        await settled(cluster)
        voice.own(web(one), 4)
        await settled(cluster)
        for number in range(2):
            voice.renewal = Renewal(f"ab-{number}", frozenset({NodeName("n2")}))
            voice.publisher.changed()
            assert await settled(cluster) == Counter({("PATCH", "servicel2statuses"): 1})
            assert other.publisher.notices is not None
            assert voice.renewal in other.publisher.notices[NodeName("n1")].renewals


async def states(cluster: Counted) -> dict[str, Any]:
    return {raw["metadata"]["name"]: raw for raw in (await cluster.admin.get(STATES))["items"]}


async def test_a_state_that_was_lost_comes_back_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is not written again each time that it is looked at."""
    monkeypatch.setattr(report, "LOOK_AGAIN", 0.2)
    async with counted(POOL) as cluster, controller(cluster):
        await settled(cluster)
        await cluster.admin.delete(f"{STATES}/controller")
        assert await settled(cluster) == Counter([STATE, STATE_STATUS])
        assert await settled(cluster) == Counter()


async def test_a_state_that_was_lost_comes_back_with_the_next_change() -> None:
    async with counted(POOL) as cluster, controller(cluster):
        await settled(cluster)
        await cluster.admin.delete(f"{STATES}/controller")
        await cluster.create(pool("q", "198.51.100.0/24"))
        assert await settled(cluster) == Counter([STATE, STATE_STATUS, POOL_STATUS])


async def test_two_speakers_that_both_believe_to_own_come_to_rest() -> None:
    """Each says once what it took, a few times more, and then neither fights over the other's object."""
    names = [f"default/s{number}" for number in range(5)]
    async with (
        counted(POOL, advertisement(), *map(service, names)) as cluster,
        controller(cluster) as one,
        speaker(cluster, "n1") as first,
        speaker(cluster, "n2") as second,
    ):
        await settled(cluster)
        first.own(web(one))
        await settled(cluster)
        second.own(web(one))
        await asyncio.sleep(2.0)
        begun = cluster.taken()
        assert begun["DELETE", "servicel2statuses"] >= len(names)
        assert sum(begun.values()) < 8 * len(names)
        await asyncio.sleep(4.0)
        assert sum(cluster.taken().values()) <= 4
        assert first.owned
        assert second.owned
        assert first.owned.keys() == second.owned.keys()
