"""Creating objects: names, metadata, and where they may be."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.place import NAMESPACES, Api, config, fields, finalized, refusal, released, service


async def test_metadata_of_a_new_object(api: Api) -> None:
    """The server gives uid, resourceVersion and creationTimestamp, whatever the client says of them."""
    body = config("a", tier="x")
    body["metadata"] |= {"uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z", "namespace": api.namespace}
    made = (await api.made(api.configs, body))["metadata"]
    assert (made["name"], made["namespace"], made["labels"]) == ("a", api.namespace, {"tier": "x"})
    assert made["uid"] != "mine"
    assert made["creationTimestamp"].startswith("20")
    assert not made["creationTimestamp"].startswith("2001")
    assert made["resourceVersion"].isdigit()


async def test_a_version_on_create(api: Api) -> None:
    """A resourceVersion on a create is refused, with a 500."""
    body = config()
    body["metadata"]["resourceVersion"] = "5"
    answer = await api.rest.post(api.configs, body)
    assert (answer.status, answer.json["message"]) == (
        500,
        "resourceVersion should not be set on objects to be created",
    )


async def test_generated_names(api: Api) -> None:
    """`generateName` becomes a free name: the prefix and five letters or digits."""
    made = [(await api.made(api.configs, {"metadata": {"generateName": "c-"}}))["metadata"]["name"] for _ in range(3)]
    assert len(set(made)) == 3
    assert all(name.startswith("c-") and len(name) == 7 for name in made)


async def test_bad_names(api: Api) -> None:
    """A name that is no RFC 1123 subdomain (of a Service: no label of one) is a 422."""
    for name in ("", "Upper", "-a", "a" * 254):
        assert set(fields(await api.rest.post(api.configs, config(name)))) == {"metadata.name"}, name
    for name in ("A", "a.b", "a" * 64):
        assert "metadata.name" in fields(await api.rest.post(api.services, {**service(), "metadata": {"name": name}}))


@pytest.mark.parametrize(
    ("meta", "field"),
    [
        ({"labels": {"a b": "x"}}, "metadata.labels"),
        ({"labels": {"a": "x y"}}, "metadata.labels"),
        ({"labels": {"a": "x" * 64}}, "metadata.labels"),
        ({"annotations": {"a b": "x"}}, "metadata.annotations"),
        ({"finalizers": ["nodomain"]}, "metadata.finalizers[0]"),
        ({"ownerReferences": [{"kind": "x", "name": "y", "uid": "z"}]}, "metadata.ownerReferences.apiVersion"),
        ({"ownerReferences": [{"apiVersion": "v1", "kind": "x", "uid": "z"}]}, "metadata.ownerReferences.name"),
    ],
    ids=str,
)
async def test_bad_metadata(api: Api, meta: dict[str, Any], field: str) -> None:
    """Labels, annotations, finalizers and owner references that cannot be are a 422, on create and on update."""
    bad = config()
    bad["metadata"] |= meta
    assert set(fields(await api.rest.post(api.configs, bad))) == {field}
    await api.made(api.configs, config())
    assert set(fields(await api.rest.patch(f"{api.configs}/a", {"metadata": meta}))) == {field}


async def test_unknown_namespace(api: Api) -> None:
    """Creating in a namespace that is not there is a 404 for the namespace; listing there is an empty list."""
    path = "/api/v1/namespaces/nowhere/services"
    answer = await api.rest.post(path, service())
    assert refusal(answer) == (404, "NotFound")
    assert answer.json["message"] == 'namespaces "nowhere" not found'
    assert answer.json["details"] == {"name": "nowhere", "kind": "namespaces"}
    assert (await api.rest.get(path)).json["items"] == []


async def test_existing_objects(api: Api) -> None:
    """A second create is a 409 AlreadyExists, also while the first object is being deleted."""
    await api.made(api.services, service())
    answer = await api.rest.post(api.services, service())
    assert refusal(answer) == (409, "AlreadyExists")
    assert answer.json["message"] == 'services "web" already exists'
    path = await finalized(api)
    await api.rest.delete(path)
    late = await api.rest.post(api.configs, config("held"))
    assert refusal(late) == (409, "AlreadyExists")
    assert late.json["message"] == 'object is being deleted: configmaps "held" already exists'
    await released(api, path)


async def test_namespaces(api: Api) -> None:
    """A new namespace is Active and labelled with its name."""
    made = (await api.rest.get(f"{NAMESPACES}/{api.namespace}")).json
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": api.namespace}
    assert (made["status"]["phase"], made["spec"]["finalizers"]) == ("Active", ["kubernetes"])


async def test_managed_fields(api: Api) -> None:
    """`metadata.managedFields` tells who set which field."""
    made = await api.made(api.configs, config())
    assert ("managedFields" in made["metadata"]) is api.either(real=True, embedded=False)


async def test_what_a_new_namespace_brings(api: Api) -> None:
    """A namespace gets a ServiceAccount `default` and a ConfigMap `kube-root-ca.crt`."""
    limit = api.either(real=30.0, embedded=0.5)
    try:
        await api.until(
            lambda: api.rest.get(api.own("serviceaccounts", "default")), lambda answer: answer.status == 200, limit
        )
        found = True
    except AssertionError:
        found = False
    assert found is api.either(real=True, embedded=False)
