"""The memory in its ConfigMap: written seldom and never unchanged, read as far as it can be, made anew, and shared with people."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pylb.controller import remembrance
from pylb.controller.recollection import Recollection
from pylb.controller.remembrance import Remembrance, Stored
from pylb.core.allocation import memory
from pylb.core.allocation.memory import KEY, SEEN
from pylb.core.model import ServiceKey
from pylb.core.ranges import parse_address
from pylb.kube.client import Client
from pylb.kube.credentials import Credentials
from pylb.kube.errors import Conflict, Forbidden
from pylb.runtime.log import Logger

WEB, DNS = ServiceKey("default/web"), ServiceKey("default/dns")
ONE, TWO = parse_address("10.0.0.1"), parse_address("10.0.0.2")
NOW = 1_763_735_400.0  # 2025-11-21 14:30 UTC
AT = "2025-11-21T14:30:00Z"
PLACE = "/api/v1/namespaces/pylb-system/configmaps"


class Desk(Remembrance):
    """A memory whose ConfigMap the test holds: it writes at once, and sees by `echo` what stands there."""

    def __init__(self) -> None:
        client = Client(Credentials("http://127.0.0.1:1", "test"))
        self.kept = Recollection()
        self.here: set[ServiceKey] = set()
        self.now = NOW
        super().__init__(
            client, "pylb-system", self.kept, lambda: self.here, lambda: None, Logger("test"), lambda: self.now
        )
        self._client = self  # type: ignore[assignment]  # the two requests that it makes
        self.map: Any = None
        self.version, self.requests, self.meanwhile = 0, [], lambda: None
        self.errors: list[Exception] = []
        self._stored._synced.set()
        self.look()

    async def post(self, path: str, body: Any) -> Any:
        assert (path, body["metadata"]["name"], self.map) == (PLACE, "pylb-memory", None)
        return self._answer("create", body["data"])

    async def patch(self, path: str, body: Any) -> Any:
        assert path == f"{PLACE}/pylb-memory"
        if self.map is None or body["metadata"]["resourceVersion"] != self.map["metadata"]["resourceVersion"]:
            self.requests.append("conflict")
            raise Conflict("another version")
        return self._answer("patch", body["data"])

    def _answer(self, verb: str, data: Any) -> Any:
        self.requests.append(verb)
        if self.errors:
            raise self.errors.pop(0)
        made = self.write(data)
        self.meanwhile()
        return made

    def write(self, data: Any) -> Any:
        """Somebody writes the ConfigMap, or makes it."""
        self.version += 1
        self.map = {"metadata": {"resourceVersion": str(self.version)}, "data": data}
        return self.map

    def echo(self, old: Stored | None = None) -> None:
        """The watch tells what stands there."""
        self._seen("", old or Stored("x"), remembrance._stored(self.map) if self.map else None)

    @property
    def lines(self) -> list[str]:
        return self.map["data"][KEY].splitlines() if self.map else []

    def save(self, *requests: str) -> None:
        """It writes now; these are the requests that come of it."""
        self.requests.clear()
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(self._save())
        finally:
            loop.close()
            assert self.requests == list(requests)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_first_makes_it_and_nothing_is_written_unchanged(desk: Desk) -> None:
    desk.save()
    desk.kept.memory.remember(WEB, (ONE,))
    desk.save("create")
    assert desk.map["data"] == {KEY: f"default/web 10.0.0.1 {AT}\n", SEEN: AT}
    desk.save()
    desk.echo()
    desk.kept.memory.remember(DNS, (TWO,))
    desk.kept.memory.forget(DNS)  # came and went before anything was written
    desk.save()
    desk.kept.memory.forget(WEB)
    desk.save("patch")
    assert desk.lines == []


def test_time_is_written_once_a_day_and_only_where_somebody_is_remembered(desk: Desk) -> None:
    for day in range(3):
        desk.now = NOW + day * memory.DAY
        desk.look()
        desk.save()
    desk.kept.memory.remember(WEB, (ONE,))
    desk.save("create")
    desk.now += memory.DAY - 1
    desk.look()
    desk.save()
    desk.now += 1
    desk.look()
    desk.save("patch")
    assert desk.map["data"][SEEN] == "2025-11-24T14:30:00Z"
    assert desk.lines == ["default/web 10.0.0.1 2025-11-23T14:30:00Z"]


def test_what_was_written_before_is_read_but_of_those_who_are_here(desk: Desk) -> None:
    desk.here = {DNS}
    desk.write({KEY: f"default/web 10.0.0.1 {AT}\nnonsense\ndefault/dns 10.0.0.2 {AT}\n", SEEN: AT})
    desk.echo()
    assert list(desk.kept.memory.entries) == [WEB]
    desk.save("patch")
    assert desk.lines == [f"default/web 10.0.0.1 {AT}"]


@pytest.mark.parametrize("data", [None, {}, {KEY: 7}, {KEY: "\x00" * 10}, "text"])
def test_a_broken_one_is_no_trouble(desk: Desk, data: Any) -> None:
    desk.write(data)
    desk.echo()
    desk.kept.memory.remember(WEB, (ONE,))
    desk.save("patch")
    assert desk.lines == [f"default/web 10.0.0.1 {AT}"]


def test_what_people_write_counts_beside_what_is_not_written_yet(desk: Desk) -> None:
    desk.kept.memory.remember(WEB, (ONE,))
    desk.save("create")
    desk.kept.memory.remember(DNS, (TWO,))
    desk.write({KEY: f"other/one 10.0.0.9 {AT}\n", SEEN: AT})
    with pytest.raises(Conflict):
        desk.save("conflict")
    desk.echo()
    assert set(desk.kept.memory.entries) == {"other/one", DNS}
    desk.save("patch")
    assert sorted(desk.lines) == [f"default/dns 10.0.0.2 {AT}", f"other/one 10.0.0.9 {AT}"]


def test_who_is_back_is_not_brought_back_by_what_people_write(desk: Desk) -> None:
    desk.kept.memory.remember(WEB, (ONE,))
    desk.save("create")
    desk.kept.memory.forget(WEB)
    desk.write({KEY: f"default/web 10.0.0.1 {AT}\nother/one 10.0.0.9 {AT}\n", SEEN: AT})
    desk.echo()
    assert list(desk.kept.memory.entries) == ["other/one"]


def test_who_deletes_it_wants_all_forgotten_that_stood_there(desk: Desk) -> None:
    desk.kept.memory.remember(WEB, (ONE,))
    desk.save("create")
    desk.kept.memory.remember(DNS, (TWO,))
    desk.map = None
    desk.echo()
    assert list(desk.kept.memory.entries) == [DNS]
    desk.save("create")


def test_a_label_that_somebody_adds_forgets_nothing(desk: Desk) -> None:
    desk.kept.memory.remember(WEB, (ONE,))
    desk.save("create")
    desk.write(desk.map["data"])
    desk.echo()
    desk.kept.memory.remember(DNS, (TWO,))
    desk.save("patch")
    assert len(desk.lines) == 2


def later(desk: Desk) -> None:
    """The watch is slow: the echo of an older write comes after a newer one."""
    first = remembrance._stored(desk.map)
    desk.kept.memory.remember(DNS, (TWO,))
    desk.save("patch")
    desk._seen("", None, first)


def sooner(desk: Desk) -> None:
    """The watch is ahead of the answer."""

    def told() -> None:
        desk.now += 1
        desk.look()
        desk.echo()

    desk.meanwhile = told
    desk.kept.memory.remember(DNS, (TWO,))
    desk.save("patch")


def overtaken(desk: Desk) -> None:
    """Somebody writes while the answer is on its way."""

    def other() -> None:
        desk.meanwhile = lambda: None
        desk.write({KEY: f"default/web 10.0.0.1 {AT}\nother/one 10.0.0.9 {AT}\n", SEEN: AT})
        desk.echo()

    desk.meanwhile = other
    desk.kept.memory.remember(DNS, (TWO,))
    desk.save("patch")
    assert "other/one" in desk.kept.memory.entries
    desk.save("patch")


def unknown(desk: Desk) -> None:
    """The write is done, and the answer lost."""

    def lose() -> None:
        desk.meanwhile = lambda: None
        raise Forbidden("no answer")

    desk.meanwhile = lose
    desk.kept.memory.remember(DNS, (TWO,))
    with pytest.raises(Forbidden):
        desk.save("patch")
    desk.echo()


@pytest.mark.parametrize("play", [later, sooner, overtaken, unknown])
def test_whatever_comes_first_nothing_is_lost_and_the_next_write_fits(desk: Desk, play: Callable[[Desk], None]) -> None:
    desk.kept.memory.remember(WEB, (ONE,))
    desk.save("create")
    play(desk)
    assert {WEB, DNS} <= set(desk.kept.memory.entries)
    desk.save()
    desk.kept.memory.forget(WEB)
    desk.save("patch")
    assert f"default/dns 10.0.0.2 {AT}" in desk.lines
    assert not any(line.startswith("default/web") for line in desk.lines)


def test_without_the_right_to_read_it_everything_goes_on(desk: Desk) -> None:
    desk._stored._synced.clear()
    assert not desk.known
    desk._refused()
    assert desk.known
    desk.kept.memory.remember(WEB, (ONE,))
    desk.save()


async def test_it_writes_some_seconds_after_a_change_and_again_after_an_error(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembrance, "DEBOUNCE", 0.0)
    monkeypatch.setattr(remembrance, "AGAIN", 0.0)
    desk.errors = [Forbidden("not now")]
    task = asyncio.ensure_future(desk._keep())
    desk.changed()
    await asyncio.sleep(0)
    assert desk.requests == []
    desk.kept.memory.remember(WEB, (ONE,))
    desk.changed()
    for _ in range(50):
        await asyncio.sleep(0)
    assert desk.requests == ["create", "create"]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
