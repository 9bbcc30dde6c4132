"""What a command is asked with: the cluster, the recording, the filter, the time. What is wrong ends it with one line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pylb.kube.credentials import Credentials
    from pylb.tui.recording import Recording

OK, PROBLEM, WRONG_INPUT, UNREACHABLE = 0, 1, 2, 3  # exit codes; 2 is click's, too
Decorator = Callable[[Callable[..., None]], Callable[..., None]]


def reaching() -> Decorator:
    """The options of every command that talks to a cluster."""
    kubeconfig = click.option(
        "--kubeconfig", metavar="FILE", help="How to reach the cluster (default: the usual places)."
    )
    context = click.option("--context", metavar="NAME", help="A context of the kubeconfig (default: its current one).")
    return lambda command: kubeconfig(context(command))


def credentials(kubeconfig: str | None, context: str | None) -> Credentials:
    """How to reach the cluster; exits with a line that says what is wrong where nothing is known."""
    from pylb.kube import credentials as kube_credentials
    from pylb.kube.errors import NoCluster

    try:
        return kube_credentials.load(kubeconfig, context=context)
    except NoCluster as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)


def check_filter(wanted: str) -> None:
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


def moment(recording: Recording, text: str | None) -> float:
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
