"""The commands that the seeds' rows type make the same objects without kubectl as with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes import served
from fakes.cluster import Cluster, seed

pytestmark = [
    pytest.mark.kubectl,
    pytest.mark.skipif(not Cluster.kubectl, reason="this machine has no kubectl"),
    pytest.mark.skipif(not served.OPENSSL, reason="this machine has no openssl"),
]
SHARE = '{"metadata": {"annotations": {"metallb.universe.tf/allow-shared-ip": "web"}}}'
COMMANDS = (
    "create secret generic -n metallb-system memberlist --from-literal=secretkey=c2VjcmV0",
    "create namespace kube-verify",
    "create deploy nginx --image nginx --port 80",
    "create deploy desoapp --image=example.invalid/desoapp:1 -n kube-verify",
    "expose deploy desoapp --type=LoadBalancer --port=80 -n kube-verify",
    f"expose deploy nginx --name nginx-80 --port 8080 --target-port 80 --type LoadBalancer --overrides '{SHARE}'",
)
MADE = (
    "/api/v1/namespaces/metallb-system/secrets/memberlist",
    "/api/v1/namespaces/kube-verify",
    "/apis/apps/v1/namespaces/default/deployments/nginx",
    "/apis/apps/v1/namespaces/kube-verify/deployments/desoapp",
    "/api/v1/namespaces/kube-verify/services/desoapp",
    "/api/v1/namespaces/default/services/nginx-80",
)


@pytest.fixture
def clusters(tmp_path: Path) -> Iterator[tuple[Cluster, Cluster]]:
    """Two that are alike."""
    with served.api(tmp_path / "one", tls=True) as one, served.api(tmp_path / "two", tls=True) as other:
        yield one, other


def said(cluster: Cluster, path: str) -> Any:
    """What somebody asked for in an object, and not what the server or a client's habits add."""
    found = cluster.get(path)
    meta = {name: found["metadata"].get(name) for name in ("name", "labels", "annotations")}
    spec = found.get("spec", {})
    template = spec.get("template", {})
    ports = [{k: v for k, v in port.items() if k != "nodePort"} for port in spec.get("ports") or ()]
    containers = [
        {name: one.get(name) for name in ("name", "image", "ports")}
        for one in template.get("spec", {}).get("containers", ())
    ]
    asked = {name: spec.get(name) for name in ("type", "selector", "replicas")}
    labels = template.get("metadata", {}).get("labels")
    return {
        "metadata": meta,
        "asked": asked,
        "ports": ports,
        "labels": labels,
        "containers": containers,
        "data": found.get("data"),
    }


def test_each_command_makes_the_same_object(clusters: tuple[Cluster, Cluster]) -> None:
    typed, replayed = clusters
    replayed.kubectl = ""
    for command in COMMANDS:
        typed.typed(command)
        replayed.typed(command)
    for path in MADE:
        assert said(replayed, path) == said(typed, path), path


def test_files_are_created_and_applied_over_what_is_there(clusters: tuple[Cluster, Cluster]) -> None:
    namespace, deployment, front = seed("000-kube-verify.yaml")
    for cluster in clusters:
        cluster.kubectl = Cluster.kubectl if cluster is clusters[0] else ""
        cluster.create(namespace)
        cluster.typed("apply -f -", served.dump(namespace, deployment, front))
        cluster.typed("apply -f -", served.dump({**deployment, "spec": {**deployment["spec"], "replicas": 2}}))
    path = "/apis/apps/v1/namespaces/kube-verify/deployments/kube-verify"
    replicas = [cluster.get(path)["spec"]["replicas"] for cluster in clusters]
    assert replicas == [2, 2]
