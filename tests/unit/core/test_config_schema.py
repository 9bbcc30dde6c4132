"""Schema and loader cannot drift: each field of each kind is read, and each bound, choice, default and type is kept.

The samples name every field that the definitions have; one more in a definition, or one that the loader does not read,
fails here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fakes.bgp_objects import loaded, made
from fakes.config_samples import JSON, SAMPLES, TABLE, WRONG, Path, changed, fields, outside, places, said, spec_of
from pylb.core.config.loader import Loaded

UNREAD = {"passwordSecret.namespace"}  # MetalLB looks in its own namespace, whatever stands there


def load(kind: str, version: str, spec: JSON) -> Loaded:
    pool = () if kind == "IPAddressPool" else (made("IPAddressPool", "p", addresses=["10.0.0.0/24"]),)
    return loaded(made(kind, "x", version, **spec), *pool)


def cases() -> Iterator[Any]:
    """Each field of each sample."""
    for (kind, version), samples in SAMPLES.items():
        schemas = {path: (schema, required) for path, schema, required in fields(spec_of(kind, version))}
        for sample in samples:
            for path, keys in places(sample):
                schema, required = schemas[path]
                yield pytest.param(kind, version, sample, keys, schema, required, id=f"{kind}-{version}-{said(keys)}")


EACH = pytest.mark.parametrize(("kind", "version", "sample", "keys", "schema", "required"), list(cases()))


@pytest.mark.parametrize(("kind", "version"), TABLE)
def test_the_samples_name_every_field_and_are_right(kind: str, version: str) -> None:
    named = {path for sample in SAMPLES[kind, version] for path, _ in places(sample)}
    assert named == {path for path, _, _ in fields(spec_of(kind, version))}
    assert [load(kind, version, sample).problems for sample in SAMPLES[kind, version]] == [()] * len(
        SAMPLES[kind, version]
    )


@EACH
def test_every_field_is_read(kind: str, version: str, sample: JSON, keys: Path, schema: JSON, required: bool) -> None:
    without = load(kind, version, changed(sample, keys))
    if ".".join(map(str, keys)) not in UNREAD:
        assert without.config != load(kind, version, sample).config
    if required:
        assert [one.field for one in without.problems if one.field == said(keys)]


@EACH
def test_every_type_is_kept(kind: str, version: str, sample: JSON, keys: Path, schema: JSON, required: bool) -> None:
    found = load(kind, version, changed(sample, keys, WRONG[schema["type"]])).problems
    assert f"in body must be of type {schema['type']}" in {one.field: one.text for one in found}[said(keys)]


@EACH
def test_every_bound_and_choice_is_kept(
    kind: str, version: str, sample: JSON, keys: Path, schema: JSON, required: bool
) -> None:
    least, most = schema.get("minimum"), schema.get("maximum")
    inside = [one for one in (least, most) if one is not None] + schema.get("enum", [])
    for value in outside(schema):
        assert said(keys) in [one.field for one in load(kind, version, changed(sample, keys, value)).problems], value
    for value in inside:
        texts = [one.text for one in load(kind, version, changed(sample, keys, value)).problems]
        assert not [text for text in texts if "in body" in text or "Unsupported" in text], value


@EACH
def test_every_default_is_that_of_the_schema(
    kind: str, version: str, sample: JSON, keys: Path, schema: JSON, required: bool
) -> None:
    if "default" in schema:
        said_so = load(kind, version, changed(sample, keys, schema["default"]))
        assert load(kind, version, changed(sample, keys)).config == said_so.config
        assert said_so.config is not None


@pytest.mark.parametrize(("kind", "version"), TABLE)
def test_a_field_that_no_schema_has_is_told(kind: str, version: str) -> None:
    found = load(kind, version, {**SAMPLES[kind, version][0], "colour": "red"})
    assert [(one.field, one.text) for one in found.warnings if "unknown" in one.text] == [
        ("spec.colour", 'unknown field "spec.colour"')
    ]
