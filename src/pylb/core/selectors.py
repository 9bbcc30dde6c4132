"""Kubernetes label selectors (`matchLabels`, `matchExpressions`), as values that answer one question."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pylb.core.errors import ParseError
from pylb.core.fields import mapping, sequence, shown
from pylb.core.model import Labels

IN, NOT_IN, EXISTS, DOES_NOT_EXIST = "In", "NotIn", "Exists", "DoesNotExist"
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")  # of a label, and its value
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")  # of a label's name: a DNS subdomain


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

    def __str__(self) -> str:
        if self.operator == IN and len(self.values) == 1:
            return f"{self.key}={self.values[0]}"
        if self.values:
            return f"{self.key} {self.operator.lower()} ({','.join(self.values)})"
        return self.key if self.operator == EXISTS else f"!{self.key}"


@dataclass(frozen=True, slots=True, order=True)
class Selector:
    """All conditions must be met; without any, everything matches."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Labels) -> bool:
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


def parse(raw: Mapping[str, Any]) -> Selector:
    """The selector of a LabelSelector object; raises ParseError that names the faulty expression."""
    raw = mapping(raw, "a label selector")
    pairs = mapping(raw.get("matchLabels"), "matchLabels")
    exact = [_checked(Requirement(str(key), IN, (str(value),))) for key, value in pairs.items()]
    expressions = [_expression(item) for item in sequence(raw.get("matchExpressions"))]
    for number, expression in enumerate(expressions):
        if expression in expressions[:number]:
            raise ParseError(f'duplicate definition of match expressions "{expression}"')
    return Selector(tuple(sorted({*exact, *expressions})))


def written(raw: Mapping[str, Any]) -> object:
    """What tells two right LabelSelector objects apart as MetalLB does: not two ways to say the same."""
    pairs = sorted((raw.get("matchLabels") or {}).items())
    return pairs, [_expression(item) for item in raw.get("matchExpressions") or ()]


def matches_any(selectors: Sequence[Selector], labels: Labels) -> bool:
    """Whether one of the selectors matches."""
    return any(selector.matches(labels) for selector in selectors)


def _expression(raw: object) -> Requirement:
    if not isinstance(raw, Mapping) or not raw.get("key"):
        raise ParseError(f"a match expression needs a key: {shown(raw)}")
    key, operator = str(raw["key"]), str(raw.get("operator", ""))
    values = tuple(sorted(str(value) for value in sequence(raw.get("values"))))
    for before, value in pairwise(values):
        if before == value:
            raise ParseError(f'duplicate definition of match expression value in label selector "{value}"')
    if operator not in (IN, NOT_IN, EXISTS, DOES_NOT_EXIST):
        raise ParseError(f'"{operator}" is not a valid label selector operator (In, NotIn, Exists, DoesNotExist)')
    if operator in (IN, NOT_IN) and not values:
        raise ParseError(f"label {key}: for 'in', 'notin' operators, values set can't be empty")
    if operator in (EXISTS, DOES_NOT_EXIST) and values:
        raise ParseError(f"label {key}: values set must be empty for exists and does not exist")
    return _checked(Requirement(key, operator, values))


def _checked(one: Requirement) -> Requirement:
    """The same, if a label may be called and valued so."""
    prefix, slash, name = one.key.rpartition("/")
    if not _NAME.fullmatch(name) or (slash and not _PREFIX.fullmatch(prefix)):
        raise ParseError(f'key: Invalid value: "{one.key[:100]}": no label can have that name')
    for value in one.values:
        if value and not _NAME.fullmatch(value):
            raise ParseError(f'values: Invalid value: "{value[:100]}": label {one.key} cannot have that value')
    return one
