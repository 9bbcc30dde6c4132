"""`scripts/image`: what it asks, what it prints, and its exit codes: 0 done, 1 it cannot be made, 2 wrong input."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

from pylb import __version__
from pylb.addon.render import IMAGE
from pylb.install.image import base
from pylb.install.image.build import Built, Request, build
from pylb.install.image.contents import ContentsFault
from pylb.install.image.errors import ImageFault
from pylb.install.image.oci import NameFault, tagged_name

MIB = 1 << 20
NATIVE = "native"


class Refused(click.ClickException):
    """Wrong input: exit 2."""

    exit_code = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """What builders of pylb need."""


@main.command()
@click.option(
    "--arch",
    "architectures",
    metavar="LIST",
    default=",".join(base.ARCHITECTURES),
    show_default=True,
    help="Architectures, divided by commas; native is this machine's.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("dist") / f"pylb-{__version__}.oci.tar",
    show_default=True,
    help="The file to write.",
)
@click.option("--name", default=IMAGE, show_default=True, help="The image's name and tag.")
@click.option("--refresh", is_flag=True, help="Asks Debian for newer packages first.")
@click.option("--packages", is_flag=True, help="Lists what is in the base, too.")
def image(architectures: str, output: Path, name: str, refresh: bool, packages: bool) -> None:
    """Make pylb's container image: an OCI archive for `ctr images import`.

    No daemon and no root: the base is made of Debian's packages, fetched by the machine's own apt, and kept in
    ~/.cache/pylb/image. The path of the archive is printed to stdout, all else to stderr.
    """
    started = time.monotonic()
    request = Request(_name(name), _architectures(architectures), base.cache_folder(), _epoch(), refresh)
    try:
        built = build(request, lambda text: click.echo(text, err=True))
        output.parent.mkdir(parents=True, exist_ok=True)
        _write(output, built.archive.data)
    except (ImageFault, ContentsFault) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or output}: {error.strerror}") from None
    _tell(built, request, packages, time.monotonic() - started)
    click.echo(str(output))


def _architectures(text: str) -> tuple[str, ...]:
    """The architectures that were asked for, each once, in order."""
    try:
        named = {base.native() if one.strip() == NATIVE else one.strip() for one in text.split(",")}
    except ImageFault as error:
        raise click.ClickException(str(error)) from None
    unknown = sorted(named - set(base.ARCHITECTURES))
    if unknown:
        raise Refused(f"--arch: {unknown[0]!r} is none of {', '.join((NATIVE, *base.ARCHITECTURES))}")
    return tuple(sorted(named))


def _name(name: str) -> str:
    try:
        tagged_name(name)
    except NameFault as error:
        raise Refused(f"--name: {error}") from None
    return name


def _epoch() -> int:
    """SOURCE_DATE_EPOCH, as reproducible-builds.org specifies it; 0 without."""
    text = os.environ.get("SOURCE_DATE_EPOCH") or "0"
    if not text.isascii() or not text.isdecimal():
        raise Refused(f"SOURCE_DATE_EPOCH is {text!r}, not a number of seconds")
    return int(text)


def _write(output: Path, data: bytes) -> None:
    """Replace the file at once: whoever reads it sees the old one or the new one."""
    part = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        part.write_bytes(data)
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


def _tell(built: Built, request: Request, packages: bool, seconds: float) -> None:
    for arch, size in built.sizes.items():
        click.echo(f"{arch}: {size / MIB:.1f} MiB, {built.archive.manifests[arch]}", err=True)
        if packages:
            click.echo("".join(f"  {one}\n" for one in built.packages[arch]), err=True, nl=False)
    total = len(built.archive.data) / MIB
    click.echo(f"{tagged_name(request.name)}: {total:.1f} MiB, {built.archive.digest}, {seconds:.1f} s", err=True)
