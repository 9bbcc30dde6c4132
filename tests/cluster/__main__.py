"""`python -m cluster up`: a cluster in the foreground until Ctrl-C, with one line of JSON when it stands.

The other commands are the lab's, such as `pylb lab exec --name cluster client curl …`: the line names them.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import click

from cluster import client, pylb_on
from cluster.programs import PROXY_MODES
from pylb.core import ranges
from pylb.core.errors import ParseError
from pylb.lab.errors import BadInput, LabError
from pylb.lab.plan import plan

NAME = "cluster"
EXAMPLE = "10.77.0.100-10.77.0.120"  # of the LAN that a cluster has


@click.group()
def main() -> None:
    """A real Kubernetes on this machine."""


@main.command()
@click.option("--name", default=NAME, show_default=True, help="Which cluster, where several run.")
@click.option("--nodes", default=3, show_default=True, help="How many nodes.")
@click.option(
    "--proxy", default=PROXY_MODES[0], show_default=True, type=click.Choice(PROXY_MODES), help="kube-proxy's mode."
)
@click.option("--range", "addresses", multiple=True, help="What pylb gives out; none makes no pool.")
@click.option("--bare", is_flag=True, help="Kubernetes alone, with pylb's image on each node.")
def up(name: str, nodes: int, proxy: str, addresses: tuple[str, ...], bare: bool) -> None:
    """Run a cluster with pylb on it until Ctrl-C; print one line of JSON when it stands."""
    try:
        _check(name, nodes, addresses, bare)
        for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C: nothing is left
            signal.signal(number, signal.default_int_handler)
        image = pylb_on.image()
        with client.start(proxy, nodes, name, [image]) as cluster:
            if not bare:
                pylb_on.install(cluster, addresses)
            print(json.dumps(_told(cluster)), flush=True)
            if cluster.process is not None:
                sys.exit(cluster.process.wait())
    except KeyboardInterrupt:
        return
    except LabError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)


def _check(name: str, nodes: int, addresses: tuple[str, ...], bare: bool) -> None:
    """Raises BadInput for words that make no sense, before anything is made."""
    hosts = plan(name, nodes).hosts
    if bare and addresses:
        raise BadInput("--bare and --range contradict each other: leave one of the two out")
    for text in addresses:
        try:
            span = ranges.parse(text)
            ranges.require_possible(span)
        except ParseError as error:
            raise BadInput(f"--range {text!r}: {error}") from None
        for who, host in hosts.items():
            held = next((one for one in (host.lan, host.lan6) if one in span), None)
            if held is not None:
                raise BadInput(
                    f"--range {text!r}: {held} is the address of {who}; name free addresses, such as {EXAMPLE}"
                )


def _told(cluster: client.Cluster) -> dict[str, object]:
    """What a person, or a program, needs to use the cluster."""
    lab = f"{Path(sys.executable).with_name('pylb')} lab"
    orders = {
        word: f"{lab} {word} --name {cluster.name}"
        for word in ("exec", "cut", "mend", "power", "status", "logs", "down")
    }
    return {**cluster.info, "kubectl": str(client.programs() / "kubectl"), "commands": orders}


if __name__ == "__main__":
    main()
