"""Controllers that know less than the API server does, or another thing: a write that arrives late, a list that is old, a
Lease that somebody edits, an API server that answers with errors for a while. No address changes, none is given twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from fakes import fates, oracle, rivals
from fakes.cluster import service
from fakes.oracle import PIN
from fakes.rivals import LEASE, SERVICES, Rival, Stage, until
from pylb.controller.reconcile import Books
from pylb.core import lease
from pylb.embedded import resources
from pylb.embedded.messages import Request, Response

OVER = lease.DURATION + 1.0  # s after which a Lease that nobody renews is free
CUT_OFF = lease.SEND_FOR + 0.1  # s after which a leader that cannot renew writes no more
STARTS = 20
STORM_S = 20.0  # until somebody asks again after it: so many requests in 10 s, and no more
TROUBLE_S = 0.7  # for which an API server answers with errors; longer than the first retries take
KEPT = ("a", "b", "c")


class Tampering(Stage):
    """A stage whose answers to some requests a test makes itself."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.server, stage.rest)
        self.answers: Callable[[str, Request], Response | None] = lambda who, request: None
        self.holds: Callable[[str, Request], bool] = lambda who, request: False
        self.held, self.free = asyncio.Event(), asyncio.Event()
        self.codes: list[tuple[str, str, int]] = []  # of writes: who, path, status

    async def __call__(self, request: Request) -> Response:
        who = request.headers.get("user-agent", "")
        if self.holds(who, request):
            self.held.set()
            await self.free.wait()
        made = self.answers(who, request)
        answer = made if made is not None else await super().__call__(request)
        if request.method != "GET" and who:
            self.codes.append((who, request.path, answer.status))
        return answer

    def wrong(self) -> list[str]:
        """Who has what another one has."""
        return oracle.twice(oracle.wishes(self.server.store.objects(resources.SERVICES)))


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tampering]:
    fates.hurry(monkeypatch)
    async with rivals.stage() as plain:
        made = Tampering(plain)
        plain.server.handler = made
        yield made
        assert made.wrong() == []


@pytest.fixture
async def crew() -> AsyncIterator[list[Rival]]:
    """Whoever is in it is ended."""
    made: list[Rival] = []
    yield made
    for one in made:
        await one.crash()


def is_status_of(name: str, request: Request) -> bool:
    return request.method == "PATCH" and request.path == f"{SERVICES}/{name}/status"


async def test_a_write_that_the_api_server_carries_out_late_fails(stage: Tampering, crew: list[Rival]) -> None:
    """The one case that no clock covers: it was received, and stood still there while another began to lead."""
    crew.append(await Rival(stage, "first").leads())
    crew.append(await Rival(stage, "second").follows())
    stage.holds = lambda who, request: who == "first" and is_status_of("web", request)
    await stage.create("web")
    await stage.held.wait()
    stage.refuses = lambda who, request: 503 * (who == "first")
    crew[1].turn(OVER)
    await stage.rest.patch(f"{SERVICES}/web", {"metadata": {"annotations": {PIN: "10.0.0.9"}}})
    assert await stage.served("web") == {"web": "10.0.0.9"}
    stage.refuses = lambda who, request: 0
    stage.free.set()
    late = ("first", f"{SERVICES}/web/status", 409)
    await until(lambda: late in stage.codes)
    await asyncio.sleep(0.1)
    assert await stage.addresses() == {"web": "10.0.0.9"}
    assert [code for code in stage.codes if code[1].endswith("/web/status") and code[2] == 200] == [
        ("second", f"{SERVICES}/web/status", 200)
    ]


async def test_a_change_of_no_interest_between_decision_and_write_costs_one_more_write(
    stage: Tampering, crew: list[Rival]
) -> None:
    """A label changes the version and nothing else: the write is sent again, with the version that is seen then."""
    crew.append(await Rival(stage, "one").leads())
    stage.holds = lambda who, request: is_status_of("web", request) and not stage.held.is_set()
    await stage.create("web")
    await stage.held.wait()
    stage.server.faults.freeze_watches()
    await stage.rest.patch(f"{SERVICES}/web", {"metadata": {"finalizers": ["example.com/mine"]}})
    stage.free.set()

    def codes() -> list[int]:
        return [code for _, path, code in stage.codes if path.endswith("/web/status")]

    await until(codes)
    stage.server.faults.freeze_watches(False)
    assert await stage.served("web") == {"web": "10.0.0.0"}
    assert codes() == [409, 200]


async def test_who_gets_an_address_is_written_after_who_gave_it_up(stage: Tampering, crew: list[Rival]) -> None:
    """Or one that is killed between the two writes leaves both with it."""
    crew.append(await Rival(stage, "one").leads())
    for name in ("old", "new"):
        body = service(f"default/{name}", annotations={PIN: "10.0.0.5"})
        assert (await stage.rest.post(SERVICES, body)).status == 201
        await until(lambda: "default/old" in crew[0].controller.books.ledger.allocations)
    await stage.served("old")
    stage.holds = lambda who, request: is_status_of("old", request)
    await stage.rest.patch(f"{SERVICES}/old", {"metadata": {"annotations": {PIN: "10.0.0.6"}}})
    await stage.held.wait()
    await until(lambda: "default/new" in crew[0].controller.books.ledger.allocations)
    await asyncio.sleep(0.2)
    assert await stage.addresses() == {"old": "10.0.0.5"}
    stage.free.set()
    assert await stage.served("old", "new") == {"old": "10.0.0.6", "new": "10.0.0.5"}


async def test_both_start_at_the_same_moment(stage: Tampering) -> None:
    """20 times: one leads, and what was given stays."""
    given: dict[str, str] = {}
    for turn in range(STARTS):
        pair = [Rival(stage, f"{name}{turn}") for name in "xy"]
        await stage.create(f"s{turn}")
        found = await stage.served(f"s{turn}", *given)
        assert given.items() <= found.items()
        given = found
        leaders = [one for one in pair if one.holder.leads]
        assert len(leaders) == 1
        for one in sorted(pair, key=leaders.__contains__):  # who leads gives the Lease back last, to nobody
            await one.end()


async def test_a_lease_that_somebody_edits_is_given_up_and_waited_for(stage: Tampering, crew: list[Rival]) -> None:
    crew.append(await Rival(stage, "one").leads())
    await stage.create("before")
    before = await stage.served("before")
    await stage.rest.patch(LEASE, {"spec": {"holderIdentity": "somebody"}})
    await crew[0].follows()
    await stage.create("web")
    await asyncio.sleep(0.2)
    assert await stage.addresses() == before
    crew[0].turn(OVER)
    assert (await stage.served("before", "web")).items() > before.items()


async def test_a_storm_of_conflicts_about_the_lease_lets_nobody_write(stage: Tampering, crew: list[Rival]) -> None:
    crew.extend((await Rival(stage, "first").leads(), await Rival(stage, "second").follows()))
    stage.refuses = lambda who, request: 409 * ("/leases" in request.path and request.method != "GET")
    for one in crew:
        one.turn(CUT_OFF)
    await stage.create("web")
    await asyncio.sleep(0.3)
    for one in crew:
        one.turn(OVER)
    await asyncio.sleep(0.3)
    assert await stage.addresses() == {}
    stage.refuses = lambda who, request: 0
    await until(lambda: any(one.holder.seat().writes for one in crew), STORM_S)
    await stage.served("web")
    assert sum(one.holder.leads for one in crew) == 1


@pytest.mark.parametrize("status", [401, 403, 410, 429, 500, 503])
@pytest.mark.parametrize("lists", [True, False], ids=["all is asked anew", "streams go on"])
async def test_errors_for_a_while_change_no_address(
    stage: Tampering, crew: list[Rival], status: int, lists: bool
) -> None:
    crew.append(await Rival(stage, "one").leads())
    await stage.create(*KEPT)
    before = await stage.served(*KEPT)
    stage.codes.clear()
    stage.refuses = lambda who, request: status * bool(who)
    if lists:
        stage.server.faults.compact()
        stage.server.faults.drop_watches()
    await stage.rest.delete(f"{SERVICES}/c")
    await stage.create("late")
    await asyncio.sleep(TROUBLE_S)
    stage.refuses = lambda who, request: 0
    after = await stage.served("a", "b", "late")
    assert {name: after[name] for name in ("a", "b")} == {name: before[name] for name in ("a", "b")}
    kept = [path for _, path, code in stage.codes if path.endswith(("/a/status", "/b/status")) and code == 200]
    assert kept == [], "it wrote what stands there"


async def test_a_list_that_goes_back_in_time_moves_nothing(stage: Tampering, crew: list[Rival]) -> None:
    """Another API server's cache is behind: its list is older than what is known, and the watch from there makes up.

    By the old list the Service has to be written: that names an old version, and fails.
    """
    crew.append(await Rival(stage, "one").leads())
    await stage.rest.post(SERVICES, service("default/web", annotations={PIN: "10.0.0.5"}))
    await stage.create("gone")
    await stage.served("web", "gone")
    stage.holds = lambda who, request: is_status_of("web", request) and not stage.free.is_set()
    await stage.rest.patch(f"{SERVICES}/web", {"metadata": {"annotations": {PIN: "10.0.0.6"}}})
    await stage.held.wait()
    old = (await stage.rest.get("/api/v1/services")).body  # it asks for 6, and has 5
    stage.free.set()
    await until(lambda: _is(stage, {"web": "10.0.0.6"}))
    await stage.rest.patch(f"{SERVICES}/web", {"metadata": {"annotations": {PIN: "10.0.0.5"}}})
    await until(lambda: _is(stage, {"web": "10.0.0.5"}))
    await stage.rest.delete(f"{SERVICES}/gone")
    await stage.create("more")
    before = await stage.served("more")
    stage.codes.clear()
    lists: list[str] = []

    def behind(who: str, request: Request) -> Response | None:
        if not who or request.method != "GET" or request.path != "/api/v1/services":
            return None
        if request.flag("watch"):
            is_new = not lists
            return Response(410, b'{"kind":"Status","code":410,"reason":"Expired"}') if is_new else None
        lists.append(request.target)
        return Response(200, old) if len(lists) == 1 else None

    stage.answers = behind
    stage.server.faults.drop_watches()
    await until(lambda: lists)
    await until(lambda: crew[0].controller.services.stale_since is None)
    await asyncio.sleep(0.3)
    assert await stage.addresses() == before
    moved = [code for code in stage.codes if code[1].endswith("/status") and SERVICES in code[1] and code[2] == 200]
    assert moved == []


async def _is(stage: Stage, wanted: dict[str, str]) -> bool:
    return wanted.items() <= (await stage.addresses()).items()


async def test_streams_that_fall_silent_or_end_change_no_address(stage: Tampering, crew: list[Rival]) -> None:
    crew.append(await Rival(stage, "one").leads())
    await stage.create(*KEPT)
    before = await stage.served(*KEPT)
    stage.server.faults.freeze_watches()
    await stage.rest.delete(f"{SERVICES}/c")
    await stage.create("late")
    await asyncio.sleep(0.2)
    stage.server.faults.compact()
    stage.server.faults.freeze_watches(False)
    stage.server.faults.drop_watches()
    after = await stage.served("a", "b", "late")
    assert {name: after[name] for name in ("a", "b")} == {name: before[name] for name in ("a", "b")}


async def test_answers_that_take_long_change_no_address(stage: Tampering, crew: list[Rival]) -> None:
    """Each takes most of a second; a renewal of the Lease gets through all the same."""
    crew.append(await Rival(stage, "one").leads())
    await stage.create("a")
    before = await stage.served("a")
    stage.server.faults.delay = 0.7
    await stage.create("late")
    assert (await stage.served("a", "late")).items() > before.items()
    stage.server.faults.delay = 0.0
    assert crew[0].holder.leads


async def test_a_round_that_raises_ends_the_process(
    stage: Tampering, monkeypatch: pytest.MonkeyPatch, crew: list[Rival]
) -> None:
    """Half of a round was done: the next life reads all anew, where the loop would have gone on with the other half."""
    crew.append(await Rival(stage, "one").leads())

    def mistaken(*_: object, **__: object) -> None:
        raise KeyError("a mistake of ours")

    monkeypatch.setattr(Books, "settling", mistaken)
    await stage.create("web")
    await until(crew[0]._task.done)
    assert isinstance(crew[0]._task.exception(), KeyError)
    monkeypatch.undo()
    crew.append(Rival(stage, "two"))
    crew[1].turn(OVER)
    await until(lambda: crew[1].holder.seat().holder)
    crew[1].turn(OVER)
    assert await stage.served("web")
