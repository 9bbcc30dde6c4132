"""Container images of one static program, as the registry of the cluster serves them and as containerd imports them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
OCI = "application/vnd.oci.image."
MANIFEST = f"{OCI}manifest.v1+json"


@dataclass(frozen=True, slots=True)
class Image:
    """An OCI image: the digest of its manifest, and all its blobs by digest."""

    manifest: str
    blobs: Mapping[str, bytes]

    def write(self, path: Path, name: str) -> None:
        """An archive that containerd imports under this name."""
        entry = {"mediaType": MANIFEST, "digest": self.manifest, "size": len(self.blobs[self.manifest])}
        index = {"schemaVersion": 2, "manifests": [{**entry, "annotations": {"io.containerd.image.name": name}}]}
        files = {f"blobs/{digest.replace(':', '/')}": data for digest, data in self.blobs.items()}
        files |= {"index.json": _json(index), "oci-layout": _json({"imageLayoutVersion": "1.0.0"})}
        path.write_bytes(_tar(files))


def of_program(program: bytes, command: Sequence[str], env: Mapping[str, str] | None = None) -> Image:
    """An image whose only file is /program."""
    blobs: dict[str, bytes] = {}

    def blob(data: bytes, kind: str) -> dict[str, str | int]:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        blobs[digest] = data
        return {"mediaType": f"{OCI}{kind}", "digest": digest, "size": len(data)}

    layer = _tar({"program": program}, 0o755)
    config = {
        "architecture": ARCHITECTURE,
        "os": "linux",
        "config": {"Entrypoint": list(command), "Env": [f"{name}={value}" for name, value in (env or {}).items()]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": blob(_json(config), "config.v1+json"),
        "layers": [blob(gzip.compress(layer, 1, mtime=0), "layer.v1.tar+gzip")],
    }
    return Image(str(blob(_json(manifest), "manifest.v1+json")["digest"]), blobs)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _tar(files: Mapping[str, bytes], mode: int = 0o644) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, data in files.items():
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(data), mode
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()
