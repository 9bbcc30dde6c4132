"""Kubernetes label selectors (`matchLabels`, `matchExpressions`), as values that answer one question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pylb.core.errors import ParseError
from pylb.core.fields import mapping, sequence, shown
from pylb.core.model import Labels

IN, NOT_IN, EXISTS, DOES_NOT_EXIST = "In", "NotIn", "Exists", "DoesNotExist"


@dataclass(frozen=True, slots=True, order=True)
class Requirement:
    """One condition on a label. `NotIn` is met by a missing label, as in Kubernetes."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Labels) -> bool:
        if self.operator == IN:
            return labels.get(self.key) in self.values
        if self.operator == NOT_IN:
            return labels.get(self.key) not in self.values
        return (self.key in labels) == (self.operator == EXISTS)


@dataclass(frozen=True, slots=True, order=True)
class Selector:
    """All conditions must be met; without any, everything matches."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Labels) -> bool:
        return all(requirement.matches(labels) for requirement in self.requirements)


EVERYTHING = Selector()


def parse(raw: Mapping[str, Any]) -> Selector:
    """The selector of a LabelSelector object; raises ParseError that names the faulty expression."""
    raw = mapping(raw, "a label selector")
    pairs = mapping(raw.get("matchLabels"), "matchLabels")
    exact = [Requirement(str(key), IN, (str(value),)) for key, value in pairs.items()]
    expressions = [_expression(item) for item in sequence(raw.get("matchExpressions"))]
    if len(set(expressions)) != len(expressions):
        raise ParseError("duplicate match expression in a label selector")
    return Selector(tuple(sorted({*exact, *expressions})))


def parse_all(raw: object) -> tuple[Selector, ...]:
    """A list of selectors, of which an object has to match one; raises ParseError on a bad or repeated one."""
    found = tuple(parse(item) for item in sequence(raw))
    if len(set(found)) != len(found):
        raise ParseError("duplicate label selector")
    return found


def matches_any(selectors: Sequence[Selector], labels: Labels) -> bool:
    """Whether one of the selectors matches."""
    return any(selector.matches(labels) for selector in selectors)


def _expression(raw: object) -> Requirement:
    if not isinstance(raw, Mapping) or not raw.get("key"):
        raise ParseError(f"a match expression needs a key: {shown(raw)}")
    key, operator = str(raw["key"]), str(raw.get("operator", ""))
    values = tuple(sorted(str(value) for value in sequence(raw.get("values"))))
    if operator not in (IN, NOT_IN, EXISTS, DOES_NOT_EXIST):
        raise ParseError(f'"{operator}" is not a valid label selector operator (In, NotIn, Exists, DoesNotExist)')
    if (operator in (IN, NOT_IN)) != bool(values):
        raise ParseError(f'label "{key}": operator {operator} {"needs" if not values else "takes no"} values')
    if len(set(values)) != len(values):
        raise ParseError(f'label "{key}": duplicate value')
    return Requirement(key, operator, values)
