"""Alias bombs: what a small YAML text would become is known before it is built, in every place that reads people's YAML."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
import yaml

from pylb.addon import oldconfig
from pylb.core.growth import outgrows
from pylb.kube import decode, documents
from pylb.kube.errors import NoCluster
from pylb.kube.kubeconfig import read as read_kubeconfig

KIB = 1024
LIMIT = 64 * KIB  # characters of a ConfigMap that are read
LEVELS = 60  # of nine aliases each: 9^60 values, in 3 kB

LISTS = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, LEVELS))
MERGES = "a0: &a0 {k: v}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, LEVELS)
)
ENTRIES = "x: &x [" + "1.2.3.4," * 3000 + "]\naddress-pools:\n" + "- {addresses: *x}\n" * 2000
ENDLESS = "address-pools: &a [*a]\n"
BOMBS = pytest.mark.parametrize(
    "text", [LISTS, MERGES, ENTRIES, ENDLESS], ids=["lists", "merges", "entries", "endless"]
)


@BOMBS
def test_a_bomb_is_refused_in_the_memory_of_its_text(text: str) -> None:
    """Unbounded, the merges alone take all the memory of a machine."""
    assert len(text) < LIMIT
    tracemalloc.start()
    try:
        with pytest.raises(yaml.YAMLError, match="aliases would make it larger"):
            documents.read(text)
        assert tracemalloc.get_traced_memory()[1] < 64 * KIB * KIB
    finally:
        tracemalloc.stop()


@BOMBS
def test_every_reader_refuses_it(text: str, tmp_path: Path) -> None:
    raw = {"kind": "ConfigMap", "metadata": {"namespace": "metallb-system", "name": "config"}, "data": {"config": text}}
    made = decode.legacy_config(raw)
    assert made is not None
    assert "aliases would make it larger" in made.problems[0].text
    assert oldconfig.pools([raw]) == []
    with pytest.raises(NoCluster, match="YAML cannot be read"):
        read_kubeconfig(text.encode(), tmp_path / "config")


def test_aliases_that_stay_small_are_what_they_stand_for() -> None:
    text = "base: &b {protocol: layer2}\naddress-pools:\n- {<<: *b, name: lan, addresses: [10.0.0.0/24]}\n"
    assert documents.read(text)["address-pools"] == [
        {"protocol": "layer2", "name": "lan", "addresses": ["10.0.0.0/24"]}
    ]
    assert documents.read("") is None


@pytest.mark.parametrize(("limit", "too_large"), [(6, True), (7, False)])
def test_every_value_counts_once_for_each_place_that_it_stands_in(limit: int, too_large: bool) -> None:
    """A list of two lists of two: 1 + 2 * 3."""
    assert outgrows(yaml.compose("[&a [x, y], *a]"), limit) is too_large
