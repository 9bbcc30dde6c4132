"""The embedded API server and the controller as processes of their own, without a LAN: for tests without packets."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from fakes.cluster import JSON, Cluster, until
from pylb.core.crds import table as crds
from pylb.embedded import certificate

OPENSSL = shutil.which("openssl") or ""
TOKEN = "a-token-for-the-tests"
STOP_S = 10.0
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class Served(Cluster):
    """A cluster, and the controller on it."""

    def __init__(self, kubeconfig: Path) -> None:
        super().__init__(kubeconfig)
        self.log = kubeconfig.parent / "controller.log"
        self._port = 0

    def logged(self) -> str:
        """All that the controller has printed."""
        return self.log.read_text()

    @contextlib.contextmanager
    def controller(self) -> Iterator[None]:
        """The controller, for the time of the block; it serves what it says of itself."""
        token = self.kubeconfig.parent / "reader.token"
        token.write_text(TOKEN)
        words = ["controller", "--kubeconfig", str(self.kubeconfig), "--bind", "127.0.0.1", "--port", "0"]
        with self.log.open("w") as out:
            line = [sys.executable, "-m", "pylb", *words, "--token-file", str(token)]
            process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            [port] = until("the controller started", lambda: re.findall(r" port=(\d+)", self.logged()))
            self._port = int(port)
            yield
        finally:
            end(process)

    def read(self, who: str, what: str) -> bytes:
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}/{what}", headers={"X-Pylb-Token": TOKEN})
        with urllib.request.urlopen(request, timeout=STOP_S) as answer:  # noqa: S310 - to ourselves
            return bytes(answer.read())

    def is_ready(self) -> bool:
        """What a kubelet is told, which has no token."""
        with contextlib.suppress(urllib.error.HTTPError):
            url = f"http://127.0.0.1:{self._port}/readyz"
            with urllib.request.urlopen(url, timeout=STOP_S) as answer:
                return bool(answer.read())
        return False


@contextlib.contextmanager
def api(home: Path, *, tls: bool = False) -> Iterator[Served]:
    """An API server with pylb's definitions and namespaces. kubectl sends its token over TLS alone."""
    home.mkdir(exist_ok=True)
    token = home / "token"
    token.write_text(TOKEN)
    cert, key = certificate.make(home, ["127.0.0.1"]) if tls else (None, None)
    line = [sys.executable, "-m", "pylb.embedded", "--listen", "127.0.0.1:0", "--token-file", str(token)]
    line += ["--tls-cert", str(cert), "--tls-key", str(key)] if cert else []
    process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        kubeconfig = home / "kubeconfig"
        kubeconfig.write_text(json.dumps(config(json.loads(process.stdout.readline())["serving"], cert)))
        with Served(kubeconfig) as cluster:
            furnish(cluster)
            yield cluster
    finally:
        end(process)
        process.stdout.close()


def furnish(cluster: Cluster) -> None:
    """The definitions of the custom resources, and the namespaces."""
    for name in ("pylb-system", "metallb-system"):
        cluster.create({"kind": "Namespace", "metadata": {"name": name}})
    cluster.post_all(DEFINITIONS, crds.definitions())


def end(process: subprocess.Popen[Any]) -> None:
    process.terminate()
    try:
        process.wait(timeout=STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def config(server: str, authority: Path | None) -> JSON:
    """A kubeconfig."""
    cluster = {"server": server, **({"certificate-authority": str(authority)} if authority else {})}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }


def dump(*bodies: JSON) -> str:
    """Objects as somebody would write them."""
    return yaml.safe_dump_all(bodies)
