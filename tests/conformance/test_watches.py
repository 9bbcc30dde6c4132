"""Watches: where they start, what they tell, how they end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from conformance.place import NAMESPACES, TABLE, Api, config, fields, refusal, take, version
from conformance.pools import defined, definition, pool

QUIET_S = 1.0  # in which nothing may come


async def test_watch_without_a_version(api: Api) -> None:
    """Without a version (or with 0) a watch tells what is there as ADDED, then the changes, the deleted object with its last state."""
    await api.made(api.configs, config("a", own="1"))
    for start in ("", "&resourceVersion=0"):
        async with api.rest.watch(f"{api.configs}?watch=1&labelSelector=own{start}") as events:
            assert await take(events, 1) == [("ADDED", "a")]
            await api.made(api.configs, config("b", own="1"))
            await api.rest.patch(f"{api.configs}/b", {"data": {"x": "y"}})
            await api.rest.delete(f"{api.configs}/b")
            assert await take(events, 2) == [("ADDED", "b"), ("MODIFIED", "b")]
            what, last = await anext(events)
            assert (what, last["data"]) == ("DELETED", {"a": "1", "x": "y"})


async def test_watch_from_a_version(api: Api) -> None:
    """From a list's version a watch tells each later change once, and no other namespace's or kind's."""
    await api.made(api.configs, config("a", own="1"))
    since = await version(api)
    await api.made(api.configs, config("b", own="1"))
    await api.wide(NAMESPACES, {"metadata": {"name": f"{api.namespace}-o"}})
    await api.made(f"{NAMESPACES}/{api.namespace}-o/configmaps", config("other", own="1"))
    await api.made(api.configs, config("c", own="1"))
    async with api.rest.watch(f"{api.configs}?watch=1&labelSelector=own&resourceVersion={since}") as events:
        assert await take(events, 2) == [("ADDED", "b"), ("ADDED", "c")]


async def test_watched_objects(api: Api) -> None:
    """A watched object names its kind and has its own, growing version; a deleted one has that of its end."""
    since = await version(api)
    made = await api.made(api.configs, config())
    await api.rest.delete(f"{api.configs}/a")
    query = f"?watch=1&fieldSelector=metadata.name%3Da&resourceVersion={since}"
    async with api.rest.watch(api.configs + query) as events:
        (_, added), (_, deleted) = await anext(events), await anext(events)
    assert (added["kind"], added["apiVersion"]) == ("ConfigMap", "v1")
    assert added["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    assert int(deleted["metadata"]["resourceVersion"]) > int(added["metadata"]["resourceVersion"])


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"tier": "x"}, {"tier": "x", "b": "c"}, "MODIFIED"),
        ({"tier": "x"}, {"tier": "y"}, "DELETED"),
        ({"tier": "y"}, {"tier": "x"}, "ADDED"),
        ({"tier": "y"}, {"tier": "z"}, None),
    ],
)
async def test_watch_of_a_selection(api: Api, before: dict[str, str], after: dict[str, str], told: str | None) -> None:
    """An object that enters a selection is ADDED, one that leaves it DELETED, and what happens outside is not told."""
    await api.made(api.configs, config("a", **before))
    since = await version(api)
    await api.rest.patch(f"{api.configs}/a", {"metadata": {"labels": after}})
    await api.made(api.configs, config("end", tier="x"))
    async with api.rest.watch(f"{api.configs}?watch=1&resourceVersion={since}&labelSelector=tier%3Dx") as events:
        wanted = [("ADDED", "end")] if told is None else [(told, "a"), ("ADDED", "end")]
        assert await take(events, len(wanted)) == wanted


async def test_watch_of_one_object(api: Api) -> None:
    """One object is watched by a field selector; `watch` on its own path is a read."""
    for name in "ab":
        await api.made(api.configs, config(name))
    async with api.rest.watch(f"{api.configs}?watch=1&fieldSelector=metadata.name%3Db") as events:
        assert await take(events, 1) == [("ADDED", "b")]
    assert (await api.rest.get(f"{api.configs}/b?watch=1")).json["metadata"]["name"] == "b"


async def test_bad_starts_of_a_watch(api: Api) -> None:
    """A watch with a selector that cannot be is a 400."""
    for query in ("labelSelector=a%3D%3D%3D", "fieldSelector=data.a%3D1"):
        assert refusal(await api.rest.get(f"{api.configs}?watch=1&{query}")) == (400, "BadRequest"), query


async def test_watch_from_no_version(api: Api) -> None:
    """A watch from what is no version is refused with a 500."""
    answer = await api.rest.get(f"{api.configs}?watch=1&resourceVersion=abc")
    assert answer.status == api.either(real=500, embedded=400)


async def test_old_versions(api: Api) -> None:
    """A watch of a custom resource from before its definition is a 200 with one ERROR event, Status 410 Expired, and ends."""
    old = int(await version(api))
    for number in range(3):
        await api.made(api.configs, config(f"x{number}"))
    await api.define(definition(api.group))
    async with api.rest.watch(f"{api.pools}?watch=1&resourceVersion={old}") as events:
        found = [event async for event in events] if api.name == "real" else [await anext(events)]
    assert [(what, obj.get("code")) for what, obj in found] == [("ERROR", 410)]
    assert (found[0][1]["kind"], found[0][1]["reason"]) == ("Status", "Expired")
    assert found[0][1]["message"].startswith(f"too old resource version: {old} (")


async def test_versions_to_come(api: Api) -> None:
    """A watch from a version to come is open and silent until it has come."""
    future = int(await version(api)) + 50
    async with api.rest.watch(f"{api.configs}?watch=1&resourceVersion={future}") as events:
        await api.made(api.configs, config())
        first = asyncio.ensure_future(anext(events))
        assert await asyncio.wait({first}, timeout=QUIET_S) == (set(), {first})
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


async def test_initial_events(api: Api) -> None:
    """`sendInitialEvents` ends what is there with a BOOKMARK that carries a version, the annotation and no content."""
    await api.made(api.configs, config("a", own="1"))
    query = "watch=1&sendInitialEvents=true&allowWatchBookmarks=true&labelSelector=own"
    async with api.rest.watch(f"{api.configs}?{query}&resourceVersionMatch=NotOlderThan") as events:
        assert (await anext(events))[0] == "ADDED"
        what, mark = await anext(events)
        assert (what, mark["kind"], mark["apiVersion"]) == ("BOOKMARK", "ConfigMap", "v1")
        assert mark["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert mark["metadata"]["resourceVersion"].isdigit()
        assert not {"name", "uid"} & mark["metadata"].keys()
        await api.made(api.configs, config("b", own="1"))
        assert await take(events, 1) == [("ADDED", "b")]


async def test_options_of_initial_events(api: Api) -> None:
    """`sendInitialEvents` without `resourceVersionMatch=NotOlderThan`, or on a list, is a 422."""
    assert fields(await api.rest.get(f"{api.configs}?watch=1&sendInitialEvents=true")) == ["resourceVersionMatch"]
    refused = await api.rest.get(f"{api.configs}?sendInitialEvents=true&resourceVersionMatch=NotOlderThan")
    assert "sendInitialEvents" in fields(refused)


async def test_bookmarks(api: Api) -> None:
    """A watch without `allowWatchBookmarks` has none."""
    async with api.rest.watch(f"{api.configs}?watch=1&resourceVersion={await version(api)}&timeoutSeconds=1") as events:
        assert [event async for event in events] == []


async def test_when_bookmarks_come(api: Api) -> None:
    """With `allowWatchBookmarks` a watch of a second still sees no bookmark, not even at its end."""
    query = f"watch=1&resourceVersion={await version(api)}&timeoutSeconds=1&allowWatchBookmarks=true"
    async with api.rest.watch(f"{api.configs}?{query}") as events:
        found = {what async for what, _ in events}
    assert found == api.either(real=set(), embedded={"BOOKMARK"})


async def test_end_of_a_watch(api: Api) -> None:
    """After `timeoutSeconds` a watch ends in order: the client may go on from what it was told last."""
    await api.made(api.configs, config("a", own="1"))
    async with api.rest.watch(f"{api.configs}?watch=1&timeoutSeconds=1&labelSelector=own") as events:
        told = [(what, obj["metadata"]["resourceVersion"]) async for what, obj in events]
    assert [what for what, _ in told] == ["ADDED"]
    await api.made(api.configs, config("b", own="1"))
    query = f"watch=1&labelSelector=own&resourceVersion={told[0][1]}"
    async with api.rest.watch(f"{api.configs}?{query}") as events:
        assert await take(events, 1) == [("ADDED", "b")]


async def test_tables_are_watched(api: Api) -> None:
    """A watch in Table form tells one row at a time, with the columns in the first."""
    for name in "ab":
        await api.made(api.configs, config(name, own="1"))
    async with api.rest.watch(f"{api.configs}?watch=1&labelSelector=own", accept=TABLE) as events:
        found: list[Any] = [(await anext(events))[1] for _ in "ab"]
    assert [(t["kind"], t["rows"][0]["cells"][0]) for t in found] == [("Table", "a"), ("Table", "b")]
    assert [c["name"] for c in found[0]["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert not found[1].get("columnDefinitions")


async def test_watch_of_custom_resources(api: Api) -> None:
    """Custom resources are watched in the version that was asked for."""
    path = await defined(api)
    await api.made(path, pool(api))
    async with api.rest.watch(f"{path.replace('/v1/', '/v1beta1/')}?watch=1") as events:
        what, found = await anext(events)
    assert (what, found["apiVersion"], found["kind"]) == ("ADDED", f"{api.group}/v1beta1", "Pool")


async def test_watch_of_a_definition_that_goes(api: Api) -> None:
    """When a definition goes, a watch of its resource tells each object as DELETED."""
    path = await defined(api)
    await api.made(path, pool(api))
    async with api.rest.watch(f"{path}?watch=1") as events:
        assert await take(events, 1) == [("ADDED", "p")]
        await api.rest.delete(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/pools.{api.group}")
        assert await take(events, 1) == [("DELETED", "p")]
