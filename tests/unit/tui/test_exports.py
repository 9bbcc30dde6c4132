"""What leaves the screen as CSV, JSON and YAML says what the rows say, whatever stands in them."""

from __future__ import annotations

import csv
import io
import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pylb.tui import exports

ROWS = [
    {"service": "web/blog", "address": None, "nodes": ["n1", "n2"], "shared": True, "count": 3},
    {"service": 'a,"b"\nc', "why": "ümläut → [/x]"},
]


def test_csv_has_every_name_once_and_quotes_what_needs_it() -> None:
    first, second = csv.DictReader(io.StringIO(exports.csv_text(ROWS), newline=""))
    assert first == {"service": "web/blog", "address": "", "nodes": "n1 n2", "shared": "true", "count": "3", "why": ""}
    assert second["service"] == 'a,"b"\nc'


def test_json_is_what_was_given() -> None:
    assert json.loads(exports.written(ROWS, "json")) == ROWS
    assert "ümläut" in exports.json_text(ROWS)


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@given(st.dictionaries(st.text(), values))
def test_any_record_comes_back_from_yaml(record: dict[str, object]) -> None:
    assert yaml.safe_load(exports.yaml_text(record)) == json.loads(json.dumps(record))


@pytest.mark.parametrize("word", ["no", "True", "null", "1e3", "0x10", "2026-11-20", "a: b", "- x", "#c", "", " ", "y"])
def test_yaml_keeps_texts_texts(word: str) -> None:
    assert yaml.safe_load(exports.yaml_text({"name": word})) == {"name": word}


def test_yaml_is_plain_where_it_may_be() -> None:
    assert exports.yaml_text({"node": "rpi2", "nodes": ["a", "b"]}) == "node: rpi2\nnodes:\n  - a\n  - b\n"


def test_files_are_named_after_what_is_in_them() -> None:
    assert exports.file_name("services", 1_795_183_402.0, "csv") == "pylb-services-20261120-140322.csv"
    assert exports.file_name("services", 1e300, "json") == "pylb-services-undated.json"
