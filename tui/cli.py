"""`pylb tui`: the screen, or, where there is no terminal for it, the same as plain text once; and `pylb history`."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import sys
from collections.abc import Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pylb.core import history as core_history
from pylb.tui import asking, telling

if TYPE_CHECKING:
    from pylb.kube.credentials import Credentials
    from pylb.kube.errors import ClusterError

LOG_BYTES = 1_000_000  # of each of two files
POOR_TERMINALS = frozenset({"linux", "vt100", "vt220", "ansi"})  # their fonts lack round corners and thin bars


@click.command()
@asking.reaching()
@click.option("-n", "--namespace", default="", metavar="NAME", help="Only Services of this namespace.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters alone.")
@click.option("--theme", metavar="NAME", help="Colours, such as pylb-dark, pylb-light, pylb-contrast.")
@click.option("--mouse/--no-mouse", default=None, help="Take the mouse, or leave it to the terminal.")
@click.option(
    "--write", is_flag=True, help="Let keys change the cluster: P pin, u unpin, M move, D drain, R rebalance."
)
@click.option("--replay", type=click.Path(path_type=Path), metavar="FILE", help="Play what pylb record wrote.")
def tui(
    kubeconfig: str | None,
    context: str | None,
    namespace: str,
    ascii_only: bool,
    theme: str | None,
    mouse: bool | None,
    write: bool,
    replay: Path | None,
) -> None:
    """Show addresses, nodes and events live.

    Where the output is no terminal, it prints what `pylb status` prints, with its exit codes: 1 where a problem is
    shown. Else: 0 fine, 1 the screen broke, 2 wrong input, 3 no kubeconfig was found.
    """
    if replay is not None:
        asking.refuse_namespace(namespace)
        if write:
            raise click.UsageError("--write is of a cluster: nothing can be changed in a recording")
    if theme:
        _check_theme(theme)
    recording = asking.loaded(replay) if replay is not None else None
    found = asking.credentials(kubeconfig, context) if recording is None else None
    streams = (sys.__stdin__, sys.__stdout__, sys.__stderr__)
    why = screenless(os.environ, all(stream is not None and stream.isatty() for stream in streams))
    if why:
        click.echo(f"{why}: this is what pylb status prints", err=True)
        sys.exit(telling.print_once(found, recording, namespace))
    utf8 = is_utf8(os.environ)
    poor = not utf8 or os.environ.get("TERM") in POOR_TERMINALS
    _keep_screen_clean("utf-8" if utf8 else "ascii")
    from pylb.tui import start  # Textual: 0.3 s, which pipes and --help need not pay
    from pylb.tui.falling import BROKE
    from pylb.tui.hands import ClusterHands
    from pylb.tui.preferences import PreferencesError
    from pylb.tui.reel import Reel
    from pylb.tui.replay import ReplaySource
    from pylb.tui.source import ClusterSource

    try:
        options = start.prepare(theme, mouse, ascii_only=ascii_only or poor, write=write)
    except PreferencesError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(asking.WRONG_INPUT)
    if recording is not None:
        played = ReplaySource(recording)
        ended = start.run(played, options, [Reel(played, recording)], now=played.now)
    else:
        cluster = [
            *(["--kubeconfig", kubeconfig] if kubeconfig else []),
            *(["--context", context] if context else []),
        ]
        assert found is not None  # noqa: S101 - there is a recording or a cluster
        ended = start.run(ClusterSource(found, namespace=namespace), options, hands=ClusterHands(found, cluster))
    if not ended:
        click.echo(f"Error: {BROKE.format(log=_log_path(os.environ))}", err=True)
        sys.exit(asking.PROBLEM)


@click.command()
@asking.reaching()
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "jsonl"]),
    default="table",
    help="How to print (default: table).",
)
def history(kubeconfig: str | None, context: str | None, output: str) -> None:
    """List the last 200 moves of addresses, newest last: when, from where to where, why, and how long it took.

    DETECTED runs from the last sign of an owner that was lost to the decision to take over, ANNOUNCED to the first
    announcement. A line with <- tells of a node that answered for another for a while: nothing moved. Exit codes: 0
    fine, 1 there is no history or it may not be read, 2 wrong input, 3 the cluster cannot be reached, or no kubeconfig
    was found.
    """
    from pylb.kube.errors import ClusterError, Unauthorized, Unreachable
    from pylb.tui import moves

    try:
        found = asyncio.run(_moves(asking.credentials(kubeconfig, context)))
    except ClusterError as error:
        click.echo(f"Error: {_told(error)}", err=True)
        sys.exit(asking.UNREACHABLE if isinstance(error, (Unreachable, Unauthorized)) else asking.PROBLEM)
    if output == "json":
        click.echo(json.dumps(moves.objects(found), indent=2))
    elif output == "jsonl":
        click.echo(core_history.render(found), nl=False)
    else:
        for line in moves.table(found) if found else ("nothing has moved so far",):
            click.echo(line)


def _told(error: ClusterError) -> str:
    """What keeps the history from being read, and what helps."""
    from pylb.kube.errors import Forbidden, NotFound

    where = f"the ConfigMap {core_history.NAMESPACE}/{core_history.NAME}"
    if isinstance(error, NotFound):
        return f"{where} is not there: pylb install makes it"
    if isinstance(error, Forbidden):
        return f"{where} may not be read: bind yourself to the ClusterRole pylb-viewer ({error})"
    return f"{where} cannot be read: {error}"


async def _moves(found: Credentials) -> tuple[core_history.Entry, ...]:
    from pylb.kube.client import Client

    path = f"/api/v1/namespaces/{core_history.NAMESPACE}/configmaps/{core_history.NAME}"
    async with Client(found, user_agent="pylb-history") as client:
        data = (await client.get(path)).get("data")
    return core_history.parse(data.get(core_history.KEY) if isinstance(data, dict) else None)


def _check_theme(name: str) -> None:
    """Exit with the names there are, where this is none of them."""
    from pylb.tui import start
    from pylb.tui.preferences import PreferencesError

    try:
        start.check_theme(name, "--theme")
    except PreferencesError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(asking.WRONG_INPUT)


def screenless(environ: Mapping[str, str], is_terminal: bool) -> str:
    """Why the screen cannot be drawn; "" where it can. Textual draws on stderr and reads keys from stdin."""
    if not is_terminal:
        return "this is no terminal"
    if environ.get("TERM", "") in ("", "dumb"):
        return f"the terminal cannot place text (TERM={environ.get('TERM', '')!r})"
    return ""


def is_utf8(environ: Mapping[str, str]) -> bool:
    """Whether the terminal takes UTF-8, as far as the locale tells; no word of a locale is taken for yes."""
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        value = environ.get(name)
        if value:
            return value in ("C", "POSIX") or "utf-8" in value.lower() or "utf8" in value.lower()
    return True


def _keep_screen_clean(encoding: str) -> None:
    """Nothing but the screen may be written to the terminal: logs go to a file, and text in what it can show.

    Textual writes to the interpreter's own stderr, and where that is not UTF-8 it would print escapes for each frame.
    """
    stream = sys.__stderr__
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding=encoding, errors="replace")
    logging.basicConfig(level=logging.INFO, handlers=[_log_file(os.environ)])


def _log_path(environ: Mapping[str, str]) -> Path:
    home = environ.get("XDG_STATE_HOME") or Path(environ.get("HOME", "/nonexistent")) / ".local" / "state"
    return Path(home) / "pylb" / "tui.log"


def _log_file(environ: Mapping[str, str]) -> logging.Handler:
    path = _log_path(environ)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8")
    except OSError:
        return logging.NullHandler()
