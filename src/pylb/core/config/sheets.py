"""One object of the configuration while it is read: its fields as its schema has them, and all that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import count, islice
from typing import Any, TypeVar

from pylb.core import selectors
from pylb.core.config.objects import GROUP, JSON, ORIGIN, Problem
from pylb.core.crds import shapes
from pylb.core.crds import table as crds
from pylb.core.crds.schemas import Schema
from pylb.core.errors import ParseError
from pylb.core.model import ObjectRef
from pylb.core.selectors import Selector

S = TypeVar("S")
T = TypeVar("T")
_INDEX = re.compile(r"\[(\d+)\]")
_WRITE_SELECTOR = "write matchLabels: {key: value}, or matchExpressions with key, operator and values"


@lru_cache(maxsize=16)
def schema_of(kind: str, version: str) -> Schema:
    """The schema of a kind's `spec` in a version, or in the one that is stored where it has no such version."""
    versions = crds.resource(kind).versions
    return next((one for one in versions if one.name == version), versions[-1]).spec


def name_of(raw: JSON) -> str:
    """The object's own name; what a ConfigMap became has a name besides the ConfigMap's."""
    return str(_metadata(raw).get("name") or "")


def reference(raw: JSON, kind: str) -> ObjectRef:
    """The object that people know it by."""
    origin = raw.get(ORIGIN)
    if isinstance(origin, ObjectRef):
        return origin
    meta = _metadata(raw)
    return ObjectRef(
        kind=str(raw.get("kind") or kind),
        namespace=str(meta.get("namespace") or ""),
        name=name_of(raw),
        uid=str(meta.get("uid") or ""),
        api_version=str(raw.get("apiVersion") or f"{GROUP}/{crds.resource(kind).versions[-1].name}"),
    )


def _metadata(raw: JSON) -> JSON:
    meta = raw.get("metadata")
    return meta if isinstance(meta, dict) else {}


class Sheet:
    """One object; `spec` holds what of its fields fits its schema, with defaults filled in."""

    def __init__(self, raw: JSON, kind: str) -> None:
        self.raw, self.kind = raw, kind
        self.ref, self.name = reference(raw, kind), name_of(raw)
        self.prefix = ""  # of all that is said of what fields mean, as MetalLB has it
        version = str(raw.get("apiVersion") or "").rpartition("/")[2]
        schema = schema_of(kind, version)
        fitted = shapes.fit(schema, raw.get("spec"), "spec")
        self.spec: dict[str, Any] = shapes.fit(schema, {}, "spec").value if fitted.value is None else fitted.value
        self._faults = fitted.faults
        self._said: list[Problem] = []
        self.warnings = [Problem(self.ref, one.path, one.text, one.fix) for one in fitted.faults if one.unknown]

    @property
    def problems(self) -> list[Problem]:
        """All that is wrong: with the shape, and with what it means."""
        told = {problem.field for problem in self._said}
        shape = [one for one in self._faults if not one.unknown and not (one.missing and one.path in told)]
        return [*(Problem(self.ref, one.path, one.text, one.fix) for one in shape), *self._said]

    @property
    def labels(self) -> dict[str, str]:
        """The object's labels."""
        found = _metadata(self.raw).get("labels")
        return dict(found) if isinstance(found, dict) else {}

    @property
    def annotations(self) -> dict[str, str]:
        """The object's annotations."""
        found = _metadata(self.raw).get("annotations")
        return dict(found) if isinstance(found, dict) else {}

    def say(self, field: str, text: str, fix: str) -> None:
        """Something is wrong with what a field means; not said of one that has no shape to mean anything."""
        field = self._as_written(field)
        if not any(self._concerns(one, field) for one in self._faults):
            self._said.append(Problem(self.ref, field, self.prefix + text, fix))

    def warn(self, field: str, text: str, fix: str) -> None:
        """Something is not as it was meant, and stops nothing."""
        self.warnings.append(Problem(self.ref, field, text, fix))

    def read(self, field: str, read: Callable[[S], T], raw: S, fix: str, wrap: str = "{}") -> T | None:
        """What `read` makes of a value; None where it raises ParseError, which is said within `wrap`."""
        try:
            return read(raw)
        except ParseError as error:
            self.say(field, wrap.replace("{}", str(error)), fix)
            return None

    def unique(self, items: Sequence[str], field: str, what: str) -> frozenset[str]:
        """The texts of a list, each of which may stand there once."""
        for number, item in enumerate(items):
            if item in items[:number]:
                self.say(f"{field}[{number}]", f'duplicate definition of {what} "{item}"', "name it once")
        return frozenset(items)

    def selectors(self, raw: Sequence[Any], field: str, wrap: str = "{}") -> tuple[Selector, ...]:
        """A list of label selectors, of which an object has to match one."""
        found: list[Selector] = []
        written: list[object] = []
        for number, item in enumerate(raw):
            where = f"{field}[{number}]"
            one = self.selector(item, where, wrap)
            if one is None:
                continue
            if selectors.written(item) in written:
                what = field.rpartition(".")[2]
                self.say(where, f'duplicate definition of {what} "{one}"', "name it once")
            found.append(one)
            written.append(selectors.written(item))
        return tuple(found)

    def selector(self, raw: JSON, field: str, wrap: str = "{}") -> Selector | None:
        """One label selector."""
        return self.read(field, selectors.parse, raw, _WRITE_SELECTOR, wrap)

    def _as_written(self, field: str) -> str:
        """A field of `spec` as the object has it: what does not fit is not in `spec`, whose lists count on without it."""
        lacking = {fault.path for fault in self._faults if not (fault.unknown or fault.missing)}
        path, end = "", 0
        for found in _INDEX.finditer(field):
            path += field[end : found.start()]
            fitting = (number for number in count() if f"{path}[{number}]" not in lacking)
            path += f"[{next(islice(fitting, int(found[1]), None))}]"
            end = found.end()
        return path + field[end:]

    @staticmethod
    def _concerns(fault: shapes.Fault, field: str) -> bool:
        if fault.unknown or fault.missing:
            return False
        return _is_in(fault.path, field) or _is_in(field, fault.path)


def _is_in(path: str, field: str) -> bool:
    """Whether a path is a field's own, or of something in it."""
    return path == field or path.startswith((f"{field}.", f"{field}["))
