"""Look once: run a source until the first whole picture is there, or a limit is reached."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from pylb.core.places import OWN_NAMESPACE
from pylb.tui.facts import Kind
from pylb.tui.inbox import Inbox
from pylb.tui.reporters import COMPONENT
from pylb.tui.seams import Source
from pylb.tui.state import State
from pylb.tui.store import fold_all

LIMIT_S = 10.0  # for the objects of the API
SPEAKERS_S = 2.5  # more, for our pods to answer: they add to the picture, and may be out of reach
STEP_S = 0.05
CALM_S = 0.15  # without an event: speakers tell first what happened before, and who moved when is in that
NEEDED = frozenset({Kind.SERVICE, Kind.NODE, Kind.POD, Kind.STATUS, Kind.NOTE, Kind.SLICE, Kind.CONFIG, Kind.HISTORY})


async def collect(source: Source, now: Callable[[], float] = time.monotonic) -> State:
    """The state after a look of at most LIMIT_S + SPEAKERS_S seconds; as much of it as came."""
    inbox, state, calm = Inbox(), State(), Calm()
    task = asyncio.ensure_future(source.run(inbox.put))
    started, listed_at = now(), None
    try:
        while not task.done():
            await asyncio.sleep(STEP_S)
            state = fold_all(state, inbox.drain())
            if listed_at is None and state.listed.keys() >= NEEDED:
                listed_at = now()
            listed_for = None if listed_at is None else now() - listed_at
            if is_whole(state, now() - started, listed_for) and (
                listed_for is None or listed_for >= SPEAKERS_S or calm.lasts(state, now()) >= CALM_S
            ):
                break
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return fold_all(state, inbox.drain())


class Calm:
    """How long no event has come since this was first asked: a stream does not say where what is past ends."""

    def __init__(self) -> None:
        self._seen: tuple[object, ...] | None = None
        self._since = 0.0

    def lasts(self, state: State, now: float) -> float:
        """Seconds since the events last changed."""
        if self._seen is not state.events:
            self._seen, self._since = state.events, now
        return now - self._since


def is_whole(state: State, waited: float, listed_for: float | None) -> bool:
    """Whether nobody need wait any longer, after `waited` s in all and `listed_for` s since everything was listed."""
    if state.link.online is False and Kind.SERVICE not in state.listed:
        return True
    if listed_for is None:
        return waited >= LIMIT_S
    ours = [pod for pod in state.pods.values() if pod.namespace == OWN_NAMESPACE]
    asked = {pod.node for pod in ours if pod.labels.get(COMPONENT) == "speaker"}
    led = state.contests_at > 0 or all(pod.labels.get(COMPONENT) != "controller" for pod in ours)
    return (state.speakers.keys() >= asked and led) or listed_for >= SPEAKERS_S
