"""Objects of manifest files, the line of each of their fields, and what is found wrong with them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pylb.core.fields import shown
from pylb.core.model import ObjectRef
from pylb.core.words import Word

JSON = Mapping[str, Any]
MAX_LISTS = 5  # Lists inside each other
_INDEX = re.compile(r"\[(\d+)\]")
_KEY = re.compile(r"\[(?!\d+\])([^\]]+)\]")  # `annotations[pylb.io/reserved]`


@dataclass(frozen=True, slots=True)
class Place:
    """The line of a value (from 1), and the places of what is in it."""

    line: int
    keys: Mapping[str, Place] = field(default_factory=dict)
    items: tuple[Place, ...] = ()
    text: int = 0  # the line on which a block of text (`|`) begins; 0 for all other values

    def find(self, path: str) -> Place:
        """The place of a path (`spec.addresses[1]`), or of the deepest part of it that is there. Keys may have dots."""
        place, rest = self, _KEY.sub(r".\1", path)
        while rest:
            index = _INDEX.match(rest)
            if index is not None:
                number = int(index[1])
                if number >= len(place.items):
                    break
                place, rest = place.items[number], rest[index.end() :].lstrip(".")
                continue
            key = max((key for key in place.keys if _starts(rest, key)), key=len, default=None)
            if key is None:
                break
            place, rest = place.keys[key], rest[len(key) :].lstrip(".")
        return place


def _starts(path: str, key: str) -> bool:
    return path == key or path.startswith((f"{key}.", f"{key}["))


class Severity(Word):
    """FAIL: the API server or the controller refuses it, or it does not do what it says. HINT: it works, and see."""

    FAIL = "FAIL"
    HINT = "HINT"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is to say of a file: where, about what, and what helps ("" where nothing is known to)."""

    source: str
    line: int  # from 1
    severity: Severity
    text: str
    fix: str = ""
    field: str = ""
    ref: ObjectRef | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object of a file, as it is written there."""

    source: str
    raw: JSON
    place: Place

    @property
    def kind(self) -> str:
        return _text(self.raw.get("kind"))

    @property
    def api_version(self) -> str:
        return _text(self.raw.get("apiVersion"))

    @property
    def metadata(self) -> JSON:
        """The metadata, empty where there are none that can be read."""
        found = self.raw.get("metadata")
        return found if isinstance(found, Mapping) else {}

    @property
    def name(self) -> str:
        return _text(self.metadata.get("name"))

    @property
    def namespace(self) -> str:
        return _text(self.metadata.get("namespace"))

    @property
    def ref(self) -> ObjectRef:
        return ObjectRef(self.kind, self.namespace, self.name, api_version=self.api_version)

    def fail(self, path: str, text: str, fix: str = "") -> Finding:
        """A failure at a field."""
        return self._found(Severity.FAIL, path, text, fix)

    def hint(self, path: str, text: str, fix: str = "") -> Finding:
        """A hint at a field."""
        return self._found(Severity.HINT, path, text, fix)

    def _found(self, severity: Severity, path: str, text: str, fix: str) -> Finding:
        return Finding(self.source, self.place.find(path).line, severity, text, fix, path, self.ref)


def _text(raw: object) -> str:
    return raw if isinstance(raw, str) else ""


def flatten(manifests: Iterable[Manifest], depth: int = MAX_LISTS) -> Iterator[Manifest]:
    """The objects, those of Lists one by one."""
    for manifest in manifests:
        items = _items(manifest)
        if items is None or not depth:
            yield manifest
        else:
            yield from flatten(_inner(manifest, items), depth - 1)


def strays(manifests: Iterable[Manifest], depth: int = MAX_LISTS) -> Iterator[Finding]:
    """Entries of Lists that are no objects: the API server takes none of them."""
    for manifest in manifests:
        items = _items(manifest)
        if items is None or not depth:
            continue
        for number, raw in enumerate(items):
            if not isinstance(raw, Mapping):
                text = f"items[{number}]: an object is expected, with apiVersion and kind, not {shown(raw)}"
                yield manifest.fail(f"items[{number}]", text, "remove it, or write an object in its place")
        yield from strays(_inner(manifest, items), depth - 1)


def _items(manifest: Manifest) -> list[Any] | None:
    """What a List has; None for what is none."""
    items = manifest.raw.get("items")
    return items if manifest.kind.endswith("List") and isinstance(items, list) else None


def _inner(manifest: Manifest, items: list[Any]) -> list[Manifest]:
    rows = zip(items, manifest.place.find("items").items, strict=False)
    return [Manifest(manifest.source, raw, place) for raw, place in rows if isinstance(raw, Mapping)]


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """In the order of the files, each finding once."""
    unique = dict.fromkeys(findings)
    return sorted(unique, key=lambda one: (one.source, one.line, one.severity.value, one.field, one.text))
