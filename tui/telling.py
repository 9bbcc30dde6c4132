"""A cluster's state on the terminal, once or for as long as it changes, and the exit code that goes with it."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from typing import TYPE_CHECKING

import click

from pylb.tui.asking import OK, PROBLEM, UNREACHABLE

if TYPE_CHECKING:
    from pylb.kube.credentials import Credentials
    from pylb.tui.recording import Recording
    from pylb.tui.state import State


def print_once(found: Credentials | None, recording: Recording | None, namespace: str = "") -> int:
    """Print a cluster's state, or that at the end of a recording, as a table; gives the exit code."""
    if recording is not None:
        return print_replayed(recording, recording.began + recording.duration, "table", "")
    assert found is not None  # noqa: S101 - there is one or the other
    return print_live(found, namespace, "table", "")


def print_live(found: Credentials, namespace: str, output: str, wanted: str, *, watch: bool = False) -> int:
    """Print a cluster's state, once or for as long as it changes; gives the exit code."""
    from pylb.tui import printed
    from pylb.tui.once import collect
    from pylb.tui.source import ClusterSource
    from pylb.tui.watching import follow

    logging.disable(logging.WARNING)  # what cannot be read is said below, once
    source = ClusterSource(found, namespace=namespace)
    if watch:
        view = printed.Changes(source.name, output, wanted)
        state = asyncio.run(follow(source, view, lambda text: click.echo(text, nl=False), interrupted, time.time))
    else:
        state = asyncio.run(collect(source))
    if is_unseen(state, source.name):
        return UNREACHABLE
    return _finish(state, time.time(), source.name, "" if watch else output, wanted)


def is_unseen(state: State, name: str) -> bool:
    """Whether not even the Services were seen, which is said."""
    from pylb.tui.facts import Kind

    if state.listed.get(Kind.SERVICE):
        return False
    refused = "" if state.link.reason else state.denied.get(Kind.SERVICE, "")
    if refused:
        hint = "bind yourself to the ClusterRole pylb-viewer"
        click.echo(f"the cluster at {name} lets no Services be read: {hint} ({refused})", err=True)
        return True
    reason = state.link.reason or "it answers, but does not let Services be read"
    click.echo(f"the cluster at {name} cannot be reached: {reason}", err=True)
    return True


def _finish(state: State, now: float, name: str, output: str, wanted: str) -> int:
    """Print a state in one of the formats ("" prints nothing); gives the exit code."""
    from pylb.tui import document, printed, rows

    found = rows.matching(rows.services(state, now), wanted)
    if output:
        click.echo(printed.written(state, now, name, output, wanted), nl=False)
    return PROBLEM if document.has_problems(found, state, now) else OK


def print_replayed(recording: Recording, at: float, output: str, wanted: str) -> int:
    """Print what a recording knows at a time; gives the exit code."""
    from pylb.tui.recording import state_at

    state = state_at(recording, at)
    for remark in state.remarks:
        click.echo(remark, err=True)
    return _finish(state, at, recording.header.source, output, wanted)


def interrupted() -> asyncio.Event:
    """Set by SIGINT and SIGTERM; to be asked for in the loop that waits for it."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
