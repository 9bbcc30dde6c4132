"""Each promise is tried on the embedded API server, and, marked `cluster`, on a real one."""

from __future__ import annotations

import contextlib
import json
import shutil
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.fixtures import SubRequest

from conformance import real
from conformance.differences import DIFFERENCES
from conformance.kubectl import Kubectl, program
from conformance.place import EMBEDDED, REAL, Api
from fakes.rest import Rest
from pylb.embedded.certificate import make
from pylb.embedded.server import Options, Server, serve
from pylb.kube.credentials import load

TOKEN = "a-token-for-the-tests"
BOOKMARK_S = 0.2


@pytest.fixture(scope="session")
def real_kubeconfig() -> Iterator[str]:
    """The kubeconfig of a real cluster; one is started where none is named."""
    with real.real_kubeconfig() as found:
        yield found


@pytest.fixture(params=[EMBEDDED, pytest.param(REAL, marks=pytest.mark.cluster)])
async def api(request: SubRequest, tmp_path: Path) -> AsyncIterator[Api]:
    """An API server and a namespace of the test's own on it; a declared difference that was not asserted fails."""
    promise = request.node.originalname.removeprefix("test_")
    async with _served(request, tmp_path) as (kubeconfig, rest):
        found = Api(request.param, rest, kubeconfig, promise)
        await found.begin()
        yield found
        await found.end()
    if promise in DIFFERENCES and not found.told:
        pytest.fail(f"{promise}: a difference is declared, and the test asserts none")


@pytest.fixture
async def kubectl(api: Api, tmp_path: Path) -> Kubectl:
    """The machine's kubectl, in the test's namespace."""
    if not program():
        pytest.skip("this machine has no kubectl")
    return Kubectl(api, tmp_path)


@contextlib.asynccontextmanager
async def _served(request: SubRequest, folder: Path) -> AsyncIterator[tuple[Path, Rest]]:
    if request.param == REAL:
        path = str(request.getfixturevalue("real_kubeconfig"))
        yield Path(path), await _rest(path)
        return
    async with serve(_options(request, folder)) as server:
        yield (path := _kubeconfig(server, folder)), await _rest(str(path))
        assert server.problems == [], "a mistake of the embedded server's own"


def _options(request: SubRequest, folder: Path) -> Options:
    """kubectl sends its token over TLS alone; without it, no time is spent on certificates."""
    if "kubectl" not in request.fixturenames:
        return Options(token=TOKEN, bookmark_every=BOOKMARK_S)
    if shutil.which("openssl") is None:
        pytest.skip("this machine has no openssl")
    cert, key = make(folder, ["127.0.0.1"])
    return Options(token=TOKEN, bookmark_every=BOOKMARK_S, tls_cert=str(cert), tls_key=str(key))


def _kubeconfig(server: Server, folder: Path) -> Path:
    cluster: dict[str, Any] = {"server": server.url}
    if server.url.startswith("https"):
        cluster["certificate-authority"] = str(folder / "server.crt")
    path = folder / "kubeconfig"
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    users = [{"name": "u", "user": {"token": server.token}}]
    named = {"current-context": "c", "contexts": [context], "users": users}
    path.write_text(json.dumps({"clusters": [{"name": "c", "cluster": cluster}], **named}))
    return path


async def _rest(kubeconfig: str) -> Rest:
    found = load(kubeconfig)
    tls: ssl.SSLContext | None = None
    if found.server.startswith("https"):
        tls = ssl.create_default_context(cadata=found.ca.decode() if found.ca else None)
        tls.check_hostname = False  # a real one is reached through a forwarded port
    return Rest(found.server, await found.bearer.token() or "", tls)
