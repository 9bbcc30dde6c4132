"""Label selectors: which labels they match, and which are refused."""

from __future__ import annotations

from typing import Any

import pytest

from pylb.core import selectors
from pylb.core.errors import ParseError


def expression(operator: str, *values: str, key: str = "a") -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


@pytest.mark.parametrize(
    ("raw", "with_a1", "with_a3", "without_a"),
    [
        ({}, True, True, True),
        ({"matchLabels": {"a": "1"}}, True, False, False),
        (expression("In", "1", "2"), True, False, False),
        (expression("NotIn", "1", "2"), False, True, True),  # a missing label is in no list
        (expression("Exists"), True, True, False),
        (expression("DoesNotExist"), False, False, True),
        ({"matchLabels": {"a": "1"}, **expression("Exists", key="b")}, False, False, False),
    ],
)
def test_what_matches(raw: dict[str, Any], with_a1: bool, with_a3: bool, without_a: bool) -> None:
    found = selectors.parse(raw)
    assert [found.matches(labels) for labels in ({"a": "1"}, {"a": "3"}, {"c": "1"})] == [with_a1, with_a3, without_a]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ([], "a label selector is a mapping"),
        ({"matchLabels": []}, "matchLabels is a mapping"),
        ({"matchExpressions": ["x"]}, "a match expression needs a key"),
        (expression("Is", "1"), '"Is" is not a valid label selector operator'),
        (expression("In"), "label a: for 'in', 'notin' operators, values set can't be empty"),
        (expression("Exists", "1"), "label a: values set must be empty for exists and does not exist"),
        (expression("In", "1", "1"), 'duplicate definition of match expression value in label selector "1"'),
        (
            {"matchExpressions": expression("Exists")["matchExpressions"] * 2},
            'duplicate definition of match expressions "a"',
        ),
        ({"matchLabels": {"a b": "c"}}, "no label can have that name"),
        (expression("In", "a b"), "label a cannot have that value"),
    ],
)
def test_what_is_refused(raw: Any, says: str) -> None:
    with pytest.raises(ParseError, match=says):
        selectors.parse(raw)
