"""`microk8s pylb …`: what is changed after `enable`, since MicroK8s does not run that again; and the way back to MetalLB."""

from __future__ import annotations

from pathlib import Path

import click

from pylb.addon import backup, rollback, takeover
from pylb.addon.backup import Backup
from pylb.addon.cli import FORCE, HELP_NAMES, KUBECTL, Refused, find_cluster, operation_on, reporting
from pylb.addon.cluster import Cluster, ClusterFault
from pylb.addon.dialogue import listed
from pylb.addon.words import EXAMPLE

AGAIN = "Type the same command again when that is mended."
MAX_FILE = 64 * 1024 * 1024  # bytes of a backup that are read
FILE = click.argument("file", required=False, default="", metavar="[FILE]")


@click.group(name="pylb", context_settings=HELP_NAMES)
def plugin() -> None:
    """Change what `microk8s enable pylb` set up."""


@plugin.command(name="range", context_settings=HELP_NAMES)
@click.argument("ranges", nargs=-1)
@FORCE
@KUBECTL
def change(ranges: tuple[str, ...], force: bool, kubectl: str) -> None:
    """Change the range of addresses that Services are given, or show it.

    Services keep an address that the new range holds, too; the others are given new ones.
    """
    cluster = find_cluster(kubectl)
    with reporting(AGAIN):
        cluster.reach()
        operation = operation_on(cluster, "microk8s pylb range")
        if not ranges:
            click.echo("\n".join(operation.pools()) or f"No pool is there: type {operation.typed(EXAMPLE)}")
            return
        spans = operation.change(ranges, force)
    click.echo(f"pylb gives out {listed(spans)} now.")


@plugin.command(name="rollback", context_settings=HELP_NAMES)
@KUBECTL
def roll_back(kubectl: str) -> None:
    """Return to MetalLB, whose place --takeover took."""
    with reporting(AGAIN):
        return_to_metallb(find_cluster(kubectl))


@plugin.command(name="restore", context_settings=HELP_NAMES)
@FILE
@KUBECTL
def restore(file: str, kubectl: str) -> None:
    """Bring back the pools that --takeover saved, where `microk8s disable metallb` deleted them.

    FILE is a backup; the copy in the cluster where it is left out.
    """
    with reporting(AGAIN):
        bring_back(find_cluster(kubectl), file)


def return_to_metallb(cluster: Cluster) -> None:
    """Roll back, and say so. Raises ClusterFault."""
    cluster.reach()
    click.echo("Returning to MetalLB")
    rollback.roll_back(cluster, click.echo)
    click.echo("MetalLB serves again; pylb is gone, and pools are as they were left.")


def bring_back(cluster: Cluster, file: str) -> None:
    """Restore a backup, and say so. Raises ClusterFault and Refused."""
    saved = _read(file) if file else None
    cluster.reach()
    found = saved or takeover.saved(cluster)
    if found is None:
        raise ClusterFault("no backup is in this cluster: name the file that --takeover wrote")
    rollback.restore(cluster, found, click.echo)


def _read(file: str) -> Backup:
    try:
        with Path(file).open(encoding="utf-8") as opened:
            return backup.from_text(opened.read(MAX_FILE))
    except (OSError, ValueError) as error:
        raise Refused(f"{file}: {error}") from None
