"""`pylb tui`: the screen, or, where there is no terminal for it, the same as plain text once."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import sys
import time
from collections.abc import Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pylb.tui.source import ClusterSource

OK, PROBLEM, UNREACHABLE = 0, 1, 3  # exit codes; 2 is click's, for wrong input
LOG_BYTES = 1_000_000  # of each of two files
POOR_TERMINALS = frozenset({"linux", "vt100", "vt220", "ansi"})  # their fonts lack round corners and thin bars


@click.command()
@click.option("--kubeconfig", metavar="FILE", help="How to reach the cluster (default: the usual places).")
@click.option("--context", metavar="NAME", help="A context of the kubeconfig (default: its current one).")
@click.option("-n", "--namespace", default="", metavar="NAME", help="Only Services of this namespace.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters alone.")
@click.option("--once", is_flag=True, help="Print what stands now, and exit: 0 all is well, 1 something is not.")
def tui(kubeconfig: str | None, context: str | None, namespace: str, ascii_only: bool, once: bool) -> None:
    """Show addresses, nodes and events live.

    Where the output is no terminal, it prints once what it sees. Exit codes: 0 fine, 1 a problem is shown (only with
    --once), 2 wrong input, 3 the cluster cannot be reached, or no kubeconfig was found.
    """
    source = _source(kubeconfig, context, namespace)
    streams = (sys.__stdin__, sys.__stdout__, sys.__stderr__)
    why = "" if once else screenless(os.environ, all(stream is not None and stream.isatty() for stream in streams))
    if once or why:
        if why:
            click.echo(f"{why}: printing once", err=True)
        sys.exit(_print_once(source))
    utf8 = is_utf8(os.environ)
    poor = not utf8 or os.environ.get("TERM") in POOR_TERMINALS
    _keep_screen_clean("utf-8" if utf8 else "ascii")
    from pylb.tui.app import run  # Textual: 0.3 s, which --once and --help need not pay

    run(source, ascii_only=ascii_only or poor)


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


def _source(kubeconfig: str | None, context: str | None, namespace: str) -> ClusterSource:
    from pylb.kube import credentials
    from pylb.kube.errors import NoCluster
    from pylb.tui.source import ClusterSource

    try:
        found = credentials.load(kubeconfig, context=context)
    except NoCluster as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    return ClusterSource(found, namespace=namespace)


def _print_once(source: ClusterSource) -> int:
    from pylb.tui import printed, rows
    from pylb.tui.facts import Kind
    from pylb.tui.once import collect

    logging.disable(logging.WARNING)  # what cannot be read is said below, once
    state = asyncio.run(collect(source))
    if Kind.SERVICE not in state.listed:
        reason = state.link.reason or "it answers, but does not let Services be read"
        click.echo(f"the cluster at {source.name} cannot be reached: {reason}", err=True)
        return UNREACHABLE
    now = time.time()
    for line in printed.report(state, now):
        click.echo(line)
    return PROBLEM if printed.has_problems(rows.services(state, now), state) else OK


def _keep_screen_clean(encoding: str) -> None:
    """Nothing but the screen may be written to the terminal: logs go to a file, and text in what it can show.

    Textual writes to the interpreter's own stderr, and where that is not UTF-8 it would print escapes for each frame.
    """
    stream = sys.__stderr__
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding=encoding, errors="replace")
    logging.basicConfig(level=logging.INFO, handlers=[_log_file(os.environ)])


def _log_file(environ: Mapping[str, str]) -> logging.Handler:
    home = environ.get("XDG_STATE_HOME") or Path(environ.get("HOME", "/nonexistent")) / ".local" / "state"
    path = Path(home) / "pylb" / "tui.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8")
    except OSError:
        return logging.NullHandler()
