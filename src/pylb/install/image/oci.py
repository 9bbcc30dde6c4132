"""An OCI image archive of layers: configuration, manifest a platform, index, and the tar archive around them.

Pure. Formats: OCI image specification 1.1 (config.md, manifest.md, image-index.md, image-layout.md). It knows no Debian
and no Python.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pylb.core.images import full_name, split
from pylb.install.image.files import Tree, file
from pylb.install.image.layers import Layer, digest, pack

JSON: TypeAlias = "dict[str, object]"

MEDIA = "application/vnd.oci.image"
INDEX, MANIFEST, CONFIG = f"{MEDIA}.index.v1+json", f"{MEDIA}.manifest.v1+json", f"{MEDIA}.config.v1+json"
LAYER = f"{MEDIA}.layer.v1.tar+gzip"
VARIANTS = {"arm64": "v8"}  # what container runtimes call the only variant


class NameFault(Exception):
    """A name that no image can have; its text says why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is the same on every platform. `created` is a time as in RFC 3339."""

    name: str
    created: str
    user: str
    entrypoint: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Archive:
    """What was made: the file, the digest of the index in it, and that of each platform's manifest."""

    data: bytes
    digest: str
    manifests: Mapping[str, str]


def tagged_name(name: str) -> str:
    """The name as a container runtime stores it: with registry, path and tag. Raises NameFault where it has no tag."""
    base, _, tag = split(name)[1].partition(":")
    if not base or not tag or "/" in tag or "@" in base + tag:
        raise NameFault(f"{name!r} is no image name with a tag, such as pylb:1.0")
    return full_name(name)


def archive(images: Mapping[str, Sequence[Layer]], settings: Settings, epoch: int) -> Archive:
    """The OCI archive of an image for some architectures (Debian's and Go's names of them), as `ctr` imports it."""
    blobs: dict[str, bytes] = {}
    name = tagged_name(settings.name)
    manifests = {arch: _manifest(blobs, arch, layers, settings) for arch, layers in sorted(images.items())}
    index: JSON = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(manifests.values())}
    top = _add(blobs, INDEX, _encode(index))
    named = {
        **top,
        # containerd names the image after the first, kubelets ask for that; others read the second
        "annotations": {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rpartition(":")[2]},
    }
    tree: Tree = {f"blobs/{key.replace(':', '/')}": file(data) for key, data in blobs.items()}
    tree["oci-layout"] = file(_encode({"imageLayoutVersion": "1.0.0"}))
    tree["index.json"] = file(_encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": [named]}))
    digests = {arch: str(manifest["digest"]) for arch, manifest in manifests.items()}
    return Archive(pack(tree, epoch), str(top["digest"]), digests)


def _manifest(blobs: dict[str, bytes], arch: str, layers: Sequence[Layer], settings: Settings) -> JSON:
    """Adds an architecture's blobs; its entry in the index."""
    variant = {"variant": VARIANTS[arch]} if arch in VARIANTS else {}
    platform: JSON = {"architecture": arch, "os": "linux", **variant}
    config = _add(blobs, CONFIG, _encode(_config(platform, layers, settings)))
    manifest: JSON = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config,
        "layers": [_add(blobs, LAYER, layer.data) for layer in layers],
        "annotations": dict(settings.labels),
    }
    return {**_add(blobs, MANIFEST, _encode(manifest)), "platform": platform}


def _config(platform: JSON, layers: Sequence[Layer], settings: Settings) -> JSON:
    return {
        "created": settings.created,
        **platform,
        "config": {
            "User": settings.user,
            "Env": [f"{name}={value}" for name, value in sorted(settings.environment.items())],
            "Entrypoint": list(settings.entrypoint),
            "WorkingDir": "/",
            "Labels": dict(settings.labels),
        },
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created": settings.created, "created_by": layer.created_by} for layer in layers],
    }


def _add(blobs: dict[str, bytes], media: str, data: bytes) -> JSON:
    """Adds a blob; its descriptor."""
    blobs[digest(data)] = data
    return {"mediaType": media, "digest": digest(data), "size": len(data)}


def _encode(value: JSON) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
