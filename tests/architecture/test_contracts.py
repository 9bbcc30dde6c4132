"""Who may import whom: the contracts of pyproject.toml hold, and the judge sees a breach of each kind."""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import Any

import pytest

from house import contracts
from house.tree import PACKAGE, imports, modules

LAYERS = {
    "name": "layers",
    "type": "layers",
    "containers": ["p"],
    "layers": ["top", "left | right", "base", "(later)"],
    "exhaustive": True,
    "exhaustive_ignores": ["__main__"],
}
DOOR = {
    "name": "door",
    "type": "forbidden",
    "source_modules": ["p"],
    "forbidden_modules": ["h11"],
    "allow_indirect_imports": True,
    "ignore_imports": ["p.base.** -> h11", "p.*.cli -> h11"],
}
PURE = {"name": "pure", "type": "forbidden", "source_modules": ["p.base"], "forbidden_modules": ["os"]}


def graph(**extra: str) -> dict[str, frozenset[str]]:
    """A small tree that keeps every contract above, with one more import for each argument (_ is a dot)."""
    edges = {
        "p": "",
        "p.top": "p.left",
        "p.left": "p.base",
        "p.right": "p.base.http",
        "p.base": "",
        "p.base.http": "h11",
    }
    return {name: frozenset(target.split()) for name, target in {**edges, **extra}.items()}


@pytest.fixture(scope="module")
def real() -> dict[str, frozenset[str]]:
    targets = defaultdict(set)
    for one in imports():
        targets[one.importer].add(one.imported)
    return {name: frozenset(targets[name]) for name in modules()}


@pytest.mark.parametrize("contract", contracts.load(), ids=lambda contract: contract["name"])
def test_contract_is_kept(contract: contracts.Contract, real: contracts.Graph) -> None:
    assert contracts.breaches(contract, real) == []


@pytest.mark.parametrize("contract", [LAYERS, DOOR, PURE], ids=lambda contract: contract["name"])
def test_judge_finds_nothing_where_nothing_is_wrong(contract: dict[str, Any]) -> None:
    assert contracts.breaches(contract, graph()) == []


@pytest.mark.parametrize(
    ("contract", "name", "target", "breach"),
    [
        (LAYERS, "p.base", "p.top", "p.base -> p.top"),  # upwards
        (LAYERS, "p.left", "p.right", "p.left -> p.right"),  # a sibling
        (LAYERS, "p.left.deep", "p.top", "p.left.deep -> p.top"),
        (LAYERS, "p.base.http", "p.__main__", "p.base.http -> p.__main__"),
        (LAYERS, "p.new", "", "p.new has no layer"),
        (LAYERS, "p.later", "p.base", "p.later -> p.base"),
        (DOOR, "p.left", "h11", "p.left -> h11"),
        (DOOR, "p.left.cli.deep", "h11", "p.left.cli.deep -> h11"),  # * is one part of a name
        (PURE, "p.base.files", "os", "p.base.files -> os"),
        (PURE, "p.base.http", "p.shell", "p.base.http -> p.shell -> os"),  # through another module
    ],
)
def test_judge_sees_a_breach(contract: dict[str, Any], name: str, target: str, breach: str) -> None:
    assert breach in contracts.breaches(contract, graph(**{"p.shell": "os", name: target}))


def test_judge_refuses_a_name_that_stands_for_nothing() -> None:
    assert contracts.breaches({**PURE, "source_modules": ["p.gone"]}, graph()) == ["p.gone does not exist"]
    assert "p.gone does not exist" in contracts.breaches({**LAYERS, "layers": ["gone"]}, graph())


def test_judge_refuses_an_option_that_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="as_packages"):
        contracts.breaches({**PURE, "as_packages": False}, graph())


def test_every_third_party_has_a_door() -> None:
    """An import of something that is neither ours, nor the standard library's, nor behind a door contract."""
    doors = {
        name
        for contract in contracts.load()
        if contract["name"].startswith("door:")
        for name in contract["forbidden_modules"]
    }
    known = {PACKAGE, *sys.stdlib_module_names, *doors}
    strangers = [one for one in imports() if one.imported.partition(".")[0] not in known]
    assert [f"{one.importer}:{one.line} {one.imported}" for one in strangers] == []


def test_the_kubernetes_package_is_never_imported_at_load() -> None:
    """It takes 45 MiB and a quarter of a second; only a kubeconfig that needs it pays that."""
    assert [f"{one.importer}:{one.line}" for one in imports() if one.imported == "kubernetes" and one.at_load] == []
