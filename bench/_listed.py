"""An API server of fixed lists: so many Services, three nodes with a speaker each, a controller. Nothing is ever written.

    python -m bench._listed --services 10000

The embedded API server is one that can be written to, which costs it milliseconds an object; this one makes its lists
once. It prints its port, then obeys lines of its standard input: `pin N` pins Service N to its address, `unpin N` ends
that; each time it prints the moment (`time.monotonic`) at which the watches were told.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import sys
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pylb.core import history
from pylb.kube.configuration import L2_ADVERTISEMENTS, OWN_NAMESPACE, POOLS

Json = dict[str, Any]
NODES = ("n1", "n2", "n3")
BORN = "2026-11-20T14:03:22Z"
BLANK_S = 15.0  # between two empty lines of a stream of events
SERVICES, SLICES = "/api/v1/services", "/apis/discovery.k8s.io/v1/endpointslices"
STATUSES, NOTES = "/apis/metallb.io/v1beta1/servicel2statuses", "/api/v1/events"
PODS = f"/api/v1/namespaces/{OWN_NAMESPACE}/pods"
READER = {"metadata": {"name": "pylb-reader", "namespace": OWN_NAMESPACE}, "data": {"token": "dG9rZW4="}}
PIN = "metallb.io/loadBalancerIPs"


def name_of(number: int) -> str:
    """A Service's name."""
    return f"service-{number:05}"


def address_of(number: int) -> str:
    """A Service's address: in the order of the numbers."""
    return f"10.1.{number // 250}.{number % 250 + 1}"


def service(number: int, *, pinned: bool = False) -> Json:
    """A Service with its address, as pylb's controller leaves it."""
    name = name_of(number)
    annotations = {"metallb.io/ip-allocated-from-pool": "default", **({PIN: address_of(number)} if pinned else {})}
    written = {
        "manager": "pylb",
        "subresource": "status",
        "fieldsV1": {"f:status": {"f:loadBalancer": {"f:ingress": {}}}},
    }
    return {
        "metadata": {
            **_meta(name, "web"),
            "uid": f"00000000-0000-4000-8000-{number:012}",
            "labels": {"app": name},
            "annotations": annotations,
            "managedFields": [written],
        },
        "spec": {
            "type": "LoadBalancer",
            "clusterIPs": [f"10.96.{number // 250}.{number % 250 + 1}"],
            "ipFamilies": ["IPv4"],
            "ports": [{"port": 80, "protocol": "TCP"}],
            "selector": {"app": name},
        },
        "status": {"loadBalancer": {"ingress": [{"ip": address_of(number)}]}},
    }


def everything(count: int) -> dict[str, list[Json]]:
    """All objects, by the path of their list."""
    pods = [_pod("speaker", node) for node in NODES] + [_pod("controller", NODES[0])]
    return {
        SERVICES: [service(number) for number in range(count)],
        SLICES: [_slice(number) for number in range(count)],
        STATUSES: [_status(number) for number in range(count)],
        NOTES: [_note(number) for number in range(count)],
        PODS: pods,
        "/api/v1/nodes": [
            {"metadata": _meta(name), "status": {"conditions": [{"type": "Ready", "status": "True"}]}} for name in NODES
        ],
        "/api/v1/namespaces": [{"metadata": _meta(name)} for name in ("web", OWN_NAMESPACE, "metallb-system")],
        POOLS: [_custom("IPAddressPool", {"addresses": ["10.1.0.0/16"]})],
        L2_ADVERTISEMENTS: [_custom("L2Advertisement", {})],
        f"/api/v1/namespaces/{OWN_NAMESPACE}/configmaps": [
            {"metadata": _meta(history.NAME, OWN_NAMESPACE), "data": {history.KEY: ""}}
        ],
    }


def _meta(name: str, namespace: str = "") -> Json:
    meta = {"name": name, "resourceVersion": "1", "creationTimestamp": BORN}
    return {**meta, "namespace": namespace} if namespace else meta


def _custom(kind: str, spec: Json) -> Json:
    version = "metallb.io/v1beta1"
    return {"apiVersion": version, "kind": kind, "metadata": _meta("default", "metallb-system"), "spec": spec}


def _slice(number: int) -> Json:
    labels = {"kubernetes.io/service-name": name_of(number)}
    endpoint = {"addresses": ["10.2.3.4"], "nodeName": NODES[number % 3], "conditions": {"ready": True}}
    return {"metadata": {**_meta(f"{name_of(number)}-x", "web"), "labels": labels}, "endpoints": [endpoint]}


def _status(number: int) -> Json:
    labels = {
        "metallb.io/node": NODES[number % 3],
        "metallb.io/service-name": name_of(number),
        "metallb.io/service-namespace": "web",
    }
    return {"metadata": {**_meta(f"l2-{number:05}", OWN_NAMESPACE), "labels": labels}}


def _note(number: int) -> Json:
    return {
        "metadata": _meta(f"{name_of(number)}.1", "web"),
        "involvedObject": {"kind": "Service", "namespace": "web", "name": name_of(number)},
        "reason": "nodeAssigned",
        "message": f'announcing from node "{NODES[number % 3]}" with protocol "layer2"',
        "type": "Normal",
        "lastTimestamp": BORN,
    }


def _pod(component: str, node: str) -> Json:
    labels = {"app.kubernetes.io/name": "pylb", "app.kubernetes.io/component": component}
    return {
        "metadata": {**_meta(f"pylb-{component}-{node}", OWN_NAMESPACE), "labels": labels},
        "spec": {"nodeName": node},
        "status": {"phase": "Running", "podIP": "127.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
    }


def speaker_state(node: str, count: int, heard_ms: int) -> Json:
    """What a speaker's `/state` says of so many addresses; `heard_ms` is another number each time."""
    return {
        "node": node,
        "version": "0.1.0",
        "incarnation": "0123456789abcdef",
        "state": "active",
        "members": [{"node": other, "alive": True, "last_heard_ms": heard_ms} for other in NODES if other != node],
        "strangers": [],
        "addresses": [_held(number, node) for number in range(count)],
        "config": {"stale": False, "partial": False, "problems": []},
    }


def _held(number: int, node: str) -> Json:
    line = (NODES * 2)[number % 3 : number % 3 + 3]
    return {
        "address": address_of(number),
        "owner": line[0],
        "mine": line[0] == node,
        "standing": "",
        "term": 1,
        "provisional": False,
        "services": [f"web/{name_of(number)}"],
        "pool": "default",
        "candidates": list(line),
        "excluded": {},
        "reason": None,
        "interfaces": ["eth0"],
    }


CONTROLLER = {
    "version": "0.1.0",
    "role": "leader",
    "lease": {"may_write": True, "identity": "pylb-controller-n1", "holder": "pylb-controller-n1"},
    "config": {"problems": []},
    "contested": {},
}
HEARD = '"last_heard_ms": 0'


class Api:
    """The server's side: texts of objects by path, and the watches that are open."""

    def __init__(self, count: int) -> None:
        self._lists = {path: [json.dumps(one) for one in objects] for path, objects in everything(count).items()}
        self._told = {node: json.dumps(speaker_state(node, count, 0)) for node in NODES}
        self._watches: dict[str, set[asyncio.StreamWriter]] = {}
        self._version = itertools.count(2)
        self._heard = itertools.count(100)

    def obey(self, line: str) -> float:
        """Do what a line says; gives the moment at which the watches were told."""
        word, number = line.split()
        changed = service(int(number), pinned=word == "pin")
        changed["metadata"]["resourceVersion"] = str(next(self._version))
        self._lists[SERVICES][int(number)] = json.dumps(changed)
        event = json.dumps({"type": "MODIFIED", "object": changed}).encode() + b"\n"
        told = time.monotonic()
        for writer in self._watches.get(SERVICES, ()):
            writer.write(b"%x\r\n%b\r\n" % (len(event), event))
        return told

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer what comes on one connection."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                url = urlsplit(head.split(b" ", 2)[1].decode())
                query = dict(parse_qsl(url.query))
                if query.get("watch") == "true" or url.path.endswith("/proxy/events"):
                    await self._stream(url.path, reader, writer)
                else:
                    body = self._answer(url.path, query).encode()
                    writer.write(
                        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
                    )
                    writer.write(body)
                    await writer.drain()
        writer.close()

    async def _stream(self, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        self._watches.setdefault(path, set()).add(writer)
        blanks = asyncio.ensure_future(self._blanks(path, writer))
        try:
            await reader.read()
        finally:
            blanks.cancel()
            self._watches[path].discard(writer)

    async def _blanks(self, path: str, writer: asyncio.StreamWriter) -> None:
        """A pod's stream of events says something now and then; a watch of the API server's need not."""
        while path.endswith("/proxy/events"):
            await asyncio.sleep(BLANK_S)
            writer.write(b"1\r\n\n\r\n")

    def _answer(self, path: str, query: dict[str, str]) -> str:
        if path.endswith("/proxy/state"):
            return self._state(path.split("/")[-3])
        if path.endswith("/secrets/pylb-reader"):
            return json.dumps(READER)
        if path == "/version":
            return '{"major": "1", "minor": "34"}'
        return self._page(self._lists.get(path, []), int(query.get("continue", "0")), int(query.get("limit", "500")))

    def _state(self, pod: str) -> str:
        node = pod.partition(":")[0].rpartition("-")[2]
        if "-speaker-" not in pod:
            return json.dumps(CONTROLLER)
        return self._told[node].replace(HEARD, f'"last_heard_ms": {next(self._heard)}', len(NODES))

    @staticmethod
    def _page(objects: list[str], first: int, limit: int) -> str:
        further = f', "continue": "{first + limit}"' if first + limit < len(objects) else ""
        items = ", ".join(objects[first : first + limit])
        return f'{{"kind": "List", "metadata": {{"resourceVersion": "1"{further}}}, "items": [{items}]}}'


async def run(count: int) -> None:
    """Serve until the standard input ends."""
    api = Api(count)
    server = await asyncio.start_server(api.serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(api.obey(line), flush=True)
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, required=True)
    asyncio.run(run(parser.parse_args().services))
