"""`pylb status`, `pylb record` and `pylb explain`: what they ask, what they print, and their exit codes."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pylb.tui.asking import (
    OK,
    PROBLEM,
    UNREACHABLE,
    WRONG_INPUT,
    check_filter,
    credentials,
    loaded,
    moment,
    reaching,
    refuse_namespace,
)
from pylb.tui.telling import interrupted, is_unseen, print_live, print_replayed

if TYPE_CHECKING:
    from pylb.kube.credentials import Credentials
    from pylb.tui.recorder import Recorder
    from pylb.tui.source import ClusterSource
    from pylb.tui.state import State

FORMATS = ("table", "wide", "json", "yaml", "jsonl")


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
    check_filter(wanted)
    if replay is None:
        if at is not None:
            raise click.UsageError("--at needs --replay FILE")
        found = credentials(kubeconfig, context)
        sys.exit(print_live(found, namespace, output, wanted, watch=watch))
    if watch:
        raise click.UsageError("--watch is of a cluster: a recording is over")
    refuse_namespace(namespace)
    recording = loaded(replay)
    sys.exit(print_replayed(recording, moment(recording, at), output, wanted))


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

    await run(source, recorder, interrupted(), lambda text: click.echo(text, err=True))


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


def _explain(found: Credentials, service: str, output: str, *, probe: bool) -> int:
    from pylb.core.explanation import findings
    from pylb.core.several import some
    from pylb.tui import cases, printed
    from pylb.tui.once import collect
    from pylb.tui.source import ClusterSource

    logging.disable(logging.WARNING)
    source = ClusterSource(found)
    state = asyncio.run(collect(source))
    if is_unseen(state, source.name):
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
