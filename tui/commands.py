"""`pylb status`, `pylb record` and `pylb explain`: what they ask, what they print, and their exit codes."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pylb.kube.credentials import Credentials
    from pylb.tui.recorder import Recorder
    from pylb.tui.recording import Recording
    from pylb.tui.source import ClusterSource
    from pylb.tui.state import State

OK, PROBLEM, WRONG_INPUT, UNREACHABLE = 0, 1, 2, 3  # exit codes; 2 is click's, too
FORMATS = ("table", "wide", "json", "yaml", "jsonl")
Decorator = Callable[[Callable[..., None]], Callable[..., None]]


def reaching() -> Decorator:
    """The options of every command that talks to a cluster."""
    kubeconfig = click.option(
        "--kubeconfig", metavar="FILE", help="How to reach the cluster (default: the usual places)."
    )
    context = click.option("--context", metavar="NAME", help="A context of the kubeconfig (default: its current one).")
    return lambda command: kubeconfig(context(command))


@click.command()
@reaching()
@click.option("-n", "--namespace", default="", metavar="NAME", help="Only Services of this namespace.")
@click.option("-o", "--output", type=click.Choice(FORMATS), default="table", help="How to print (default: table).")
@click.option(
    "--filter", "wanted", default="", metavar="TEXT", help="Only Services that match: words, st:pend, ns:web …"
)
@click.option("--watch", is_flag=True, help="Go on, and print what changes, until it is interrupted.")
@click.option("--replay", type=click.Path(path_type=Path), metavar="FILE", help="Of a recording instead of a cluster.")
@click.option("--at", metavar="TIME", help="At which time of it: seconds from its beginning, or 2026-11-20T14:03:22.")
def status(
    kubeconfig: str | None,
    context: str | None,
    namespace: str,
    output: str,
    wanted: str,
    watch: bool,
    replay: Path | None,
    at: str | None,
) -> None:
    """Print pools, Services and what is wrong, for people or for programs.

    Exit codes: 0 fine, 1 a problem is shown, 2 wrong input, 3 the cluster cannot be reached, or no kubeconfig was found.
    The keys of json, yaml and jsonl are listed in docs/status.md and stay.
    """
    _check_filter(wanted)
    if replay is None:
        if at is not None:
            raise click.UsageError("--at needs --replay FILE")
        found = credentials(kubeconfig, context)
        sys.exit(print_live(found, namespace, output, wanted, watch=watch))
    if watch:
        raise click.UsageError("--watch is of a cluster: a recording is over")
    refuse_namespace(namespace)
    recording = loaded(replay)
    sys.exit(_print_replayed(recording, _moment(recording, at), output, wanted))


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@reaching()
@click.option("-n", "--namespace", default="", metavar="NAME", help="Only Services of this namespace.")
def record(file: Path, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Write down all that is seen, until it is interrupted; `pylb tui --replay FILE` plays it.

    No secret is in it, and nobody else may read it. After 20 MiB it goes on in a new file, and the full one is FILE.1.
    Exit codes: 0 interrupted, 1 the file cannot be written any more, 2 wrong input, 3 no cluster can be reached.
    """
    from pylb.tui.recorder import Recorder, RecordingFault
    from pylb.tui.source import ClusterSource, unreached

    logging.disable(logging.WARNING)
    found = credentials(kubeconfig, context)
    source = ClusterSource(found, namespace=namespace)
    if away := asyncio.run(unreached(found)):
        click.echo(f"the cluster at {source.name} cannot be reached: {away}", err=True)
        sys.exit(UNREACHABLE)
    try:
        recorder = Recorder(file, source.name, time.time)
    except RecordingFault as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(WRONG_INPUT)
    click.echo(f"recording {source.name} to {file}; Ctrl-C ends it", err=True)
    try:
        asyncio.run(_record(source, recorder))
    except RecordingFault as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(PROBLEM)
    click.echo(f"{recorder.lines} facts are in {file}", err=True)


async def _record(source: ClusterSource, recorder: Recorder) -> None:
    from pylb.tui.recorder import record as run

    await run(source, recorder, _interrupted())


@click.command()
@click.argument("service", metavar="NAMESPACE/NAME")
@reaching()
@click.option(
    "-o", "--output", type=click.Choice(("table", "json")), default="table", help="How to print (default: table)."
)
@click.option("--probe", is_flag=True, help="Look from this host who answers on the wire.")
def explain(service: str, kubeconfig: str | None, context: str | None, output: str, probe: bool) -> None:
    """Tell why a Service has its address, or waits; whether it is announced and answered; and what helps.

    Exit codes: 0 fine, 1 something fails, 2 wrong input, 3 the cluster cannot be reached, or no kubeconfig was found.
    """
    namespace, slash, name = service.partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise click.BadParameter(f"{service!r} is not NAMESPACE/NAME, such as default/web", param_hint="NAMESPACE/NAME")
    sys.exit(_explain(credentials(kubeconfig, context), service, output, probe=probe))


def credentials(kubeconfig: str | None, context: str | None) -> Credentials:
    """How to reach the cluster; exits with a line that says what is wrong where nothing is known."""
    from pylb.kube import credentials as kube_credentials
    from pylb.kube.errors import NoCluster

    try:
        return kube_credentials.load(kubeconfig, context=context)
    except NoCluster as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)


def _check_filter(wanted: str) -> None:
    """Refuse a filter that would keep everything, or nothing, for a slip of the pen."""
    from pylb.tui import filters, rows

    slip = filters.wrong(wanted, (word.name for word in rows.Word))
    if slip:
        raise click.BadParameter(slip, param_hint="--filter")


def refuse_namespace(namespace: str) -> None:
    """A recording holds what was asked for then: it is not narrowed without a word."""
    if namespace:
        raise click.UsageError(f"-n is of a cluster: of a recording, filter by ns:{namespace}")


def loaded(file: Path) -> Recording:
    """A recording; exits with a line that names what is wrong where it is none."""
    from pylb.tui import recording

    try:
        return recording.load(file)
    except recording.UnreadableRecording as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(WRONG_INPUT)


def print_once(found: Credentials | None, recording: Recording | None, namespace: str = "") -> int:
    """Print a cluster's state, or that at the end of a recording, as a table; gives the exit code."""
    if recording is not None:
        return _print_replayed(recording, recording.began + recording.duration, "table", "")
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
        state = asyncio.run(follow(source, view, lambda text: click.echo(text, nl=False), _interrupted, time.time))
    else:
        state = asyncio.run(collect(source))
    if _unseen(state, source.name):
        return UNREACHABLE
    return _finish(state, time.time(), source.name, "" if watch else output, wanted)


def _unseen(state: State, name: str) -> bool:
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
    return PROBLEM if document.has_problems(found, state) else OK


def _print_replayed(recording: Recording, at: float, output: str, wanted: str) -> int:
    from pylb.tui.recording import state_at

    state = state_at(recording, at)
    for remark in state.remarks:
        click.echo(remark, err=True)
    return _finish(state, at, recording.header.source, output, wanted)


def _moment(recording: Recording, text: str | None) -> float:
    """The Unix time that somebody means; the end where he says none. Exits on what is no time of the recording."""
    last = recording.began + recording.duration
    if text is None:
        return last
    try:
        at = recording.began + float(text.removesuffix("s"))
    except ValueError:
        try:
            at = datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
        except (ValueError, OverflowError):
            hint = "write seconds from its beginning, such as 12.5, or 2026-11-20T14:03:22"
            raise click.BadParameter(f"{text!r} is no time: {hint}", param_hint="--at") from None
    if not recording.began <= at <= last:
        span = f"0 to {recording.duration:.0f} seconds from its beginning"
        raise click.BadParameter(f"{text!r} is outside of the recording, which has {span}", param_hint="--at")
    return at


def _explain(found: Credentials, service: str, output: str, *, probe: bool) -> int:
    from pylb.core import findings
    from pylb.core.diagnosis import some
    from pylb.tui import cases, printed
    from pylb.tui.once import collect
    from pylb.tui.source import ClusterSource

    logging.disable(logging.WARNING)
    source = ClusterSource(found)
    state = asyncio.run(collect(source))
    if _unseen(state, source.name):
        return UNREACHABLE
    if service not in state.services:
        known = some(sorted(state.services)) or "none"
        click.echo(f"Error: there is no Service {service} of type LoadBalancer; there is: {known}", err=True)
        return WRONG_INPUT
    if probe:
        state = asyncio.run(_probed(state, service))
    rows = cases.rows(state, cases.scenery(state, time.time()), service)
    if output == "json":
        click.echo(json.dumps({"service": service, "rows": findings.documents(rows)}, indent=2))
    else:
        for line in printed.explanation(service, rows):
            click.echo(line)
    return PROBLEM if findings.worst(rows) is findings.Mark.FAIL else OK


async def _probed(state: State, service: str) -> State:
    """The state with a look at each address of a Service."""
    from pylb.tui import probe
    from pylb.tui.store import fold_all

    one = state.services[service].service
    looks = [await probe.look(address, one.ports, state.nodes) for address in one.ingress]
    return fold_all(state, looks)


def _interrupted() -> asyncio.Event:
    """Set by SIGINT and SIGTERM; to be asked for in the loop that waits for it."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
