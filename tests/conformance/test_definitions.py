"""CustomResourceDefinitions and the resources that they bring."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.place import DEFINITIONS, Api, fields, refusal
from conformance.pools import defined, definition, pool

SERVED = {"NamesAccepted": "True", "Established": "True"}


async def test_life_of_a_definition(api: Api) -> None:
    """A new definition is Established a moment later; with it go its resource and its objects."""
    await defined(api)
    path = f"{DEFINITIONS}/pools.{api.group}"
    found = (await api.rest.get(path)).json
    conditions = {c["type"]: c["status"] for c in found["status"]["conditions"]}
    assert SERVED.items() <= conditions.items()
    assert (found["spec"]["names"]["singular"], found["spec"]["names"]["listKind"]) == ("pool", "PoolList")
    assert found["status"]["storedVersions"] == ["v1"]
    await api.made(api.pools, pool(api))
    await api.rest.delete(path)
    await api.gone(path)
    await api.gone(api.pools)
    await api.define(definition(api.group))
    assert (await api.rest.get(api.pools)).json["items"] == []


async def test_a_new_resource(api: Api) -> None:
    """A resource whose definition is new answers 404 or 429 (`storage is (re)initializing`) until it is served: clients try again."""
    await api.wide(DEFINITIONS, definition(api.group))
    answer = await api.rest.get(api.pools)
    assert answer.status in (404, 429, 200)
    if answer.status == 429:
        assert (refusal(answer), answer.headers["retry-after"]) == ((429, "TooManyRequests"), "1")
    await api.until(lambda: api.rest.get(api.pools), lambda again: again.status == 200)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scope": ""}, "spec.scope"),
        ({"scope": "Odd"}, "spec.scope"),
        ({"names": {"plural": "others", "kind": "Other"}}, "metadata.name"),
        ({"group": "nodots"}, "spec.group"),
        ({"versions": []}, "spec.versions"),
        ({"versions": [{"name": "v1", "served": True, "storage": False}]}, "spec.versions"),
    ],
    ids=str,
)
async def test_definitions_that_cannot_be(api: Api, change: dict[str, Any], field: str) -> None:
    """A definition that cannot be is a 422 that names the field."""
    assert field in fields(await api.rest.post(DEFINITIONS, definition(api.group, **change)))


async def test_defaults_of_custom_resources(api: Api) -> None:
    """Defaults of the schema are stored, in place of null, too; other nulls are dropped."""
    path = await defined(api)
    assert (await api.made(path, pool(api)))["spec"]["autoAssign"] is True
    nulls = await api.made(path, pool(api, "q", autoAssign=None, mode=None))
    assert (nulls["spec"]["autoAssign"], "mode" in nulls["spec"]) == (True, False)


@pytest.mark.parametrize(
    ("spec", "field", "reason"),
    [
        ({"addresses": "192.0.2.0/24"}, "spec.addresses", "FieldValueTypeInvalid"),
        ({"addresses": [1]}, "spec.addresses[0]", "FieldValueTypeInvalid"),
        ({"addresses": [""]}, "spec.addresses[0]", "FieldValueInvalid"),
        ({"autoAssign": "yes"}, "spec.autoAssign", "FieldValueTypeInvalid"),
        ({"weight": 0}, "spec.weight", "FieldValueInvalid"),
        ({"weight": 101}, "spec.weight", "FieldValueInvalid"),
        ({"weight": 1.5}, "spec.weight", "FieldValueTypeInvalid"),
        ({"mode": "c"}, "spec.mode", "FieldValueNotSupported"),
        ({"port": []}, "spec.port", "FieldValueTypeInvalid"),
        ({"labels": {"a": 1}}, "spec.labels.a", "FieldValueTypeInvalid"),
        ({"word": "A"}, "spec.word", "FieldValueInvalid"),
        ({"addresses": None}, "spec.addresses", "FieldValueRequired"),
    ],
    ids=str,
)
async def test_schema_errors(api: Api, spec: dict[str, Any], field: str, reason: str) -> None:
    """What a schema refuses is a 422 with a cause for the field: its place, its reason, its message."""
    path = await defined(api)
    answer = await api.rest.post(path, pool(api, **spec))
    assert fields(answer)[0] == field
    assert answer.json["details"]["causes"][0]["reason"] == reason
    assert answer.json["message"].startswith(f'Pool.{api.group} "p" is invalid: ')
    assert answer.json["details"]["group"] == api.group


async def test_messages_of_schema_errors(api: Api) -> None:
    """Messages of schema errors name value, field and rule in the same words."""
    path = await defined(api)
    cases = {
        "weight": (0, "Invalid value: 0: spec.weight in body should be greater than or equal to 1"),
        "mode": ("c", 'Unsupported value: "c": supported values: "a", "b"'),
        "word": ("A", "Invalid value: \"A\": spec.word in body should match '^[a-z]+$'"),
        "autoAssign": ("x", 'Invalid value: "string": spec.autoAssign in body must be of type boolean: "string"'),
    }
    for field, (value, text) in cases.items():
        answer = await api.rest.post(path, pool(api, **{field: value}))
        assert [c["message"] for c in answer.json["details"]["causes"]] == [text]


async def test_required_fields(api: Api) -> None:
    """A missing field is FieldValueRequired, `spec` itself, too."""
    path = await defined(api)
    for body, field in (({**pool(api), "spec": {}}, "spec.addresses"), ({**pool(api), "spec": None}, "spec")):
        causes = (await api.rest.post(path, body)).json["details"]["causes"]
        assert [(c["reason"], c["field"]) for c in causes] == [("FieldValueRequired", field)]


async def test_kind_of_custom_resources(api: Api) -> None:
    """A custom resource must say its kind and apiVersion: 400."""
    path = await defined(api)
    body = pool(api)
    for lacking in ("kind", "apiVersion"):
        answer = await api.rest.post(path, {k: v for k, v in body.items() if k != lacking})
        assert refusal(answer) == (400, "BadRequest")


async def test_unknown_fields_of_custom_resources(api: Api) -> None:
    """Unknown fields are dropped with a Warning header (refused writes warn, too), but for what the schema preserves."""
    path = await defined(api)
    body = pool(api, colour="red", free={"any": {"thing": 1}})
    made = await api.rest.post(path, body)
    assert made.headers["warning"] == '299 - "unknown field \\"spec.colour\\""'
    assert ("colour" in made.json["spec"], made.json["spec"]["free"]) == (False, {"any": {"thing": 1}})
    refused = await api.rest.patch(f"{path}/p", {"spec": {"colour": "red", "weight": 0}})
    assert (refused.status, "warning" in refused.headers) == (422, True)
    after = await api.rest.patch(f"{path}/p", {"spec": {"mode": "a"}})
    assert (after.status, "warning" in after.headers) == (200, False)
    quiet = await api.rest.patch(f"{path}/p?fieldValidation=Ignore", {"spec": {"colour": "red"}})
    assert (quiet.status, "warning" in quiet.headers) == (200, False)


async def test_strict_validation_of_custom_resources(api: Api) -> None:
    """With `fieldValidation=Strict` an unknown field of a custom resource is a 400 on create and a 422 in a patch."""
    path = await defined(api)
    strict = await api.rest.post(f"{path}?fieldValidation=Strict", pool(api, colour="red"))
    assert refusal(strict) == (400, "BadRequest")
    told = 'Pool in version "v1" cannot be handled as a Pool: strict decoding error: unknown field "spec.colour"'
    assert strict.json["message"] == told
    await api.made(path, pool(api))
    patched = await api.rest.patch(f"{path}/p?fieldValidation=Strict", {"spec": {"colour": "red"}})
    assert fields(patched) == ["patch"]


async def test_versions_of_custom_resources(api: Api) -> None:
    """Each version shows the objects under its own apiVersion."""
    path = await defined(api)
    await api.made(path, pool(api))
    for version in ("v1", "v1beta1"):
        found = (await api.rest.get(path.replace("/v1/", f"/{version}/") + "/p")).json
        assert found["apiVersion"] == f"{api.group}/{version}"


async def test_changed_definitions(api: Api) -> None:
    """A definition that changes is served as it is now: a new column, a version that is served no more."""
    path = await defined(api)
    body = (await api.rest.get(f"{DEFINITIONS}/pools.{api.group}")).json
    body["spec"]["versions"][1]["served"] = False
    assert (await api.rest.put(f"{DEFINITIONS}/pools.{api.group}", body)).status == 200
    await api.gone(path.replace("/v1/", "/v1beta1/"))
    await api.until(lambda: api.rest.get(path), lambda answer: answer.status == 200)
