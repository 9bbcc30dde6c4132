"""`microk8s enable pylb` and `microk8s disable pylb`: what they ask, what they print, and their exit codes.

Exit codes: 0 done, 1 the cluster refused something, 2 wrong input, 3 the cluster cannot be reached.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Sequence

import click

from pylb import __version__
from pylb.addon import steps
from pylb.addon.kubectl import Kubectl, KubectlError, Unreachable, find
from pylb.addon.render import IMAGE, Settings, render, to_yaml
from pylb.addon.words import EXAMPLE, entry, read
from pylb.core.errors import ParseError
from pylb.core.ranges import Range

MAX_TRIES = 5  # answers to one question
KEY_BYTES = 32  # of randomness in each Secret
COMMAND = "microk8s enable pylb"
IMAGE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")
_HELP_NAMES = {"help_option_names": ["-h", "--help"]}
_KUBECTL = click.option(
    "--kubectl", metavar="COMMAND", default="", envvar="PYLB_KUBECTL", help="How kubectl is called on this machine."
)


class Refused(click.ClickException):
    """Wrong input: exit 2."""

    exit_code = 2


class Failed(click.ClickException):
    """The cluster refused something: exit 1."""

    exit_code = 1


class NoCluster(click.ClickException):
    """The cluster cannot be reached: exit 3."""

    exit_code = 3


@click.command(name="enable", context_settings=_HELP_NAMES, epilog=f"Example: {COMMAND} {EXAMPLE}")
@click.argument("ranges", nargs=-1)
@click.option("--no-pool", is_flag=True, help="Gives out no addresses until you make a pool yourself.")
@click.option("--image", metavar="NAME", default=IMAGE, show_default=True, help="The container image to run.")
@click.option("--dry-run", is_flag=True, help="Prints the manifests, with fresh keys, and changes nothing.")
@_KUBECTL
@click.pass_context
def enable(
    context: click.Context, ranges: tuple[str, ...], no_pool: bool, image: str, dry_run: bool, kubectl: str
) -> None:
    """Give Services of type LoadBalancer an address of your network.

    RANGES are addresses that nothing else uses, outside of what your router hands out by DHCP: 192.168.1.240-250,
    192.168.1.240/28, or IPv6; several are divided by blanks or commas. Without one you are asked.
    """
    if ranges == ("help",):
        click.echo(context.get_help())
        return
    if no_pool and ranges:
        raise Refused(f"--no-pool and {' '.join(ranges)} contradict each other: leave one of the two out")
    if not IMAGE_NAME.fullmatch(image):
        raise Refused(f"--image: {image!r} is no image name, such as {IMAGE}")
    settings = Settings(
        secrets.token_urlsafe(KEY_BYTES),
        secrets.token_urlsafe(KEY_BYTES),
        () if no_pool else tuple(entry(span) for span in _wanted(ranges)),
        image,
    )
    if dry_run:
        click.echo(to_yaml(render(settings)), nl=False)
        return
    client = _kubectl(kubectl)
    click.echo(f"Enabling pylb {__version__}")
    try:
        steps.reach(client)
        steps.enable(client, settings, click.echo)
    except KubectlError as error:
        raise _refusal(error, "What was done so far stays; type the same command again when that is mended.") from None
    click.echo(_next(client, settings))


@click.command(name="disable", context_settings=_HELP_NAMES)
@click.option("--purge", is_flag=True, help="Deletes pools and other configuration too.")
@click.argument("words", nargs=-1, metavar="")
@_KUBECTL
@click.pass_context
def disable(context: click.Context, purge: bool, words: tuple[str, ...], kubectl: str) -> None:
    """Stop giving out addresses. Pools and other configuration stay, so that pylb can be enabled again."""
    if words == ("help",):
        click.echo(context.get_help())
        return
    if words:
        raise Refused(f"disable takes no {words[0]!r}; type microk8s disable pylb, or add --purge")
    client = _kubectl(kubectl)
    click.echo("Disabling pylb")
    try:
        steps.reach(client)
        steps.disable(client, purge, click.echo)
    except KubectlError as error:
        raise _refusal(error, "Type the same command again when that is mended.") from None
    click.echo("pylb is disabled.")


def main(command: click.Command, arguments: Sequence[str] | None = None) -> None:
    """Run a command as a program. It ends the process; nobody sees a traceback but who sets PYLB_TRACEBACK."""
    try:
        command.main(None if arguments is None else list(arguments), prog_name=f"microk8s {command.name} pylb")
    except Exception as error:
        if os.environ.get("PYLB_TRACEBACK"):
            raise
        click.echo(f"Error: pylb has a fault: {type(error).__name__}: {error}", err=True)
        click.echo("Set PYLB_TRACEBACK=1 to see where, and please report it.", err=True)
        sys.exit(1)


def _wanted(words: tuple[str, ...]) -> tuple[Range, ...]:
    """The ranges that were typed, or that the person at the terminal answers."""
    if words:
        try:
            return read(words)
        except ParseError as error:
            raise Refused(f"{error}\nType for example: {COMMAND} {EXAMPLE}") from None
    if sys.stdin is None or not sys.stdin.isatty():
        raise Refused(f"no range of addresses was given, and there is no terminal to ask at: type {COMMAND} {EXAMPLE}")
    return _asked()


def _asked() -> tuple[Range, ...]:
    click.echo("Which addresses may pylb give to Services? They must be free, of this network, and outside", err=True)
    click.echo(f"of what the router hands out by DHCP. For example: {EXAMPLE}", err=True)
    for _ in range(MAX_TRIES):
        answer = click.prompt("Addresses", default="", show_default=False, err=True)
        try:
            return read([answer])
        except ParseError as error:
            click.echo(f"  {error}", err=True)
    raise Refused(f"no range of addresses after {MAX_TRIES} answers: type {COMMAND} {EXAMPLE}")


def _kubectl(command: str) -> Kubectl:
    try:
        return find(command, os.environ)
    except ValueError as error:
        raise Refused(f"--kubectl {command!r} is no command line: {error}") from None


def _refusal(error: KubectlError, advice: str) -> click.ClickException:
    if isinstance(error, Unreachable):
        return NoCluster(f"the cluster cannot be reached: {error}\nIs it running? microk8s status tells.")
    return Failed(f"{error}\n{advice}")


def _next(kubectl: Kubectl, settings: Settings) -> str:
    given = ", ".join(settings.addresses)
    state = f"pylb is enabled and gives out {given}." if given else "pylb is enabled; make an IPAddressPool next."
    typed = kubectl.shown
    return f"""{state}

Next:
  {typed} -n pylb-system get pods                 one controller, one speaker a node
  {typed} create deployment web --image=nginx     something to look at
  {typed} expose deployment web --port=80 --type=LoadBalancer
  {typed} get service web                         its address is the EXTERNAL-IP"""
