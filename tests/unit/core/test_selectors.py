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
        ([[]], "a label selector is a mapping"),
        ([{"matchLabels": []}], "matchLabels is a mapping"),
        ([{"matchExpressions": ["x"]}], "a match expression needs a key"),
        ([expression("Is", "1")], '"Is" is not a valid label selector operator'),
        ([expression("In")], 'label "a": operator In needs values'),
        ([expression("Exists", "1")], 'label "a": operator Exists takes no values'),
        ([expression("In", "1", "1")], 'label "a": duplicate value'),
        ([{"matchExpressions": expression("Exists")["matchExpressions"] * 2}], "duplicate match expression"),
        ([expression("In", "1", "2"), expression("In", "2", "1")], "duplicate label selector"),
        ({}, "a list is expected"),
    ],
)
def test_what_is_refused(raw: Any, says: str) -> None:
    with pytest.raises(ParseError, match=says):
        selectors.parse_all(raw)
