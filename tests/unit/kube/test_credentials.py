"""Where a cluster is looked for, what a kubeconfig says, and what is told when it cannot be read."""

from __future__ import annotations

import base64
import builtins
import os
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import yaml

from pylb.kube import bearer, credentials, plugins
from pylb.kube.bearer import FileBearer
from pylb.kube.credentials import Credentials, load
from pylb.kube.errors import ClusterError, NoCluster
from pylb.kube.kubeconfig import read

HERE = Path("/somewhere/config")


def config(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, **more: Any) -> bytes:
    return yaml.safe_dump(
        {
            "current-context": "ctx",
            "contexts": [
                {"name": "ctx", "context": {"cluster": "c", "user": "u"}},
                {"name": "other", "context": {"cluster": "d", "user": "u", "namespace": "ns"}},
            ],
            "clusters": [
                {"name": "c", "cluster": {"server": "https://10.0.0.1:6443", **(cluster or {})}},
                {"name": "d", "cluster": {"server": "https://d"}},
            ],
            "users": [{"name": "u", "user": user or {}}],
            **more,
        }
    ).encode()


def place(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


async def token(found: Credentials) -> str | None:
    return await found.bearer.token()


def in_cluster(root: Path) -> dict[str, str]:
    folder = root / credentials.SERVICE_ACCOUNT
    place(folder / "token", b"pod-token\n")
    place(folder / "ca.crt", b"CA")
    place(folder / "namespace", b"pylb-system")
    return {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def server(root: Path, **env: str) -> str:
    return load(environ=env, root=root).server


# Where


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


# What


async def test_data_and_files(tmp_path: Path) -> None:
    file = place(tmp_path / "config", b"")
    place(tmp_path / "ca.pem", b"CA")
    place(tmp_path / "tok", b"from-file\n")
    found = read(
        config(
            {"certificate-authority": "ca.pem", "tls-server-name": "kubernetes"},
            {"client-certificate-data": base64.b64encode(b"CERT").decode(), "client-key": "ca.pem", "tokenFile": "tok"},
        ),
        file,
    )
    assert (found.ca, found.certificate, found.key) == (b"CA", b"CERT", b"CA")
    assert (found.tls_server_name, found.insecure, await token(found)) == ("kubernetes", False, "from-file")


async def test_a_token_and_another_context() -> None:
    found = read(config(user={"token": "t"}), HERE, context="other")
    assert (found.server, found.namespace, await token(found)) == ("https://d", "ns", "t")
    assert read(config({"insecure-skip-tls-verify": True}), HERE).insecure


def test_secrets_are_in_no_repr() -> None:
    user = {"token": "s3cret", "client-key-data": base64.b64encode(b"s3cret").decode()}
    assert "s3cret" not in repr(read(config(user=user), HERE))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "holds NoneType"),
        (b"[]", "holds list"),
        (b"a: [", "line 1"),
        (b"\x00\xff", "YAML cannot be read"),
        (b"- " * 5000, "no kubeconfig"),
        (config(**{"current-context": ""}), "kubectl config use-context"),
        (config(**{"current-context": "none"}), "no entry 'none' in contexts"),
        (config(clusters=[]), "no entry 'c' in clusters"),
        (config(users="x"), "no entry 'u' in users"),
        (config({"server": "10.0.0.1"}), "must be a URL"),
        (config({"server": "https://h:99999"}), "must be a URL"),
        (config({"server": None}), "must be a URL"),
        (config({"proxy-url": "http://p"}), "proxy-url is not supported"),
        (config({"certificate-authority-data": "é"}), "not base64"),
        (config({"certificate-authority": "none.pem"}), "cannot read certificate-authority none.pem"),
        (config({"tls-server-name": 5}), "must be a text"),
        (config(user={"as": "admin"}), "'as' is not supported"),
        (config(user={"username": "me", "password": "x"}), "'username' is not supported"),
    ],
)
def test_what_cannot_be_used_says_why(text: bytes, told: str) -> None:
    with pytest.raises(NoCluster) as caught:
        read(text, HERE)
    assert told in str(caught.value)
    assert str(HERE) in str(caught.value)


def test_the_yaml_is_not_quoted() -> None:
    """A broken kubeconfig still holds secrets."""
    with pytest.raises(NoCluster) as caught:
        read(b"token: s3cret\n s3cret: [", HERE)
    assert "s3cret" not in str(caught.value)


# Bearers


async def test_a_token_file_is_read_again_after_a_minute(tmp_path: Path) -> None:
    file, now = place(tmp_path / "t", b"one"), [0.0]
    source = FileBearer(file, lambda: now[0])
    assert await source.token() == "one"
    file.write_bytes(b"two")
    now[0] = bearer.REREAD_AFTER - 1
    assert await source.token() == "one"
    now[0] = bearer.REREAD_AFTER
    assert await source.token() == "two"
    file.unlink()
    now[0] *= 3
    assert await source.token() == "two", "the last one stays while the file is being replaced"


async def test_a_token_file_that_was_never_there(tmp_path: Path) -> None:
    with pytest.raises(NoCluster, match="token file"):
        await FileBearer(tmp_path / "t").token()


# Plugins


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("kubernetes"):
            raise ImportError(name)
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(NoCluster, match=r"pip install 'pylb\[auth\]'"):
        read(config(user={"exec": {"command": "login"}}), HERE)


async def test_a_plugins_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package itself stands aside; what is pinned is how its configuration is read."""

    class Configuration:
        host, ssl_ca_cert, cert_file, key_file, verify_ssl = "https://cloud/", None, None, None, True
        api_key = {"BearerToken": "x"}  # noqa: RUF012 - as in the package

        def get_api_key_with_prefix(self, *keys: str) -> str:
            assert keys == plugins.KEYS
            return "Bearer from-plugin"

    fake = types.SimpleNamespace(Configuration=Configuration, load_kube_config=lambda *_, **__: None)
    for name in ("kubernetes", "kubernetes.client", "kubernetes.config"):
        monkeypatch.setitem(sys.modules, name, fake)
    found = read(config(user={"exec": {"command": "login"}}), HERE)
    assert (found.server, await token(found)) == ("https://cloud", "from-plugin")
    monkeypatch.setattr(Configuration, "api_key", {})
    with pytest.raises(NoCluster, match="gave no credentials"):
        read(config(user={"exec": {"command": "login"}}), HERE)


async def test_a_real_exec_plugin(tmp_path: Path) -> None:
    """With the package, where it is installed."""
    pytest.importorskip("kubernetes")
    script = tmp_path / "login"
    script.write_text(
        '#!/bin/sh\necho \'{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",'
        ' "status": {"token": "exec-token"}}\'\n'
    )
    script.chmod(0o755)
    user = {
        "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script), "interactiveMode": "Never"}
    }
    file = place(tmp_path / "config", config(user=user))
    found = load(str(file), environ=dict(os.environ))
    assert await token(found) == "exec-token"
