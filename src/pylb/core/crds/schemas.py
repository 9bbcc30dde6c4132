"""The pieces that `core.crds.table` builds its schemas from: OpenAPI v3 as a structural schema of Kubernetes wants it.

Each helper returns a fresh dict, so that no two places of a definition share one. Nothing here knows a resource.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Schema = dict[str, Any]

IMMUTABLE = "self == oldSelf"  # CEL; on an optional field it speaks only where old and new object both have it


def text(description: str, **more: Any) -> Schema:
    """A string; `more` are further keywords, such as `maxLength`."""
    return {"type": "string", "description": description, **more}


def choice(description: str, *values: str) -> Schema:
    """One of a few strings."""
    return text(description, enum=list(values))


def flag(description: str, default: bool | None = None) -> Schema:
    """A boolean; without a default it may stay unset."""
    schema: Schema = {"type": "boolean", "description": description}
    return schema if default is None else {**schema, "default": default}


def number(
    description: str, minimum: int | None = None, maximum: int | None = None, default: int | None = None
) -> Schema:
    """An integer from `minimum` to `maximum`, both inside.

    Its format is int64 where the bounds leave 32 bits with a sign: AS numbers have 32 bits without one.
    """
    wide = maximum is None or maximum > 2**31 - 1
    schema: Schema = {"type": "integer", "format": "int64" if wide else "int32", "description": description}
    for keyword, value in (("minimum", minimum), ("maximum", maximum), ("default", default)):
        if value is not None:
            schema[keyword] = value
    return schema


def texts(description: str) -> Schema:
    """A list of strings."""
    return {"type": "array", "description": description, "items": {"type": "string"}}


def records(description: str, item: Schema) -> Schema:
    """A list of objects."""
    return {"type": "array", "description": description, "items": item}


def record(description: str, properties: dict[str, Schema], required: Sequence[str] = (), **more: Any) -> Schema:
    """An object with these fields; unknown ones are pruned by the API server."""
    schema: Schema = {"type": "object", "description": description, "properties": properties, **more}
    return {**schema, "required": list(required)} if required else schema


def empty(description: str) -> Schema:
    """An object without fields."""
    return {"type": "object", "description": description}


def selector(needs_values: bool = False) -> Schema:
    """A label selector: matchLabels and matchExpressions are all wanted, an empty one selects everything.

    `needs_values` is the older form of BGPPeer v1beta1, whose expressions cannot say Exists.
    """
    values = texts("Wanted values; empty for Exists and DoesNotExist.")
    required = ["key", "operator"]
    if needs_values:
        values["items"], values["minItems"] = {"type": "string"}, 1
        required.append("values")
    expression = record(
        "A condition on one label.",
        {
            "key": text("The label's key."),
            "operator": text("In, NotIn, Exists or DoesNotExist."),
            "values": values,
        },
        required,
    )
    labels = {
        "type": "object",
        "description": "Labels and the values that they must have.",
        "additionalProperties": {"type": "string"},
    }
    return record(
        "Selects objects by their labels.",
        {"matchLabels": labels, "matchExpressions": records("Further conditions.", expression)},
    )


def selectors(description: str, needs_values: bool = False) -> Schema:
    """A list of label selectors, of which one is enough."""
    return records(description, selector(needs_values))


def as_numbers(description: str) -> Schema:
    """A 32-bit AS number (RFC 6793), 0 included for compatibility."""
    return number(description, 0, 2**32 - 1)


def rules(schema: Schema, *pairs: tuple[str, str]) -> Schema:
    """`schema` with CEL rules, each (rule, message)."""
    return {**schema, "x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in pairs]}


def immutable(schema: Schema, message: str = "Value is immutable") -> Schema:
    """`schema` whose value cannot be changed once it is set."""
    return rules(schema, (IMMUTABLE, message))


def conditions(description: str) -> Schema:
    """Kubernetes' usual list of conditions, one a type (meta/v1 Condition)."""
    fields = {
        "type": text("What the condition is about.", maxLength=316),
        "status": choice("Whether it holds.", "True", "False", "Unknown"),
        "reason": text(
            "Why, as one word.", minLength=1, maxLength=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
        ),
        "message": text("Why, as a sentence.", maxLength=32768),
        "lastTransitionTime": text("When the status last changed.", format="date-time"),
        "observedGeneration": number("The generation that the condition is about.", minimum=0),
    }
    required = ["type", "status", "reason", "message", "lastTransitionTime"]
    schema = records(description, record("One condition.", fields, required))
    return {**schema, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
