"""A controller that is struck at one of its writes, whichever that is, and started again; and what was seen meanwhile."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import pytest

from fakes import lives, oracle
from fakes.lives import POOLS, SERVICES, Do
from fakes.oracle import Wish
from fakes.rest import MERGE, Rest
from fakes.rivals import Rival
from pylb.controller import poolwriter, remembrance, writer
from pylb.embedded.http import Handler
from pylb.embedded.messages import Request, Response
from pylb.kube import report

POD = "pylb-controller-a"  # its next life takes the Lease at once
QUIET_S = 0.04  # without a write: with the pauses of `hurry`, what had to be written is
SETTLES_S = 20.0
LOOK_S = 0.01
EVENTS = "/api/v1/namespaces/default/events"

KILLED_BEFORE, KILLED_AFTER = "killed before it is stored", "killed after it is stored"
CUT_BEFORE, CUT_AFTER = "cut before it is stored", "cut in the midst of the answer"
FATES = (KILLED_BEFORE, KILLED_AFTER, CUT_BEFORE, CUT_AFTER)


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Shorten the pauses between writes, which are there for the API server's sake."""
    for module in (poolwriter, remembrance, report):
        patch.setattr(module, "DEBOUNCE", 0.01)
        patch.setattr(module, "AGAIN", 0.02)
    patch.setattr(writer, "AGAIN", 0.02)


class Front(Protocol):
    """A server, and who answers there: a test may put somebody before it."""

    handler: Handler

    @property
    def url(self) -> str: ...


class Stage(Protocol):
    """An API server, embedded or real, that controllers reach through a front, and users directly."""

    @property
    def server(self) -> Front: ...

    @property
    def rest(self) -> Rest: ...

    async def forward(self, request: Request) -> Response:
        """What the API server answers."""


@dataclass
class Struck:
    """Stands before an API server: it counts the writes of controllers, and strikes at one of them, or at some."""

    stage: Stage
    at: int = 0  # the number of the write; 0: never
    fate: str = KILLED_BEFORE
    every: int = 0  # then at each so-manieth after it; 0: at none
    kill: Callable[[], object] | None = None
    writes: list[str] = field(default_factory=list)
    strikes: int = 0
    died: bool = False  # and nobody took note yet
    broken: list[str] = field(default_factory=list)  # what no moment may show
    named: bool = True  # each life has a name, by which nothing is heard of it any more
    _dead: set[str] = field(default_factory=set)
    _order: asyncio.Lock = field(default_factory=asyncio.Lock)  # so that each state that is stored is seen

    @property
    def struck(self) -> bool:
        """Whether it came to that."""
        return self.strikes > 0

    async def __call__(self, request: Request) -> Response:
        who = request.headers.get("user-agent", "")
        if who in self._dead:
            raise ConnectionResetError
        if not who or request.method == "GET":  # a user, who gives no name; or nothing is written
            return await self.stage.forward(request)
        self.writes.append(f"{request.method} {request.path}")
        if self._is_its_turn(len(self.writes)):
            return await self._strike(who, request)
        return await self._pass(who, request)

    def _is_its_turn(self, number: int) -> bool:
        if self.every and number > self.at and self.at:
            return (number - self.at) % self.every == 0
        return number == self.at

    async def _pass(self, who: str, request: Request) -> Response:
        if not request.path.startswith(SERVICES):
            return await self.stage.forward(request)
        number = len(self.writes)
        async with self._order:
            if who in self._dead:  # while the write waited here: an API server drops it with its connection
                raise ConnectionResetError
            response = await self.stage.forward(request)
            if response.status < 300:
                found = oracle.twice(await self.wishes())
                self.broken += [f"write {number} ({request.path}): {one}" for one in found]
        return response

    async def _strike(self, who: str, request: Request) -> Response:
        stored = await self._pass(who, request) if self.fate in (KILLED_AFTER, CUT_AFTER) else None
        self.strikes += 1
        if self.fate in (KILLED_BEFORE, KILLED_AFTER):
            assert self.kill is not None
            self.kill()
            self.died = True
            self._dead |= {who} if self.named else set()
        elif stored is not None:
            return replace(stored, body=b"", stream=_half(stored.body))
        raise ConnectionResetError

    async def ended(self) -> None:
        """Waits for the write that the API server has in hand, which it stores though its sender is dead: a process
        needs longer to start."""
        async with self._order:
            pass

    async def items(self, path: str) -> list[dict[str, Any]]:
        """The objects of a collection as they stand there."""
        response = await self.stage.forward(Request("GET", path, {}, {}, target=path))
        assert response.status == 200, response.body
        return list(json.loads(response.body)["items"])

    async def wishes(self) -> list[Wish]:
        """The Services."""
        return oracle.wishes(await self.items(SERVICES))

    async def complaints(self) -> list[str]:
        """What is wrong, if all is said to be at rest."""
        services, pools = await self.wishes(), await self.items(POOLS)
        said = oracle.complaints(services, oracle.pools(pools)) + oracle.untold(services, await self.items(EVENTS))
        return said + oracle.miscounted(services, pools)

    async def moved(self, before: Iterable[Wish]) -> list[str]:
        """Who lost since `before` what it might have kept."""
        return oracle.moved(before, await self.wishes(), oracle.pools(await self.items(POOLS)))

    async def calm(self) -> bool:
        """Waits until all is well and nothing is written any more; True if the controller died before."""
        end, seen, since, said = time.monotonic() + SETTLES_S, -1, 0.0, list[str]()
        while not self.died:
            if len(self.writes) != seen:
                seen, since = len(self.writes), time.monotonic()
            if time.monotonic() > since + QUIET_S:
                said = await self.complaints()
                if not said and not self.died and len(self.writes) == seen:
                    return False
            assert time.monotonic() < end, said or self.writes[-5:]
            await asyncio.sleep(LOOK_S)
        self.died = False
        return True


async def _half(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body[: len(body) // 2]
    raise ConnectionResetError


class Mortal(Protocol):
    """A life of the controller."""

    async def crash(self) -> None:
        """SIGKILL; it is gone."""


class Play:
    """A cluster in which users do what `fakes.lives` says, and a controller that is struck."""

    def __init__(
        self, stage: Stage, at: int = 0, fate: str = KILLED_BEFORE, *, dark: bool = False, every: int = 0
    ) -> None:
        """`dark` says that users go on with their next turn before the controller is started again."""
        self.stage, self.dark = stage, dark
        self.struck = Struck(stage, at, fate, every)
        stage.server.handler = self.struck
        self._lives = 0

    async def start(self) -> Mortal:
        """The next life of the pod."""
        self._lives += 1
        rival = Rival(self.stage, f"life-{self._lives}", pod=POD)
        self.struck.kill = rival._task.cancel
        return rival

    async def act(self, turn: Iterable[Do]) -> None:
        """What users do in one turn."""
        for do in turn:
            kind = MERGE if do.method == "PATCH" else "application/json"
            answer = await self.stage.rest.ask(do.method, do.path, do.body, kind)
            assert answer.status < 300, answer.body

    async def run(self) -> list[str]:
        """All turns; what was wrong."""
        await self.act(lives.BEFORE)
        rival, turns, wrong = await self.start(), iter(lives.TURNS), list[str]()
        try:
            for turn in turns:
                before = [await self.struck.wishes()]  # a life, and what it had to keep
                await self.act(turn)
                while await self.struck.calm():
                    await rival.crash()
                    await self.struck.ended()
                    left = await self.struck.wishes()
                    before = [left] if self.dark else [*before, left]
                    if self.dark:
                        await self.act(next(turns, ()))
                    rival = await self.start()
                for had in before:
                    wrong += await self.struck.moved(had)
        finally:
            await rival.crash()
        return wrong + self.struck.broken
