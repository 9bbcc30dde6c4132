"""Look once: run a source until the first whole picture is there, or a limit is reached."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from pylb.tui.facts import Kind
from pylb.tui.inbox import Inbox
from pylb.tui.reporters import COMPONENT
from pylb.tui.seams import Source
from pylb.tui.state import State
from pylb.tui.store import fold_all

LIMIT_S = 10.0  # for the objects of the API
SPEAKERS_S = 2.5  # more, for our pods to answer: they add to the picture, and may be out of reach
STEP_S = 0.05
NEEDED = frozenset({Kind.SERVICE, Kind.NODE, Kind.POD, Kind.STATUS, Kind.NOTE})


async def collect(source: Source, now: Callable[[], float] = time.monotonic) -> State:
    """The state after a look of at most LIMIT_S + SPEAKERS_S seconds; as much of it as came."""
    inbox, state = Inbox(), State()
    task = asyncio.ensure_future(source.run(inbox.put))
    started, listed_at = now(), None
    try:
        while not task.done():
            await asyncio.sleep(STEP_S)
            state = fold_all(state, inbox.drain())
            if listed_at is None and state.listed.keys() >= NEEDED and state.config is not None:
                listed_at = now()
            if _over(state, now() - started, None if listed_at is None else now() - listed_at):
                break
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return fold_all(state, inbox.drain())


def _over(state: State, waited: float, listed_for: float | None) -> bool:
    if state.link.online is False and Kind.SERVICE not in state.listed:
        return True
    if listed_for is None:
        return waited >= LIMIT_S
    asked = {pod.node for pod in state.pods.values() if pod.labels.get(COMPONENT) == "speaker"}
    led = state.contests_at > 0 or all(pod.labels.get(COMPONENT) != "controller" for pod in state.pods.values())
    return (state.speakers.keys() >= asked and led) or listed_for >= SPEAKERS_S
