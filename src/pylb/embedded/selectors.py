"""Label and field selectors: text or LabelSelector object in, a predicate out.

The grammar is that of the API (labels.Parse); a text outside it raises `SelectorError`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from pylb.embedded.errors import JSON
from pylb.embedded.resources import Resource


class SelectorError(ValueError):
    """A selector that cannot be read."""


Labels = Mapping[str, str]
Match = Callable[[Labels], bool]

_KEY = r"[A-Za-z0-9]([A-Za-z0-9_./-]*[A-Za-z0-9])?"
_VALUE = r"([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?"
_SET = re.compile(rf"^({_KEY})\s+(in|notin)\s*\(([^()]*)\)$")
_EQUAL = re.compile(rf"^({_KEY})\s*(==|=|!=)\s*({_VALUE})$")
_EXISTS = re.compile(rf"^(!?)\s*({_KEY})$")
_COMMA = re.compile(r",(?![^(]*\))")  # not those inside parentheses


def labels(text: str) -> Match:
    """The predicate of a label selector text; an empty one matches everything."""
    tests = [_requirement(part.strip()) for part in _COMMA.split(text)] if text.strip() else []
    return lambda found: all(test(found) for test in tests)


def _requirement(text: str) -> Match:
    if match := _SET.match(text):
        values = frozenset(value.strip() for value in match[4].split(","))
        return _membership(match[1], match[3], values)
    if match := _EQUAL.match(text):
        return _membership(match[1], "notin" if match[3] == "!=" else "in", frozenset({match[4]}))
    if match := _EXISTS.match(text):
        return _presence(match[2], not match[1])
    raise SelectorError(f"unable to parse requirement: {text!r}")


def _membership(key: str, operator: str, values: frozenset[str]) -> Match:
    if operator == "in":
        return lambda found: key in found and found[key] in values
    return lambda found: found.get(key) not in values  # an absent label is in no set


def _presence(key: str, wanted: bool) -> Match:
    return lambda found: (key in found) is wanted


def selector_object(selector: JSON | None) -> Match:
    """The predicate of a metav1.LabelSelector; None matches nothing, {} everything."""
    if selector is None:
        return lambda found: False
    tests = [_membership(k, "in", frozenset({v})) for k, v in (selector.get("matchLabels") or {}).items()]
    tests += [_expression(expression) for expression in selector.get("matchExpressions") or ()]
    return lambda found: all(test(found) for test in tests)


def _expression(expression: JSON) -> Match:
    operator, key = str(expression.get("operator", "")), str(expression.get("key", ""))
    if operator in ("In", "NotIn"):
        return _membership(key, operator.lower(), frozenset(expression.get("values") or ()))
    if operator in ("Exists", "DoesNotExist"):
        return _presence(key, operator == "Exists")
    raise SelectorError(f"{operator!r} is not a valid label selector operator")


_INVOLVED = tuple(
    f"involvedObject.{f}" for f in ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"]
)
_FIELDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "pods"): (
        *("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork"),
        *("status.phase", "status.podIP", "status.nominatedNodeName"),
    ),
    ("", "events"): (*_INVOLVED, "reason", "reportingComponent", "source", "type"),
    ("", "secrets"): ("type",),
    ("", "services"): ("spec.clusterIP", "spec.type"),
    ("", "nodes"): ("spec.unschedulable",),
    ("", "namespaces"): ("status.phase",),
}
_FIELD_TEST = re.compile(r"^([^=!]+)(==|=|!=)(.*)$")


def fields(text: str, resource: Resource) -> Callable[[JSON], bool]:
    """The predicate of a field selector; only the fields that the real server supports for the resource."""
    known = ("metadata.name", "metadata.namespace", *_FIELDS.get(resource.key, ()))
    tests: list[tuple[str, bool, str]] = []
    for part in filter(None, text.split(",")):
        match = _FIELD_TEST.match(part)
        if match is None:
            raise SelectorError(f"invalid selector: {text!r}; can't understand {part!r}")
        if match[1] not in known:
            raise SelectorError(f"field label not supported: {match[1]}")
        tests.append((match[1], match[2] != "!=", match[3]))
    return lambda obj: all((_field(obj, path) == value) is wanted for path, wanted, value in tests)


def _field(obj: JSON, path: str) -> str:
    found: object = obj
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    if path == "source" and isinstance(found, dict):
        found = found.get("component")
    if isinstance(found, bool):
        return str(found).lower()
    return "" if found is None else str(found)


def pick(objects: Iterable[JSON], match: Match) -> list[JSON]:
    """The objects whose labels match."""
    return [obj for obj in objects if match(obj["metadata"].get("labels") or {})]
