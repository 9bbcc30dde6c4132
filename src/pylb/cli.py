"""The `pylb` command: one click group; each part brings its own subcommands, which are imported when they are called."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import Any

import click

from pylb import __version__

# command -> "module:attribute" that holds it, and its line in --help; the modules are heavy, the table is not
COMMANDS = {
    "tui": ("pylb.tui.cli:tui", "Show addresses, nodes and events live."),
    "status": ("pylb.tui.commands:status", "Print pools and Services, for people or for programs."),
    "explain": ("pylb.tui.commands:explain", "Tell why a Service has its address, or waits, and what helps."),
    "record": ("pylb.tui.commands:record", "Write down all that is seen; tui --replay plays it."),
    "history": ("pylb.tui.cli:history", "List the last moves: when, where, why, and how long each took."),
    "demo": ("pylb.demo.cli:demo", "Watch it work: three nodes, a Service, a cable that is pulled."),
    "lab": ("pylb.lab.cli:lab", "A LAN of network namespaces to try things on."),
    "install": ("pylb.install.commands:install", "Install pylb on a cluster, after a look at your network."),
    "uninstall": ("pylb.install.commands:uninstall", "Remove it; pools stay unless --purge."),
    "rollback": ("pylb.install.commands:rollback", "Return to MetalLB after install --takeover."),
    "restore": ("pylb.install.commands:restore", "Bring back the pools that install --takeover saved."),
    "manifests": ("pylb.install.commands:manifests", "Print what is installed, as YAML."),
    "check": ("pylb.check.cli:check", "Look at manifests before they are applied."),
    "doctor": ("pylb.install.doctor:doctor", "Tell whether everything is in place, and what to type if not."),
    "drain": ("pylb.operate.cli:drain", "Hand a node's addresses to others, before you work on it."),
    "undrain": ("pylb.operate.cli:undrain", "Let it own addresses again."),
    "move": ("pylb.operate.cli:move", "Move one address to a node, once."),
    "rebalance": ("pylb.operate.cli:rebalance", "Move each address to the first node of its line."),
    "import": ("pylb.operate.transfer:import_", "Turn MetalLB's old ConfigMap into resources; addresses stay."),
    "export": ("pylb.operate.transfer:export", "Back up pools, and which Service has which address."),
    "controller": ("pylb.controller.cli:controller", "Run the controller (the Deployment does)."),
    "speaker": ("pylb.speaker.cli:speaker", "Run the speaker of a node (the DaemonSet does)."),
}
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})  # what is printed has no place to go
PARTS = {"textual": "tui", "kubernetes": "auth"}  # package -> the extra that brings it


class Parts(click.Group):
    """A group whose commands are imported only when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        where, attribute = COMMANDS[cmd_name][0].split(":")
        try:
            command = getattr(importlib.import_module(where), attribute)
        except ModuleNotFoundError as error:
            raise (_missing(error, cmd_name) or error) from None
        assert isinstance(command, click.Command)  # noqa: S101 - the table above is ours
        return command

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run, and say in one line that the output took no more; a reader that is gone is click's to see to."""
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            if error.errno not in FULL or error.filename is not None:
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what still waits to be written would fail once more
            click.echo(f"Error: the output cannot be written: {error.strerror}", err=True)
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; what it imports late may be missing, too."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            raise (_missing(error, ctx.invoked_subcommand or "tui") or error) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _missing(error: ModuleNotFoundError, command: str) -> click.ClickException | None:
    """What to say where a module is missing; None where that is a mistake of ours."""
    name = (error.name or "").split(".")[0]
    if name == "pylb":  # the image has the daemons alone
        return click.ClickException(f"{command} is no part of this installation of pylb")
    if name not in PARTS:
        return None
    if os.environ.get("SNAP"):  # which brings all of them
        return click.ClickException(f"{name} is missing in this snap: build or install it anew (docs/snap.md)")
    return click.ClickException(f"{name} is not installed; try: {sys.executable} -m pip install 'pylb[{PARTS[name]}]'")


@click.group(
    cls=Parts,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "PYLB"},
)
@click.version_option(__version__, prog_name="pylb")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Addresses of your home network for the Services of your bare-metal Kubernetes.

    Without a command it opens the screen, if there is a terminal for one.
    """
    if ctx.invoked_subcommand is not None:
        return
    screen = (
        main.get_command(ctx, "tui") if all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)) else None
    )
    if screen is None:
        click.echo(ctx.get_help())
        ctx.exit(2)
    ctx.invoke(screen)
