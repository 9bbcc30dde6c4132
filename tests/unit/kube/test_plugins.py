"""Logins that need the kubernetes package: what is taken from it, and what is told without it."""

from __future__ import annotations

import builtins
import os
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from fakes.kubeconfigs import HERE, config, place, token
from pylb.kube import plugins
from pylb.kube.credentials import load
from pylb.kube.errors import NoCluster
from pylb.kube.kubeconfig import read


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
