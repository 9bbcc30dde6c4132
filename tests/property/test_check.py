"""Whatever stands in a file, `pylb check` says so in findings whose lines exist, and raises nothing."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.checked import SAMPLES
from pylb.check import report
from pylb.check.examination import examine
from pylb.kube.manifests import read

TEXTS = [sample.text for sample in SAMPLES]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-1, 70000)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
VALUES = st.recursive(
    LEAVES | st.sampled_from(["10.0.0.1", "10.0.0.0/24", "fd00::/64", "LoadBalancer", "None"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
LINES = st.sampled_from(
    ["---", "- a", "  b: c", "\tx: y", "metadata:", "spec:", "a: &a [*a]", "<<: {a: b}", "? [x]", "%", "{", "'", "|"]
)
MANY = 300


def looked_at(*contents: bytes) -> None:
    files = [(f"{number}.yaml", content) for number, content in enumerate(contents)]
    examined = examine(files)
    for one in examined.findings:
        content = contents[int(one.source.partition(".")[0])]
        assert 1 <= one.line <= content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n") + 1
        assert one.text
    assert all(line.isprintable() for line in report.lines(examined))


@settings(max_examples=MANY)
@given(st.binary(max_size=200))
def test_any_bytes(content: bytes) -> None:
    looked_at(content)


@settings(max_examples=MANY)
@given(st.sampled_from(TEXTS), LINES, st.integers(0, 40), st.integers(0, 60))
def test_a_line_too_many(text: str, line: str, at: int, cut: int) -> None:
    lines = text.split("\n")
    lines.insert(min(at, len(lines)), line)
    looked_at("\n".join(lines).encode(), text[:cut].encode())


@st.composite
def changed(draw: st.DrawFn) -> list[Any]:
    """The objects of a sample, with something else at one place of one of them."""
    raws = [copy.deepcopy(dict(one.raw)) for one in read("s", draw(st.sampled_from(TEXTS)).encode()).manifests]
    place: Any = raws
    while place:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        key: Any = draw(st.sampled_from(keys))
        if not isinstance(place[key], (dict, list)) or draw(st.booleans()):
            place[key] = draw(VALUES)
            break
        place = place[key]
    return raws


@settings(max_examples=MANY)
@given(changed())
def test_any_value_anywhere(raws: list[Any]) -> None:
    whole = {"apiVersion": "v1", "kind": "List", "items": raws}
    looked_at(json.dumps(whole, indent=1).encode())


@settings(max_examples=MANY)
@given(VALUES)
def test_json_is_read_as_json(value: Any) -> None:
    """But for numbers with an exponent, which YAML 1.1 takes for texts where they have no dot."""
    text = json.dumps({"a": value})
    [one] = read("s", text.encode()).manifests
    assert one.raw == json.loads(text) or re.search(r"\de[+-]?\d", text)
