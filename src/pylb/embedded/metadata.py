"""What the server itself writes into metadata, and what it lets a client change.

Time and random values are arguments; nothing here knows other objects.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone

from pylb.embedded.errors import JSON, Cause, Unreadable, bad_request, forbidden_field, required, wrong
from pylb.embedded.resources import Resource

SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # those of the real server: no words arise by chance
SUFFIX_LENGTH = 5
MAX_GENERATED_PREFIX = 63 - SUFFIX_LENGTH
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_WORD = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
QUALIFIED = re.compile(rf"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?{_WORD}")  # names of labels, annotations, classes
_LABEL_VALUE = re.compile(rf"({_WORD})?")
_FINALIZERS = frozenset({"kubernetes", "orphan", "foregroundDeletion"})  # the only ones without a domain
_FREE_NAMES = frozenset({"rbac.authorization.k8s.io"})  # names there are path segments, `system:x` for one
_STRICT_NAMES = frozenset({("", "services")})  # RFC 1123 labels
_RFC3339 = re.compile(r"([0-9-]{10}T[0-9:]{8})(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})")
_OWNED = ("uid", "creationTimestamp", "name", "namespace", "generation", "deletionTimestamp")
_OWNED_TOO = ("deletionGracePeriodSeconds", "selfLink", "resourceVersion")


def timestamp(now: float) -> str:
    """Unix time as RFC 3339 with whole seconds, as metav1.Time."""
    return datetime.fromtimestamp(now, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text: object) -> float | None:
    """The Unix time of an RFC 3339 text; None if it is none."""
    match = _RFC3339.fullmatch(str(text))
    if match is None:
        return None
    try:
        whole = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00")).timestamp()
    except ValueError:  # the 31st of February
        return None
    return whole + float(match[2] or 0)


_MAPS = ("labels", "annotations")
_LISTS = ("finalizers", "ownerReferences", "managedFields")
_TEXTS = ("name", "namespace", "generateName", "uid", "resourceVersion")


def checked(resource: Resource, body: object) -> JSON:
    """The body of a write as an object with readable metadata, else 400 in the real server's words."""
    if not isinstance(body, dict):
        raise Unreadable("the body is not an object")
    for field, wanted in (("apiVersion", resource.api_version), ("kind", resource.kind)):
        got = body.get(field)
        if resource.custom and not got:
            raise Unreadable(f"the object provided is unrecognized (must be of type {resource.kind}): no {field}")
        if got not in (None, "", wanted):
            raise Unreadable(f"the {field} of the data ({got}) does not match the expected {field} ({wanted})")
    meta = body.get("metadata")
    if meta is not None and not isinstance(meta, dict):
        raise _unmarshal(resource, meta, "metadata", "v1.ObjectMeta")
    result = {**body, "metadata": {k: v for k, v in (meta or {}).items() if v is not None}}
    _check_types(resource, result["metadata"])
    return result


def _check_types(resource: Resource, meta: JSON) -> None:
    for field in _MAPS:
        value = meta.get(field, {})
        if not isinstance(value, dict):
            raise _unmarshal(resource, value, f"ObjectMeta.metadata.{field}", "map[string]string")
        odd = next((v for v in value.values() if not isinstance(v, str)), None)
        if odd is not None or None in value.values():
            raise _unmarshal(resource, odd, f"ObjectMeta.metadata.{field}", "string")
    for field in _LISTS:
        if not isinstance(meta.get(field, []), list):
            raise _unmarshal(resource, meta[field], f"ObjectMeta.metadata.{field}", "[]")
    for field in _TEXTS:
        if not isinstance(meta.get(field, ""), str):
            raise _unmarshal(resource, meta[field], f"ObjectMeta.metadata.{field}", "string")
    if not all(isinstance(owner, dict) for owner in meta.get("ownerReferences", ())):
        raise _unmarshal(resource, "", "ObjectMeta.metadata.ownerReferences", "v1.OwnerReference")
    if not all(isinstance(name, str) for name in meta.get("finalizers", ())):
        raise _unmarshal(resource, 0, "ObjectMeta.metadata.finalizers", "string")


def _unmarshal(resource: Resource, value: object, field: str, kind: str) -> Unreadable:
    seen = {str: "string", list: "array", dict: "object", bool: "bool"}.get(type(value), "number")
    return Unreadable(
        f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: json: cannot '
        f"unmarshal {seen} into Go struct field {field} of type {kind}"
    )


def name_causes(resource: Resource, name: str) -> list[Cause]:
    """What is wrong with a name."""
    if not name:
        return [required("metadata.name", "name or generateName is required")]
    if resource.group in _FREE_NAMES:
        return [] if not re.search(r"[/%]", name) else [wrong("metadata.name", name, "may not contain '/' or '%'")]
    if resource.key in _STRICT_NAMES:
        text = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-'"
        return [] if _LABEL.fullmatch(name) else [wrong("metadata.name", name, text)]
    if len(name) <= 253 and SUBDOMAIN.fullmatch(name):
        return []
    text = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'"
    return [wrong("metadata.name", name, text)]


def causes(meta: JSON) -> list[Cause]:
    """What is wrong with labels, annotations, finalizers and owner references."""
    found: list[Cause] = []
    for field in _MAPS:
        bad = [key for key in meta.get(field) or {} if not QUALIFIED.fullmatch(key)]
        found += [wrong(f"metadata.{field}", key, "name part must consist of alphanumeric characters") for key in bad]
    bad = [value for value in (meta.get("labels") or {}).values() if not _LABEL_VALUE.fullmatch(value)]
    found += [wrong("metadata.labels", value, "a valid label must be an empty string or a word") for value in bad]
    for index, name in enumerate(meta.get("finalizers") or ()):
        if "/" not in name and name not in _FINALIZERS:
            text = "name is neither a standard finalizer name nor is it fully qualified"
            found.append(wrong(f"metadata.finalizers[{index}]", name, text))
    for owner in meta.get("ownerReferences") or ():
        lacking = [field for field in ("apiVersion", "kind", "name", "uid") if not owner.get(field)]
        found += [wrong(f"metadata.ownerReferences.{field}", "", "must not be empty") for field in lacking]
    return found


def place(resource: Resource, meta: JSON, namespace: str) -> None:
    """Give metadata the namespace of the request; 400 where the body names another."""
    if not resource.namespaced:
        meta.pop("namespace", None)
    elif meta.get("namespace") in (None, "", namespace):
        meta["namespace"] = namespace
    else:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")


def begin(resource: Resource, meta: JSON, now: float, uid: str) -> None:
    """Metadata of a new object: what clients may not choose is set anew."""
    for field in (*_OWNED[4:], *_OWNED_TOO, "managedFields"):
        meta.pop(field, None)
    meta.update(uid=uid, creationTimestamp=timestamp(now))
    if resource.generation:
        meta["generation"] = 1


def carry_over(new: JSON, old: JSON) -> None:
    """Metadata of a changed object: what clients may not change is as it was."""
    new.pop("managedFields", None)
    for field in (*_OWNED, *_OWNED_TOO):
        if field in old:
            new[field] = old[field]
        else:
            new.pop(field, None)


def finalizer_causes(new: JSON, old: JSON) -> list[Cause]:
    """No finalizer may join once the object is being deleted."""
    joined = set(new.get("finalizers") or ()) - set(old.get("finalizers") or ())
    if not joined or "deletionTimestamp" not in old:
        return []
    text = f"no new finalizers can be added if the object is being deleted, found new finalizers {sorted(joined)}"
    return [forbidden_field("metadata.finalizers", text)]
