"""A stand-in for kubectl, run as a program: keeps objects in a folder and records each call.

It knows the calls that the installer makes, and fails on others. FAKE_KUBECTL_STATE names the folder;
FAKE_KUBECTL_FAIL, `TEXT=>MESSAGE`, makes calls whose command line or input holds TEXT fail with MESSAGE.
Workloads are ready and pods have run as soon as they are made; a Pod on a node in FAKE_KUBECTL_NO_IMAGE (names divided by
blanks) has no image, and a speaker there never starts.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

JSON = dict[str, Any]
STATE = Path(os.environ["FAKE_KUBECTL_STATE"])
PLURALS = {
    "nodes": "Node",
    "services": "Service",
    "pods": "Pod",
    "configmaps": "ConfigMap",
    "deployments.apps": "Deployment",
    "daemonsets.apps": "DaemonSet",
    "ippools.crd.projectcalico.org": "IPPool",
    "namespaces": "Namespace",
    "secrets": "Secret",
    "deployments": "Deployment",
    "daemonsets": "DaemonSet",
    "customresourcedefinitions": "CustomResourceDefinition",
    "validatingwebhookconfigurations.admissionregistration.k8s.io": "ValidatingWebhookConfiguration",
    "l2advertisements.metallb.io": "L2Advertisement",
    "bgpadvertisements.metallb.io": "BGPAdvertisement",
    "bgppeers.metallb.io": "BGPPeer",
    "bfdprofiles.metallb.io": "BFDProfile",
    "communities.metallb.io": "Community",
    "ipaddresspools.metallb.io": "IPAddressPool",
    "servicel2statuses.metallb.io": "ServiceL2Status",
    "servicebgpstatuses.metallb.io": "ServiceBGPStatus",
    "configurationstates.metallb.io": "ConfigurationState",
}


def load() -> dict[str, JSON]:
    path = STATE / "objects.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def save(objects: dict[str, JSON]) -> None:
    (STATE / "objects.json").write_text(json.dumps(objects))


def key(item: JSON) -> str:
    meta = item["metadata"]
    return f"{item['kind']}/{meta.get('namespace', '')}/{meta['name']}"


def fail(message: str) -> None:
    print(message, file=sys.stderr)
    raise SystemExit(1)


def served(objects: dict[str, JSON]) -> set[str]:
    """The custom kinds that have a definition."""
    return {item["spec"]["names"]["kind"] for item in objects.values() if item["kind"] == "CustomResourceDefinition"}


def check(item: JSON, objects: dict[str, JSON]) -> None:
    namespace = item["metadata"].get("namespace")
    if namespace and f"Namespace//{namespace}" not in objects:
        fail(f'Error from server (NotFound): namespaces "{namespace}" not found')
    if item["apiVersion"].startswith("metallb.io/") and item["kind"] not in served(objects):
        fail(f'error: resource mapping not found: no matches for kind "{item["kind"]}" in version "metallb.io/v1beta1"')
    for value in item.get("data", {}).values() if item["kind"] == "Secret" else ():
        base64.b64decode(value, validate=True)


def remove(item: JSON, objects: dict[str, JSON]) -> None:
    """Delete an object and what it holds."""
    if item["apiVersion"].startswith("metallb.io/") and item["kind"] not in served(objects):
        fail(f'error: no matches for kind "{item["kind"]}" in version "metallb.io/v1beta1"')
    found = objects.pop(key(item), None)
    if found is None:
        return
    if item["kind"] == "Namespace":
        for name in [k for k in objects if k.split("/")[1] == item["metadata"]["name"]]:
            del objects[name]
    if item["kind"] == "CustomResourceDefinition":
        for name in [k for k in objects if k.split("/")[0] == found["spec"]["names"]["kind"]]:
            del objects[name]


def imageless() -> list[str]:
    return os.environ.get("FAKE_KUBECTL_NO_IMAGE", "").split()


def give_status(item: JSON, objects: dict[str, JSON]) -> None:
    """What controllers and kubelets would make of it."""
    nodes = [one["metadata"]["name"] for one in objects.values() if one["kind"] == "Node"]
    if item["kind"] == "Pod":
        waiting = {"reason": "ErrImageNeverPull", "message": "not present with pull policy of Never"}
        missing = {"phase": "Pending", "containerStatuses": [{"state": {"waiting": waiting}}]}
        item["status"] = missing if item["spec"]["nodeName"] in imageless() else {"phase": "Succeeded"}
    elif item["kind"] == "DaemonSet":
        ready = len([one for one in nodes if one not in imageless()])
        item["status"] = {
            "desiredNumberScheduled": len(nodes),
            "numberReady": ready,
            "updatedNumberScheduled": len(nodes),
        }
    elif item["kind"] == "Deployment":
        item["status"] = {"readyReplicas": item["spec"]["replicas"], "updatedReplicas": item["spec"]["replicas"]}


def get(words: list[str], objects: dict[str, JSON]) -> None:
    if words[:1] == ["--raw"]:
        print('{"major": "1"}')
        return
    namespace = words[words.index("-n") + 1] if "-n" in words else None
    targets = words[: words.index("-n")] if "-n" in words else words
    names = [word for word in targets if not word.startswith("-") and word not in ("json", "name")]
    if "-o" in words and words[words.index("-o") + 1] == "name":
        kind = PLURALS[names[0]]
        print("\n".join(f"{kind.lower()}/{one['metadata']['name']}" for one in objects.values() if one["kind"] == kind))
        return
    if "/" in names[0]:
        wanted = [tuple(name.split("/", 1)) for name in names]
        found = [
            item
            for plural, name in wanted
            for item in objects.values()
            if (item["kind"], item["metadata"]["name"]) == (PLURALS[plural], name)
            and namespace in (None, item["metadata"].get("namespace"))
        ]
        if found:
            print(json.dumps(found[0] if len(names) == 1 else {"kind": "List", "items": found}))
        return
    kinds = {PLURALS[plural] for plural in names[0].split(",")}
    found = [
        item
        for item in objects.values()
        if item["kind"] in kinds and namespace in (None, item["metadata"].get("namespace"))
    ]
    print(json.dumps({"kind": "List", "items": found}))


def patch(words: list[str], change: JSON, objects: dict[str, JSON]) -> None:
    """A merge patch; a workload that is told to has no pods."""
    plural, name = words[0].split("/")
    namespace = words[words.index("-n") + 1] if "-n" in words else ""
    found = f"{PLURALS[plural]}/{namespace}/{name}"
    if found not in objects:
        fail(f'Error from server (NotFound): {plural} "{name}" not found')
    objects[found] = merge(objects[found], change)
    spec = objects[found].get("spec") or {}
    if PLURALS[plural] in ("Deployment", "DaemonSet"):
        selector = (spec["template"]["spec"].get("nodeSelector") or {}).get("pylb.io/taken-over")
        for pod in [k for k in objects if k.startswith(f"Pod/{namespace}/{name}-")]:
            if selector or spec.get("replicas") == 0:
                del objects[pod]
        give_status(objects[found], objects)


def merge(value: Any, change: Any) -> Any:
    if not isinstance(change, dict):
        return change
    merged = {**(value if isinstance(value, dict) else {})}
    for key_, part in change.items():
        if part is None:
            merged.pop(key_, None)
        else:
            merged[key_] = merge(merged.get(key_), part)
    return merged


def main() -> None:
    words = [word for word in sys.argv[1:] if not word.startswith("--request-timeout=")]
    text = sys.stdin.read()
    with (STATE / "calls.jsonl").open("a") as log:
        log.write(json.dumps({"argv": words, "stdin": text, "env": sorted(os.environ)}) + "\n")
    items = json.loads(text).get("items", []) if text else []
    hit, _, message = os.environ.get("FAKE_KUBECTL_FAIL", "").partition("=>")
    asked = [" ".join(words), *(f"kind: {item['kind']}" for item in items)]
    if message and hit in asked:
        fail(message)
    objects = load()
    if words[0] == "get":
        get(words[1:], objects)
    elif words[0] == "patch":
        patch(words[1:], json.loads(text), objects)
    elif words[0] in ("apply", "create"):
        for item in items:
            if words[0] == "create" and key(item) in objects:
                fail(f'Error from server (AlreadyExists): "{item["metadata"]["name"]}" already exists')
            check(item, objects)
            give_status(item, objects)
            objects[key(item)] = item
    elif words[0] == "delete" and "-f" in words:
        for item in items:
            remove(item, objects)
    elif words[0] == "delete":
        kinds = {PLURALS[plural] for plural in words[1].split(",")}
        namespace = words[words.index("-n") + 1]
        for name in [k for k in objects if k.split("/")[0] in kinds and k.split("/")[1] == namespace]:
            del objects[name]
    elif words[0] == "wait":
        missing = [
            w.split("/")[1] for w in words if "/" in w and f"CustomResourceDefinition//{w.split('/')[1]}" not in objects
        ]
        if missing:
            fail(f"Error from server (NotFound): {missing}")
    else:
        fail(f"the stand-in does not know {words}")
    save(objects)


if __name__ == "__main__":
    main()
