"""Structural schemas (OpenAPI v3 as CustomResourceDefinitions carry them): validate, set defaults, prune.

Rules in CEL (`x-kubernetes-validations`) and `format` are not evaluated.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

from pylb.embedded.errors import JSON, Cause, required

_INT_OR_STRING = "x-kubernetes-int-or-string"
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED = "x-kubernetes-embedded-resource"

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: (isinstance(v, int) and not isinstance(v, bool)) or (isinstance(v, float) and v.is_integer()),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
}


def type_name(value: object) -> str:
    """The JSON type of a value, as the API's messages name it."""
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return names.get(type(value), "null")


def validate(schema: JSON, value: Any, path: str = "") -> list[Cause]:
    """What is wrong with a value; paths are dotted, as in Status.details.causes."""
    if value is None and schema.get("nullable"):
        return []
    if not _fits(schema, value):
        wanted = "integer,string" if schema.get(_INT_OR_STRING) else schema.get("type", "")
        seen = type_name(value)
        text = f'Invalid value: "{seen}": {path or "body"} in body must be of type {wanted}: "{seen}"'
        return [Cause(path, "FieldValueTypeInvalid", text)]
    return [*_scalar_causes(schema, value, path), *_inner_causes(schema, value, path)]


def _fits(schema: JSON, value: Any) -> bool:
    if schema.get(_INT_OR_STRING):
        return isinstance(value, (int, str)) and not isinstance(value, bool)
    check = _TYPES.get(str(schema.get("type")))
    return check is None or check(value)


def _bad(path: str, value: object, rule: str) -> Cause:
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    return Cause(path, "FieldValueInvalid", f"Invalid value: {shown}: {path} in body {rule}")


def _scalar_causes(schema: JSON, value: Any, path: str) -> Iterator[Cause]:
    if (allowed := schema.get("enum")) is not None and value not in allowed:
        listed = ", ".join(f'"{a}"' for a in allowed)
        yield Cause(path, "FieldValueNotSupported", f'Unsupported value: "{value}": supported values: {listed}')
    if isinstance(value, str):
        yield from _text_causes(schema, value, path)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _number_causes(schema, value, path)


def _text_causes(schema: JSON, value: str, path: str) -> Iterator[Cause]:
    if len(value) > schema.get("maxLength", len(value)):
        yield _bad(path, value, f"may not be more than {schema['maxLength']} bytes long")
    if len(value) < schema.get("minLength", 0):
        yield _bad(path, value, f"should be at least {schema['minLength']} chars long")
    if "pattern" in schema and not _matches(str(schema["pattern"]), value):
        yield _bad(path, value, f"should match '{schema['pattern']}'")


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:  # Go's syntax is not quite Python's: such a rule is not checked
        return True


def _number_causes(schema: JSON, value: float, path: str) -> Iterator[Cause]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and (value < low or (value == low and schema.get("exclusiveMinimum"))):
        yield _bad(path, value, f"should be greater than or equal to {low}")
    if high is not None and (value > high or (value == high and schema.get("exclusiveMaximum"))):
        yield _bad(path, value, f"should be less than or equal to {high}")


def _inner_causes(schema: JSON, value: Any, path: str) -> Iterator[Cause]:
    if isinstance(value, dict):
        for name in schema.get("required") or ():
            if name not in value:
                yield required(f"{path}.{name}".lstrip("."))
        if len(value) > schema.get("maxProperties", len(value)):
            yield _bad(path, len(value), f"must have at most {schema['maxProperties']} items")
        for name, inner in value.items():
            if (below := _property(schema, name)) is not None:
                yield from validate(below, inner, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield _bad(path, len(value), "must have a number of items within the limits")
        for index, inner in enumerate(value):
            yield from validate(schema.get("items") or {}, inner, f"{path}[{index}]")


def _property(schema: JSON, name: str) -> JSON | None:
    """The schema of a property; None where the schema says nothing about it."""
    found = (schema.get("properties") or {}).get(name)
    if found is None:
        found = schema.get("additionalProperties")
    return found if isinstance(found, dict) else None


def drop_nulls(schema: JSON, value: Any) -> None:
    """Drop the nulls that a schema does not allow, in place: the real server reads them as absent."""
    if isinstance(value, dict):
        for name in [*value]:
            below = _property(schema, name)
            if below is None:
                continue
            if value[name] is None and not below.get("nullable"):
                del value[name]
            else:
                drop_nulls(below, value[name])
    elif isinstance(value, list):
        for inner in value:
            drop_nulls(schema.get("items") or {}, inner)


def default(schema: JSON, value: Any) -> None:
    """Fill in the defaults that a schema names, in place."""
    if isinstance(value, dict):
        for name, below in (schema.get("properties") or {}).items():
            if "default" in below and name not in value:
                value[name] = copy.deepcopy(below["default"])
        for name, inner in value.items():
            if (known := _property(schema, name)) is not None:
                default(known, inner)
    elif isinstance(value, list):
        for inner in value:
            default(schema.get("items") or {}, inner)


_ROOT = frozenset({"apiVersion", "kind", "metadata"})


def prune(schema: JSON, value: Any, path: str = "", *, root: bool = True) -> list[str]:
    """Drop the fields that a schema does not know, in place; returns their paths."""
    dropped: list[str] = []
    if isinstance(value, dict):
        own = root or bool(schema.get(_EMBEDDED))
        for name in [*value]:
            below = _property(schema, name)
            where = f"{path}.{name}".lstrip(".")
            if own and name in _ROOT:
                continue
            if below is not None:
                dropped += prune(below, value[name], where, root=False)
            elif not (schema.get(_PRESERVE) or schema.get("additionalProperties") is True):
                dropped.append(where)
                del value[name]
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            dropped += prune(schema.get("items") or {}, inner, f"{path}[{index}]", root=False)
    return dropped


def list_keys(schema: JSON, path: tuple[str, ...]) -> tuple[str, ...] | None:
    """The keys by which the list at a path of field names is merged (x-kubernetes-list-type: map); None if atomic."""
    found: Any = schema
    for step in path:
        while isinstance(found, dict) and found.get("type") == "array":
            found = found.get("items")
        found = _property(found, step) if isinstance(found, dict) else None
    if isinstance(found, dict) and found.get("x-kubernetes-list-type") == "map":
        return tuple(found.get("x-kubernetes-list-map-keys") or ())
    return None
