"""`pylb drain`, `undrain`, `move` and `rebalance`.

Exit codes: 0 done, 1 something stays where it is, or the cluster refused, 2 wrong input, 3 the cluster cannot be reached.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from math import isnan
from typing import Any

import click

from pylb.kube import credentials
from pylb.kube.client import Client
from pylb.kube.credentials import Credentials
from pylb.kube.decode import DecodeError
from pylb.kube.errors import ClusterError, NoCluster, Unauthorized, Unreachable
from pylb.operate.cluster import Cluster
from pylb.operate.orders import Orders, WrongInput
from pylb.operate.shelf import Unseen

OK, PROBLEM, WRONG, UNREACHABLE = 0, 1, 2, 3  # exit codes

HELP_NAMES = {"help_option_names": ["-h", "--help"]}


class Seconds(click.FloatRange):
    """A number of seconds; "nan" is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; refused where it is none."""
        number = float(super().convert(value, param, ctx))
        return self.fail(f"{value!r} is no number of seconds.", param, ctx) if isnan(number) else number


Order = Callable[[Orders], Awaitable[bool]]
Work = Callable[[Client], Awaitable[int]]  # gives the exit code
_NODE = click.argument("node", metavar="NODE")
_WAIT = click.option(
    "--wait", metavar="SECONDS", type=Seconds(0.0), default=30.0, show_default=True, help="How long to wait."
)


def to_cluster(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which cluster."""
    file = click.option("--kubeconfig", metavar="FILE", help="How to reach the cluster (default: the usual places).")
    context = click.option("--context", metavar="NAME", help="A context of the kubeconfig (default: its current one).")
    return file(context(command))


@click.command(context_settings=HELP_NAMES)
@_NODE
@_WAIT
@to_cluster
def drain(node: str, wait: float, kubeconfig: str | None, context: str | None) -> None:
    """Hand all addresses of NODE to others, in order, and keep it from taking any.

    The same as: kubectl annotate node NODE pylb.io/drain=true. What no other node can take stays, and is named.
    """
    _run(lambda orders: orders.drain(node, wait), kubeconfig, context)


@click.command(context_settings=HELP_NAMES)
@_NODE
@_WAIT
@to_cluster
def undrain(node: str, wait: float, kubeconfig: str | None, context: str | None) -> None:
    """Let NODE own addresses again. Nothing moves by itself: pylb rebalance evens out."""
    _run(lambda orders: orders.undrain(node, wait), kubeconfig, context)


@click.command(context_settings=HELP_NAMES)
@click.argument("address", metavar="ADDRESS")
@_NODE
@to_cluster
def move(address: str, node: str, kubeconfig: str | None, context: str | None) -> None:
    """Move ADDRESS to NODE, once: it stays there as it would anywhere, and is not pinned."""
    _run(lambda orders: orders.move(address, node), kubeconfig, context)


@click.command(context_settings=HELP_NAMES)
@click.option("--dry-run", is_flag=True, help="Tells what would move.")
@to_cluster
def rebalance(dry_run: bool, kubeconfig: str | None, context: str | None) -> None:
    """Move each address to the first node of its line, a few at a time."""
    _run(lambda orders: orders.rebalance(dry_run), kubeconfig, context)


def _run(order: Order, kubeconfig: str | None, context: str | None) -> None:
    async def work(client: Client) -> int:
        return OK if await order(Orders(Cluster(client), click.echo)) else PROBLEM

    run(work, kubeconfig, context)


def run(work: Work, kubeconfig: str | None, context: str | None) -> None:
    """Do it, and exit; what goes wrong is told in one line."""
    try:
        code = asyncio.run(_work(work, credentials.load(kubeconfig, context=context)))
    except NoCluster as error:
        fail(str(error), error.exit_code)
    except WrongInput as error:
        fail(str(error), WRONG)
    except Unseen as error:
        fail(str(error), UNREACHABLE)
    except Unauthorized as error:
        fail(f"the cluster does not know the user of this kubeconfig: {error}", UNREACHABLE)
    except Unreachable as error:
        fail(f"the cluster cannot be reached: {error}", UNREACHABLE)
    except (ClusterError, DecodeError) as error:
        fail(str(error), PROBLEM)
    else:
        sys.exit(code)


async def _work(work: Work, found: Credentials) -> int:
    async with Client(found, user_agent="pylb-operate") as client:
        return await work(client)


def fail(text: str, code: int) -> None:
    """Say it, and exit."""
    click.echo(f"Error: {text}", err=True)
    sys.exit(code)
