"""`pylb speaker`: the speaker of one node as a process."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pylb.core.errors import ParseError
from pylb.core.model import NodeName
from pylb.core.places import OWN_NAMESPACE
from pylb.core.ranges import parse_address
from pylb.speaker.beat import is_name
from pylb.speaker.keyring import MIN_BYTES
from pylb.speaker.settings import BEAT_PORT, HTTP_PORT, Settings


@click.command(context_settings={"auto_envvar_prefix": "PYLB"})
@click.option("--node", required=True, metavar="NAME", help="The Node that this speaker stands for.")
@click.option("--kubeconfig", metavar="FILE", help="How to reach the cluster (default: as the pod is told).")
@click.option("--key-file", required=True, metavar="FILE", help="The secret that the cluster's speakers share.")
@click.option("--token-file", metavar="FILE", help="The token that readers of /state, /events and /metrics show.")
@click.option("--bind", default="", metavar="ADDRESS", help="Where to serve HTTP (default: everywhere).")
@click.option(
    "--port", default=HTTP_PORT, show_default=True, type=click.IntRange(0, 65535), help="HTTP port; 0 is any."
)
@click.option(
    "--beat-port", default=BEAT_PORT, show_default=True, type=click.IntRange(1, 65535), help="UDP port of the beats."
)
@click.option("--namespace", default=OWN_NAMESPACE, show_default=True, help="Where status objects are written.")
@click.option("--pod", default="", metavar="NAME", help="The pod that this process runs in.")
@click.option("--lb-class", default=None, metavar="CLASS", help="Serve Services with this loadBalancerClass alone.")
@click.option(
    "--log-level", default="info", show_default=True, type=click.Choice(["debug", "info", "warning", "error"])
)
@click.option("--log-format", default="text", show_default=True, type=click.Choice(["text", "json"]))
def speaker(
    node: str,
    kubeconfig: str | None,
    key_file: str,
    token_file: str | None,
    bind: str,
    port: int,
    beat_port: int,
    namespace: str,
    pod: str,
    lb_class: str | None,
    log_level: str,
    log_format: str,
) -> None:
    """Answer for this node's addresses, and agree with the other speakers who answers for which."""
    secret = _read(key_file, "--key-file")
    if len(secret) < MIN_BYTES:
        raise click.UsageError(f"the key in {key_file} is shorter than {MIN_BYTES} bytes: make a new one")
    token = _read(token_file, "--token-file").decode("utf-8", "replace") if token_file else None
    try:
        address = str(parse_address(bind)) if bind else ""
    except ParseError as error:
        raise click.UsageError(f"--bind: {error}") from None
    if not is_name(node):
        raise click.UsageError(f"--node: {node!r} is no node's name (lower-case letters, digits, '-' and '.')")
    files = {"key_file": key_file, "token_file": token_file or ""}
    settings = Settings(NodeName(node), namespace, pod, address, port, beat_port, lb_class, token=token, **files)
    from pylb.runtime import log, tasks
    from pylb.speaker import process  # asyncio, ssl, h11: 60 ms on a PC that --help need not pay

    log.configure(log_level, log_format)
    sys.exit(tasks.run(lambda stop: process.serve(settings, secret, kubeconfig, stop)))


def _read(path: str, flag: str) -> bytes:
    try:
        found = Path(path).read_bytes().strip()
    except OSError as error:
        raise click.UsageError(f"{flag}: {path} cannot be read: {error.strerror}") from None
    if not found:
        raise click.UsageError(f"{flag}: {path} is empty")
    return found
