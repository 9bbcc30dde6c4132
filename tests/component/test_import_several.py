"""`pylb import` where a cluster has more than one ConfigMap, or had; `pylb export` of more than is remembered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fakes.importing import CONFIG, CREATED, Place, add_service, config_map, placed
from fakes.tui_cluster import credentials
from pylb.core.allocation import memory
from pylb.kube.client import Client
from pylb.kube.errors import Conflict
from pylb.operate.shelf import JSON, Shelf

ODD = (r"a\e[31m", r"a\n[31m")
OTHER = "address-pools:\n- {name: far, protocol: layer2, addresses: [10.9.0.0/29]}\n"


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with placed(tmp_path) as made:
        yield made


async def test_a_second_import_takes_no_advertisement_from_the_first(place: Place) -> None:
    assert (await place.run("import", place.file(CONFIG), "--apply")).exit_code == 0
    result = await place.run("import", place.file(OTHER, "other.yaml"), "--apply")
    assert result.exit_code == 0, result.output
    async with Client(credentials(place.server)) as client:
        adverts = (await Shelf(client).objects()).advertisements
    announced = {raw["metadata"]["name"]: raw["spec"]["ipAddressPools"] for raw in adverts}
    assert announced == {"l2advertisement1": ["default"], "l2advertisement2": ["far"]}
    again = await place.run("import", place.file(OTHER, "other.yaml"), "--apply")
    assert "0 made or changed, 2 as they were." in again.output


async def test_two_configmaps_that_say_the_same_are_one(place: Place) -> None:
    await place.put(config_map(CONFIG))
    await place.put(config_map(CONFIG, namespace="pylb-system"))
    result = await place.run("import", "--from-cluster", "--apply", "--remove-configmap")
    assert result.exit_code == 0, result.output
    assert await place.found() == CREATED
    assert "IPAddressPool metallb-system/default created" in result.output
    assert "config" not in [*await place.maps(), *await place.maps("pylb-system")]


async def test_two_that_say_different_things_are_imported_one_after_the_other(place: Place) -> None:
    await place.put(config_map(CONFIG))
    await place.put(config_map(OTHER, namespace="pylb-system"))
    result = await place.run("import", "--from-cluster")
    assert result.exit_code == 2
    assert "kubectl -n metallb-system get configmap config -o yaml | pylb import -" in result.stderr


async def test_an_export_without_room_for_all_addresses_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    add_service(place.server, "blog", "10.0.0.10")
    add_service(place.server, "shop", "10.0.0.11")
    monkeypatch.setattr(memory, "MAX_KEPT", 1)
    result = await place.run("export", "--file", str(place.folder / "backup.yaml"))
    assert result.exit_code == 1
    assert "1 Service more than a controller remembers: web/blog" in result.stderr
    assert "# web/blog 10.0.0.10\n" in (place.folder / "backup.yaml").read_text()
    assert (await place.run("export", "--file", "")).exit_code == 2


async def test_what_stands_in_a_name_prints_nothing_of_its_own(place: Place) -> None:
    pools = [rf'- {{name: "{name}", protocol: layer2, addresses: [10.9.{at}.0/29]}}' for at, name in enumerate(ODD)]
    result = await place.run("import", place.file("address-pools:\n" + "\n".join(pools)))
    assert result.exit_code == 1
    [told, _] = result.stderr.splitlines()
    assert r'"a\x1b[31m" and "a\n[31m" both become' in told


async def test_what_somebody_edited_since_an_import_stays_and_is_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def apply(self: Shelf, body: JSON, dry: bool = False) -> None:
        assert dry  # server-side apply says this to a field of somebody else's
        raise Conflict('Apply failed with 1 conflict: conflict with "kubectl-patch"', status=409)

    monkeypatch.setattr(Shelf, "apply", apply)
    result = await place.run("import", place.file(OTHER), "--apply")
    assert result.exit_code == 1
    assert 'conflict with "kubectl-patch"; somebody changed that since an import made it' in result.stderr
