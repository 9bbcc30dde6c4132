"""Two controllers and one Lease, on an API server: who writes, who takes over, and what becomes of the addresses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fakes import rivals
from fakes.rivals import LEASE, Rival, Stage, until
from pylb.controller import rounds
from pylb.controller.reconcile import Books
from pylb.controller.state import describe
from pylb.core import lease

OVER = lease.DURATION + 1.0  # s after which a Lease that nobody renews is free
CUT_OFF = lease.SEND_FOR + 0.1  # s after which a leader that cannot renew writes no more
MANY = 200


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with rivals.stage() as made:
        yield made


class Pair:
    """A leader and a follower; whoever still runs at the end is ended."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._running: list[Rival] = []

    async def start(self, name: str, pod: str = "", machine: str = "") -> Rival:
        self._running.append(Rival(self._stage, name, pod, machine))
        return self._running[-1]

    async def two(self) -> tuple[Rival, Rival]:
        first = await (await self.start("first")).leads()
        return first, await (await self.start("second")).follows()

    async def crash(self, one: Rival) -> None:
        self._running.remove(one)
        await one.crash()

    async def end(self, one: Rival) -> None:
        self._running.remove(one)
        await one.end()

    async def close(self) -> None:
        for one in list(self._running):
            await self.crash(one)


@pytest.fixture
async def pair(stage: Stage) -> AsyncIterator[Pair]:
    made = Pair(stage)
    yield made
    await made.close()


async def test_one_leads_and_writes_and_the_other_follows(stage: Stage, pair: Pair) -> None:
    first, second = await pair.two()
    await stage.create("web")
    assert await stage.served("web") == {"web": "10.0.0.0"}
    assert stage.written_by("first")
    assert stage.written_by("second") == stage.written_by("second", leases=True) == []
    told = [
        describe(one.holder.seat(), one.controller.books, one.controller.configuration.current, ())
        for one in (first, second)
    ]
    assert [one["role"] for one in told] == ["leader", "follower"]
    assert {one["lease"]["holder"] for one in told} == {"first_first"}
    assert [one["lease"]["may_write"] for one in told] == [True, False]
    assert [list(one["allocations"]) for one in told] == [["default/web"], []]


async def test_the_lease_says_what_people_look_for(stage: Stage, pair: Pair) -> None:
    await (await pair.start("first")).leads()
    spec = (await stage.rest.get(LEASE)).json["spec"]
    assert spec["holderIdentity"] == "first_first"
    assert spec["leaseDurationSeconds"] == 11
    assert spec["leaseTransitions"] == 0
    assert spec["renewTime"].endswith("Z")
    assert len(spec["renewTime"]) == len("2026-11-21T01:02:03.123456Z")


async def test_who_ends_in_order_hands_over_at_once(stage: Stage, pair: Pair) -> None:
    """No clock is turned: the Lease is given back, and the watch tells it."""
    first, second = await pair.two()
    await stage.create("web")
    before = await stage.served("web")
    await pair.end(first)
    await second.leads()
    await stage.create("more")
    assert (await stage.served("more"))["web"] == before["web"]
    spec = (await stage.rest.get(LEASE)).json["spec"]
    assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("second_second", 1)
    assert f"PATCH {rivals.SERVICES}/web/status" not in stage.written_by("second"), "what stands is not written again"


async def test_who_dies_is_followed_once_the_lease_has_run_out(stage: Stage, pair: Pair) -> None:
    first, second = await pair.two()
    await pair.crash(first)
    await stage.create("web")
    second.turn(lease.DURATION - 2.0)
    await asyncio.sleep(0.05)
    assert not second.holder.leads
    second.turn(3.0)
    assert await stage.served("web") == {"web": "10.0.0.0"}


async def test_no_address_is_given_twice_and_none_lost_however_they_take_turns(stage: Stage, pair: Pair) -> None:
    first, second = await pair.two()
    names = [f"s{number}" for number in range(MANY)]
    creating = asyncio.ensure_future(stage.create(*names))
    before = await stage.served(*names[: MANY // 4])
    await pair.crash(first)
    second.turn(OVER)
    await stage.served(*names[: MANY // 2])
    third = await (await pair.start("third")).follows()
    await pair.end(second)
    await creating
    after = await stage.served(*names)
    assert third.holder.leads
    assert before.items() <= after.items()
    assert len(after) == MANY


async def test_a_leader_that_cannot_renew_stops_writing_before_another_may_begin(stage: Stage, pair: Pair) -> None:
    """It reaches the API server, and would serve the Service: only the Lease keeps it from that."""
    first, second = await pair.two()
    stage.refuses = lambda who, request: 503 * (who == "first" and "/leases" in request.path)
    first.turn(CUT_OFF)
    await stage.create("web")
    await until(lambda: "default/web" in first.controller.books.decisions)
    await until(lambda: first.controller.writer.failed)
    assert await stage.addresses() == {}
    second.turn(OVER)
    assert await stage.served("web") == {"web": "10.0.0.0"}
    stage.refuses = lambda who, request: 0
    await first.follows()
    await stage.create("more")
    await stage.served("more")
    assert stage.written_by("first") == []
    assert first.controller.books.ledger.allocations == {}


async def test_a_leader_that_may_renew_again_goes_on_where_it_was(stage: Stage, pair: Pair) -> None:
    """Nobody took the Lease meanwhile: nothing is read anew."""
    first, _ = await pair.two()
    stage.refuses = lambda who, request: 503 * ("/leases" in request.path)
    first.turn(CUT_OFF)
    services = first.controller.services
    await stage.create("web")
    await until(lambda: first.controller.writer.failed)
    stage.refuses = lambda who, request: 0
    assert await stage.served("web")
    assert first.controller.services is services


async def test_without_rights_on_leases_nothing_is_written_and_it_says_so(stage: Stage, pair: Pair) -> None:
    stage.refuses = lambda who, request: 403 * ("/leases" in request.path and request.method != "GET")
    first = await pair.start("first")
    await stage.create("web")
    trouble = await until(lambda: first.holder.seat().trouble)
    assert "apply the manifests of this version" in trouble
    assert (first.holder.leads, await stage.addresses()) == (False, {})
    stage.refuses = lambda who, request: 0
    assert await stage.served("web")
    assert first.holder.seat().trouble == ""


async def test_a_missing_namespace_is_named(stage: Stage, pair: Pair) -> None:
    await stage.rest.delete("/api/v1/namespaces/pylb-system")
    first = await pair.start("first")
    trouble = await until(lambda: first.holder.seat().trouble)
    assert "create the namespace pylb-system" in trouble
    await stage.rest.post("/api/v1/namespaces", {"metadata": {"name": "pylb-system"}})
    await first.leads()


async def test_the_next_life_of_a_pod_waits_for_nothing(stage: Stage, pair: Pair) -> None:
    """The kubelet starts a container again only after its predecessor ended."""
    first = await (await pair.start("first", pod="pylb-controller-a")).leads()
    await pair.crash(first)
    again = await (await pair.start("again", pod="pylb-controller-a")).leads()
    assert again.holder.seat().holder == "pylb-controller-a_again"


async def test_another_process_on_the_same_machine_is_no_next_life(stage: Stage, pair: Pair) -> None:
    await (await pair.start("first", machine="nas")).leads()
    await (await pair.start("second", machine="nas")).follows()


async def test_two_under_one_pods_name_do_not_fight(stage: Stage, pair: Pair) -> None:
    """A mistake: the later one takes the Lease from the first, which then waits like any other."""
    first = await (await pair.start("first", pod="p")).leads()
    second = await (await pair.start("second", pod="p")).leads()
    await first.follows()
    await stage.create("web")
    await stage.served("web")
    assert (first.holder.leads, second.holder.leads) == (False, True)
    assert stage.written_by("first") == []


async def test_a_lease_that_somebody_deletes_comes_back_with_its_holder(stage: Stage, pair: Pair) -> None:
    first, second = await pair.two()
    assert (await stage.rest.delete(LEASE)).status == 200
    await until(lambda: stage.written_by("first", leases=True)[-1].startswith("POST"))
    await first.leads()
    assert not second.holder.leads
    await stage.create("web")
    assert await stage.served("web")
    assert stage.written_by("second", leases=True) == []


async def test_a_leader_renews_once_in_two_seconds_and_writes_nothing_else(stage: Stage, pair: Pair) -> None:
    first, _ = await pair.two()
    await until(lambda: "/configurationstates/" in " ".join(stage.written_by("first")))
    await asyncio.sleep(0.2)
    del stage.writes[:]
    for _ in range(3):
        first.turn(lease.RENEW_EVERY / 2)
        await asyncio.sleep(0.05)
    assert len(stage.written_by("first", leases=True)) in (1, 2)
    assert len(stage.writes) in (1, 2)


async def test_the_lease_is_renewed_in_the_midst_of_a_long_round(
    stage: Stage, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """50,000 Services on a small machine are more than the time of a Lease."""
    first = await (await pair.start("first")).leads()
    names = [f"s{number:03}" for number in range(MANY)]
    await stage.create(*names)
    await stage.served(*names)
    renewed: list[int] = []
    decide = Books._settle_one

    def counted(*told: Any) -> Any:
        if not renewed:
            first.turn(lease.RENEW_EVERY)
        renewed.append(len(stage.written_by("first", leases=True)))
        return decide(*told)

    monkeypatch.setattr(rounds, "SLICE", -1.0)
    monkeypatch.setattr(Books, "_settle_one", counted)
    first.controller._on_configuration()
    await until(lambda: len(renewed) >= MANY)
    assert renewed[MANY - 1] == renewed[0] + 1
    assert first.holder.leads
