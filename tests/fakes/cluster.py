"""A cluster in the hands of a test that lives in no event loop: objects, typed commands, Events, and what pylb says.

`Cluster` knows the API alone, wherever it is served; `fakes.lan` adds the packets.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

import yaml

from fakes.typed import KINDS, Call, calls
from pylb.core.allocation.reserves import REMEMBER
from pylb.kube import credentials
from pylb.kube.client import Client
from pylb.kube.errors import NotFound

JSON = dict[str, Any]
T = TypeVar("T")
SEEDS = Path(__file__).parents[1] / "data" / "seeds"
OURS = "/api/v1/namespaces/pylb-system"
HTTP_PORTS = {"speaker": 7472, "controller": 7473}
TYPED_LIMIT = 20.0  # s for one command
PATIENCE = 10.0  # s for what comes by itself
LOOK_EVERY = 0.02  # s


DEFAULT, METALLB = "namespaces/default", "namespaces/metallb-system"
OWN_NAMESPACES = {"default", "kube-node-lease", "kube-public", "kube-system", "metallb-system", "pylb-system"}
OWN_NAMES = {"kubernetes", "kube-root-ca.crt"}
PLACES = (
    *(f"/apis/apps/v1/{DEFAULT}/deployments", f"/api/v1/{DEFAULT}/services"),
    *(f"/api/v1/{METALLB}/configmaps", f"/api/v1/{METALLB}/secrets"),
    *(f"/apis/metallb.io/v1beta1/{METALLB}/{kind}" for kind in ("ipaddresspools", "l2advertisements")),
)


class Told(NamedTuple):
    """An Event, as `kubectl describe` shows it."""

    type: str
    reason: str
    component: str
    message: str


class Refused(Exception):
    """A command ended with another code than 0; the text is what it printed."""


def until(what: str, look: Callable[[], T], seconds: float = PATIENCE) -> T:
    """What `look` finds, as soon as that is something; an AssertionError that names `what` if it never is."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"gave up after {seconds:.0f} s: {what}; last: {found!r}"
        time.sleep(LOOK_EVERY)
    return found


def is_ready(item: JSON) -> bool:
    """Whether a node or a pod is ready."""
    conditions = item.get("status", {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


class Cluster:
    """An API server, and pylb on it, as a test sees them."""

    kubectl = shutil.which("kubectl") or ""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self._loop = asyncio.new_event_loop()
        self._token = ""
        self.client = Client(credentials.load(str(kubeconfig)), user_agent="pylb-test")

    def close(self) -> None:
        self._loop.run_until_complete(self.client.close())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Objects

    def do(self, call: Call) -> Any:
        """Make a request."""
        method = getattr(self.client, call.method)
        return self._loop.run_until_complete(method(call.path, *(() if call.body is None else (call.body,))))

    def get(self, path: str) -> Any:
        """An object or a list; None if there is none."""
        try:
            return self.do(Call("get", path))
        except NotFound:
            return None

    def text(self, path: str, headers: Mapping[str, str] | None = None) -> bytes:
        """What is not one JSON value: logs, metrics, a watch that ends."""
        return self._loop.run_until_complete(self.client.text(path, headers=headers))

    def create(self, *bodies: JSON) -> None:
        """Create objects, all at once."""
        self._all_at_once([(collection(body), body) for body in bodies])

    def post_all(self, place: str, bodies: list[JSON]) -> None:
        """Create objects in one collection, all at once."""
        self._all_at_once([(place, body) for body in bodies])

    def _all_at_once(self, wanted: list[tuple[str, JSON]]) -> None:
        async def post() -> None:
            await asyncio.gather(*(self.client.post(place, body) for place, body in wanted))

        self._loop.run_until_complete(post())

    def patch(self, path: str, body: JSON) -> Any:
        return self.do(Call("patch", path, body))

    def remove(self, *bodies: JSON) -> None:
        """Delete objects that may be there."""
        for body in bodies:
            path = f"{collection(body)}/{body['metadata']['name']}"
            if self.get(path) is not None:
                self.do(Call("delete", path))

    def empty(self) -> None:
        """No namespace but the cluster's own, no Service in `default`, no configuration; pylb has noticed."""
        spaces = [path for path in self._paths("/api/v1/namespaces") if path.rpartition("/")[2] not in OWN_NAMESPACES]
        paths = [path for place in PLACES for path in self._paths(place) if path.rpartition("/")[2] not in OWN_NAMES]
        for path in (*spaces, *paths):
            self.do(Call("delete", path))
        until("all is gone", lambda: not any(self.get(path) for path in (*spaces, *paths)))
        until("the controller has nothing", lambda: self.state("controller")["allocations"] == {})
        until("no pool is known", lambda: not self.state("controller")["config"]["pools"])

    def _paths(self, place: str) -> list[str]:
        return [f"{place}/{item['metadata']['name']}" for item in self.get(place)["items"]]

    # What people type

    def typed(self, command: str, text: str = "") -> str:
        """What a kubectl command prints; the same requests without its words where the machine has no kubectl."""
        words = shlex.split(command)
        if not self.kubectl:
            for call in calls(words, text, self.get):
                self.do(call)
            return ""
        done = subprocess.run(
            [self.kubectl, f"--kubeconfig={self.kubeconfig}", *words],
            input=text,
            capture_output=True,
            text=True,
            timeout=TYPED_LIMIT,
            check=False,
        )
        if done.returncode != 0:
            raise Refused(done.stderr)
        return done.stdout

    # Services

    def addresses(self, key: str) -> list[str]:
        """The addresses that a Service, namespace/name, has in its status."""
        namespace, name = key.split("/")
        found = self.get(f"/api/v1/namespaces/{namespace}/services/{name}") or {}
        ingress = found.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
        return [entry["ip"] for entry in ingress]

    def address(self, key: str) -> str:
        """The one address that a Service gets."""
        [found] = until(f"{key} has an address", lambda: self.addresses(key))
        return found

    def told(self, namespace: str, name: str, kind: str = "Service") -> list[Told]:
        """The Events about an object."""
        events = (self.get(f"/api/v1/namespaces/{namespace}/events") or {"items": []})["items"]
        about = {"kind": kind, "name": name}
        return [
            Told(event["type"], event["reason"], event["source"]["component"], event["message"])
            for event in events
            if about.items() <= event["involvedObject"].items()
        ]

    # What pylb says of itself

    def state(self, who: str) -> JSON:
        """`/state` of the controller or of speaker-NODE."""
        return dict(json.loads(self.read(who, "state")))

    def metrics(self, who: str) -> dict[str, float]:
        """`/metrics` of it, by name and labels as they are written."""
        pairs = [
            line.rpartition(" ") for line in self.read(who, "metrics").decode().splitlines() if line[:1] not in "#"
        ]
        return {name: float(value) for name, _, value in pairs}

    def pod(self, who: str) -> str:
        """The name of its pod."""
        return f"pylb-{who}"

    def read(self, who: str, what: str) -> bytes:
        """What it serves, through the API server's pod proxy."""
        if not self._token:
            secret = self.get(f"{OURS}/secrets/pylb-reader")
            self._token = base64.b64decode(secret["data"]["token"]).decode()
        path = f"{OURS}/pods/{self.pod(who)}:{HTTP_PORTS[who.partition('-')[0]]}/proxy/{what}"
        return self.text(path, {"X-Pylb-Token": self._token})


def collection(body: Mapping[str, Any]) -> str:
    """Where an object is created."""
    return KINDS[body["kind"]].format(ns=body["metadata"].get("namespace") or "default")


def seed(file: str) -> list[JSON]:
    """The objects of one of the seeds' manifests."""
    return [item for item in yaml.safe_load_all((SEEDS / file).read_text()) if item]


def pool(name: str, *addresses: str, remember: bool = False, **spec: Any) -> JSON:
    """An IPAddressPool. It remembers no Service that is gone unless told so: one test is nothing to the next."""
    made = _metallb("IPAddressPool", name, {"addresses": list(addresses), **spec})
    if not remember:
        made["metadata"]["annotations"] = {REMEMBER: "false"}
    return made


def advertisement(name: str = "all", **spec: Any) -> JSON:
    """An L2Advertisement, of all pools unless it names some."""
    return _metallb("L2Advertisement", name, spec)


def _metallb(kind: str, name: str, spec: JSON) -> JSON:
    meta = {"name": name, "namespace": "metallb-system"}
    return {"apiVersion": "metallb.io/v1beta1", "kind": kind, "metadata": meta, "spec": spec}


def config_map(text: str) -> JSON:
    """MetalLB's old ConfigMap."""
    meta = {"name": "config", "namespace": "metallb-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"config": text}}


def service(key: str, *ports: int, annotations: Mapping[str, str] | None = None, **spec: Any) -> JSON:
    """A Service, namespace/name, of type LoadBalancer; port 80 to the pods' 8080 unless ports are given."""
    namespace, name = key.split("/")
    wanted = [{"name": f"p{port}", "port": port, "targetPort": 8080} for port in ports or (80,)]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "annotations": dict(annotations or {})},
        "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": wanted, **spec},
    }


def deployment(key: str, labels: Mapping[str, str], *ports: int, replicas: int = 1, **pod: Any) -> JSON:
    """A Deployment, namespace/name, of stand-ins that listen on these ports."""
    namespace, name = key.split("/")
    container = {"name": "c", "image": "example.invalid/stand-in", "ports": [{"containerPort": port} for port in ports]}
    template = {"metadata": {"labels": dict(labels)}, "spec": {"containers": [container], **pod}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": replicas, "selector": {"matchLabels": dict(labels)}, "template": template},
    }
