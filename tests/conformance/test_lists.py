"""Lists: pages, selectors, versions."""

from __future__ import annotations

from conformance.place import Api, config, refusal, service, version
from conformance.pools import defined, pool


async def test_form_of_a_list(api: Api) -> None:
    """A list is named after its kind and carries a version; items of built-in kinds name no kind, custom ones do."""
    await api.made(api.services, service())
    found = (await api.rest.get(api.services)).json
    assert (found["kind"], found["apiVersion"]) == ("ServiceList", "v1")
    assert found["metadata"]["resourceVersion"].isdigit()
    assert [item["metadata"]["name"] for item in found["items"]] == ["web"]
    assert not {"kind", "apiVersion"} & found["items"][0].keys()
    path = await defined(api)
    await api.made(path, pool(api))
    custom = (await api.rest.get(path)).json
    assert (custom["kind"], custom["apiVersion"]) == ("PoolList", f"{api.group}/v1")
    assert [(item["kind"], item["apiVersion"]) for item in custom["items"]] == [("Pool", f"{api.group}/v1")]


async def test_pages(api: Api) -> None:
    """`limit` gives pages with `continue` and `remainingItemCount`; all pages tell of the version of the first."""
    for name in "edcba":
        await api.made(api.configs, config(name, own="yes"))
    names: list[str] = []
    token, left, versions = "", [], set()
    while True:
        page = (await api.rest.get(f"{api.configs}?limit=2&continue={token}")).json
        names += [item["metadata"]["name"] for item in page["items"]]
        left.append(page["metadata"].get("remainingItemCount"))
        versions.add(page["metadata"]["resourceVersion"])
        if not (token := page["metadata"].get("continue", "")):
            break
    assert [name for name in names if len(name) == 1] == [*"abcde"]
    assert left[0] == len(names) - 2
    assert left[-1] is None
    assert len(versions) == 1


async def test_pages_of_a_selection(api: Api) -> None:
    """With a selector there is no `remainingItemCount`: nobody has counted."""
    for name in "abc":
        await api.made(api.configs, config(name, own="yes"))
    page = (await api.rest.get(f"{api.configs}?limit=2&labelSelector=own")).json["metadata"]
    assert ("continue" in page, "remainingItemCount" in page) == (True, False)


async def test_pages_are_a_snapshot(api: Api) -> None:
    """Pages show the objects as they were at the first one: what was deleted in between is still there."""
    for name in "abc":
        await api.made(api.configs, config(name))
    first = (await api.rest.get(f"{api.configs}?limit=1")).json
    await api.rest.delete(f"{api.configs}/b")
    rest = (await api.rest.get(f"{api.configs}?continue={first['metadata']['continue']}")).json["items"]
    found = [item["metadata"]["name"] for item in rest]
    assert ("b" in found) is api.either(real=True, embedded=False)


async def test_bad_pages(api: Api) -> None:
    """A `continue` that the server never gave is a 400."""
    assert refusal(await api.rest.get(f"{api.configs}?continue=nonsense")) == (400, "BadRequest")


async def test_versions_of_lists(api: Api) -> None:
    """A version that is no number is a 400; one to come is a 504 with the cause ResourceVersionTooLarge."""
    assert refusal(await api.rest.get(f"{api.configs}?resourceVersion=abc")) == (400, "BadRequest")
    future = await api.rest.get(f"{api.configs}?resourceVersion=99999999")
    assert refusal(future) == (504, "Timeout")
    assert [c["reason"] for c in future.json["details"]["causes"]] == ["ResourceVersionTooLarge"]
    assert future.json["details"]["retryAfterSeconds"] == 1
    for known in ("0", await version(api)):
        assert (await api.rest.get(f"{api.configs}?resourceVersion={known}")).status == 200


async def test_label_selectors(api: Api) -> None:
    """Labels are selected by =, ==, !=, in, notin, key and !key, all of which must hold."""
    for name, labels in (("a", {"tier": "x"}), ("b", {"tier": "y"}), ("c", {"own": "1"})):
        await api.made(api.configs, config(name, **{"own": "1", **labels}))

    async def chosen(selector: str) -> str:
        found = await api.rest.get(f"{api.configs}?labelSelector=own,{selector.replace('=', '%3D')}")
        return "".join(item["metadata"]["name"] for item in found.json["items"])

    cases = {"tier=x": "a", "tier==y": "b", "tier!=x": "bc", "!tier": "c", "tier": "ab", "tier+in+(x,y)": "ab"}
    cases |= {"tier+notin+(x)": "bc", "tier,tier!=x": "b", "tier=": ""}
    assert {selector: await chosen(selector) for selector in cases} == cases


async def test_field_selectors(api: Api) -> None:
    """Fields are selected by = and !=: name and namespace of every kind, some more of built-in ones."""
    for name in "abc":
        await api.made(api.configs, config(name))

    async def chosen(path: str, selector: str) -> str:
        found = await api.rest.get(f"{path}?fieldSelector={selector.replace('=', '%3D')}")
        return "".join(n for item in found.json["items"] if len(n := item["metadata"]["name"]) == 1)

    assert await chosen(api.configs, "metadata.name=b") == "b"
    assert await chosen(api.configs, f"metadata.name!=b,metadata.namespace={api.namespace}") == "ac"
    for name, kind in (("s", "LoadBalancer"), ("t", "ClusterIP")):
        await api.made(api.services, service(name, type=kind))
    assert await chosen(api.services, "spec.type=LoadBalancer") == "s"


async def test_bad_selectors(api: Api) -> None:
    """A selector that cannot be read, or a field that is not selected by, is a 400."""
    for query in ("labelSelector=a%3D%3D%3D", "labelSelector=a+in+x", "fieldSelector=data.a%3D1", "fieldSelector=x"):
        assert refusal(await api.rest.get(f"{api.configs}?{query}")) == (400, "BadRequest"), query
    path = await defined(api)
    assert refusal(await api.rest.get(f"{path}?fieldSelector=spec.mode%3Da")) == (400, "BadRequest")


async def test_all_namespaces(api: Api) -> None:
    """Without a namespace in the path a list is of all namespaces, and each item tells its own."""
    path = await defined(api)
    await api.made(path, pool(api))
    found = (await api.rest.get(f"/apis/{api.group}/v1/pools")).json["items"]
    assert [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in found] == [(api.namespace, "p")]


async def test_read_of_one_object(api: Api) -> None:
    """A read shows what the create answered."""
    made = await api.made(api.services, service())
    assert (await api.rest.get(f"{api.services}/web")).json == made
