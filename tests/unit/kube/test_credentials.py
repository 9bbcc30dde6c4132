"""Where a cluster is looked for, and what is told where none is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.kubeconfigs import config, place, token
from pylb.kube import credentials
from pylb.kube.credentials import load
from pylb.kube.errors import ClusterError, NoCluster


def in_cluster(root: Path) -> dict[str, str]:
    folder = root / credentials.SERVICE_ACCOUNT
    place(folder / "token", b"pod-token\n")
    place(folder / "ca.crt", b"CA")
    place(folder / "namespace", b"pylb-system")
    return {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def server(root: Path, **env: str) -> str:
    return load(environ=env, root=root).server


def test_the_usual_places_in_their_order(tmp_path: Path) -> None:
    def with_server(name: str) -> bytes:
        return config({"server": f"https://{name}"})

    env = {"HOME": str(tmp_path / "home")}
    place(tmp_path / credentials.K3S, with_server("k3s"))
    assert server(tmp_path, **env) == "https://k3s"
    place(tmp_path / credentials.MICROK8S, with_server("microk8s"))
    assert server(tmp_path, **env) == "https://microk8s"
    place(tmp_path / "home/.kube/config", with_server("home"))
    assert server(tmp_path, **env) == "https://home"
    env |= in_cluster(tmp_path)
    assert server(tmp_path, **env) == "https://10.96.0.1:443"
    env["KUBECONFIG"] = str(place(tmp_path / "env", with_server("env")))
    assert server(tmp_path, **env) == "https://env"
    named = place(tmp_path / "named", with_server("named"))
    assert load(str(named), environ=env, root=tmp_path).server == "https://named"


def test_the_first_of_kubeconfig_that_exists(tmp_path: Path) -> None:
    file = place(tmp_path / "b", config())
    env = {"KUBECONFIG": f":{tmp_path / 'a'}:{file}"}
    assert load(environ=env, root=tmp_path).source == str(file)


def test_kubeconfig_names_nothing(tmp_path: Path) -> None:
    with pytest.raises(NoCluster, match="unset KUBECONFIG"):
        load(environ={"KUBECONFIG": str(tmp_path / "a")}, root=tmp_path)


def test_a_named_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NoCluster, match=r"/a does not exist"):
        load(str(tmp_path / "a"), environ={}, root=tmp_path)


def test_nothing_at_all_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoCluster, match="--kubeconfig FILE") as caught:
        load(environ={"HOME": str(tmp_path)}, root=tmp_path)
    assert ".kube/config" in str(caught.value)
    assert isinstance(caught.value, ClusterError)


async def test_in_cluster(tmp_path: Path) -> None:
    env = in_cluster(tmp_path)
    found = load(environ=env, root=tmp_path)
    assert (found.ca, found.namespace, await token(found)) == (b"CA", "pylb-system", "pod-token")
    assert load(environ={**env, "KUBERNETES_SERVICE_HOST": "fd00::1"}, root=tmp_path).server == "https://[fd00::1]:443"


def test_in_cluster_without_a_ca(tmp_path: Path) -> None:
    env = in_cluster(tmp_path)
    (tmp_path / credentials.SERVICE_ACCOUNT / "ca.crt").unlink()
    with pytest.raises(NoCluster, match="CA"):
        load(environ=env, root=tmp_path)


@pytest.fixture
def denied(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Paths that may not be read; the tests run as root, who may read all."""
    paths: list[Path] = []
    original = Path.read_bytes

    def read_bytes(self: Path) -> bytes:
        if self in paths:
            raise PermissionError(13, "Permission denied", str(self))
        return original(self)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    return paths


@pytest.mark.parametrize(
    ("where", "fix"),
    [
        (credentials.MICROK8S, "sudo usermod -a -G microk8s $USER && newgrp microk8s"),
        (credentials.K3S, "--write-kubeconfig-mode 644"),
    ],
)
def test_permission_denied_says_the_fix(tmp_path: Path, denied: list[Path], where: Path, fix: str) -> None:
    denied.append(tmp_path / where)
    with pytest.raises(NoCluster) as found:
        load(environ={}, root=tmp_path)
    assert fix in str(found.value)
    place(tmp_path / where, b"")
    with pytest.raises(NoCluster) as named:
        load(str(tmp_path / where), environ={}, root=tmp_path)
    assert fix in str(named.value)


def test_a_denied_file_does_not_hide_another(tmp_path: Path, denied: list[Path]) -> None:
    denied.append(tmp_path / credentials.MICROK8S)
    place(tmp_path / credentials.K3S, config())
    assert server(tmp_path) == "https://10.0.0.1:6443"


def test_a_file_that_refers_to_nothing_is_an_error_and_not_passed_over(tmp_path: Path) -> None:
    place(tmp_path / ".kube/config", config({"certificate-authority": "gone.pem"}))
    place(tmp_path / credentials.K3S, config())
    with pytest.raises(NoCluster, match=r"gone\.pem"):
        load(environ={"HOME": str(tmp_path)}, root=tmp_path)
