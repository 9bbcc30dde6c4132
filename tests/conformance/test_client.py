"""The project's own client, which must tell both servers' answers apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from conformance.place import JSON, Api, config, service, version
from conformance.pools import defined, pool
from pylb.kube import errors
from pylb.kube.client import Client
from pylb.kube.collection import Collection
from pylb.kube.credentials import load


@pytest.fixture
async def client(api: Api) -> AsyncIterator[Client]:
    """The client, with the credentials of the kubeconfig."""
    async with Client(load(str(api.kubeconfig))) as found:
        yield found


async def test_client_errors(api: Api, client: Client) -> None:
    """pylb's client names refusals by what they are: missing, existing, conflicting, invalid."""
    made = await client.post(api.services, service())
    with pytest.raises(errors.NotFound):
        await client.get(f"{api.services}/none")
    with pytest.raises(errors.NotFound):
        await client.get("/apis/no.example.io/v1/things")
    with pytest.raises(errors.AlreadyExists):
        await client.post(api.services, service())
    with pytest.raises(errors.Invalid):
        await client.post(api.services, service("a.b"))
    await client.patch(f"{api.services}/web", {"metadata": {"labels": {"a": "b"}}})
    with pytest.raises(errors.Conflict):
        await client.put(f"{api.services}/web", made)


async def test_client_of_an_old_version(api: Api, client: Client) -> None:
    """pylb's client sees a watch from a lost version as Gone, whether or not the answer began as a 200."""
    old = await version(api)
    path = await defined(api)
    lines = client.lines(path, {"watch": True, "resourceVersion": old})
    first = await anext(lines)
    await lines.aclose()
    assert isinstance(errors.from_status(first["object"]), errors.Gone)


async def test_client_collections(api: Api, client: Client) -> None:
    """A Collection of pylb's client follows creates, changes and deletes."""
    path = await defined(api)
    await api.made(path, pool(api))
    found: Collection[JSON] = Collection(client, path, lambda raw: raw)
    running = asyncio.ensure_future(found.run())
    try:
        await asyncio.wait_for(found.wait_synced(), 10)
        assert [*found.items] == [f"{api.namespace}/p"]
        await api.made(path, pool(api, "q"))
        await api.rest.patch(f"{path}/p", {"spec": {"mode": "b"}})
        await api.rest.delete(f"{path}/q")

        async def modes() -> list[str | None]:
            return [item["spec"].get("mode") for item in found.items.values()]

        await api.until(modes, lambda now: now == ["b"])
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_client_of_a_new_definition(api: Api, client: Client) -> None:
    """A Collection of a resource that is not there yet finds it once it is defined."""
    found: Collection[JSON] = Collection(client, api.pools, lambda raw: raw)
    running = asyncio.ensure_future(found.run())
    try:
        await asyncio.sleep(0.1)
        await defined(api)
        await api.made(api.pools, pool(api))

        async def names() -> list[str]:
            return [*found.items]

        await api.until(names, lambda now: now == [f"{api.namespace}/p"])
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_client_patches(api: Api, client: Client) -> None:
    """pylb's client patches objects and statuses; a stale version in a merge patch is a Conflict."""
    made = await client.post(api.configs, config())
    await client.patch(f"{api.configs}/a", {"data": {"a": "2"}})
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "data": {"a": "3"}}
    with pytest.raises(errors.Conflict):
        await client.patch(f"{api.configs}/a", stale)
