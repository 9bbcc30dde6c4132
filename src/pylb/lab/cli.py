"""`pylb lab …`: the lab's commands. Words in, orders to a lab out; exit codes 0, 1, 2 and 3 as everywhere in pylb."""

from __future__ import annotations

import contextlib
import functools
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from pylb.lab.errors import BadInput, LabError
from pylb.lab.plan import DEFAULT_NAME, DEFAULT_NODES, DEFAULT_SUBNET, LINK, MAX_NODES, NIC
from pylb.lab.settings import PARTS, TENANT

F = TypeVar("F", bound=Callable[..., Any])


class _Plain(click.ClickException):
    def __init__(self, error: LabError) -> None:
        super().__init__(str(error))
        self.code = error.exit_code

    @property
    def exit_code(self) -> int:  # type: ignore[override]  # click has one per class, we have one per error
        return self.code


@contextlib.contextmanager
def _plainly() -> Iterator[None]:
    """A LabError as one line and its exit code."""
    try:
        yield
    except LabError as error:
        raise _Plain(error) from None


def _command(act: F) -> F:
    """A command that takes `--name` and tells errors plainly."""

    @functools.wraps(act)
    def run(*args: Any, **options: Any) -> Any:
        with _plainly():
            return act(*args, **options)

    option = click.option("--name", default=DEFAULT_NAME, show_default=True, help="Which lab.")
    return option(run)  # type: ignore[return-value]  # click's decorators keep the signature


def _order(name: str, do: str, **words: Any) -> dict[str, Any]:
    from pylb.lab.client import order

    return order(name, do, **words)


@click.group(name="lab")
def lab() -> None:
    """A LAN on this machine: nodes, a client, a router and pods in network namespaces, with real packets."""


@lab.command()
@click.option("--nodes", default=DEFAULT_NODES, show_default=True, help=f"How many nodes, 1 to {MAX_NODES}.")
@click.option("--subnet", default=DEFAULT_SUBNET, show_default=True, help="The LAN's network.")
@click.option("--bare", is_flag=True, help="The network alone: no API server, nothing that runs on the nodes.")
@click.option("--without", multiple=True, type=click.Choice(PARTS), help="Leave a part of pylb out.")
@click.option(
    "--second",
    type=click.Choice([NIC, LINK]),
    help="nic: each node has wlan0 on the LAN, too; link: there is a second LAN, and each host has eth2 on it.",
)
@click.option("--tenant", default=TENANT, hidden=True, help="What runs on the machines, as module:Class.")
@click.option("--option", "options", multiple=True, type=(str, str), hidden=True, help="A word for the tenant.")
@click.option("--lifeline", type=int, hidden=True, help="A descriptor; the lab ends at its end of file.")
@_command
def up(
    name: str,
    nodes: int,
    subnet: str,
    bare: bool,
    without: tuple[str, ...],
    second: str | None,
    tenant: str,
    options: tuple[tuple[str, str], ...],
    lifeline: int | None,
) -> None:
    """Run a lab in the foreground, and print one line of JSON when it stands. Ctrl-C ends it."""
    from pylb.lab import launch
    from pylb.lab.plan import plan
    from pylb.lab.settings import Settings

    plan(name, nodes, subnet, second or "")  # its errors are the user's
    settings = Settings(name, nodes, subnet, bare, without, tenant, dict(options), second or "")
    sys.exit(launch.up(settings, lifeline, functools.partial(print, flush=True)))


@lab.command(name="exec", context_settings={"ignore_unknown_options": True})
@click.argument("host")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@_command
def exec_(name: str, host: str, command: tuple[str, ...]) -> None:
    """Run COMMAND on HOST (client, router, n1, …, lan, or NAMESPACE/POD), here in this terminal."""
    from pylb.lab import enter

    where = _order(name, "where", host=host)
    try:
        code = enter.run(where["pid"], where["namespace"], command)
    except OSError as error:
        raise LabError(f"lab {name!r} cannot be entered: {error}") from None
    sys.exit(code)


_MANAGEMENT = click.option("--management", "wide", is_flag=True, help="The management cable as well.")
_ONLY = click.option("--only-management", "only", is_flag=True, help="The management cable alone.")
_SECOND = click.option("--second", is_flag=True, help="The second card's cable alone.")


def _plug(name: str, node: str, plugged: bool, *, wide: bool, only: bool, second: bool) -> None:
    if wide + only + second > 1:
        raise BadInput("--management, --only-management and --second contradict each other: leave one alone")
    cables = "second" if second else "management" if only else "both" if wide else "lan"
    click.echo(json.dumps(_order(name, "plug", node=node, cables=cables, plugged=plugged)))


@lab.command()
@click.argument("node")
@_MANAGEMENT
@_ONLY
@_SECOND
@_command
def cut(name: str, node: str, **which: bool) -> None:
    """Pull NODE's LAN cable; with --management, the cable to the API server too."""
    _plug(name, node, False, **which)


@lab.command()
@click.argument("node")
@_MANAGEMENT
@_ONLY
@_SECOND
@_command
def mend(name: str, node: str, **which: bool) -> None:
    """Plug NODE's LAN cable in again; with --management, the cable to the API server too."""
    _plug(name, node, True, **which)


@lab.command()
@click.argument("state", type=click.Choice(["off", "on"]))
@click.argument("node")
@_command
def power(name: str, state: str, node: str) -> None:
    """Take NODE's power, or give it back."""
    click.echo(json.dumps(_order(name, "power", node=node, on=state == "on")))


@lab.command()
@click.argument("action", type=click.Choice(["kill", "freeze", "thaw", "stop", "start"]))
@click.argument("node")
@_command
def speaker(name: str, action: str, node: str) -> None:
    """Kill, freeze, thaw, stop (in order) or start the speaker on NODE."""
    click.echo(json.dumps(_order(name, "speaker", action=action, node=node)))


@lab.command()
@click.argument("action", type=click.Choice(["stop", "start"]))
@click.argument("node")
@_command
def kubelet(name: str, action: str, node: str) -> None:
    """Stop or start the kubelet of NODE: its port, its heartbeat and its care for Pods."""
    click.echo(json.dumps(_order(name, "kubelet", action=action, node=node)))


@lab.command()
@_command
def status(name: str) -> None:
    """What is plugged in, powered and running, as JSON."""
    click.echo(json.dumps(_order(name, "status"), indent=2))


@lab.command()
@_command
def kubeconfig(name: str) -> None:
    """Print the path of the lab's kubeconfig: export KUBECONFIG=$(pylb lab kubeconfig)."""
    path = _order(name, "status")["kubeconfig"]
    if path is None:
        raise LabError("this lab is bare: it has no API server")
    click.echo(path)


@lab.command()
@click.argument("who")
@_command
def logs(name: str, who: str) -> None:
    """Print what a process of the lab printed: api, controller, speaker-n1, …"""
    click.echo(_order(name, "logs", who=who)["text"], nl=False)


@lab.command()
@_command
def down(name: str) -> None:
    """End a lab that runs elsewhere."""
    _order(name, "down")
