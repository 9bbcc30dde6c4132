"""Clusters that tests share: one a session and mode, with pylb on it and no pool. A test leaves it as it found it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import client, pylb_on
from cluster.client import Cluster


@pytest.fixture(scope="session")
def image() -> Path:
    """An archive of pylb's image."""
    return pylb_on.image()


@pytest.fixture(scope="session")
def cluster(image: Path) -> Iterator[Cluster]:
    """Three nodes, kube-proxy in nftables mode, pylb on them."""
    with client.start("nftables", images=[image]) as made:
        pylb_on.install(made)
        yield made
        _all_alive(made)


@pytest.fixture(scope="session")
def iptables_cluster(image: Path) -> Iterator[Cluster]:
    """The same with kube-proxy in iptables mode."""
    with client.start("iptables", images=[image]) as made:
        pylb_on.install(made)
        yield made
        _all_alive(made)


def _all_alive(cluster: Cluster) -> None:
    """A kube-proxy that died would make every later test lie."""
    states = cluster.status()["programs"]
    dead = {f"{program} {where}": state for where, own in states.items() for program, state in own.items() if state != "running"}
    assert not dead, dead
