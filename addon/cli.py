"""`microk8s enable pylb` and `microk8s disable pylb`: what they take, print and end with.

Exit codes: 0 done, 1 the cluster refused something, 2 wrong input, 3 the cluster cannot be reached.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from pylb import __version__
from pylb.addon import plugin as plugins
from pylb.addon import rollout, steps
from pylb.addon.archive import ArchiveFault
from pylb.addon.cluster import Cluster, ClusterFault, Unreachable
from pylb.addon.dialogue import NoRange
from pylb.addon.judgement import printable
from pylb.addon.kubectl import find
from pylb.addon.lan import Here
from pylb.addon.operation import Operation, Stopped, Wish, next_steps
from pylb.addon.render import IMAGE, Settings, render, to_yaml
from pylb.addon.words import EXAMPLE, entry, read
from pylb.core.errors import ParseError
from pylb.core.ranges import Range

KEY_BYTES = 32  # of randomness in each Secret
COMMAND = "microk8s enable pylb"
PROGRAMS = Path(__file__).resolve().parent / "addons" / "pylb"
ARCHIVES = (PROGRAMS, PROGRAMS.parents[2], PROGRAMS.parents[2] / "dist")  # where an image archive may lie
IMAGE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")
HELP_NAMES = {"help_option_names": ["-h", "--help"]}


def _command(_: click.Context, __: click.Parameter, typed: str | None) -> str:
    """The command as it was typed, "" for none; an empty one is a mistake, such as a variable that is not set."""
    if typed == "":
        raise Refused(f"--kubectl {typed!r} is no command line: the command is empty")
    return typed or ""


KUBECTL = click.option(
    "--kubectl",
    metavar="COMMAND",
    callback=_command,
    envvar="PYLB_KUBECTL",
    help="How kubectl is called on this machine.",
)
FORCE = click.option("--force", is_flag=True, help="Takes a range that may be wrong, and goes on beside a rival.")
TAKEOVER = click.option(
    "--takeover", is_flag=True, help="Saves what MetalLB has here, stops it, and serves its Services instead."
)
BACKUP = click.option("--backup", metavar="FOLDER", default="", help="Where --takeover writes its backup.")
AGAIN = "What was done so far stays; type the same command again when that is mended."


class Refused(click.ClickException):
    """Wrong input: exit 2."""

    exit_code = 2


class Failed(click.ClickException):
    """The cluster refused something: exit 1."""

    exit_code = 1


class NoCluster(click.ClickException):
    """The cluster cannot be reached: exit 3."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Console:
    """The terminal that the command was typed at, if it was one."""

    @property
    def interactive(self) -> bool:
        """Whether somebody can answer."""
        return sys.stdin is not None and sys.stdin.isatty()

    def say(self, text: str) -> None:
        """Print a line."""
        click.echo(printable(text))

    def warn(self, text: str) -> None:
        """Print a line that may not be overlooked."""
        click.echo(f"  ! {printable(text)}", err=True)

    def ask(self, question: str, default: str) -> str:
        """A line that is typed; an arrow key brings the default back to be edited."""
        _remember(default)
        answer = click.prompt(question, default=default, show_default=bool(default))
        return str(answer)

    def confirm(self, question: str, default: bool) -> bool:
        """Yes or no, by one key and Enter, or Enter alone."""
        return bool(click.confirm(question, default=default))


@click.command(name="enable", context_settings=HELP_NAMES, epilog=f"Example: {COMMAND} {EXAMPLE}")
@click.argument("ranges", nargs=-1)
@click.option("--no-pool", is_flag=True, help="Gives out no addresses until you make a pool yourself.")
@FORCE
@TAKEOVER
@BACKUP
@click.option("--image", metavar="NAME", default=IMAGE, show_default=True, help="The container image to run.")
@click.option("--image-file", metavar="FILE", default="", help="An image archive to give to every node first.")
@click.option(
    "--wait", metavar="SECONDS", type=click.IntRange(0), default=int(rollout.LIMIT_S), show_default=True,
    help="How long to wait until all is ready; 0 does not wait.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Prints the manifests, with fresh keys, and changes nothing.")
@KUBECTL
@click.pass_context
def enable(
    context: click.Context,
    ranges: tuple[str, ...],
    no_pool: bool,
    force: bool,
    takeover: bool,
    backup: str,
    image: str,
    image_file: str,
    wait: int,
    dry_run: bool,
    kubectl: str,
) -> None:
    """Give Services of type LoadBalancer an address of your network.

    RANGES are addresses that nothing else uses, outside of what your router hands out by DHCP: 192.168.1.240-250,
    192.168.1.240/28, or IPv6; several are divided by blanks or commas. Without one you are asked, and one is proposed.
    """
    if ranges == ("help",):
        click.echo(context.get_help())
        return
    if no_pool and ranges:
        raise Refused(f"--no-pool and {' '.join(ranges)} contradict each other: leave one of the two out")
    check_image(image)
    file = Path(image_file) if image_file else None
    if file and not file.is_file():
        raise Refused(f"--image-file: there is no file {image_file}")
    if dry_run and not takeover:
        click.echo(to_yaml(render(fresh_settings(read_ranges(ranges), image))), nl=False)
        return
    cluster = find_cluster(kubectl)
    click.echo(f"Enabling pylb {__version__}")
    with reporting(AGAIN):
        reach(cluster, ranges)
        operation = operation_on(cluster, COMMAND)
        folder = backup_folder(backup, takeover)
        wish = Wish(ranges, no_pool, force, image, file, wait, dry_run, takeover, folder)
        spans = operation.enable(wish, fresh_settings((), image))
        if dry_run:
            return
        unmade = plugins.put(PROGRAMS / "plugin", os.environ)
        if unmade:
            click.echo(f"  note: `microk8s pylb range` is not there: {unmade}; sudo {COMMAND} makes it")
    click.echo(next_steps(cluster, spans, no_pool))


@click.command(name="disable", context_settings=HELP_NAMES)
@click.option("--purge", is_flag=True, help="Deletes pools and other configuration too.")
@click.argument("words", nargs=-1, metavar="")
@KUBECTL
@click.pass_context
def disable(context: click.Context, purge: bool, words: tuple[str, ...], kubectl: str) -> None:
    """Stop giving out addresses. Pools and other configuration stay, so that pylb can be enabled again."""
    if words == ("help",):
        click.echo(context.get_help())
        return
    if words:
        raise Refused(f"disable takes no {words[0]!r}; type microk8s disable pylb, or add --purge")
    cluster = find_cluster(kubectl)
    click.echo("Disabling pylb")
    with reporting("Type the same command again when that is mended."):
        cluster.reach()
        steps.disable(cluster, purge, click.echo)
    plugins.remove(os.environ)
    click.echo("pylb is disabled.")


def main(command: click.Command, arguments: Sequence[str] | None = None) -> None:
    """Run a command as a program. It ends the process; nobody sees a traceback but who sets PYLB_TRACEBACK."""
    name = "microk8s pylb" if isinstance(command, click.Group) else f"microk8s {command.name} pylb"
    try:
        command.main(None if arguments is None else list(arguments), prog_name=name)
    except Exception as error:
        if os.environ.get("PYLB_TRACEBACK"):
            raise
        click.echo(f"Error: pylb has a fault: {type(error).__name__}: {printable(str(error))}", err=True)
        click.echo("Set PYLB_TRACEBACK=1 to see where, and please report it.", err=True)
        sys.exit(1)


@contextmanager
def reporting(advice: str, unreachable: str = "Is it running? microk8s status tells.") -> Iterator[None]:
    """Turn what an installation raises into one message and its exit code."""
    try:
        yield
    except Unreachable as error:
        raise NoCluster(f"the cluster cannot be reached: {printable(str(error))}\n{unreachable}\n{advice}") from None
    except ClusterFault as error:
        raise Failed(f"{printable(str(error))}\n{advice}") from None
    except Stopped as error:
        raise Failed(printable(str(error))) from None
    except ArchiveFault as error:
        raise Failed(f"{printable(str(error))}\nNothing was deployed.") from None
    except NoRange as error:
        raise Refused(printable(str(error))) from None
    except KeyboardInterrupt:
        click.echo("\nBroken off. What was done so far stays; the same command again goes on from there.", err=True)
        raise click.Abort from None


def backup_folder(named: str, needed: bool) -> Path:
    """Where a backup is written: a folder that was named, MicroK8s' own, or the home; raises Refused for no folder."""
    folder = Path(named or os.environ.get("SNAP_COMMON") or Path.home())
    if needed and not folder.is_dir():
        raise Refused(f"--backup: there is no folder {folder}")
    return folder


def check_image(image: str) -> None:
    """Raises Refused for what is no image name."""
    if not IMAGE_NAME.fullmatch(image):
        raise Refused(f"--image: {image!r} is no image name, such as {IMAGE}")


def fresh_settings(spans: Sequence[Range], image: str) -> Settings:
    """Settings with keys that nobody else has."""
    keys = (secrets.token_urlsafe(KEY_BYTES), secrets.token_urlsafe(KEY_BYTES))
    return Settings(*keys, tuple(map(entry, spans)), image)


def read_ranges(words: Sequence[str], command: str = COMMAND) -> tuple[Range, ...]:
    """The ranges that were typed, none for no words; raises Refused."""
    try:
        return read(words) if words else ()
    except ParseError as error:
        raise Refused(f"{printable(str(error))}\nType for example: {command} {EXAMPLE}") from None


def reach(cluster: Cluster, words: Sequence[str], command: str = COMMAND) -> None:
    """Make sure that the cluster answers; raises Unreachable, or Refused for words that are wrong in any cluster."""
    try:
        cluster.reach()
    except Unreachable:
        read_ranges(words, command)  # what is wrong whatever the cluster says is told first
        raise


def find_cluster(command: str) -> Cluster:
    """The cluster that a kubectl reaches; raises Refused."""
    try:
        return find(command, os.environ)
    except ValueError as error:
        raise Refused(f"--kubectl {command!r} is no command line: {error}") from None


def operation_on(cluster: Cluster, command: str) -> Operation:
    """What this machine can do to a cluster, for a command that takes ranges."""
    return Operation(cluster, Here(os.environ), Console(), os.environ, _typing(command), ARCHIVES)


def _typing(command: str) -> Callable[[str], str]:
    return lambda text: f"{command} {text}"


def _remember(text: str) -> None:
    """Let an arrow key bring a text to the prompt, where this Python can edit lines."""
    try:
        import readline
    except ImportError:
        return
    if text:
        readline.add_history(text)
