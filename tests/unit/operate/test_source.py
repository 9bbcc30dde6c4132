"""Where an old ConfigMap is found in a file, and what it becomes: golden conversions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pylb.core.legacy import names as legacy_names
from pylb.core.legacy import plan as legacy_plan
from pylb.operate import importing, source
from pylb.operate.importing import Wish
from pylb.operate.orders import WrongInput

DATA = Path(__file__).parents[2] / "data"
CONFIG = "address-pools:\n- name: a\n  protocol: layer2\n  addresses: [10.0.0.0/28]\n"
MAP: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "config", "namespace": "metallb-system"},
    "data": {"config": CONFIG},
}
OTHER = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt"}, "data": {"ca.crt": "x"}}


def resources(path: Path) -> list[dict[str, Any]]:
    old = source.find(path.name, path.read_bytes())
    named, faults = importing.prepare(old, Wish())
    assert faults == ()
    return [dict(one.body) for one in named.wanted]


def test_every_key_of_the_old_format() -> None:
    """The file was written by hand, and what it becomes was read by hand: each key is in there once."""
    wanted = list(yaml.safe_load_all((DATA / "legacy" / "everything.resources.yaml").read_text()))
    assert resources(DATA / "legacy" / "everything.yaml") == wanted


@pytest.mark.parametrize(
    ("seed", "pools"),
    [
        ("000-configmap-cidr.yaml", {"address-pool-1": (["192.168.2.128/25"], True, False)}),
        ("000-configmap-range.yaml", {"address-pool-1": (["192.168.2.128-192.168.2.254"], True, False)}),
        ("001-configmap-range.yaml", {"metallb-ip-space": (["10.10.95.200-10.10.95.250"], True, False)}),
        (
            "002-configmap-auto-assign.yaml",
            {
                "default": (["172.22.132.150-172.22.132.200"], True, False),
                "production": (["172.22.131.0/24"], False, True),
            },
        ),
    ],
)
def test_peoples_own(seed: str, pools: dict[str, Any]) -> None:
    made = resources(DATA / "seeds" / seed)
    found = {
        raw["metadata"]["name"]: (raw["spec"]["addresses"], raw["spec"]["autoAssign"], raw["spec"]["avoidBuggyIPs"])
        for raw in made
        if raw["kind"] == "IPAddressPool"
    }
    assert found == pools
    adverts = [raw["spec"]["ipAddressPools"] for raw in made if raw["kind"] == "L2Advertisement"]
    assert adverts == [[name] for name in found]


@pytest.mark.parametrize(
    ("content", "namespace", "line"),
    [
        pytest.param(CONFIG, "", 1, id="bare"),
        pytest.param(f"# a comment\n---\n{CONFIG}", "", 3, id="bare, after a line of ---"),
        pytest.param(json.dumps(MAP), "metallb-system", 0, id="JSON"),
        pytest.param(yaml.safe_dump(MAP), "metallb-system", 0, id="YAML, quoted"),
        pytest.param(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata:\n  config: |\n"
            + "".join(f"    {line}\n" for line in CONFIG.splitlines()), "", 6, id="YAML, in a block",
        ),
        pytest.param(yaml.safe_dump_all([OTHER, MAP]), "metallb-system", 0, id="among other documents"),
        pytest.param(
            json.dumps({"apiVersion": "v1", "kind": "List", "items": [OTHER, MAP]}), "metallb-system", 0, id="in a List"
        ),
    ],
)  # fmt: skip
def test_where_it_is_found(content: str, namespace: str, line: int) -> None:
    old = source.find("x", content.encode())
    assert old.ref.namespace == namespace
    assert [raw["metadata"]["name"] for raw in old.convert().pools] == ["a"]
    places = old.places()
    assert (places.find("address-pools").line if places else 0) == line
    if places:
        assert places.find("address-pools[0].protocol").line == line + 2


@pytest.mark.parametrize(
    ("namespace", "asked", "wanted"),
    [
        ("metallb-system", "", "metallb-system"),
        ("pylb-system", "", "pylb-system"),
        ("", "", "metallb-system"),
        ("elsewhere", "", "metallb-system"),
        ("metallb-system", "pylb-system", "pylb-system"),
    ],
)
def test_the_namespace_of_the_resources(namespace: str, asked: str, wanted: str) -> None:
    content = {**MAP, "metadata": {"name": "config", "namespace": namespace}}
    assert importing.home(source.find("x", json.dumps(content).encode()), Wish(asked)) == wanted


def test_a_cluster_has_one_or_it_is_named_which() -> None:
    one, two = ({**MAP, "metadata": {"name": "config", "namespace": name, "uid": "u"}} for name in ("a", "b"))
    assert importing.from_cluster([one]).text == CONFIG
    assert importing.from_cluster([one, two]).text == CONFIG
    with pytest.raises(WrongInput, match="has several"):
        importing.from_cluster([one, {**two, "data": {"config": "address-pools: []"}}])
    with pytest.raises(WrongInput, match="has no ConfigMap"):
        importing.from_cluster([])


def test_what_is_found_is_checked_alike_from_all_places() -> None:
    made = source.find("x", CONFIG.replace("/28", "/280").encode()).convert()
    [fault] = legacy_plan.check(made, legacy_names.named(made, "metallb-system"))
    assert fault.place == "address-pools[0]"
