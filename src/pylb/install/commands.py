"""`pylb install`, `uninstall` and `manifests`: the same installation as MicroK8s' addon, for any cluster, by kubectl.

Exit codes: 0 done, 1 the cluster refused something, 2 wrong input, 3 the cluster cannot be reached.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pylb import __version__
from pylb.addon import commands as more
from pylb.addon import rollout, steps
from pylb.addon.cli import (
    AGAIN,
    BACKUP,
    FORCE,
    HELP_NAMES,
    KUBECTL,
    TAKEOVER,
    Refused,
    backup_folder,
    check_image,
    find_cluster,
    fresh_settings,
    operation_on,
    reach,
    read_ranges,
    reporting,
)
from pylb.addon.cluster import Cluster
from pylb.addon.kubectl import Kubectl
from pylb.addon.operation import Wish, next_steps
from pylb.addon.render import IMAGE, render, to_yaml

COMMAND = "pylb install --range"
_UNREACHABLE = "Which cluster? `kubectl config current-context` tells; --kubeconfig FILE names another."
_IMAGE = click.option("--image", metavar="NAME", default=IMAGE, show_default=True, help="The container image to run.")
_RANGE = click.option(
    "--range", "ranges", metavar="RANGE", multiple=True, help="Addresses to give out; asked for where it is left out."
)
_MORE = click.argument("more_ranges", metavar="[RANGE]...", nargs=-1)  # as after `microk8s enable pylb`
_NO_POOL = click.option("--no-pool", is_flag=True, help="Gives out no addresses until you make a pool yourself.")
_KUBECONFIG = click.option(
    "--kubeconfig", metavar="FILE", default="", help="Which cluster; kubectl's own choice if not."
)
# What k3s reads beside its config.yaml, on every server; "+" adds to a list that stands there already.
SERVICELB_OFF = "disable+:\n  - servicelb\n"


def _to_cluster(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command that changes a cluster."""
    return KUBECTL(_KUBECONFIG(command))


@click.command(context_settings=HELP_NAMES, epilog=f"Example: {COMMAND} 192.168.1.240-250")
@_MORE
@_RANGE
@_NO_POOL
@FORCE
@TAKEOVER
@BACKUP
@_IMAGE
@click.option(
    "--wait", metavar="SECONDS", type=click.IntRange(0), default=int(rollout.LIMIT_S), show_default=True,
    help="How long to wait until all is ready; 0 does not wait.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Looks, checks, and tells what it would do.")
@_to_cluster
def install(
    more_ranges: tuple[str, ...],
    ranges: tuple[str, ...],
    no_pool: bool,
    force: bool,
    takeover: bool,
    backup: str,
    image: str,
    wait: int,
    dry_run: bool,
    kubectl: str,
    kubeconfig: str,
) -> None:
    """Give Services of type LoadBalancer an address of your network."""
    ranges += more_ranges
    if no_pool and ranges:
        raise Refused("--no-pool and --range contradict each other: leave one of the two out")
    check_image(image)
    cluster = _cluster(kubectl, kubeconfig)
    click.echo(f"Installing pylb {__version__}")
    with reporting(AGAIN, _UNREACHABLE):
        reach(cluster, ranges, COMMAND)
        folder = backup_folder(backup, takeover)
        wish = Wish(ranges, no_pool, force, image, None, wait, dry_run, takeover, folder)
        spans = operation_on(cluster, COMMAND).enable(wish, fresh_settings((), image))
    if not dry_run:
        there = f" --kubeconfig {shlex.quote(kubeconfig)}" if kubeconfig else ""
        click.echo(next_steps(cluster, spans, no_pool, f"{COMMAND} A-B{there}", "installed"))


@click.command(context_settings=HELP_NAMES)
@click.option("--purge", is_flag=True, help="Deletes pools and other configuration too.")
@_to_cluster
def uninstall(purge: bool, kubectl: str, kubeconfig: str) -> None:
    """Stop giving out addresses. Pools and other configuration stay, so that pylb can be installed again."""
    cluster = _cluster(kubectl, kubeconfig)
    click.echo("Uninstalling pylb")
    with reporting("Type the same command again when that is mended.", _UNREACHABLE):
        cluster.reach()
        steps.disable(cluster, purge, click.echo)
    click.echo("pylb is uninstalled.")


@click.command(context_settings=HELP_NAMES)
@_to_cluster
def rollback(kubectl: str, kubeconfig: str) -> None:
    """Return to MetalLB, whose place `pylb install --takeover` took."""
    with reporting(more.AGAIN, _UNREACHABLE):
        more.return_to_metallb(_cluster(kubectl, kubeconfig))


@click.command(context_settings=HELP_NAMES)
@more.FILE
@_to_cluster
def restore(file: str, kubectl: str, kubeconfig: str) -> None:
    """Bring back the pools that --takeover saved: those of FILE, or of the copy in the cluster."""
    with reporting(more.AGAIN, _UNREACHABLE):
        more.bring_back(_cluster(kubectl, kubeconfig), file)


@click.command(context_settings=HELP_NAMES)
@_MORE
@_RANGE
@_IMAGE
@click.option("--without-keys", is_flag=True, help="Leaves out the Secrets, so that those in the cluster stay.")
@click.option("--servicelb-off", is_flag=True, help="Prints instead the file that turns k3s' own load balancer off.")
def manifests(
    more_ranges: tuple[str, ...], ranges: tuple[str, ...], image: str, without_keys: bool, servicelb_off: bool
) -> None:
    """Print what an installation consists of, as YAML: for GitOps, or for k3s' folder of manifests.

    Its Secrets have fresh keys each time. Applied over old ones they do no harm: speakers use both for five minutes,
    and have them all within three. To keep the keys that are there, say --without-keys.
    """
    if servicelb_off:
        click.echo(SERVICELB_OFF, nl=False)
        return
    check_image(image)
    objects = render(fresh_settings(read_ranges(ranges + more_ranges, "pylb manifests --range"), image))
    kept = [item for item in objects if not (without_keys and item["kind"] == "Secret")]
    click.echo(to_yaml(kept), nl=False)


def _cluster(kubectl: str, kubeconfig: str) -> Cluster:
    cluster = find_cluster(kubectl)
    if not kubeconfig or not isinstance(cluster, Kubectl):
        return cluster
    if not kubectl and not Path(kubeconfig).expanduser().exists():  # a kubectl of one's own may run elsewhere
        raise Refused(f"--kubeconfig: there is no file {kubeconfig}")
    more = ("--kubeconfig", kubeconfig)
    return Kubectl((*cluster.command, *more), f"{cluster.shown} {shlex.join(more)}", cluster.environment)
