"""The patch types of the API, as functions of (document, patch): JSON patch, merge patch, strategic merge, apply.

They change copies only. A patch that cannot be read or applied raises `PatchError`; nothing else is raised,
whatever JSON comes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from pylb.embedded.errors import JSON

MAX_OPERATIONS = 10_000  # operations of one JSON patch, the real server's bound


class PatchError(ValueError):
    """A patch that cannot be applied; `malformed` if it could not be on any document."""

    def __init__(self, text: str, *, malformed: bool = False):
        super().__init__(text)
        self.malformed = malformed


def merge(document: Any, patch: Any) -> Any:
    """JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


def json_patch(document: Any, operations: Any) -> Any:
    """JSON patch (RFC 6902)."""
    if not isinstance(operations, list) or not all(isinstance(op, dict) for op in operations):
        raise PatchError("a JSON patch is a list of operations", malformed=True)
    if len(operations) > MAX_OPERATIONS:
        raise PatchError(f"a JSON patch has at most {MAX_OPERATIONS} operations", malformed=True)
    holder = {"": copy.deepcopy(document)}
    for operation in operations:
        _operate(holder, operation)
    return holder[""]


def _operate(holder: JSON, operation: JSON) -> None:
    kind = operation.get("op")
    path = _pointer(operation.get("path"))
    if kind in ("add", "replace", "test") and "value" not in operation:
        raise PatchError(f"operation {kind!r} lacks its value")
    if kind == "add":
        _add(holder, path, copy.deepcopy(operation["value"]))
    elif kind == "remove":
        _remove(holder, path)
    elif kind == "replace":
        _replace(holder, path, copy.deepcopy(operation["value"]))
    elif kind == "test":
        if _read(holder, path) != operation["value"]:
            raise PatchError(f"testing value {operation.get('path')} failed")
    elif kind in ("move", "copy"):
        source = _pointer(operation.get("from"))
        value = copy.deepcopy(_read(holder, source))
        if kind == "move":
            _remove(holder, source)
        _add(holder, path, value)
    else:
        raise PatchError(f"unknown operation {kind!r}")


def _replace(holder: JSON, path: Sequence[str], value: Any) -> None:
    found = _read(holder, path[:-1])
    if isinstance(found, list):
        found[_index(found, path[-1], len(found) - 1)] = value
    else:
        _add(holder, path, value)  # the real server does not mind a name that is not there


def _pointer(text: Any) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise PatchError(f"{text!r} is not a JSON pointer")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")]  # "" alone is the document


def _child(found: Any, step: str) -> Any:
    if isinstance(found, dict) and step in found:
        return found[step]
    if isinstance(found, list):
        return found[_index(found, step, len(found) - 1)]
    raise PatchError(f"no {step!r} in the document")


def _index(found: list[Any], step: str, last: int) -> int:
    if not (step.isascii() and step.isdigit() and len(step) < 10 and int(step) <= last):
        raise PatchError(f"no element {step!r} in a list of {len(found)}")
    return int(step)


def _read(holder: JSON, path: Sequence[str]) -> Any:
    found: Any = holder
    for step in path:
        found = _child(found, step)
    return found


def _add(holder: JSON, path: Sequence[str], value: Any) -> None:
    found = _read(holder, path[:-1])
    if isinstance(found, list):
        found.insert(len(found) if path[-1] == "-" else _index(found, path[-1], len(found)), value)
    elif isinstance(found, dict):
        found[path[-1]] = value
    else:
        raise PatchError(f"{path[-1]!r} cannot be added to what is neither object nor list")


def _remove(holder: JSON, path: Sequence[str]) -> None:
    found = _read(holder, path[:-1])
    _child(found, path[-1])
    if len(path) == 1:
        holder[""] = None
    elif isinstance(found, list):
        del found[int(path[-1])]
    else:
        del found[path[-1]]


Path = tuple[str, ...]
ListKeys = Callable[[Path], "tuple[str, ...] | None"]  # the merge keys of the list at a path; None if it is atomic

_MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "conditions": ("type",),
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "imagePullSecrets": ("name",),
    "addresses": ("type",),
    "ownerReferences": ("uid",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey",),
}
_PRIMITIVE_SETS = ("finalizers",)  # lists of words that strategic merge unites


def built_in_keys(path: Path) -> tuple[str, ...] | None:
    """The merge keys of the lists of built-in kinds, by their place."""
    name = path[-1] if path else ""
    if name == "ports":  # of a Service or of a container; an EndpointSlice's are atomic
        return {"spec": ("port",), "containers": ("containerPort",)}.get(path[-2] if len(path) > 1 else "")
    if name == "addresses" and path[:1] != ("status",):  # those of Nodes alone
        return None
    return _MERGE_KEYS.get(name)


def strategic(document: Any, patch: Any, keys: ListKeys = built_in_keys, path: Path = ()) -> Any:
    """Strategic merge patch, with `$patch`, `$retainKeys`, `$setElementOrder` and `$deleteFromPrimitiveList`."""
    if isinstance(patch, dict):
        return _strategic_object(document if isinstance(document, dict) else {}, patch, keys, path)
    if isinstance(patch, list):
        return _strategic_list(document if isinstance(document, list) else [], patch, keys, path)
    return patch


def _strategic_object(document: JSON, patch: JSON, keys: ListKeys, path: Path) -> JSON:
    directive = patch.get("$patch")
    if directive == "replace":
        return {k: copy.deepcopy(v) for k, v in patch.items() if k != "$patch"}
    if directive == "delete":
        return {}
    result = dict(document)
    if isinstance(kept := patch.get("$retainKeys"), list):
        result = {k: v for k, v in result.items() if k in kept}
    for name, value in patch.items():
        if name.startswith("$deleteFromPrimitiveList/"):
            field = name.split("/", 1)[1]
            gone = value if isinstance(value, list) else []
            if isinstance(result.get(field), list):
                result[field] = [item for item in result[field] if item not in gone]
        elif name.startswith("$"):
            continue  # $setElementOrder: orders what is already right; $patch: merge
        elif value is None:
            result.pop(name, None)
        else:
            result[name] = strategic(result.get(name), value, keys, (*path, name))
    return result


def _strategic_list(document: list[Any], patch: list[Any], keys: ListKeys, path: Path) -> list[Any]:
    if path and path[-1] in _PRIMITIVE_SETS:
        return [*document, *(item for item in patch if item not in document)]
    fields = keys(path)
    if not fields or not all(isinstance(item, dict) for item in (*document, *patch)):
        return copy.deepcopy(patch)
    if any(item.get("$patch") == "replace" for item in patch):
        return [copy.deepcopy(item) for item in patch if item.get("$patch") != "replace"]
    result = list(document)
    for item in patch:
        _merge_item(result, item, fields, keys, path)
    return result


def _merge_item(result: list[Any], item: JSON, fields: tuple[str, ...], keys: ListKeys, path: Path) -> None:
    wanted = [item.get(field) for field in fields]
    at = next((i for i, old in enumerate(result) if [old.get(field) for field in fields] == wanted), None)
    if item.get("$patch") == "delete":
        if at is not None:
            del result[at]
    elif at is None:
        result.append(strategic({}, item, keys, path))
    else:
        result[at] = strategic(result[at], item, keys, path)


def apply(document: Any, previous: Any, wanted: JSON, keys: ListKeys = built_in_keys) -> Any:
    """Server-side apply without conflicts: what this manager said before and says no more goes, the rest is merged."""
    return strategic(_without(document, previous, wanted, keys, ()), wanted, keys)


def _without(document: Any, previous: Any, wanted: Any, keys: ListKeys, path: Path) -> Any:
    if isinstance(document, dict) and isinstance(previous, dict) and isinstance(wanted, dict):
        dropped = previous.keys() - wanted.keys() if path != ("metadata",) else set()
        result = {k: v for k, v in document.items() if k not in dropped}
        for name in previous.keys() & wanted.keys() & result.keys():
            result[name] = _without(result[name], previous[name], wanted[name], keys, (*path, name))
        for name in ("labels", "annotations") if path == ("metadata",) else ():
            if name in previous and name not in wanted and isinstance(result.get(name), dict):
                result[name] = {k: v for k, v in result[name].items() if k not in previous[name]}
        return result
    fields = keys(path)
    if fields and isinstance(document, list) and isinstance(previous, list) and isinstance(wanted, list):
        return _without_items(document, previous, wanted, fields)
    return document


def _without_items(document: list[Any], previous: list[Any], wanted: list[Any], fields: tuple[str, ...]) -> list[Any]:
    def key(item: Any) -> tuple[Any, ...]:
        return tuple(repr(item.get(field)) if isinstance(item, dict) else repr(item) for field in fields)

    gone = {key(item) for item in previous} - {key(item) for item in wanted}
    return [item for item in document if key(item) not in gone]
