"""Replacing and patching objects."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.place import Api, config, fields, refusal, service
from conformance.pools import defined, pool
from fakes.rest import JSON_PATCH, MERGE, STRATEGIC

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


async def test_stale_versions(api: Api) -> None:
    """A PUT or PATCH that names an older or an unknown version is a 409 Conflict."""
    old = await api.made(api.configs, config())
    new = (await api.rest.put(f"{api.configs}/a", {**old, "data": {"a": "2"}})).json
    assert new["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"]
    stale = await api.rest.put(f"{api.configs}/a", {**old, "data": {"a": "3"}})
    assert refusal(stale) == (409, "Conflict")
    assert stale.json["message"] == f'Operation cannot be fulfilled on configmaps "a": {MODIFIED}'
    assert stale.json["details"] == {"name": "a", "kind": "configmaps"}
    version = {"resourceVersion": old["metadata"]["resourceVersion"]}
    assert refusal(await api.rest.patch(f"{api.configs}/a", {"metadata": version})) == (409, "Conflict")
    future = {**new["metadata"], "resourceVersion": "99999999"}
    assert refusal(await api.rest.put(f"{api.configs}/a", {**new, "metadata": future})) == (409, "Conflict")


async def test_another_uid(api: Api) -> None:
    """A PUT that names another uid is a 409 Conflict."""
    made = await api.made(api.configs, config())
    body = {**made, "metadata": {**made["metadata"], "uid": "other"}}
    assert refusal(await api.rest.put(f"{api.configs}/a", body)) == (409, "Conflict")


async def test_updates_that_change_nothing(api: Api) -> None:
    """A write that changes nothing keeps the resourceVersion."""
    made = await api.made(api.configs, config())
    same = [
        await api.rest.put(f"{api.configs}/a", made),
        await api.rest.patch(f"{api.configs}/a", {"data": {"a": "1"}}),
    ]
    assert [a.json["metadata"]["resourceVersion"] for a in same] == [made["metadata"]["resourceVersion"]] * 2


async def test_put_without_a_version(api: Api) -> None:
    """A PUT without a resourceVersion replaces a built-in object; of a custom one it is a 422."""
    await api.made(api.configs, config())
    assert (await api.rest.put(f"{api.configs}/a", config("a", x="y"))).json["metadata"]["labels"] == {"x": "y"}
    path = await defined(api)
    await api.made(path, pool(api))
    answer = await api.rest.put(f"{path}/p", pool(api))
    assert fields(answer) == ["metadata.resourceVersion"]
    told = (
        f'pools.{api.group} "p" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update'
    )
    assert answer.json["message"] == told


async def test_names_of_updates(api: Api) -> None:
    """A write whose name or namespace is not that of the URL is a 400, as is a PUT without a name."""
    await api.made(api.configs, config())
    path = f"{api.configs}/a"
    for body in (config("b"), {"data": {}}):
        assert refusal(await api.rest.put(path, body)) == (400, "BadRequest")
    for meta in ({"name": "b"}, {"namespace": "default"}):
        assert refusal(await api.rest.patch(path, {"metadata": meta})) == (400, "BadRequest")


async def test_updates_of_what_is_not_there(api: Api) -> None:
    """A PUT or PATCH of an object that is not there is a 404."""
    assert refusal(await api.rest.put(f"{api.configs}/a", config())) == (404, "NotFound")
    for kind, body in ((MERGE, {}), (STRATEGIC, {}), (JSON_PATCH, [])):
        assert refusal(await api.rest.patch(f"{api.configs}/a", body, kind)) == (404, "NotFound")


async def test_fields_that_are_the_servers(api: Api) -> None:
    """An update keeps uid and creationTimestamp as they are."""
    made = await api.made(api.configs, config())
    patched = await api.rest.patch(f"{api.configs}/a", {"metadata": {"creationTimestamp": "2001-01-01T00:00:00Z"}})
    assert patched.json["metadata"]["creationTimestamp"] == made["metadata"]["creationTimestamp"]
    assert patched.json["metadata"]["uid"] == made["metadata"]["uid"]


async def test_merge_patches(api: Api) -> None:
    """A merge patch replaces lists, merges objects, and removes what is null."""
    await api.made(api.services, service(selector={"a": "b"}))
    body = {"spec": {"ports": [{"port": 8443}], "selector": {"c": "d"}}, "metadata": {"labels": {"app": None}}}
    found = (await api.rest.patch(f"{api.services}/web", body)).json
    assert [p["port"] for p in found["spec"]["ports"]] == [8443]
    assert found["spec"]["selector"] == {"a": "b", "c": "d"}
    assert "app" not in found["metadata"].get("labels", {})


async def test_strategic_merge_patches(api: Api) -> None:
    """A strategic merge patch merges a Service's ports by number, and deletes by `$patch: delete`."""
    await api.made(api.services, service(ports=[{"port": 80, "name": "http"}]))
    path, ports = f"{api.services}/web", {"spec": {"ports": [{"port": 443, "name": "https"}]}}
    merged = (await api.rest.patch(path, ports, STRATEGIC)).json["spec"]["ports"]
    assert sorted(p["port"] for p in merged) == [80, 443]
    assert all(p["nodePort"] for p in merged)
    gone = {"spec": {"ports": [{"port": 80, "$patch": "delete"}]}}
    assert [p["port"] for p in (await api.rest.patch(path, gone, STRATEGIC)).json["spec"]["ports"]] == [443]


async def test_json_patches(api: Api) -> None:
    """A JSON patch adds, removes, replaces (adding what is missing) and tests."""
    await api.made(api.configs, config())

    async def patched(*operations: Any) -> Any:
        return (await api.rest.patch(f"{api.configs}/a", operations, JSON_PATCH)).json

    added = await patched({"op": "add", "path": "/metadata/annotations", "value": {"a/b": "c", "d": "e"}})
    assert added["metadata"]["annotations"] == {"a/b": "c", "d": "e"}
    gone = await patched({"op": "remove", "path": "/metadata/annotations/a~1b"})
    assert gone["metadata"]["annotations"] == {"d": "e"}
    passed = await patched(
        {"op": "test", "path": "/data/a", "value": "1"}, {"op": "replace", "path": "/data/b", "value": "2"}
    )
    assert passed["data"] == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "jump"},
        {"op": "test", "path": "/data/a", "value": "other"},
        {"op": "remove", "path": "/data/none"},
        {"op": "add", "path": "/metadata/annotations/none/x", "value": "1"},
        {"op": "add", "path": "/data/x", "value": 1},
    ],
    ids=str,
)
async def test_json_patches_that_cannot_be(api: Api, operation: Any) -> None:
    """A JSON patch that does not fit the object, or makes one that cannot be read, is a 422 and changes nothing."""
    made = await api.made(api.configs, config())
    assert refusal(await api.rest.patch(f"{api.configs}/a", [operation], JSON_PATCH)) == (422, "Invalid")
    assert (await api.rest.get(f"{api.configs}/a")).json == made


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"{", MERGE), ([1], MERGE), (b"", MERGE), ("x", STRATEGIC), ({"op": "add"}, JSON_PATCH), (b"[", JSON_PATCH)],
    ids=str,
)
async def test_unreadable_patches(api: Api, body: Any, kind: str) -> None:
    """A patch that is not what its content type says is a 400."""
    await api.made(api.configs, config())
    assert refusal(await api.rest.patch(f"{api.configs}/a", body, kind)) == (400, "BadRequest")


async def test_patches_into_another_type(api: Api) -> None:
    """A merge patch that makes an object of a built-in kind unreadable is a 422."""
    await api.made(api.configs, config())
    assert fields(await api.rest.patch(f"{api.configs}/a", {"data": {"x": 1}})) == ["patch"]


async def test_content_types_of_patches(api: Api) -> None:
    """A PATCH with another content type, `application/json` included, is a 415."""
    await api.made(api.configs, config())
    for kind in ("application/json", "text/plain"):
        assert refusal(await api.rest.patch(f"{api.configs}/a", {}, kind)) == (415, "UnsupportedMediaType")


async def test_content_types_of_patches_of_custom_resources(api: Api) -> None:
    """Custom resources take JSON, merge and apply patches; a strategic merge patch is a 415 that names the three."""
    path = await defined(api)
    await api.made(path, pool(api))
    for kind in (STRATEGIC, "application/json"):
        answer = await api.rest.patch(f"{path}/p", {"spec": {}}, kind)
        assert refusal(answer) == (415, "UnsupportedMediaType")
        kinds = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
        assert answer.json["message"].endswith(f"accepted media types include: {kinds}")
    operations = [{"op": "add", "path": "/spec/addresses/-", "value": "x"}]
    added = await api.rest.patch(f"{path}/p", operations, JSON_PATCH)
    assert added.json["spec"]["addresses"] == ["192.0.2.0/24", "x"]


async def test_options_of_patches(api: Api) -> None:
    """`force` belongs to apply alone, and a field manager has at most 128 characters (422)."""
    await api.made(api.configs, config())
    assert fields(await api.rest.patch(f"{api.configs}/a?force=true", {})) == ["force"]
    assert fields(await api.rest.patch(f"{api.configs}/a?fieldManager={'x' * 129}", {})) == ["fieldManager"]
