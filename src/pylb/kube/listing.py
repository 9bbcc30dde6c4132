"""The shapes around objects: pages of a list, events of a watch, keys. What is inside the objects stands elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pylb.kube.errors import ServerError, from_status

ADDED, MODIFIED, DELETED, BOOKMARK, ERROR = "ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list; `token` is empty for the last one."""

    items: list[Any]
    version: str
    token: str


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """A change, or a bookmark; `version` is the resourceVersion to go on from, if it says one."""

    kind: str
    object: dict[str, Any]
    version: str | None


def read_page(raw: Any) -> Page:
    """A page of what a list answered. Raises ServerError(reason=NotJSON) for anything else."""
    metadata = raw.get("metadata") if isinstance(raw, dict) else None
    version = _version(raw)
    items = (raw.get("items") or []) if isinstance(raw, dict) else None  # Go writes null for an empty list
    if not isinstance(items, list) or not isinstance(metadata, dict) or version is None:
        raise ServerError("the answer is no list of objects", reason="NotJSON")
    return Page(items, version, str(metadata.get("continue") or ""))


def read_event(raw: Any) -> WatchEvent:
    """An event of a watch. Raises the ClusterError that an ERROR event tells, and ServerError(reason=NotJSON)."""
    kind, body = (raw.get("type"), raw.get("object")) if isinstance(raw, dict) else (None, None)
    if not isinstance(body, dict) or kind not in (ADDED, MODIFIED, DELETED, BOOKMARK, ERROR):
        raise ServerError("a line of the watch is no event", reason="NotJSON")
    if kind == ERROR:
        raise from_status(body)
    return WatchEvent(str(kind), body, _version(body))


def object_key(raw: Any) -> str:
    """The "namespace/name" of an object, or its name where it has no namespace. Raises ValueError if it has none."""
    metadata = raw.get("metadata") if isinstance(raw, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(name, str) or not name:
        raise ValueError("an object without a name")
    namespace = metadata.get("namespace")
    return f"{namespace}/{name}" if namespace else name


def _version(raw: Any) -> str | None:
    metadata = raw.get("metadata") if isinstance(raw, dict) else None
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    return version if isinstance(version, str) and version else None
