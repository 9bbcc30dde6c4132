"""Makes the image: the base of each architecture, pylb itself on top, and the archive around them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pylb import __version__
from pylb.install.image import base, bytecode, source
from pylb.install.image.contents import NOBODY
from pylb.install.image.layers import layer
from pylb.install.image.oci import Archive, Settings, archive

USER = f"{NOBODY}:{NOBODY}"  # speakers are given root by their DaemonSet, for raw sockets
ENTRYPOINT = ("python3", "-m", "pylb")
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",  # the root is read-only
    "PYTHONUNBUFFERED": "1",  # a log line is seen when it is written
}
LABELS = {
    "org.opencontainers.image.title": "pylb",
    "org.opencontainers.image.description": "Controller and speaker of pylb, a load balancer for bare-metal Kubernetes",
    "org.opencontainers.image.licenses": "Apache-2.0",
    "org.opencontainers.image.version": __version__,
}


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be made. `epoch` is the image's time in seconds (SOURCE_DATE_EPOCH)."""

    name: str
    architectures: Sequence[str]
    folder: Path
    epoch: int = 0
    refresh: bool = False


@dataclass(frozen=True, slots=True)
class Built:
    """The archive, the bytes of each architecture's layers, and the packages in them."""

    archive: Archive
    sizes: Mapping[str, int]
    packages: Mapping[str, Sequence[str]]


def build(request: Request, say: base.Say) -> Built:
    """Make the image. Raises ImageFault, ContentsFault or NameFault."""
    found = base.bases(request.architectures, request.folder, request.refresh, say)
    mine = found[base.native()]
    tree = source.tree()
    whole = {**tree, **bytecode.compiled(tree, mine.interpreter(), mine.python)}
    top = layer(whole, request.epoch, f"pylb {__version__}")
    layers = {arch: [found[arch].layer, top] for arch in request.architectures}
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(request.epoch))
    settings = Settings(request.name, created, USER, ENTRYPOINT, ENVIRONMENT, LABELS)
    sizes = {arch: sum(len(one.data) for one in group) for arch, group in layers.items()}
    packages = {arch: found[arch].packages for arch in request.architectures}
    return Built(archive(layers, settings, request.epoch), sizes, packages)
