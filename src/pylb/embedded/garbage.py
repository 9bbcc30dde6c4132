"""How things end: what a namespace or a definition takes with it, what goes with its owner, how long a pod may take.

Everything happens at once, inside the write that causes it; a real cluster takes some seconds for the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylb.embedded import resources
from pylb.embedded.errors import JSON, ApiError, named
from pylb.embedded.resources import Resource

if TYPE_CHECKING:
    from pylb.embedded.store import Store


def owners(obj: JSON) -> list[str]:
    """The uids of an object's owners."""
    return [owner["uid"] for owner in obj["metadata"].get("ownerReferences") or () if owner.get("uid")]


def _lives(store: Store, uid: str, namespace: str) -> bool:
    """Whether an owner exists where its dependent may name it: in the same namespace, or cluster-wide."""
    place = store.uids.get(uid)
    return place is not None and place[1][0] in ("", namespace)


def collect_if_orphan(store: Store, resource: Resource, obj: JSON) -> None:
    """Delete an object that names owners of which none exists where it may: the garbage collector would."""
    uids = owners(obj)
    namespace = obj["metadata"].get("namespace", "")
    if uids and not any(_lives(store, uid, namespace) for uid in uids):
        store.delete(resource, namespace, obj["metadata"]["name"])


def _dependents(store: Store, uid: str) -> list[tuple[Resource, str, str]]:
    found: list[tuple[Resource, str, str]] = []
    for kind, (namespace, name) in sorted(store.owned.get(uid, ())):
        resource = store.registry.of_key(kind)
        if resource is not None and store.find(resource, namespace, name) is not None:
            found.append((resource, namespace, name))
    return found


def delete_dependents(store: Store, uid: str) -> None:
    """Delete what has no other living owner."""
    for resource, namespace, name in _dependents(store, uid):
        obj = store.find(resource, namespace, name)
        if obj is not None and not any(o != uid and _lives(store, o, namespace) for o in owners(obj)):
            store.delete(resource, namespace, name)


def release_dependents(store: Store, uid: str) -> None:
    """Take an owner out of what it owns."""

    def without(obj: JSON) -> JSON:
        kept = [owner for owner in obj["metadata"].get("ownerReferences", ()) if owner.get("uid") != uid]
        obj["metadata"]["ownerReferences"] = kept
        return obj

    for resource, namespace, name in _dependents(store, uid):
        store.update(resource, namespace, name, without)


def after_drop(store: Store, resource: Resource, gone: JSON) -> None:
    """What follows from the end of an object: its dependents go, and its namespace may be empty now."""
    uid = gone["metadata"]["uid"]
    delete_dependents(store, uid)
    store.owned.pop(uid, None)
    store.applied.pop(uid, None)
    if resource.namespaced:
        _finish_namespace(store, gone["metadata"]["namespace"])


def terminating(resource: Resource, name: str, namespace: str) -> ApiError:
    """403 for a create in a namespace that is being deleted."""
    what = f'{resource.plural} "{name}" is forbidden: unable to create new content in namespace {namespace}'
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {namespace} is being terminated",
        "field": "metadata.namespace",
    }
    details = {**named(name, resource.plural, resource.group), "causes": [cause]}
    return ApiError(403, "Forbidden", f"{what} because it is being terminated", details)


PROTECTED = ("default", "kube-system", "kube-public")


def check_namespace(name: str) -> None:
    """403 for a namespace that every cluster has."""
    if name in PROTECTED:
        text = f'namespaces "{name}" is forbidden: this namespace may not be deleted'
        raise ApiError(403, "Forbidden", text, named(name, "namespaces", ""))


def end_namespace(store: Store, namespace: JSON) -> tuple[JSON, bool]:
    """Delete all that lives in a namespace, then the namespace; what has finalizers keeps it Terminating."""
    name = namespace["metadata"]["name"]
    marked = store.mark(resources.NAMESPACES, namespace)
    for resource, item in store.kinds_in(name):
        if store.find(resource, name, item) is not None:
            store.delete(resource, name, item)
    _finish_namespace(store, name)
    return marked, store.find(resources.NAMESPACES, "", name) is None


def _finish_namespace(store: Store, name: str) -> None:
    namespace = store.find(resources.NAMESPACES, "", name)
    if namespace is None or "deletionTimestamp" not in namespace["metadata"]:
        return
    if not namespace["metadata"].get("finalizers") and next(store.kinds_in(name), None) is None:
        store.drop(resources.NAMESPACES, "", name)


def end_definition(store: Store, definition: JSON) -> None:
    """Delete all objects of a custom resource."""
    spec = definition["spec"]
    resource = store.registry.of_key((spec["group"], spec["names"]["plural"]))
    if resource is None:
        return
    for obj in store.objects(resource):
        store.drop(resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def pod_grace(pod: JSON, asked: float | None, usual: float) -> int:
    """The seconds that a pod is given to end; 0 for one that runs nowhere, or where the kubelet says that it ended."""
    runs = pod.get("spec", {}).get("nodeName") and pod.get("status", {}).get("phase") in ("Pending", "Running")
    if not runs or asked == 0 or usual <= 0:
        return 0
    return int(pod["spec"].get("terminationGracePeriodSeconds", 30) if asked is None else asked)
