"""Server-side apply."""

from __future__ import annotations

from typing import Any

from conformance.place import JSON, Api, config, fields, refusal, service
from conformance.pools import defined, pool
from fakes.rest import APPLY


def applied(name: str = "a", **data: str) -> JSON:
    """What is applied: a ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


async def test_apply_creates_and_merges(api: Api) -> None:
    """An apply creates (201), changes (200), and removes what its manager applied before and leaves out now."""
    path = f"{api.configs}/a"
    made = await api.rest.patch(f"{path}?fieldManager=me", applied(a="1", b="2"), APPLY)
    assert (made.status, made.json["data"]) == (201, {"a": "1", "b": "2"})
    await api.rest.patch(path, {"data": {"theirs": "x"}})
    again = await api.rest.patch(f"{path}?fieldManager=me", applied(a="3"), APPLY)
    assert (again.status, again.json["data"]) == (200, {"a": "3", "theirs": "x"})
    same = await api.rest.patch(f"{path}?fieldManager=me", applied(a="3"), APPLY)
    assert same.json["metadata"]["resourceVersion"] == again.json["metadata"]["resourceVersion"]


async def test_apply_of_labels(api: Api) -> None:
    """Labels and annotations that a manager leaves out go, those of others stay."""
    path = f"{api.configs}/a"
    body = applied()
    body["metadata"]["labels"] = {"a": "1", "b": "2"}
    await api.rest.patch(f"{path}?fieldManager=me", body, APPLY)
    await api.rest.patch(path, {"metadata": {"labels": {"theirs": "x"}}})
    body["metadata"]["labels"] = {"a": "1"}
    left = await api.rest.patch(f"{path}?fieldManager=me", body, APPLY)
    assert left.json["metadata"]["labels"] == {"a": "1", "theirs": "x"}


async def test_apply_takes_yaml(api: Api) -> None:
    """The body of an apply may be YAML."""
    body = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {day: 2026-01-01T00:00:00Z, word: '1'}\n"
    answer = await api.rest.patch(f"{api.configs}/a?fieldManager=me", body, APPLY)
    assert (answer.status, answer.json["data"]) == (201, {"day": "2026-01-01T00:00:00Z", "word": "1"})


async def test_apply_wants_a_manager(api: Api) -> None:
    """An apply without `fieldManager` is a 422 of the PatchOptions."""
    answer = await api.rest.patch(f"{api.configs}/a", applied(), APPLY)
    assert fields(answer) == ["fieldManager"]
    told = 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
    assert answer.json["message"] == told


async def test_apply_wants_an_identity(api: Api) -> None:
    """An apply whose body lacks kind or name, or carries managedFields, is a 400."""
    path = f"{api.configs}/a?fieldManager=me"
    owned = applied()
    owned["metadata"]["managedFields"] = [{"manager": "x"}]
    for body in ({"data": {}}, {**applied(), "metadata": {}}, owned):
        assert refusal(await api.rest.patch(path, body, APPLY)) == (400, "BadRequest"), body


async def test_apply_with_preconditions(api: Api) -> None:
    """An apply that names a uid creates nothing (409), and one that names an older version changes nothing (409)."""
    path = f"{api.configs}/a?fieldManager=me"
    body = applied()
    body["metadata"]["uid"] = "x"
    assert refusal(await api.rest.patch(path, body, APPLY)) == (409, "Conflict")
    await api.made(api.configs, config())
    body = applied()
    body["metadata"]["resourceVersion"] = "1"
    assert refusal(await api.rest.patch(path, body, APPLY)) == (409, "Conflict")


async def test_apply_conflicts(api: Api) -> None:
    """A field of another manager with another value is a 409 with the cause FieldManagerConflict; `force` takes it over."""
    path = f"{api.configs}/a"
    await api.rest.patch(f"{path}?fieldManager=me", applied(a="1"), APPLY)
    answer = await api.rest.patch(f"{path}?fieldManager=you", applied(a="2"), APPLY)
    assert answer.status == api.either(real=409, embedded=200)
    if answer.status == 409:
        causes = answer.json["details"]["causes"]
        assert [(c["reason"], c["field"]) for c in causes] == [("FieldManagerConflict", ".data.a")]
    forced = await api.rest.patch(f"{path}?fieldManager=you&force=true", applied(a="2"), APPLY)
    assert (forced.status, forced.json["data"]) == (200, {"a": "2"})


async def test_apply_of_the_same_value(api: Api) -> None:
    """Two managers may apply the same value, and each may leave it out without the other's losing it."""
    path = f"{api.configs}/a"
    for manager in ("me", "you"):
        answer = await api.rest.patch(f"{path}?fieldManager={manager}", applied(a="1"), APPLY)
    assert answer.status == 200
    left = await api.rest.patch(f"{path}?fieldManager=me", applied(b="1"), APPLY)
    assert left.json["data"] == api.either(real={"a": "1", "b": "1"}, embedded={"b": "1"})


async def test_apply_to_a_status(api: Api) -> None:
    """The status of a Service can be applied, and its spec stays out of it."""
    await api.made(api.services, service())
    body = service(loadBalancerIP="192.0.2.1")
    body["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}}
    answer = await api.rest.patch(f"{api.services}/web/status?fieldManager=me", body, APPLY)
    assert answer.json["status"]["loadBalancer"]["ingress"] == [{"ip": "192.0.2.9", "ipMode": "VIP"}]
    assert "loadBalancerIP" not in answer.json["spec"]


async def test_apply_of_custom_resources(api: Api) -> None:
    """Lists of custom resources are merged by the keys that their schema names, and replaced where it names none."""
    path = await defined(api)
    await api.made(path, pool(api))
    identity = {k: v for k, v in pool(api).items() if k != "spec"}
    for manager, kind in (("one", "Valid"), ("two", "Ready")):
        body: dict[str, Any] = {**identity, "status": {"conditions": [{"type": kind, "status": "True"}]}}
        answer = await api.rest.patch(f"{path}/p/status?fieldManager={manager}", body, APPLY)
    assert sorted(c["type"] for c in answer.json["status"]["conditions"]) == ["Ready", "Valid"]
    body = {**identity, "spec": {"addresses": ["y"]}}
    replaced = await api.rest.patch(f"{path}/p?fieldManager=one&force=true", body, APPLY)
    assert replaced.json["spec"]["addresses"] == ["y"]


async def test_apply_of_unknown_fields(api: Api) -> None:
    """An unknown field in an apply of a custom resource is a 500: `field not declared in schema`."""
    path = await defined(api)
    answer = await api.rest.patch(f"{path}/p?fieldManager=me", pool(api, colour="red"), APPLY)
    assert answer.status == 500
    told = f"failed to create typed patch object (/p; {api.group}/v1, Kind=Pool): .spec.colour: field not declared in schema"
    assert answer.json["message"] == told
    assert not answer.json.get("reason")


async def test_apply_of_unknown_fields_of_built_in_kinds(api: Api) -> None:
    """An unknown field in an apply of a built-in kind is a 500, too."""
    body = {**applied(a="1"), "colour": "red"}
    answer = await api.rest.patch(f"{api.configs}/a?fieldManager=me", body, APPLY)
    assert answer.status == api.either(real=500, embedded=201)


async def test_apply_of_invalid_values(api: Api) -> None:
    """An apply is validated as every write: 422."""
    path = await defined(api)
    answer = await api.rest.patch(f"{path}/p?fieldManager=me", pool(api, weight=0), APPLY)
    assert fields(answer) == ["spec.weight"]
