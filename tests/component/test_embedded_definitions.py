"""CustomResourceDefinitions on the embedded API server: discovery, schemas, columns, versions, their end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from fakes.rest import APPLY, JSON_PATCH, STRATEGIC, Rest
from pylb.embedded.server import serve

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
POOLS = "/apis/example.io/v1/namespaces/default/pools"
SPEC = {
    "type": "object",
    "required": ["addresses"],
    "properties": {
        "addresses": {"type": "array", "items": {"type": "string", "minLength": 1}},
        "autoAssign": {"type": "boolean", "default": True},
        "weight": {"type": "integer", "minimum": 1, "maximum": 100},
        "mode": {"type": "string", "enum": ["a", "b"]},
        "port": {"x-kubernetes-int-or-string": True},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "name": {"type": "string", "pattern": "^[a-z]+$"},
    },
}
STATUS = {
    "type": "object",
    "properties": {
        "free": {"type": "integer"},
        "conditions": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
            "items": {"type": "object", "properties": {"type": {"type": "string"}, "status": {"type": "string"}}},
        },
    },
}


def definition() -> dict[str, Any]:
    """A definition with two served versions."""
    schema = {
        "openAPIV3Schema": {"type": "object", "required": ["spec"], "properties": {"spec": SPEC, "status": STATUS}}
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": schema, "subresources": {"status": {}}}
    columns = [
        {"name": "Addresses", "type": "string", "jsonPath": ".spec.addresses"},
        {"name": "Mode", "type": "string", "jsonPath": ".spec.mode"},
    ]
    old = {**version, "name": "v1beta1", "storage": False}
    return {
        "metadata": {"name": "pools.example.io"},
        "spec": {
            "group": "example.io",
            "scope": "Namespaced",
            "names": {"plural": "pools", "kind": "Pool", "shortNames": ["pl"]},
            "versions": [{**version, "additionalPrinterColumns": columns}, old],
        },
    }


def pool(**spec: Any) -> dict[str, Any]:
    """A pool."""
    return {"metadata": {"name": "p"}, "spec": {"addresses": ["192.0.2.0/24"], **spec}}


@pytest.fixture
async def rest() -> AsyncIterator[Rest]:
    """A client of a server that knows pools."""
    async with serve() as server:
        client = Rest(server.url)
        assert (await client.get(POOLS)).status == 404
        made = await client.post(DEFINITIONS, definition())
        assert made.status == 201, made.body
        yield client
        assert server.problems == []


async def test_a_definition_is_established_and_discovered_at_once(rest: Rest) -> None:
    """Its condition, its group, its resources with the preferred version first, its schema in OpenAPI."""
    status = (await rest.get(f"{DEFINITIONS}/pools.example.io")).json["status"]
    assert {c["type"]: c["status"] for c in status["conditions"]} == {"NamesAccepted": "True", "Established": "True"}
    group = (await rest.get("/apis/example.io")).json
    assert [v["version"] for v in group["versions"]] == ["v1", "v1beta1"]
    rows = {row["name"]: row for row in (await rest.get("/apis/example.io/v1")).json["resources"]}
    assert rows["pools"]["shortNames"] == ["pl"]
    assert "pools/status" in rows
    document = (await rest.get("/openapi/v3/apis/example.io/v1")).json
    assert "addresses" in document["components"]["schemas"]["example.io.v1.Pool"]["properties"]["spec"]["properties"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scope": ""}, "spec.scope"),
        ({"names": {"plural": "others", "kind": "Other"}}, "metadata.name"),
        ({"group": "nodots"}, "spec.group"),
        ({"versions": []}, "spec.versions"),
        ({"versions": [{"name": "v1", "served": True, "storage": False}]}, "spec.versions"),
    ],
)
async def test_definitions_that_cannot_be(rest: Rest, change: dict[str, Any], field: str) -> None:
    """422 by field."""
    await rest.delete(f"{DEFINITIONS}/pools.example.io")
    wrong = definition()
    wrong["spec"].update(change)
    answer = await rest.post(DEFINITIONS, wrong)
    assert answer.status == 422
    assert field in [cause["field"] for cause in answer.json["details"]["causes"]]


async def test_defaults_and_generation(rest: Rest) -> None:
    """Defaults are stored; the generation counts the spec and not the status."""
    made = (await rest.post(POOLS, pool())).json
    assert made["spec"]["autoAssign"] is True
    assert made["metadata"]["generation"] == 1
    body = {"status": {"free": 3}, "spec": {"mode": "a"}, "metadata": {"labels": {"a": "b"}}}
    status = (await rest.patch(f"{POOLS}/p/status", body)).json
    assert (status["metadata"]["generation"], status["status"], "mode" in status["spec"]) == (1, {"free": 3}, False)
    assert "labels" not in status["metadata"], "custom resources take no metadata through status"
    changed = (await rest.patch(f"{POOLS}/p", {"spec": {"mode": "b"}, "status": {"free": 9}})).json
    assert (changed["metadata"]["generation"], changed["status"]) == (2, {"free": 3})


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"addresses": "192.0.2.0/24"}, "spec.addresses"),
        ({"addresses": [1]}, "spec.addresses[0]"),
        ({"addresses": [""]}, "spec.addresses[0]"),
        ({"autoAssign": "yes"}, "spec.autoAssign"),
        ({"weight": 0}, "spec.weight"),
        ({"weight": 101}, "spec.weight"),
        ({"weight": 1.5}, "spec.weight"),
        ({"mode": "c"}, "spec.mode"),
        ({"port": []}, "spec.port"),
        ({"labels": {"a": 1}}, "spec.labels.a"),
        ({"name": "A"}, "spec.name"),
        ({"mode": None}, "spec.mode"),
    ],
)
async def test_schema_errors_name_their_field(rest: Rest, spec: dict[str, Any], field: str) -> None:
    """422, one cause a field."""
    answer = await rest.post(POOLS, pool(**spec))
    assert answer.status == 422, answer.body
    assert [cause["field"] for cause in answer.json["details"]["causes"]] == [field]
    assert answer.json["message"].startswith('Pool.example.io "p" is invalid: ')


async def test_required_fields(rest: Rest) -> None:
    """A missing spec, and a missing field in it."""
    for body, field in (
        ({"metadata": {"name": "p"}}, "spec"),
        ({"metadata": {"name": "p"}, "spec": {}}, "spec.addresses"),
    ):
        causes = (await rest.post(POOLS, body)).json["details"]["causes"]
        assert [(c["reason"], c["field"]) for c in causes] == [("FieldValueRequired", field)]


async def test_unknown_fields_are_dropped_with_a_warning_or_refused(rest: Rest) -> None:
    """By fieldValidation; in an apply they are 500, as the real server answers."""
    body = pool(colour="red", free={"any": {"thing": 1}})
    strict = await rest.ask("POST", f"{POOLS}?fieldValidation=Strict", body)
    assert strict.status == 400
    assert 'unknown field "spec.colour"' in strict.json["message"]
    made = await rest.post(POOLS, body)
    assert made.status == 201
    assert made.headers["warning"] == '299 - "unknown field "spec.colour""'
    assert "colour" not in made.json["spec"]
    assert made.json["spec"]["free"] == {"any": {"thing": 1}}
    assert (await rest.patch(f"{POOLS}/p", {"spec": {"colour": "red", "weight": 0}})).status == 422
    after = await rest.patch(f"{POOLS}/p", {"spec": {"mode": "a"}})
    assert "warning" not in after.headers, "those of a refused write are forgotten"
    applied = await rest.patch(f"{POOLS}/p?fieldManager=me", body, APPLY)
    assert (applied.status, "field not declared in schema" in applied.json["message"]) == (500, True)


async def test_patches_of_custom_resources(rest: Rest) -> None:
    """Strategic merge is 415; a PUT needs a version; JSON patch works; apply merges lists by their keys."""
    made = (await rest.post(POOLS, pool())).json
    refused = await rest.patch(f"{POOLS}/p", {"spec": {}}, STRATEGIC)
    assert (refused.status, "merge-patch+json" in refused.json["message"]) == (415, True)
    unversioned = await rest.put(f"{POOLS}/p", pool())
    assert (unversioned.status, unversioned.json["details"]["causes"][0]["field"]) == (422, "metadata.resourceVersion")
    assert (await rest.put(f"{POOLS}/p", {**made, "spec": pool(weight=3)["spec"]})).json["spec"]["weight"] == 3
    await rest.patch(f"{POOLS}/p", [{"op": "add", "path": "/spec/addresses/-", "value": "x"}], JSON_PATCH)
    for manager, kind in (("one", "Valid"), ("two", "Ready")):
        body = {"status": {"conditions": [{"type": kind, "status": "True"}]}}
        answer = await rest.patch(f"{POOLS}/p/status?fieldManager={manager}", body, APPLY)
    assert [c["type"] for c in answer.json["status"]["conditions"]] == ["Valid", "Ready"]
    applied = await rest.patch(f"{POOLS}/p?fieldManager=one", {"spec": {"addresses": ["y"]}}, APPLY)
    assert applied.json["spec"]["addresses"] == ["y"], "a list without keys is replaced"


async def test_columns_and_versions(rest: Rest) -> None:
    """Arrays are JSON text in cells, missing values null; each version shows its own apiVersion."""
    await rest.post(POOLS, pool())
    table = (await rest.get(POOLS, accept="application/json;as=Table;v=v1;g=meta.k8s.io")).json
    assert table["rows"][0]["cells"] == ["p", '["192.0.2.0/24"]', None]
    for version in ("v1", "v1beta1"):
        found = (await rest.get(f"/apis/example.io/{version}/pools")).json
        assert (found["kind"], found["items"][0]["apiVersion"]) == ("PoolList", f"example.io/{version}")


async def test_a_definition_takes_its_objects_with_it(rest: Rest) -> None:
    """And the resource is unknown afterwards; defined again, it is empty."""
    await rest.post(POOLS, pool())
    assert (await rest.delete(f"{DEFINITIONS}/pools.example.io")).status == 200
    assert (await rest.get(POOLS)).status == 404
    assert (await rest.get("/apis/example.io")).status == 404
    await rest.post(DEFINITIONS, definition())
    assert (await rest.get(POOLS)).json["items"] == []
