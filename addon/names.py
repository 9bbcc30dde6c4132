"""What an installation calls things: namespaces, labels, ports and files. The one place where these names stand."""

from __future__ import annotations

from typing import Any

from pylb.core import places

JSON = dict[str, Any]

NAMESPACE = places.OWN_NAMESPACE  # our pods, and the status objects that they own
METALLB_NAMESPACE = places.METALLB_NAMESPACE
NAMESPACES = places.NAMESPACES

APP = "pylb"
CONTROLLER, SPEAKER, VIEWER = "pylb-controller", "pylb-speaker", "pylb-viewer"
SPEAKERS_SECRET, SPEAKERS_KEY = "pylb-speakers", "secretkey"  # signs the speakers' beats
READER_SECRET, READER_KEY = "pylb-reader", "token"  # opens /state, /events and /metrics
HISTORY = "pylb-history"  # a ConfigMap: the last moves, which the speakers write
MEMORY = "pylb-memory"  # a ConfigMap: addresses of Services that are gone, which the controller writes
POOL, ADVERTISEMENT = "default-addresspool", "default-advertise-all-pools"  # the names of MicroK8s' metallb addon

SPEAKER_PORT, CONTROLLER_PORT = 7472, 7473  # TCP: /healthz, /state, /events, /metrics
BEAT_PORT = 7946  # UDP: what the speakers tell each other

NAME_LABEL = "app.kubernetes.io/name"
COMPONENT_LABEL = "app.kubernetes.io/component"
VERSION_LABEL = "app.kubernetes.io/version"


def selector_labels(component: str) -> dict[str, str]:
    """The labels that find a component's pods; they never change between versions."""
    return {NAME_LABEL: APP, COMPONENT_LABEL: component}


def labels(component: str, version: str) -> dict[str, str]:
    """The labels of an object of ours."""
    return {**selector_labels(component), VERSION_LABEL: version}


def meta(name: str, component: str, version: str, namespace: str | None = None) -> JSON:
    """The metadata of an object of ours; `namespace` is None for what belongs to the whole cluster."""
    where = {"namespace": namespace} if namespace else {}
    return {"name": name, **where, "labels": labels(component, version)}


def is_ours(item: JSON) -> bool:
    """Whether an object that the cluster has was made by an installation of ours."""
    return bool((item.get("metadata", {}).get("labels") or {}).get(NAME_LABEL) == APP)
