"""Writes of statuses and of objects: nothing unchanged."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.faulty_api import Exchange, answers, status_object
from fakes.objects import Objects, connected, methods
from pylb.kube.errors import Conflict, Invalid
from pylb.kube.write import patch_status, put_object

PATH = "/apis/metallb.io/v1beta1/namespaces/pylb-system/servicel2statuses/l2-a"
VIP = {"loadBalancer": {"ingress": [{"ip": "10.0.0.1", "ipMode": "VIP"}]}}


async def test_a_status_that_is_so_already_is_not_written() -> None:
    async with connected(Objects()) as (api, client):
        wanted = {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}
        assert not await patch_status(client, "/api/v1/namespaces/default/services/web", VIP, wanted)
        assert api.requests == []


async def test_a_status_that_changes_is_one_patch_with_the_uid() -> None:
    path = "/api/v1/namespaces/default/services/web"
    async with connected(Objects(**{path: {"status": VIP}})) as (api, client):
        assert await patch_status(client, path, VIP, {"loadBalancer": {"ingress": None}}, uid="u")
        assert [seen.path for seen in api.requests] == [f"{path}/status"]
        assert api.requests[0].json == {"status": {"loadBalancer": {"ingress": None}}, "metadata": {"uid": "u"}}


async def test_a_status_may_be_written_on_the_version_that_was_read_alone() -> None:
    async with connected(Objects(**{PATH: {"status": {}}})) as (api, client):
        assert await patch_status(client, PATH, {}, {"a": 1}, version="7") == {"status": {"a": 1}}
        assert api.requests[0].json == {"status": {"a": 1}, "metadata": {"resourceVersion": "7"}}


async def test_a_conflict_is_the_callers() -> None:
    async with connected(answers(409, "Conflict")) as (_, client):
        with pytest.raises(Conflict):
            await patch_status(client, PATH, {}, {"a": 1})


def l2_status(node: str) -> dict[str, Any]:
    return {
        "apiVersion": "metallb.io/v1beta1",
        "kind": "ServiceL2Status",
        "metadata": {"name": "l2-a", "labels": {"metallb.io/node": node}},
        "status": {"node": node},
    }


async def test_an_object_is_made_kept_changed_and_made_anew() -> None:
    store = Objects()
    async with connected(store) as (api, client):
        assert await put_object(client, PATH, l2_status("n1"))
        assert methods(api) == ["GET", "POST", "PATCH"]
        assert store.objects[PATH] == l2_status("n1")
        assert not await put_object(client, PATH, l2_status("n1"))
        assert methods(api)[3:] == ["GET"]
        assert await put_object(client, PATH, l2_status("n2"))
        assert store.objects[PATH] == l2_status("n2")
        store.immutable = True
        assert await put_object(client, PATH, l2_status("n3"))
        assert store.objects[PATH] == l2_status("n3")
        assert methods(api)[-3:] == ["DELETE", "POST", "PATCH"]


async def test_a_status_that_is_refused_on_a_new_object_too_is_an_error() -> None:
    async def refuses(exchange: Exchange) -> None:
        code = {"GET": 404, "POST": 201, "PATCH": 422}[exchange.request.method]
        await exchange.json({"metadata": {}} if code == 201 else status_object(code, ""), code)

    async with connected(refuses) as (_, client):
        with pytest.raises(Invalid):
            await put_object(client, PATH, l2_status("n1"))
