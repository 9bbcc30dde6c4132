"""What MetalLB's part of a cluster was before it was taken over, as a file that `kubectl apply -f` takes.

The file is a List: the configuration as it was written, and a ConfigMap that records what cannot be applied, such as
the addresses that Services had. A second look, after MetalLB was stopped, adds to the first and overwrites nothing that
only the first could see.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pylb import __version__
from pylb.addon.metallb import Workload
from pylb.addon.names import JSON, NAMESPACE, meta
from pylb.core.crds.resources import GROUP

NAME, KEY = "pylb-metallb-backup", "backup.json"  # the Secret: pools' neighbours may hold passwords of BGP
RECORD = "pylb-metallb-record"
MAX_SECRET_BYTES = 900_000  # of the 1 MiB that a Secret holds
MODE = 0o600
POOLS = "IPAddressPool"
_DROPPED = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "ownerReferences", "selfLink")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class Backup:
    """`addresses` by Service, `conversions` by the name of a kind's definition."""

    at: str  # UTC
    objects: tuple[JSON, ...] = ()
    webhooks: tuple[JSON, ...] = ()
    conversions: Mapping[str, JSON] = field(default_factory=dict)
    workloads: tuple[Workload, ...] = ()
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def pools(self) -> list[JSON]:
        """The pools in it."""
        return [item for item in self.objects if item["kind"] == POOLS]


def bare(item: JSON) -> JSON:
    """An object as somebody would write it: without what the API server and controllers add."""
    metadata = {key: value for key, value in item["metadata"].items() if key not in _DROPPED}
    notes = {key: value for key, value in (metadata.pop("annotations", None) or {}).items() if key != _LAST_APPLIED}
    if notes:
        metadata["annotations"] = notes
    return {**{key: value for key, value in item.items() if key not in ("metadata", "status")}, "metadata": metadata}


def identity(item: JSON) -> tuple[str, str, str]:
    """(kind, namespace, name)."""
    found = item["metadata"]
    return str(item["kind"]), str(found.get("namespace", "")), str(found["name"])


def merged(earlier: Backup | None, now: Backup, idle: Iterable[Workload]) -> Backup:
    """Both looks as one. `idle` are the workloads that were stopped already when the second was taken."""
    if earlier is None:
        return now
    objects = now.objects if now.pools() else (*earlier.objects, *_missing(now.objects, earlier.objects))
    stopped = {(one.kind, one.namespace, one.name) for one in idle}
    running = [one for one in now.workloads if (one.kind, one.namespace, one.name) not in stopped]
    known = {(one.kind, one.namespace, one.name): one for one in (*earlier.workloads, *running)}
    others = [one for one in now.workloads if (one.kind, one.namespace, one.name) not in known]
    return Backup(
        now.at,
        tuple(objects),
        (*now.webhooks, *_missing(earlier.webhooks, now.webhooks)),
        {**earlier.conversions, **now.conversions},
        (*known.values(), *others),
        {**earlier.addresses, **now.addresses},
    )


def to_text(backup: Backup) -> str:
    """The file's text."""
    record = {
        "at": backup.at,
        "webhooks": list(backup.webhooks),
        "conversions": dict(backup.conversions),
        "workloads": [[one.kind, one.namespace, one.name, one.replicas] for one in backup.workloads],
        "addresses": {key: list(value) for key, value in backup.addresses.items()},
    }
    note: JSON = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": meta(RECORD, "backup", __version__, NAMESPACE),
        "data": {"record": json.dumps(record)},
    }
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [*backup.objects, note]}, indent=1) + "\n"


def from_text(text: str) -> Backup:
    """A backup from its text; raises ValueError for anything else."""
    try:
        items = json.loads(text)["items"]
        [record] = [json.loads(item["data"]["record"]) for item in items if _is_record(item)]
        return Backup(
            str(record["at"]),
            tuple(item for item in items if not _is_record(item)),
            tuple(record["webhooks"]),
            dict(record["conversions"]),
            tuple(Workload(str(kind), str(space), str(name), int(n)) for kind, space, name, n in record["workloads"]),
            {str(key): tuple(map(str, value)) for key, value in record["addresses"].items()},
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"this is no backup of pylb's: {type(error).__name__}: {error}") from None


def secret(text: str) -> JSON | None:
    """The copy that stays in the cluster; None where it is too big."""
    data = base64.b64encode(text.encode()).decode()
    if len(data) > MAX_SECRET_BYTES:
        return None
    where = meta(NAME, "backup", __version__, NAMESPACE)
    return {"apiVersion": "v1", "kind": "Secret", "metadata": where, "type": "Opaque", "data": {KEY: data}}


def of_secret(item: JSON) -> Backup:
    """The backup in the copy; raises ValueError."""
    try:
        return from_text(base64.b64decode(item["data"][KEY], validate=True).decode())
    except (KeyError, TypeError) as error:
        raise ValueError(f"the Secret {NAMESPACE}/{NAME} holds no backup: {error}") from None


def write(text: str, folder: Path, at: str) -> Path:
    """Write the file, readable by its owner alone, under a name that no earlier one has. Raises OSError."""
    stamp = "".join(letter for letter in at if letter.isalnum())
    path = folder / f"pylb-metallb-backup-{stamp}.json"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return path


def _missing(more: Iterable[JSON], present: Iterable[JSON]) -> list[JSON]:
    known = {identity(item) for item in present}
    return [item for item in more if identity(item) not in known]


def _is_record(item: Any) -> bool:
    return bool(item["kind"] == "ConfigMap" and item["metadata"]["name"] == RECORD)


def is_configuration(item: JSON) -> bool:
    """Whether an object of a backup is one of MetalLB's own kinds."""
    return str(item.get("apiVersion", "")).startswith(f"{GROUP}/")
