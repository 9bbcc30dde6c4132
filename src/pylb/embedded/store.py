"""All objects, and the rules of their life: versions, optimistic locking, the status split, finalizers, owners.

Objects that come out are shared: whoever changes one copies it first. The store knows no HTTP and no asyncio; whoever
wants to know of changes listens, and is called at once, inside the write.
"""

from __future__ import annotations

import copy
import random
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from pylb.embedded import garbage, metadata, resources, shapes
from pylb.embedded.admission import Admission, first_status, split
from pylb.embedded.errors import JSON, ApiError, already_exists, bad_request, conflict, invalid, not_found, wrong
from pylb.embedded.history import ADDED, DELETED, MODIFIED, Change, History
from pylb.embedded.metadata import timestamp
from pylb.embedded.options import WARN
from pylb.embedded.resources import Registry, Resource

Key = tuple[str, str]  # namespace ("" for cluster-wide kinds), name
Kind = tuple[str, str]  # group, plural
Listener = Callable[[Change], None]

MAX_OBJECTS = 100_000  # in all; more is 507: a stage, not a database
NAME_TRIES = 8  # generated names that may be taken before a create is refused


class Store:
    """Objects by kind and key. `clock` gives Unix time; `pod_grace` is how many seconds a pod may take to end."""

    def __init__(self, registry: Registry, admission: Admission, clock: Callable[[], float], pod_grace: float = 0.0):
        self.registry, self.admission, self.clock, self.pod_grace = registry, admission, clock, pod_grace
        self.history = History()
        self.listeners: dict[Kind | None, list[Listener]] = {}  # under None: for all kinds
        self.count = 0
        self.owned: dict[str, set[tuple[Kind, Key]]] = {}  # owner's uid -> what it owns
        self.uids: dict[str, tuple[Kind, Key]] = {}
        self.applied: dict[str, dict[str, JSON]] = {}  # uid -> manager -> what it applied last
        self._tables: dict[Kind, dict[Key, JSON]] = {}
        self._random = random.Random()  # noqa: S311  # names, not secrets
        self.listen(resources.SERVICES.key, admission.networks.follow)

    # reading

    @property
    def version(self) -> int:
        """The version of the last change."""
        return self.history.version

    def find(self, resource: Resource, namespace: str, name: str) -> JSON | None:
        """An object, or None."""
        return self._tables.get(resource.key, {}).get((namespace if resource.namespaced else "", name))

    def get(self, resource: Resource, namespace: str, name: str) -> JSON:
        """An object; 404 if there is none."""
        found = self.find(resource, namespace, name)
        if found is None:
            raise not_found(name, resource.plural, resource.group)
        return found

    def objects(self, resource: Resource, namespace: str = "") -> list[JSON]:
        """The objects of a kind, of one namespace or of all, by namespace and name."""
        table = self._tables.get(resource.key, {})
        return [obj for key, obj in sorted(table.items(), key=lambda item: item[0]) if namespace in ("", key[0])]

    def kinds_in(self, namespace: str) -> Iterator[tuple[Resource, str]]:
        """(resource, name) of all that lives in a namespace."""
        for kind, table in [*self._tables.items()]:
            resource = self.registry.of_key(kind)
            if resource is not None and resource.namespaced:
                yield from ((resource, name) for where, name in [*table] if where == namespace)

    def at(self, kind: Kind, key: Key) -> JSON | None:
        """An object by its place."""
        return self._tables.get(kind, {}).get(key)

    def listen(self, kind: Kind | None, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each change of a kind (None: of all); returns how to stop it."""
        self.listeners.setdefault(kind, []).append(listener)
        return lambda: self.listeners[kind].remove(listener)

    # writing

    def create(
        self, resource: Resource, namespace: str, body: Any, *, dry: bool = False, validation: str = WARN
    ) -> JSON:
        """Store a new object and return it; 409 if the name is taken, 404 if the namespace is not there."""
        new = _fresh(resource, body)
        meta = new["metadata"]
        if meta.get("resourceVersion"):
            raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
        metadata.place(resource, meta, namespace)
        self._name(resource, meta)
        self._check_place(resource, meta)
        new["apiVersion"], new["kind"] = resource.api_version, resource.kind
        metadata.begin(resource, meta, self.clock(), str(uuid.uuid4()))
        first_status(resource, new)
        self.admission.admit(resource, new, None, self.clock(), validation)
        if dry:
            return new
        if self.count >= MAX_OBJECTS:
            raise ApiError(507, "InsufficientStorage", f"the embedded API server keeps at most {MAX_OBJECTS} objects")
        if resource.key == resources.DEFINITIONS.key:
            self.registry.define(new)
        stored = self._put(resource, new, None)
        if resource.key == resources.DEFINITIONS.key:
            self.registry.born[new["spec"]["group"], new["spec"]["names"]["plural"]] = self.version
        garbage.collect_if_orphan(self, resource, stored)
        return stored

    def _name(self, resource: Resource, meta: JSON) -> None:
        prefix = meta.get("generateName", "")
        for _ in range(NAME_TRIES if prefix and not meta.get("name") else 0):
            name = prefix[: metadata.MAX_GENERATED_PREFIX] + "".join(
                self._random.choices(metadata.SUFFIX_LETTERS, k=metadata.SUFFIX_LENGTH)
            )
            if self.find(resource, meta.get("namespace", ""), name) is None:
                meta["name"] = name
                break
        if causes := metadata.name_causes(resource, meta.get("name", "")):
            raise invalid(meta.get("name", ""), resource.kind, resource.group, causes)

    def _check_place(self, resource: Resource, meta: JSON) -> None:
        namespace, name = meta.get("namespace", ""), meta["name"]
        if resource.namespaced:
            home = self.find(resources.NAMESPACES, "", namespace)
            if home is None:
                raise not_found(namespace, "namespaces", "")
            if "deletionTimestamp" in home["metadata"]:
                raise garbage.terminating(resource, name, namespace)
        if (old := self.find(resource, namespace, name)) is not None:
            raise already_exists(name, resource.plural, resource.group, ending="deletionTimestamp" in old["metadata"])

    def update(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        change: Callable[[JSON], Any],
        *,
        subresource: str = "",
        dry: bool = False,
        validation: str = WARN,
    ) -> JSON:
        """Put what `change` makes of a copy of an object; 404, 409 for an older version, 422 for what it may not be.

        With the subresource `status` only the status changes, without it all else does.
        """
        old = resource.view(self.get(resource, namespace, name))
        new = _fresh(resource, change(copy.deepcopy(old)))
        self._check_identity(resource, new["metadata"], old["metadata"], name)
        new = split(resource, new, old, subresource)
        metadata.carry_over(new["metadata"], old["metadata"])
        if causes := metadata.finalizer_causes(new["metadata"], old["metadata"]):
            raise invalid(name, resource.kind, resource.group, causes)
        new["apiVersion"], new["kind"] = resource.api_version, resource.kind
        self.admission.admit(resource, new, old, self.clock(), validation)
        if new == old:
            return old
        if resource.generation and _content(new) != _content(old):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        return new if dry else self._commit(resource, new, old)

    def _check_identity(self, resource: Resource, meta: JSON, old: JSON, name: str) -> None:
        if meta.get("name", name) != name or meta.get("namespace", old.get("namespace")) != old.get("namespace"):
            raise bad_request("the name or namespace of the object does not match those on the URL")
        if meta.get("uid") not in (None, "", old["uid"]):
            told = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {old['uid']}"
            raise conflict(name, resource.plural, resource.group, told)
        version = meta.get("resourceVersion")
        if not version and resource.custom:
            causes = [wrong("metadata.resourceVersion", 0, "must be specified for an update")]
            raise invalid(name, resource.plural, resource.group, causes)
        if version not in (None, "", old["resourceVersion"]):
            raise conflict(name, resource.plural, resource.group)

    def _commit(self, resource: Resource, new: JSON, old: JSON) -> JSON:
        meta = new["metadata"]
        if resource.key == resources.DEFINITIONS.key:
            self.registry.define(new)
        ends = "deletionTimestamp" in meta and not meta.get("finalizers") and not meta.get("deletionGracePeriodSeconds")
        if ends and resource.key == resources.NAMESPACES.key:
            self._put(resource, new, old)
            return garbage.end_namespace(self, new)[0]
        if ends:
            return self._drop(resource, new)
        return self._put(resource, new, old)

    def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        uid: str = "",
        version: str = "",
        policy: str = "Background",
        grace: float | None = None,
        dry: bool = False,
    ) -> tuple[JSON, bool]:
        """Delete an object, or begin to; returns its last state and whether it is gone."""
        old = self.get(resource, namespace, name)
        meta = old["metadata"]
        if (uid and uid != meta["uid"]) or (version and version != meta["resourceVersion"]):
            raise conflict(name, resource.plural, resource.group, "Precondition failed: UID or resourceVersion differs")
        if resource.key == resources.NAMESPACES.key:
            garbage.check_namespace(name)
        if dry:
            return old, True
        if policy == "Orphan":
            garbage.release_dependents(self, meta["uid"])
        elif policy == "Foreground":
            garbage.delete_dependents(self, meta["uid"])
        if resource.key == resources.NAMESPACES.key:
            return garbage.end_namespace(self, old)
        if resource.key == resources.DEFINITIONS.key:
            garbage.end_definition(self, old)
        wait = garbage.pod_grace(old, grace, self.pod_grace) if resource.key == resources.PODS.key else 0
        if meta.get("finalizers") or wait:
            return self.mark(resource, old, wait), False
        return self._drop(resource, copy.deepcopy(old)), True

    def mark(self, resource: Resource, old: JSON, grace: int = 0) -> JSON:
        """Note on an object that it is being deleted; `grace` seconds are left to a pod."""
        if "deletionTimestamp" in old["metadata"]:
            return old
        new = copy.deepcopy(old)
        new["metadata"].update(deletionTimestamp=timestamp(self.clock()), deletionGracePeriodSeconds=grace)
        if resource.generation:
            new["metadata"]["generation"] = new["metadata"].get("generation", 0) + 1
        if resource.key == resources.NAMESPACES.key:
            new["status"] = {**(new.get("status") or {}), "phase": "Terminating"}
            new["spec"] = {**new["spec"], "finalizers": []}
        return self._put(resource, new, old)

    def drop(self, resource: Resource, namespace: str, name: str) -> None:
        """Remove an object at once, whatever its finalizers."""
        self._drop(resource, copy.deepcopy(self.get(resource, namespace, name)))

    # the table itself

    def _put(self, resource: Resource, new: JSON, old: JSON | None) -> JSON:
        key = new["metadata"].get("namespace", ""), new["metadata"]["name"]
        self._index(resource.key, key, old, new)
        self._tables.setdefault(resource.key, {})[key] = new
        self.count += old is None
        self._record(ADDED if old is None else MODIFIED, resource.key, new, old)
        return new

    def _drop(self, resource: Resource, last: JSON) -> JSON:
        key = last["metadata"].get("namespace", ""), last["metadata"]["name"]
        old = self._tables[resource.key].pop(key)
        self.count -= 1
        self._index(resource.key, key, old, None)
        self._record(DELETED, resource.key, last, old)
        if resource.key == resources.DEFINITIONS.key:
            self.registry.undefine(last)
        garbage.after_drop(self, resource, last)
        return last

    def _index(self, kind: Kind, key: Key, old: JSON | None, new: JSON | None) -> None:
        for obj in filter(None, (old,)):
            for owner in garbage.owners(obj):
                self.owned.get(owner, set()).discard((kind, key))
            self.uids.pop(obj["metadata"]["uid"], None)
        for obj in filter(None, (new,)):
            for owner in garbage.owners(obj):
                self.owned.setdefault(owner, set()).add((kind, key))
            self.uids[obj["metadata"]["uid"]] = kind, key

    def _record(self, what: str, kind: Kind, new: JSON, old: JSON | None) -> None:
        version = self.history.next_version()
        new["metadata"]["resourceVersion"] = str(version)
        change = Change(version, what, kind, new, old)
        self.history.append(change)
        for wanted in (kind, None):
            for listener in [*self.listeners.get(wanted, ())]:
                listener(change)


def _fresh(resource: Resource, body: Any) -> JSON:
    """A body as an object that shares nothing with it."""
    checked = metadata.checked(resource, body)
    copied: JSON = copy.deepcopy(checked) if resource.custom else shapes.without_nulls(checked)
    return copied


def _content(obj: JSON) -> JSON:
    return {k: v for k, v in obj.items() if k not in ("metadata", "status", "apiVersion", "kind")}
