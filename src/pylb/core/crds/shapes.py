"""Whether a value has the shape that a schema of `core.crds.table` gives it: what the API server checks, and in its words.

Types, bounds, choices, required and unknown fields, defaults. What fields mean, and rules in CEL, are not known here.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pylb.core.crds.schemas import Schema
from pylb.core.fields import shown

MAX_FAULTS = 20  # told of one object; who has mended them learns of the next
ALIKE = 0.6  # of difflib's ratio: `autoAsign` has 0.95
_FIXES = {
    "boolean": "write true or false",
    "integer": "write a whole number, without quotes",
    "string": "write a text; put what YAML takes for a number or a boolean in quotes",
    "array": "write a list: one line each, with a dash",
    "object": "write fields and their values",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A place where a value does not have its shape."""

    path: str
    text: str
    fix: str
    missing: bool = False  # a field that has to be there is not
    unknown: bool = False  # a field that the schema does not have: the API server drops it


@dataclass(frozen=True, slots=True)
class Fitted:
    """What fits, with defaults filled in and without all that does not; None where nothing does."""

    value: Any
    faults: tuple[Fault, ...] = ()


def fit(schema: Schema, raw: object, path: str) -> Fitted:
    """Hold a value against its schema; `path` is where it stands. An absent object has the fields that have defaults."""
    faults: list[Fault] = []
    value = _fit(schema, {} if raw is None and schema["type"] == "object" else raw, path, faults)
    return Fitted(value, tuple(faults[:MAX_FAULTS]))


def _fit(schema: Schema, raw: object, path: str, faults: list[Fault]) -> Any:
    if not _TYPES[schema["type"]](raw):
        text = f"{path} in body must be of type {schema['type']}, not {shown(raw)}"
        faults.append(Fault(path, text, _mended(schema)))
        return None
    if isinstance(raw, list):
        return _fit_list(schema, raw, path, faults)
    if isinstance(raw, Mapping):
        return _fit_fields(schema, raw, path, faults)
    found = next(_limits(schema, raw, path), None)
    if found is not None:
        faults.append(found)
        return None
    return raw


def _mended(schema: Schema) -> str:
    """What to write in place of a value of another type."""
    bounds = _bounds(schema)
    return f"write a whole number {bounds}, without quotes" if bounds else _FIXES[schema["type"]]


def _bounds(schema: Schema) -> str:
    """The bounds of a number, in words; "" where it has none."""
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f"from {least} to {most}"
    return f"of {least} or more" if least is not None else "" if most is None else f"of {most} or less"


_TYPES: dict[str, Callable[[object], bool]] = {
    "boolean": lambda raw: isinstance(raw, bool),
    "integer": lambda raw: isinstance(raw, int) and not isinstance(raw, bool),
    "string": lambda raw: isinstance(raw, str),
    "array": lambda raw: isinstance(raw, list),
    "object": lambda raw: isinstance(raw, Mapping),
}


def _fit_list(schema: Schema, raw: list[Any], path: str, faults: list[Fault]) -> list[Any]:
    least = schema.get("minItems", 0)
    if len(raw) < least:
        text = f"{path} in body should have at least {least} items"
        faults.append(Fault(path, text, "name one at least, or leave the field out"))
    items = (_fit(schema["items"], item, f"{path}[{number}]", faults) for number, item in enumerate(raw))
    return [item for item in items if item is not None]


def _fit_fields(schema: Schema, raw: Mapping[Any, Any], path: str, faults: list[Fault]) -> dict[str, Any]:
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties")
    value: dict[str, Any] = {}
    for name, inner in raw.items():
        below = properties.get(name, others)
        if below is None:
            faults.append(_unknown(str(name), properties, path))
        elif inner is not None:
            fitted = _fit(below, inner, f"{path}.{name}", faults)
            value.update({} if fitted is None else {str(name): fitted})
    for name in schema.get("required", ()):
        if raw.get(name) is None:
            text = f"{path}.{name}: Required value"
            faults.append(Fault(f"{path}.{name}", text, f"give {path} a field {name}", missing=True))
    for name, below in properties.items():
        if "default" in below:
            value.setdefault(name, below["default"])
    return value


def _unknown(name: str, properties: Mapping[str, Any], path: str) -> Fault:
    near = difflib.get_close_matches(name.lower(), [one.lower() for one in properties], n=1, cutoff=ALIKE)
    meant = next((one for one in properties if [one.lower()] == near), "")
    fix = (
        f"did you mean {meant}?" if meant else "leave it out" + (f"; there are {', '.join(properties)}" if path else "")
    )
    return Fault(f"{path}.{name}", f'unknown field "{path}.{name[:60]}"', fix, unknown=True)


def _limits(schema: Schema, raw: Any, path: str) -> Iterator[Fault]:
    least, most = schema.get("minimum"), schema.get("maximum")
    if "enum" in schema and raw not in schema["enum"]:
        values = ", ".join(f'"{one}"' for one in schema["enum"])
        yield Fault(
            path, f'{path}: Unsupported value: "{raw[:60]}": supported values: {values}', f"write one of {values}"
        )
    between = f"write a number {_bounds(schema)}"
    if least is not None and raw < least:
        yield Fault(path, f"{path} in body should be greater than or equal to {least}, not {raw}", between)
    if most is not None and raw > most:
        yield Fault(path, f"{path} in body should be less than or equal to {most}, not {raw}", between)
