"""What kubectl would ask the API server for, for the few commands that people type in the tests.

For machines without kubectl; a test holds it to what kubectl itself does.
"""

from __future__ import annotations

import argparse
import base64
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

JSON = dict[str, Any]
KINDS = {
    "Namespace": "/api/v1/namespaces",
    "Secret": "/api/v1/namespaces/{ns}/secrets",
    "ConfigMap": "/api/v1/namespaces/{ns}/configmaps",
    "Service": "/api/v1/namespaces/{ns}/services",
    "Deployment": "/apis/apps/v1/namespaces/{ns}/deployments",
    "IPAddressPool": "/apis/metallb.io/v1beta1/namespaces/{ns}/ipaddresspools",
    "L2Advertisement": "/apis/metallb.io/v1beta1/namespaces/{ns}/l2advertisements",
    "BGPAdvertisement": "/apis/metallb.io/v1beta1/namespaces/{ns}/bgpadvertisements",
    "BGPPeer": "/apis/metallb.io/v1beta2/namespaces/{ns}/bgppeers",
    "BFDProfile": "/apis/metallb.io/v1beta1/namespaces/{ns}/bfdprofiles",
    "Community": "/apis/metallb.io/v1beta1/namespaces/{ns}/communities",
}
SHORT = {"ns": "namespace", "deploy": "deployment", "svc": "service"}


class Call(NamedTuple):
    """A request to the API server."""

    method: str
    path: str
    body: Any = None


def calls(words: Sequence[str], text: str, get: Callable[[str], Any]) -> Iterator[Call]:
    """The requests of a command line; `get` reads an object of the cluster. SystemExit for a flag it does not know."""
    options = _parser().parse_intermixed_args(words)
    what = SHORT.get(options.words[0], options.words[0]) if options.words else ""
    if options.file:
        for file in options.file:
            yield from _from_file(options.verb, text if file == "-" else Path(file).read_text(), get)
    elif options.verb == "expose":
        yield _expose(options, get)
    elif options.verb == "delete":
        yield Call("delete", f"{_place(what.capitalize(), options.namespace)}/{options.words[1]}")
    elif what == "secret":
        yield Call("post", _place("Secret", options.namespace), _secret(options))
    elif what == "deployment":
        yield Call("post", _place("Deployment", options.namespace), _deployment(options))
    else:
        yield Call("post", _place("Namespace", ""), {"metadata": {"name": options.words[1]}})


def _parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser()
    found.add_argument("verb", choices=("create", "apply", "expose", "delete"))
    found.add_argument("words", nargs="*")
    found.add_argument("-f", dest="file", action="append")
    found.add_argument("-n", dest="namespace", default="default")
    for name in ("--from-literal", "--image", "--name", "--type", "--overrides", "--wait"):
        found.add_argument(name, default="")
    for name in ("--port", "--target-port"):
        found.add_argument(name, type=int)
    return found


def _place(kind: str, namespace: str) -> str:
    return KINDS[kind].format(ns=namespace)


def _from_file(verb: str, text: str, get: Callable[[str], Any]) -> Iterator[Call]:
    for body in yaml.safe_load_all(text):
        place = _place(body["kind"], body["metadata"].get("namespace") or "default")
        path = f"{place}/{body['metadata']['name']}"
        known = verb == "apply" and get(path) is not None
        yield Call("patch", path, body) if known else Call("post", place, body)


def _secret(options: argparse.Namespace) -> JSON:
    key, _, value = options.from_literal.partition("=")
    return {"metadata": {"name": options.words[2]}, "data": {key: base64.b64encode(value.encode()).decode()}}


def _deployment(options: argparse.Namespace) -> JSON:
    name, labels = options.words[1], {"app": options.words[1]}
    container: JSON = {"name": options.image.rpartition("/")[2].partition(":")[0], "image": options.image}
    if options.port:
        container["ports"] = [{"containerPort": options.port}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec}


def _expose(options: argparse.Namespace, get: Callable[[str], Any]) -> Call:
    found = get(f"{_place('Deployment', options.namespace)}/{options.words[1]}")
    port = {"protocol": "TCP", "port": options.port, "targetPort": options.target_port or options.port}
    body = {
        "metadata": {"name": options.name or options.words[1], "labels": found["metadata"].get("labels")},
        "spec": {"type": options.type, "selector": found["spec"]["selector"]["matchLabels"], "ports": [port]},
    }
    for part, more in json.loads(options.overrides or "{}").items():
        body[part] = {**body.get(part, {}), **more} if isinstance(more, dict) else more
    return Call("post", _place("Service", options.namespace), body)
