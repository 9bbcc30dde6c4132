"""`pylb doctor`: whether everything is in place, in ten lines, and what to type where it is not.

Exit codes: 0 fine (there may be warnings), 1 a failure was found, 2 wrong input, 3 the cluster cannot be reached,
or no kubeconfig was found.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click

from pylb.addon.judgement import printable
from pylb.addon.lan import Here
from pylb.core.explanation.checks import examine
from pylb.core.explanation.diagnosis import Facts, Level, Row, worst
from pylb.core.several import count
from pylb.install.doctor_facts import facts
from pylb.install.doctor_look import Look, look
from pylb.kube import credentials
from pylb.kube.client import Client
from pylb.kube.credentials import Credentials
from pylb.kube.errors import ClusterError, NoCluster

OK, PROBLEM, UNREACHABLE = 0, 1, 3
ARGUMENTS = Path("/var/snap/microk8s/current/args")  # of MicroK8s' own services, as files of flags
ARGUMENT_FILES = ("kube-proxy", "kubelite")
MAX_FILE = 65536  # characters of one of them
_MARKS = {Level.OK: "ok", Level.WARN: "WARN", Level.FAIL: "FAIL"}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--kubeconfig", metavar="FILE", help="How to reach the cluster (default: the usual places).")
@click.option("--context", metavar="NAME", help="A context of the kubeconfig (default: its current one).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def doctor(kubeconfig: str | None, context: str | None, as_json: bool) -> None:
    """Tell whether everything is in place, and what to type where it is not.

    It only reads. Exit codes: 0 fine, perhaps with warnings, 1 something fails, 2 wrong input, 3 the cluster cannot be
    reached, or no kubeconfig was found.
    """
    try:
        found = credentials.load(kubeconfig, context=context)
    except NoCluster as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    server = urlsplit(found.server).netloc.rpartition("@")[2]
    try:
        seen = asyncio.run(_look(found))
    except ClusterError as error:
        click.echo(f"the cluster at {server} cannot be reached: {printable(str(error))}", err=True)
        sys.exit(UNREACHABLE)
    known = facts(seen, Here(os.environ).look(), _settings())
    rows = examine(known)
    if as_json:
        click.echo(json.dumps(document(server, seen, rows), indent=2))
    else:
        click.echo("\n".join(lines(server, seen, known, rows)))
    sys.exit(PROBLEM if worst(rows) is Level.FAIL else OK)


def lines(server: str, seen: Look, known: Facts, rows: Sequence[Row]) -> list[str]:
    """The diagnosis as it is printed."""
    why = seen.refused.get("nodes")
    nodes = f"its nodes may not be looked at ({printable(why)})" if why else count(len(known.nodes), "node")
    printed = [f"{server}, Kubernetes {seen.version}, {nodes}"]
    for row in rows:
        printed.append(f"{_MARKS[row.level]:4}  {row.check.value:14}  {printable(row.text)}")
        printed += [f"      -> {printable(line)}" for line in row.fix]
    return printed


def document(server: str, seen: Look, rows: Sequence[Row]) -> dict[str, object]:
    """The diagnosis as JSON."""
    told = [
        {"check": row.check.value, "level": row.level.value, "text": row.text, "fix": list(row.fix)} for row in rows
    ]
    return {"server": server, "version": seen.version, "level": worst(rows).value, "rows": told}


async def _look(found: Credentials) -> Look:
    async with Client(found, user_agent="pylb-doctor") as client:
        return await look(client)


def _settings() -> list[str]:
    """The flags of MicroK8s' services, where this machine has them and lets them be read."""
    texts = []
    for name in ARGUMENT_FILES:
        try:
            texts.append((ARGUMENTS / name).read_text(encoding="utf-8", errors="replace")[:MAX_FILE])
        except OSError:
            continue
    return texts
