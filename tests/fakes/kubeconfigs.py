"""Kubeconfigs and the files beside them, made for a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pylb.kube.credentials import Credentials

HERE = Path("/somewhere/config")


def config(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, **more: Any) -> bytes:
    """A kubeconfig of two contexts, `ctx` and `other`."""
    return yaml.safe_dump(
        {
            "current-context": "ctx",
            "contexts": [
                {"name": "ctx", "context": {"cluster": "c", "user": "u"}},
                {"name": "other", "context": {"cluster": "d", "user": "u", "namespace": "ns"}},
            ],
            "clusters": [
                {"name": "c", "cluster": {"server": "https://10.0.0.1:6443", **(cluster or {})}},
                {"name": "d", "cluster": {"server": "https://d"}},
            ],
            "users": [{"name": "u", "user": user or {}}],
            **more,
        }
    ).encode()


def place(path: Path, content: bytes) -> Path:
    """Writes a file, its folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


async def token(found: Credentials) -> str | None:
    """What the credentials would show."""
    return await found.bearer.token()
