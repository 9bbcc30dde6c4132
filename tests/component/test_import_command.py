"""`pylb import` and `pylb export` as people type them, against an API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fakes.importing import CONFIG, CREATED, HEAD, Place, add_service, config_map, placed
from fakes.tui_cluster import METALLB, credentials
from pylb.core.crds import table as crds
from pylb.core.legacy.numbers import MANAGER
from pylb.kube.client import Client
from pylb.kube.configuration import Configuration
from pylb.kube.errors import ServerError
from pylb.operate import source
from pylb.operate.importing import Importer, Wish
from pylb.operate.shelf import Shelf
from pylb.operate.transfer import APPLY


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with placed(tmp_path) as made:
        yield made


async def test_a_dry_run_tells_and_changes_nothing(place: Place) -> None:
    await place.put(config_map(CONFIG))
    result = await place.run("import", "--from-cluster")
    assert result.exit_code == 0, result.output
    assert [line.split() for line in result.stdout.splitlines()[:7]] == [
        [kind, f"metallb-system/{name}", "created"] for kind, names in CREATED.items() for name in names
    ]
    assert "Nothing was changed: --apply does it." in result.stdout
    assert "kubectl -n metallb-system delete configmap config" in result.stdout
    assert await place.found() == {}


async def test_applied_it_stands_and_again_is_unchanged(place: Place) -> None:
    await place.put(config_map(CONFIG))
    result = await place.run("import", "--from-cluster", "--apply")
    assert (result.exit_code, result.stderr) == (0, "")
    assert await place.found() == CREATED
    again = await place.run("import", "--from-cluster", "--apply")
    assert again.exit_code == 0
    assert "0 made or changed, 7 as they were." in again.stdout
    assert "config" in await place.maps()


async def test_the_configmap_goes_last_and_its_text_stays(place: Place) -> None:
    await place.put(config_map(CONFIG))
    result = await place.run("import", "--from-cluster", "--apply", "--remove-configmap")
    assert result.exit_code == 0, result.output
    assert await place.maps() == ["config-before-import"]
    assert await place.found() == CREATED
    kept = await place.rest.get("/api/v1/namespaces/metallb-system/configmaps/config-before-import")
    assert kept.json["data"] == {"config": CONFIG}
    assert "its text is kept in metallb-system/config-before-import" in result.stdout


async def test_a_file_becomes_resources_without_a_cluster(place: Place) -> None:
    place.lose()
    path = place.file(yaml.safe_dump(config_map(CONFIG)))
    result = await place.run("import", path, "-o", "yaml")
    assert result.exit_code == 0, result.output
    made = list(yaml.safe_load_all(result.stdout))
    assert [(one["kind"], one["metadata"]["name"]) for one in made] == [
        (kind, name) for kind, names in CREATED.items() for name in names
    ]
    assert {one["metadata"]["namespace"] for one in made} == {"metallb-system"}


async def test_what_is_wrong_is_told_with_its_line_and_nothing_is_made(place: Place) -> None:
    text = CONFIG.replace("bfd-profile: fast", "bfdProfile: fast").replace("protocol: layer2", "protocol: l2")
    block = "".join(f"    {line}\n" for line in text.splitlines())
    result = await place.run("import", "-", "--apply", text=f"{HEAD}data:\n  config: |\n{block}")
    assert result.exit_code == 1
    pool, peer, last = result.stderr.splitlines()
    assert pool.startswith('stdin:14: address pool "default": unknown protocol "l2": write layer2 or bgp')
    assert peer.startswith('stdin:11: unknown key "bfdProfile" in peer #1: did you mean bfd-profile?')
    assert last == "Nothing was changed."
    assert await place.found() == {}


async def test_a_value_that_the_loader_refuses_has_the_line_of_its_entry(place: Place) -> None:
    result = await place.run("import", place.file(CONFIG.replace("120s", "1s")), "--apply")
    assert result.exit_code == 1
    assert "old.yaml:2: BGPPeer metallb-system/peer1: " in result.stderr
    assert "must be 0 or >=3s" in result.stderr
    assert await place.found() == {}


async def make(place: Place, kind: str, name: str, spec: dict[str, Any], namespace: str = "metallb-system") -> None:
    plural = crds.resource(kind).plural
    body = {"apiVersion": "metallb.io/v1beta1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    answer = await place.rest.post(f"{METALLB}/{namespace}/{plural}", body)
    assert answer.status == 201, answer.body


async def test_a_pool_of_somebody_else_in_the_way_stops_all_of_it(place: Place) -> None:
    await make(place, "IPAddressPool", "routed", {"addresses": ["203.0.113.0/24"]})
    await place.put(config_map(CONFIG))
    result = await place.run("import", "--from-cluster", "--apply")
    assert result.exit_code == 1
    assert "IPAddressPool metallb-system/routed: stands there already and says something else" in result.stderr
    assert ["IPAddressPool", "metallb-system/routed", "conflicting"] in [x.split() for x in result.stdout.splitlines()]
    assert await place.found() == {"IPAddressPool": ["routed"]}


async def test_an_overlap_with_a_pool_in_the_cluster_stops_all_of_it(place: Place) -> None:
    await make(place, "IPAddressPool", "mine", {"addresses": ["198.51.100.7/32"]}, "pylb-system")
    await place.put(config_map(CONFIG))
    result = await place.run("import", "--from-cluster", "--apply")
    assert result.exit_code == 1
    assert "overlaps with already defined CIDR" in result.stderr
    assert await place.found() == {"IPAddressPool": ["mine"]}


async def test_a_write_that_fails_takes_back_those_before_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Shelf.apply

    async def apply(self: Shelf, body: Any, dry: bool = False) -> None:
        if body["kind"] == "BGPAdvertisement" and not dry:
            raise ServerError("the disk is full", status=500)
        await whole(self, body, dry)

    monkeypatch.setattr(Shelf, "apply", apply)
    result = await place.run("import", place.file(CONFIG), "--apply")
    assert result.exit_code == 1
    assert "BGPAdvertisement metallb-system/bgpadvertisement1 was refused: the disk is full" in result.stdout
    assert await place.found() == {}


async def test_one_that_is_interrupted_takes_back_what_it_did(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, written = Shelf.apply, asyncio.Event()

    async def apply(self: Shelf, body: Any, dry: bool = False) -> None:
        await whole(self, body, dry)
        if body["kind"] == "BGPAdvertisement" and not dry:  # it was written, and nobody was told
            written.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(Shelf, "apply", apply)
    told: list[str] = []
    async with Client(credentials(place.server)) as client:
        importer = Importer(Shelf(client), told.append)
        old = source.find("old.yaml", CONFIG.encode())
        task = asyncio.create_task(importer.apply(await importer.plan(old, Wish(), [])))
        await written.wait()
        assert await place.found()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await place.found() == {}
    assert "Interrupted: what was done is taken back" in told


async def test_a_configmap_that_says_something_else_stays(place: Place) -> None:
    path = place.file(CONFIG)
    none = await place.run("import", path, "--apply", "--remove-configmap")
    assert (none.exit_code, none.stdout.splitlines()[-1]) == (0, "There is no ConfigMap to remove")
    await place.put(config_map(f"# mine\n{CONFIG}"))
    other = await place.run("import", path, "--apply", "--remove-configmap")
    assert other.exit_code == 1
    assert "metallb-system/config says something else, and stays" in other.stdout
    assert await place.maps() == ["config"]


async def test_a_configmap_that_was_changed_meanwhile_stays(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await place.put(config_map(CONFIG))
    whole = Shelf.retire

    async def retire(self: Shelf, old: Any) -> str:
        path = "/api/v1/namespaces/metallb-system/configmaps/config"
        async with Client(credentials(place.server)) as client:
            await client.patch(path, {"data": {"config": f"# changed\n{CONFIG}"}})
        return await whole(self, old)

    monkeypatch.setattr(Shelf, "retire", retire)
    result = await place.run("import", "--from-cluster", "--apply", "--remove-configmap")
    assert result.exit_code == 1
    assert "ConfigMap metallb-system/config stays: " in result.stdout
    assert "config" in await place.maps()


async def test_a_service_that_asks_for_a_pool_by_a_name_that_goes_stops_it(place: Place) -> None:
    await place.put(config_map(CONFIG.replace("name: routed", "name: Routed_1")))
    add_service(place.server, "blog", "198.51.100.7", annotations={"metallb.universe.tf/address-pool": "Routed_1"})
    result = await place.run("import", "--from-cluster", "--apply")
    assert result.exit_code == 1
    assert 'Service web/blog: asks for pool "Routed_1", which is no name of Kubernetes' in result.stderr
    assert "kubectl -n web annotate service blog metallb.universe.tf/address-pool-" in result.stderr
    assert await place.found() == {}


async def test_the_configuration_is_the_same_and_valid_at_every_moment_of_an_import(place: Place) -> None:
    """What the daemons see, while resources come one by one beside the ConfigMap, and when that goes."""
    await place.put(config_map(CONFIG))
    async with Client(credentials(place.server)) as client:
        seen: list[tuple[Any, ...]] = []

        def look() -> None:
            pools = sorted(one.name for one in watched.current.pools.values())
            adverts = {name: bool(row) for name, row in watched.current.advertisements.items()}
            seen.append((pools, adverts, [str(problem) for problem in watched.problems]))

        watched = Configuration(client, look)
        task = asyncio.create_task(watched.run())
        try:
            await until(lambda: watched.loaded and len(watched.current.pools) == 2)
            seen.clear()
            result = await place.run("import", "--from-cluster", "--apply", "--remove-configmap")
            assert result.exit_code == 0, result.output
            await until(lambda: all(pool.ref.kind == "IPAddressPool" for pool in watched.current.pools.values()))
            await asyncio.sleep(0.5)  # in which a ConfigMap's end would be believed
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert len(seen) > 5
    assert [one for one in seen if one != (["default", "routed"], {"default": True, "routed": False}, [])] == []


async def until(ready: Any) -> None:
    for _ in range(500):
        if ready():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come")


async def test_an_export_says_what_another_cluster_needs(place: Place) -> None:
    assert (await place.run("import", place.file(CONFIG), "--apply")).exit_code == 0
    add_service(place.server, "blog", "10.0.0.10", annotations={"metallb.io/loadBalancerIPs": "10.0.0.10"})
    add_service(place.server, "shop", "10.0.0.11")
    path = place.folder / "backup.yaml"
    result = await place.run("export", "--file", str(path))
    assert result.exit_code == 0, result.output
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    assert f"`{APPLY}` this file" in text
    assert APPLY == "kubectl apply --server-side --force-conflicts -f"
    assert "# web/blog 10.0.0.10 (metallb.io/loadBalancerIPs: 10.0.0.10)\n" in text
    *resources, remembered = yaml.safe_load_all(text)
    assert [(one["kind"], one["metadata"]["name"]) for one in resources] == [
        (kind, name) for kind, names in CREATED.items() for name in names
    ]
    assert (remembered["metadata"]["namespace"], remembered["metadata"]["name"]) == ("pylb-system", "pylb-memory")
    lines = remembered["data"]["addresses"].splitlines()
    assert [line.split()[:2] for line in lines] == [["web/blog", "10.0.0.10"], ["web/shop", "10.0.0.11"]]
    assert MANAGER not in text


async def test_an_export_can_be_applied_in_another_cluster(place: Place, tmp_path: Path) -> None:
    assert (await place.run("import", place.file(CONFIG), "--apply")).exit_code == 0
    add_service(place.server, "blog", "10.0.0.10")
    exported = (await place.run("export")).stdout
    folder = tmp_path / "other"
    folder.mkdir()
    async with placed(folder) as other:
        for body in yaml.safe_load_all(exported):
            meta = body["metadata"]
            core = body["apiVersion"] == "v1"
            plural = "configmaps" if core else crds.resource(body["kind"]).plural
            group = "/api/v1" if core else f"/apis/{body['apiVersion']}"
            answer = await other.rest.post(f"{group}/namespaces/{meta['namespace']}/{plural}", body)
            assert answer.status == 201, answer.body
        assert await other.found() == CREATED
        assert "pylb-memory" in await other.maps("pylb-system")
        again = [line for line in (await other.run("export")).stdout.splitlines() if not line.startswith("#")]

    def plain(text: list[str]) -> list[str]:
        return [line for line in text if "seen:" not in line and "web/blog" not in line]

    assert plain(again) == plain([line for line in exported.splitlines() if not line.startswith("#")])
