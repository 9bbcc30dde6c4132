"""Deleting objects, and what goes with them."""

from __future__ import annotations

from conformance.place import JSON, NAMESPACES, Api, config, fields, finalized, refusal, released, service
from conformance.pools import defined, pool


def owned(name: str, *owners: JSON) -> JSON:
    """A ConfigMap that ConfigMaps own."""
    body = config(name)
    found = [{"apiVersion": "v1", "kind": "ConfigMap", "name": o["name"], "uid": o["uid"]} for o in owners]
    body["metadata"]["ownerReferences"] = found
    return body


async def test_answer_to_a_delete(api: Api) -> None:
    """A delete answers with a Status that names the object and its uid, of a Service with the object."""
    made = await api.made(api.configs, config())
    answer = await api.rest.delete(f"{api.configs}/a")
    assert (answer.status, answer.json["kind"], answer.json["status"]) == (200, "Status", "Success")
    assert answer.json["details"] == {"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    assert refusal(await api.rest.delete(f"{api.configs}/a")) == (404, "NotFound")
    await api.made(api.services, service())
    gone = (await api.rest.delete(f"{api.services}/web")).json
    assert (gone["kind"], gone["metadata"]["name"]) == ("Service", "web")


async def test_answer_to_a_delete_of_a_custom_resource(api: Api) -> None:
    """A delete of a custom resource answers with a Status that names its group, too."""
    path = await defined(api)
    made = await api.made(path, pool(api))
    answer = await api.rest.delete(f"{path}/p")
    details = {"name": "p", "group": api.group, "kind": "pools", "uid": made["metadata"]["uid"]}
    assert (answer.json["status"], answer.json["details"]) == ("Success", details)


async def test_delete_preconditions(api: Api) -> None:
    """A delete that names another uid or an older version is a 409 Conflict."""
    old = (await api.made(api.configs, config()))["metadata"]
    await api.rest.patch(f"{api.configs}/a", {"data": {"a": "2"}})
    for wanted in ({"resourceVersion": old["resourceVersion"]}, {"uid": "other"}):
        answer = await api.rest.delete(f"{api.configs}/a", {"preconditions": wanted})
        assert refusal(answer) == (409, "Conflict")
    assert (await api.rest.delete(f"{api.configs}/a", {"preconditions": {"uid": old["uid"]}})).status == 200


async def test_delete_options(api: Api) -> None:
    """An unreadable body of a delete is a 400, an unknown propagationPolicy a 422."""
    await api.made(api.configs, config())
    path = f"{api.configs}/a"
    assert refusal(await api.rest.ask("DELETE", path, b"{")) == (400, "BadRequest")
    assert fields(await api.rest.delete(path, {"propagationPolicy": "Nope"})) == ["propagationPolicy"]
    assert fields(await api.rest.delete(f"{path}?propagationPolicy=Nope")) == ["propagationPolicy"]
    assert (await api.rest.get(path)).status == 200


async def test_delete_collection(api: Api) -> None:
    """A delete of a collection takes what the selectors choose, and answers with the list of it."""
    for name, tier in (("a", "x"), ("b", "x"), ("c", "y")):
        await api.made(api.configs, config(name, tier=tier))
    many = (await api.rest.delete(f"{api.configs}?labelSelector=tier%3Dx")).json
    assert (many["kind"], [item["metadata"]["name"] for item in many["items"]]) == ("ConfigMapList", ["a", "b"])
    left = (await api.rest.get(f"{api.configs}?labelSelector=tier")).json["items"]
    assert [item["metadata"]["name"] for item in left] == ["c"]


async def test_finalizers(api: Api) -> None:
    """A finalizer holds an object, which gets a deletionTimestamp; none may join then (422); with the last it goes."""
    path = await finalized(api)
    marked = (await api.rest.delete(path)).json
    assert (marked["kind"], marked["metadata"]["deletionGracePeriodSeconds"]) == ("ConfigMap", 0)
    again = (await api.rest.delete(path)).json
    assert again["metadata"] == marked["metadata"]
    more = {"metadata": {"finalizers": ["example.io/a", "example.io/b"]}}
    assert set(fields(await api.rest.patch(path, more))) == {"metadata.finalizers"}
    assert (await api.rest.patch(path, {"metadata": {"labels": {"q": "1"}}})).json["metadata"]["labels"] == {"q": "1"}
    await released(api, path)
    assert (await api.rest.get(path)).status == 404


async def test_finalizers_of_custom_resources(api: Api) -> None:
    """A held custom resource counts its deletion as a generation."""
    path = await defined(api)
    body = pool(api)
    body["metadata"]["finalizers"] = ["example.io/a"]
    await api.made(path, body)
    marked = (await api.rest.delete(f"{path}/p")).json["metadata"]
    assert ("deletionTimestamp" in marked, marked["generation"]) == (True, 2)
    await released(api, f"{path}/p")


async def test_dependents(api: Api) -> None:
    """An object goes with its last owner."""
    owners = [(await api.made(api.configs, config(name)))["metadata"] for name in ("o1", "o2")]
    await api.made(api.configs, owned("one", owners[0]))
    await api.made(api.configs, owned("both", *owners))
    await api.rest.delete(f"{api.configs}/o1")
    await api.gone(f"{api.configs}/one")
    assert (await api.rest.get(f"{api.configs}/both")).status == 200
    await api.rest.delete(f"{api.configs}/o2")
    await api.gone(f"{api.configs}/both")


async def test_orphans_by_wish(api: Api) -> None:
    """With propagationPolicy Orphan what the object owned stays, without an owner."""
    owner = (await api.made(api.configs, config("o")))["metadata"]
    await api.made(api.configs, owned("kept", owner))
    await api.rest.delete(f"{api.configs}/o", {"propagationPolicy": "Orphan"})
    await api.gone(f"{api.configs}/o")
    kept = await api.rest.get(f"{api.configs}/kept")
    assert (kept.status, kept.json["metadata"].get("ownerReferences", [])) == (200, [])


async def test_orphans_by_mistake(api: Api) -> None:
    """An object whose owner is not there, or lives in another namespace, goes."""
    other = f"{api.namespace}-o"
    await api.wide(NAMESPACES, {"metadata": {"name": other}})
    owner = (await api.made(api.configs, config("o")))["metadata"]
    path = f"{NAMESPACES}/{other}/configmaps"
    await api.made(path, owned("far", owner))
    await api.gone(f"{path}/far")


async def test_foreground_deletion(api: Api) -> None:
    """With propagationPolicy Foreground the owner is held by `foregroundDeletion` until its dependents are gone."""
    await api.made(api.configs, config())
    answer = (await api.rest.delete(f"{api.configs}/a", {"propagationPolicy": "Foreground"})).json
    assert answer["kind"] == api.either(real="ConfigMap", embedded="Status")
    await api.gone(f"{api.configs}/a")


async def test_end_of_a_namespace(api: Api) -> None:
    """A deleted namespace is Terminating until all in it is gone, and takes nothing new: 403 NamespaceTerminating."""
    name = f"{api.namespace}-o"
    await api.wide(NAMESPACES, {"metadata": {"name": name}})
    inside = f"{NAMESPACES}/{name}/configmaps"
    held = config("held")
    held["metadata"]["finalizers"] = ["example.io/a"]
    for body in (config("a"), held):
        await api.made(inside, body)
    ending = (await api.rest.delete(f"{NAMESPACES}/{name}")).json
    assert (ending["kind"], ending["status"]["phase"]) == ("Namespace", "Terminating")
    await api.gone(f"{inside}/a")
    refused = await api.rest.post(inside, config("new"))
    assert refusal(refused) == (403, "Forbidden")
    assert refused.json["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    assert (await api.rest.get(f"{NAMESPACES}/{name}")).json["status"]["phase"] == "Terminating"
    await released(api, f"{inside}/held")
    await api.gone(f"{NAMESPACES}/{name}")


async def test_namespaces_that_stay(api: Api) -> None:
    """`default`, `kube-system` and `kube-public` cannot be deleted: 403."""
    for name in ("default", "kube-system", "kube-public"):
        assert refusal(await api.rest.delete(f"{NAMESPACES}/{name}?dryRun=All")) == (403, "Forbidden")
