"""Every object of an installation, as a pure function of a few settings, and as YAML.

It knows no cluster: what is there already, and in which order things are applied, is `pylb.addon.steps`' matter.
Random values are made by the caller.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass

import yaml

from pylb import __version__
from pylb.addon import access, workloads
from pylb.addon.names import (
    ADVERTISEMENT,
    APP,
    HISTORY,
    JSON,
    METALLB_NAMESPACE,
    NAME_LABEL,
    NAMESPACE,
    POOL,
    READER_KEY,
    READER_SECRET,
    SPEAKERS_KEY,
    SPEAKERS_SECRET,
    VERSION_LABEL,
    meta,
)
from pylb.core.crds.resources import GROUP
from pylb.core.crds.table import definitions

IMAGE = f"pylb:{__version__}"  # docker.io/library/pylb to a container runtime
_POD_SECURITY = {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "audit", "warn")}


@dataclass(frozen=True, slots=True)
class Settings:
    """What an installation may differ in. `addresses` are entries of a pool; none means no pool is made."""

    speakers_key: str
    reader_token: str
    addresses: tuple[str, ...] = ()
    image: str = IMAGE
    version: str = __version__
    pool_namespace: str = METALLB_NAMESPACE


def render(settings: Settings) -> list[JSON]:
    """The objects, each after those that it needs; the pool and its advertisement come last."""
    version = settings.version
    return [
        *_namespaces(version),
        *_definitions(version),
        *access.accounts(version),
        *access.roles(version),
        _secret(SPEAKERS_SECRET, SPEAKERS_KEY, settings.speakers_key, "speaker", version),
        _secret(READER_SECRET, READER_KEY, settings.reader_token, "viewer", version),
        _history(version),
        workloads.daemon_set(settings.image, version),
        workloads.deployment(settings.image, version),
        *(pool(settings.addresses, settings.pool_namespace) if settings.addresses else ()),
    ]


def to_yaml(objects: Iterable[JSON]) -> str:
    """The objects as one YAML stream, without anchors."""
    return yaml.dump_all(objects, Dumper=_Plain, sort_keys=False, explicit_start=True, width=120)


class _Plain(yaml.SafeDumper):
    """Writes an object that stands in two places twice, where YAML would point to the first."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _namespaces(version: str) -> list[JSON]:
    ours = meta(NAMESPACE, "namespace", version)
    ours["labels"].update(_POD_SECURITY)  # the speakers use the node's network
    theirs = meta(METALLB_NAMESPACE, "namespace", version)
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata} for metadata in (ours, theirs)]


def _definitions(version: str) -> list[JSON]:
    objects = definitions()
    for item in objects:
        item["metadata"]["labels"] = {NAME_LABEL: APP, VERSION_LABEL: version}
    return objects


def _secret(name: str, key: str, value: str, component: str, version: str) -> JSON:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": meta(name, component, version, NAMESPACE),
        "type": "Opaque",
        "data": {key: base64.b64encode(value.encode()).decode()},
    }


def _history(version: str) -> JSON:
    """Without data, so that what the speakers wrote stays when it is applied again."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(HISTORY, "speaker", version, NAMESPACE)}


def pool(addresses: tuple[str, ...], namespace: str = METALLB_NAMESPACE) -> list[JSON]:
    """A pool, and an advertisement of all pools. They are the user's from then on, so they carry no label of ours."""
    kinds = {
        "IPAddressPool": (POOL, {"addresses": list(addresses)}),
        "L2Advertisement": (ADVERTISEMENT, {}),
    }
    return [
        {
            "apiVersion": f"{GROUP}/v1beta1",
            "kind": kind,
            "metadata": {"name": name, "namespace": namespace},
            "spec": spec,
        }
        for kind, (name, spec) in kinds.items()
    ]
