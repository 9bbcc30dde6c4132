"""Clusters that tests share: one a session and mode, with pylb on it and no pool. A test leaves it as it found it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster import client, pylb_on, scenes, steady
from cluster.client import Cluster
from cluster.scenes import Scene
from fakes.real import RealLan


@pytest.fixture(scope="session")
def image() -> Path:
    """An archive of pylb's image."""
    return pylb_on.image()


@pytest.fixture(scope="session")
def cluster(image: Path) -> Iterator[Cluster]:
    """Three nodes, kube-proxy in nftables mode, pylb on them."""
    with _running("nftables", image) as made:
        yield made


@pytest.fixture(scope="session")
def iptables_cluster(image: Path) -> Iterator[Cluster]:
    """The same with kube-proxy in iptables mode."""
    with _running("iptables", image) as made:
        yield made


@contextlib.contextmanager
def _running(proxy: str, image: Path) -> Iterator[Cluster]:
    with client.start(proxy, images=[image]) as made:
        pylb_on.install(made)
        yield made
        _all_alive(made)


@pytest.fixture(scope="module")
def shared_scene(cluster: Cluster) -> Iterator[Scene]:
    """What tests of a module play on that break things."""
    with scenes.played(cluster) as scene:
        yield scene


@pytest.fixture
def scene(shared_scene: Scene) -> Iterator[Scene]:
    """The same; after the test all is at rest again."""
    yield shared_scene
    steady.at_rest(shared_scene.lan)


@pytest.fixture
def lan(scene: Scene) -> RealLan:
    """The scene's cluster."""
    return scene.lan


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print a figure beside the test's name."""

    def tell(text: str) -> None:
        with capsys.disabled():
            print(f" [{text}]", end="", flush=True)

    return tell


def _all_alive(cluster: Cluster) -> None:
    """A kube-proxy that died would make every later test lie."""
    states = cluster.status()["programs"]
    dead = {
        f"{program} {where}": state
        for where, own in states.items()
        for program, state in own.items()
        if state != "running"
    }
    assert not dead, dead
