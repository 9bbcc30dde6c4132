"""A small cluster to import an old ConfigMap into, and somebody who types the commands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from fakes.rest import Rest
from fakes.tui_cluster import credentials, kubeconfig, serving
from pylb.cli import main
from pylb.core.crds import table as crds
from pylb.embedded.resources import SERVICES
from pylb.embedded.server import Server
from pylb.kube.client import Client
from pylb.operate.shelf import Shelf

TOKEN = "token-of-the-test"
CONFIG = """\
peers:
- my-asn: 64512
  peer-asn: 64512
  peer-address: 10.0.0.1
  hold-time: 120s
  bfd-profile: fast
address-pools:
- name: default
  protocol: layer2
  addresses: [10.0.0.10-10.0.0.19]
- name: routed
  protocol: bgp
  addresses: [198.51.100.0/24]
  bgp-advertisements:
  - aggregation-length: 24
    localpref: 100
    communities: [64512:1, no-export]
bgp-communities:
  no-export: 65535:65281
bfd-profiles:
- name: fast
  receive-interval: 300
"""
CREATED = {
    "Community": ["communities"],
    "BFDProfile": ["fast"],
    "BGPPeer": ["peer1"],
    "IPAddressPool": ["default", "routed"],
    "BGPAdvertisement": ["bgpadvertisement1"],
    "L2Advertisement": ["l2advertisement1"],
}
HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config, namespace: metallb-system}\n"


def config_map(text: str, **meta: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "config", "namespace": "metallb-system", **meta},
        "data": {"config": text},
    }


def add_service(server: Server, name: str, ip: str, annotations: dict[str, str] | None = None) -> None:
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}], "selector": {"app": name}}
    server.store.create(SERVICES, "web", {"metadata": {"name": name, "annotations": annotations or {}}, "spec": spec})
    status = {"loadBalancer": {"ingress": [{"ip": ip}]}}
    server.store.update(SERVICES, "web", name, lambda old: {**old, "status": status}, subresource="status")


class Place:
    """A cluster, and a folder to type in."""

    def __init__(self, server: Server, rest: Rest, folder: Path) -> None:
        self.server, self.rest, self.folder = server, rest, folder
        self.config = kubeconfig(folder, server.url)

    async def run(self, *words: str, text: str | bytes | None = None) -> Result:
        """Type a command; in a thread, since the server needs this one."""
        return await asyncio.to_thread(
            CliRunner().invoke, main, [*words, "--kubeconfig", self.config], input=text, catch_exceptions=False
        )

    def lose(self) -> None:
        """The cluster is not there any more."""
        (self.folder / "gone").mkdir()
        self.config = kubeconfig(self.folder / "gone", "http://127.0.0.1:9")  # nobody listens at "discard"

    def file(self, content: str | bytes, name: str = "old.yaml") -> str:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    async def put(self, body: dict[str, Any]) -> None:
        answer = await self.rest.post(f"/api/v1/namespaces/{body['metadata']['namespace']}/configmaps", body)
        assert answer.status == 201, answer.body

    async def found(self) -> dict[str, list[str]]:
        """The names of all resources, by kind."""
        async with Client(credentials(self.server)) as client:
            objects = await Shelf(client).objects()
        rows = (objects.communities, objects.profiles, objects.peers, objects.pools, objects.bgp_advertisements)
        return {
            raw["kind"]: sorted(one["metadata"]["name"] for one in row)
            for row in (*rows, objects.advertisements)
            for raw in row
        }

    async def maps(self, namespace: str = "metallb-system") -> list[str]:
        async with Client(credentials(self.server)) as client:
            items = (await client.get(f"/api/v1/namespaces/{namespace}/configmaps"))["items"]
        return sorted(item["metadata"]["name"] for item in items)


@asynccontextmanager
async def placed(folder: Path) -> AsyncIterator[Place]:
    """A cluster that knows pylb's kinds, and has nothing else."""
    async with serving() as server:
        rest = Rest(server.url, TOKEN)
        for definition in crds.definitions():
            answer = await rest.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
            assert answer.status == 201, answer.body
        yield Place(server, rest, folder)
