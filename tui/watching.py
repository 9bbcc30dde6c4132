"""A source that is followed: what it changes is printed as it comes, until somebody stops it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from pylb.tui.facts import Kind
from pylb.tui.inbox import Inbox
from pylb.tui.once import NEEDED, is_whole
from pylb.tui.seams import Source
from pylb.tui.state import State
from pylb.tui.store import fold_all

LOOK_S = 0.25  # between two looks at what came in


class View(Protocol):
    """What is printed of a state."""

    def show(self, state: State, now: float) -> str:
        """The text of what is new in a state; "" where nothing is."""


async def follow(
    source: Source,
    view: View,
    write: Callable[[str], None],
    interrupted: Callable[[], asyncio.Event],
    now: Callable[[], float],
) -> State:
    """Print until `interrupted` is set; gives the last state. A cluster that is not there at the start ends it."""
    stop, inbox, state = interrupted(), Inbox(), State()
    task = asyncio.ensure_future(source.run(inbox.put))
    stopping = asyncio.ensure_future(stop.wait())
    loop = asyncio.get_running_loop()
    began, listed_at, whole = loop.time(), None, False
    try:
        while not stop.is_set() and not task.done():
            await asyncio.wait({task, stopping}, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
            state = fold_all(state, inbox.drain())
            if listed_at is None and state.listed.keys() >= NEEDED:
                listed_at = loop.time()
            listed_for = None if listed_at is None else loop.time() - listed_at
            whole = whole or is_whole(state, loop.time() - began, listed_for)
            if whole and Kind.SERVICE not in state.listed:
                break
            if whole:
                write(view.show(state, now()))
    finally:
        for one in (task, stopping):
            one.cancel()
        await asyncio.gather(task, stopping, return_exceptions=True)
    return state
