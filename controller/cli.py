"""`pylb controller`: the controller as a process."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pylb.core.places import OWN_NAMESPACE


@click.command(context_settings={"auto_envvar_prefix": "PYLB"})
@click.option("--kubeconfig", metavar="FILE", help="How to reach the cluster (default: as the pod is told).")
@click.option("--token-file", metavar="FILE", help="The token that readers of /state, /events and /metrics show.")
@click.option("--bind", default="", metavar="ADDRESS", help="Where to serve HTTP (default: everywhere).")
@click.option("--port", default=7473, show_default=True, type=click.IntRange(0, 65535), help="HTTP port; 0 is any.")
@click.option("--namespace", default=OWN_NAMESPACE, show_default=True, help="Where status objects are written.")
@click.option("--pod", default="", metavar="NAME", help="The pod that this process runs in.")
@click.option("--lease/--no-lease", default=True, help="Take turns with other controllers, or be the only one.")
@click.option("--lb-class", default=None, metavar="CLASS", help="Serve Services with this loadBalancerClass alone.")
@click.option(
    "--log-level", default="info", show_default=True, type=click.Choice(["debug", "info", "warning", "error"])
)
@click.option("--log-format", default="text", show_default=True, type=click.Choice(["text", "json"]))
def controller(
    kubeconfig: str | None,
    token_file: str | None,
    bind: str,
    port: int,
    namespace: str,
    pod: str,
    lease: bool,
    lb_class: str | None,
    log_level: str,
    log_format: str,
) -> None:
    """Give the Services of type LoadBalancer their addresses."""
    try:
        token = Path(token_file).read_text(encoding="utf-8").strip() if token_file else None
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--token-file: {token_file} cannot be read: {error}") from None
    if token == "":
        raise click.UsageError(f"--token-file: {token_file} is empty")
    from pylb.controller import process  # asyncio, ssl, h11: 60 ms on a PC that --help need not pay
    from pylb.runtime import log, tasks

    log.configure(log_level, log_format)
    settings = process.Settings(bind, port, lb_class, token, namespace, pod, lease)
    sys.exit(tasks.run(lambda stop: process.serve(settings, kubeconfig, stop)))
