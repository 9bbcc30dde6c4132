"""Where a promise is tried: one of the two API servers, a namespace of its own on it, and what tests need to ask there."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from conformance.differences import DIFFERENCES
from fakes.rest import MERGE, Answer, Rest

EMBEDDED, REAL = "embedded", "real"
LIMIT_S = 30.0  # until a controller has done its part
PAUSE_S = 0.05
IMAGE = "pylb.test/echo:1"  # a real cluster of the tests has a stand-in for any name
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
NAMESPACES = "/api/v1/namespaces"

JSON = dict[str, Any]
T = TypeVar("T")


class Api:
    """One of the two API servers, as a test of one promise sees it."""

    def __init__(self, name: str, rest: Rest, kubeconfig: Path, promise: str) -> None:
        self.name, self.rest, self.kubeconfig, self.promise = name, rest, kubeconfig, promise
        self.namespace = f"c-{secrets.token_hex(4)}"
        self.group = f"{self.namespace}.example.io"  # of the definitions that a test makes
        self.told = False  # whether the declared difference was asserted
        self._cluster_wide: list[str] = []

    def either(self, real: T, embedded: T) -> T:
        """What this server shall answer where the two differ: asserted for both, and declared in `differences`."""
        assert self.promise in DIFFERENCES, f"{self.promise}: the difference is not declared"
        assert real != embedded, f"{self.promise}: that is no difference"
        self.told = True
        return real if self.name == REAL else embedded

    def own(self, plural: str, name: str = "", group: str = "", version: str = "v1") -> str:
        """The path of a resource in the test's namespace."""
        base = f"/apis/{group}/{version}" if group else f"/api/{version}"
        return f"{base}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    @property
    def configs(self) -> str:
        """ConfigMaps: objects without rules of their own."""
        return self.own("configmaps")

    @property
    def services(self) -> str:
        """Services."""
        return self.own("services")

    @property
    def pools(self) -> str:
        """The custom resource of `define`."""
        return self.own("pools", group=self.group)

    async def made(self, path: str, body: JSON) -> JSON:
        """A created object."""
        answer = await self.rest.post(path, body)
        assert answer.status == 201, answer.body
        found: JSON = answer.json
        return found

    async def wide(self, path: str, body: JSON) -> JSON:
        """A created object that lives outside of the namespace; it goes after the test."""
        found = await self.made(path, body)
        self._cluster_wide.append(f"{path}/{found['metadata']['name']}")
        return found

    async def define(self, body: JSON) -> JSON:
        """A CustomResourceDefinition whose resources are served."""
        found = await self.wide(DEFINITIONS, body)
        spec = found["spec"]
        for version in spec["versions"]:
            path = f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}"
            await self.served(path)
        await self.served(f"/apis/{spec['group']}/{spec['versions'][0]['name']}")
        return found

    async def served(self, path: str) -> Answer:
        """The answer of a path, once it is there."""
        return await self.until(lambda: self.rest.get(path), lambda answer: answer.status == 200)

    async def until(
        self, ask: Callable[[], Awaitable[T]], good: Callable[[T], Any] = bool, limit: float = LIMIT_S
    ) -> T:
        """Ask until the answer is good; returns it."""
        end = time.monotonic() + limit
        while not good(found := await ask()):
            assert time.monotonic() < end, f"not within {limit} s; the last answer was {found}"
            await asyncio.sleep(PAUSE_S)
        return found

    async def gone(self, path: str) -> None:
        """Wait until an object is not there."""
        await self.until(lambda: self.rest.get(path), lambda answer: answer.status == 404)

    async def begin(self) -> None:
        """Make the namespace."""
        await self.wide(NAMESPACES, {"metadata": {"name": self.namespace}})

    async def end(self) -> None:
        """Ask for the end of what was made; nobody waits for it."""
        for path in reversed(self._cluster_wide):
            await self.rest.patch(path, {"metadata": {"finalizers": None}})
            await self.rest.delete(path)


def config(name: str = "a", **labels: str) -> JSON:
    """A ConfigMap."""
    return {"metadata": {"name": name, **({"labels": labels} if labels else {})}, "data": {"a": "1"}}


def service(name: str = "web", **spec: Any) -> JSON:
    """A Service of one port."""
    meta = {"name": name, "labels": {"app": name}}
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


def deployment(name: str = "web", replicas: int = 1, **labels: str) -> JSON:
    """A Deployment of one container, whose image a real cluster of the tests has."""
    labels = labels or {"app": name}
    ports = [{"name": "http", "containerPort": 8080}]
    container = {"name": "c", "image": IMAGE, "ports": ports}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 0}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def refusal(answer: Answer) -> tuple[int, str]:
    """The code and the reason of a refusal; they stand in the body, too."""
    body = answer.json
    assert (body["kind"], body["status"], body["code"]) == ("Status", "Failure", answer.status), body
    return answer.status, body.get("reason", "")


def fields(answer: Answer) -> list[str]:
    """The fields that a 422 names."""
    assert refusal(answer) == (422, "Invalid"), answer.body
    return [cause["field"] for cause in answer.json["details"]["causes"]]


async def take(events: AsyncIterator[tuple[str, JSON]], count: int) -> list[tuple[str, str]]:
    """The next events of a watch as (type, name), without bookmarks."""
    found: list[tuple[str, str]] = []
    while len(found) < count:
        what, obj = await anext(events)
        if what != "BOOKMARK":
            found.append((what, obj.get("metadata", {}).get("name", "")))
    return found


async def version(api: Api) -> str:
    """The version of a list of ConfigMaps."""
    return str((await api.rest.get(api.configs)).json["metadata"]["resourceVersion"])


async def finalized(api: Api, name: str = "held") -> str:
    """The path of a ConfigMap that a finalizer holds."""
    body = config(name)
    body["metadata"]["finalizers"] = ["example.io/a"]
    await api.made(api.configs, body)
    return f"{api.configs}/{name}"


async def released(api: Api, path: str) -> None:
    """Take the finalizers off."""
    assert (await api.rest.patch(path, {"metadata": {"finalizers": None}}, MERGE)).status == 200
