"""`pylb check`. Exit codes: 0 nothing fails, 1 something does, 2 wrong input."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import click

from pylb.check import report
from pylb.check.examination import examine
from pylb.kube.manifests import STDIN, Unreadable, load

OK, PROBLEM, WRONG = 0, 1, 2  # exit codes
SUFFIXES = (".yaml", ".yml", ".json")
MAX_FILES = 1000


class WrongInput(Exception):
    """What is to be looked at is not there."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("files", metavar="FILE|FOLDER|-...", nargs=-1, required=True)
@click.option("-o", "output", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
@click.option("--lb-class", metavar="CLASS", help="The loadBalancerClass that pylb serves (default: Services without).")
def check(files: tuple[str, ...], output: str, lb_class: str | None) -> None:
    """Look at manifests before they are applied: pools, advertisements, BGP, the old ConfigMap, Services.

    Needs no cluster. All files are taken as one set, of folders all *.yaml, *.yml and *.json below them. Exits with 1 if
    something fails; hints alone are fine.
    """
    try:
        examined = examine(((name, load(name)) for name in _gathered(files)), lb_class)
    except (WrongInput, Unreadable) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(WRONG)
    if output == "json":
        click.echo(json.dumps(report.document(examined), indent=2))
    else:
        for line in report.lines(examined):
            click.echo(line)
    sys.exit(OK if examined.ok else PROBLEM)


def _gathered(names: tuple[str, ...]) -> list[str]:
    found = list(dict.fromkeys(one for name in names for one in _expanded(name)))
    if len(found) > MAX_FILES:
        raise WrongInput(f"more than {MAX_FILES} files: name fewer at once")
    return found


def _expanded(name: str) -> Iterator[str]:
    path = Path(name)
    if not name:
        raise WrongInput("a name is empty: name a file, a folder, or - for standard input")
    if name == STDIN or not path.is_dir():
        yield name
        return
    try:
        below = sorted(
            str(one) for one in islice((one for one in path.rglob("*") if _is_manifest(one, path)), MAX_FILES + 1)
        )
    except OSError as error:
        raise WrongInput(f"{name} cannot be read: {error.strerror}") from None
    if not below:
        raise WrongInput(f"{name} has no file that ends in {', '.join(SUFFIXES)}: name the files")
    yield from below


def _is_manifest(path: Path, folder: Path) -> bool:
    """Whether it is named like one, and not hidden below the folder."""
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix in SUFFIXES and path.is_file() and not hidden
