"""Labs that lab tests share. A session has one of each kind at most; they end with the session, whatever happens.

Whether this machine can run labs at all is settled in tests/conftest.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from fakes import lan as lans
from fakes.cluster import is_ready, until
from fakes.lan import Lan
from pylb.kube import credentials
from pylb.kube.client import Client
from pylb.lab.client import Lab

JSON = dict[str, Any]
ADDRESS = "10.79.0.200"


class Api:
    """A lab's API server, for tests that do not live in an event loop."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def _call(self, method: str, *args: Any, **options: Any) -> Any:
        async def call() -> Any:
            async with Client(credentials.load(str(self.lab.kubeconfig))) as client:
                return await getattr(client, method)(*args, **options)

        return asyncio.run(call())

    def get(self, path: str) -> Any:
        return self._call("get", path)

    def post(self, path: str, body: JSON) -> Any:
        return self._call("post", path, body)

    def patch(self, path: str, body: JSON) -> Any:
        return self._call("patch", path, body)

    def delete(self, path: str) -> Any:
        return self._call("delete", path)

    def namespace(self, name: str) -> None:
        self.post("/api/v1/namespaces", {"metadata": {"name": name}})

    def pods(self, namespace: str) -> dict[str, JSON]:
        return {pod["metadata"]["name"]: pod for pod in self.get(f"/api/v1/namespaces/{namespace}/pods")["items"]}

    def pod(self, namespace: str, name: str, node: str, ports: Mapping[str, int] | None = None) -> str:
        """Run a Pod on a node, labelled app=NAMESPACE, with these containerPorts; its address once it is ready."""
        declared = [{"containerPort": number, "protocol": protocol} for protocol, number in (ports or {}).items()]
        container = {"name": "c", "image": "example.invalid/stand-in", "ports": declared}
        body = {
            "metadata": {"name": name, "labels": {"app": namespace}},
            "spec": {"nodeName": node, "containers": [container]},
        }
        self.post(f"/api/v1/namespaces/{namespace}/pods", body)
        self.lab.wait(f"pod {name} ready", lambda: is_ready(self.pods(namespace)[name]))
        return str(self.pods(namespace)[name]["status"]["podIP"])

    def service(self, namespace: str, address: str, protocol: str = "TCP", policy: str = "Cluster") -> None:
        """A Service of the pods of a namespace, port 80 to 8080, whose address is written down without a controller."""
        path = f"/api/v1/namespaces/{namespace}/services"
        port = {"port": 80, "targetPort": 8080, "protocol": protocol}
        spec = {
            "type": "LoadBalancer",
            "externalTrafficPolicy": policy,
            "selector": {"app": namespace},
            "ports": [port],
        }
        self.post(path, {"metadata": {"name": "front"}, "spec": spec})
        self.patch(f"{path}/front/status", {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}})


@pytest.fixture(scope="session")
def bare_lab() -> Iterator[Lab]:
    """A network of three nodes, a client and a router, and nothing in it. A test leaves it as it found it."""
    with Lab.start(bare=True) as lab:
        yield lab


@pytest.fixture(scope="session")
def kube_lab() -> Iterator[Lab]:
    """A cluster without pylb: API server, nodes, kubelets, datapath. A test works in a namespace of its own."""
    with Lab.start(without=["controller", "speakers"]) as lab:
        yield lab


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A cluster with pylb on it: controller, and a speaker on each of three nodes."""
    with Lab.start() as lab:
        yield lab


@pytest.fixture(scope="session")
def api_of() -> Callable[[Lab], Api]:
    """The API server of a lab."""
    return Api


@pytest.fixture(scope="module")
def shared() -> Iterator[Lan]:
    """A lab of a module's own, with a Service on ADDRESS that three pods on three nodes serve."""
    with lans.start("10.79.0.0/24") as lan:
        lan.front(ADDRESS, "10.79.0.128/25")
        yield lan


@pytest.fixture
def lan(shared: Lan) -> Lan:
    """The same with everything well: all speakers hear each other and agree, and all pods serve."""
    shared.settled()
    until("nobody stands in", lambda: not shared.standing(ADDRESS))
    shared.claims(ADDRESS)
    path = "/apis/apps/v1/namespaces/default/deployments/web"
    until("all pods serve", lambda: shared.get(path)["status"].get("readyReplicas") == 3)
    shared.ask(f"http://{ADDRESS}/")
    return shared


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print a figure beside the test's name."""

    def tell(text: str) -> None:
        with capsys.disabled():
            print(f" [{text}]", end="", flush=True)

    return tell
