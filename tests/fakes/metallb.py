"""MetalLB's part of a cluster in shape: its workloads with images under its names, its webhooks, kinds that it converts.

The kinds are pylb's own, under MetalLB's label and with the stanza that sends their conversion to its webhook.
"""

from __future__ import annotations

from typing import Any

from pylb.core.crds.table import definitions

JSON = dict[str, Any]
SPACE = "metallb-system"
LABELS = {"app": "metallb"}
SERVICE = {"namespace": SPACE, "name": "metallb-webhook-service"}
WEBHOOKS = "metallb-webhook-configuration"
CONVERTED = "bgppeers.metallb.io"
VERSION = "v0.15.3"


def namespace() -> JSON:
    levels = {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "audit", "warn")}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE, "labels": levels}}


def kinds() -> list[JSON]:
    """The definitions, one of them converted by MetalLB."""
    made = definitions()
    for item in made:
        item["metadata"]["labels"] = dict(LABELS)
        if item["metadata"]["name"] == CONVERTED:
            client = {"service": {**SERVICE, "path": "/convert"}}
            hook = {"conversionReviewVersions": ["v1beta1", "v1beta2"], "clientConfig": client}
            item["spec"]["conversion"] = {"strategy": "Webhook", "webhook": hook}
    return made


def webhooks() -> JSON:
    """What refuses pools that nobody checks."""
    rule = {"apiGroups": ["metallb.io"], "apiVersions": ["v1beta1"], "operations": ["CREATE", "UPDATE"]}
    hooks = [
        {
            "name": f"{kind}validationwebhook.metallb.io",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "clientConfig": {"service": {**SERVICE, "path": f"/validate-metallb-io-v1beta1-{kind}"}},
            "rules": [{**rule, "resources": [f"{kind}s"]}],
        }
        for kind in ("ipaddresspool", "l2advertisement")
    ]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": WEBHOOKS},
        "webhooks": hooks,
    }


def workloads() -> list[JSON]:
    """The controller and the speakers."""
    controller = _workload("Deployment", "controller", {})
    controller["spec"].update(replicas=1, revisionHistoryLimit=3)
    return [controller, _workload("DaemonSet", "speaker", {"hostNetwork": True})]


def pods() -> list[JSON]:
    """The pods of both, for a cluster in which nobody makes them."""
    found = []
    for item in workloads():
        name, template = item["metadata"]["name"], item["spec"]["template"]["spec"]
        metadata = {"name": f"{name}-x", "namespace": SPACE, "labels": dict(LABELS)}
        found.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**template, "nodeName": "n1"}})
    return found


def configuration(*entries: str) -> list[JSON]:
    """A pool and its advertisement, under names of a user's."""
    specs = {"IPAddressPool": {"addresses": list(entries)}, "L2Advertisement": {"ipAddressPools": ["house"]}}
    return [
        {
            "apiVersion": "metallb.io/v1beta1",
            "kind": kind,
            "metadata": {"name": "house", "namespace": SPACE},
            "spec": spec,
        }
        for kind, spec in specs.items()
    ]


def _workload(kind: str, name: str, pod: JSON) -> JSON:
    labels = {**LABELS, "component": name}
    container = {"name": name, "image": f"quay.io/metallb/{name}:{VERSION}", "args": ["--port=7472"]}
    spec = {
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "terminationGracePeriodSeconds": 2,
        "containers": [container],
        **pod,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": SPACE, "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
    }
