"""MetalLB's old ConfigMap as the pools that it stands for, as far as it can be read; the daemons tell what is wrong."""

from __future__ import annotations

from collections.abc import Iterable

import yaml

from pylb.addon.names import JSON, METALLB_NAMESPACE
from pylb.core.growth import outgrows
from pylb.core.legacy import conversion as legacy
from pylb.core.model import ObjectRef

NAME = "config"  # in metallb-system, before MetalLB 0.13
MAX_TEXT = 64 * 1024  # characters that are read, as by the daemons


def pools(objects: Iterable[JSON]) -> list[JSON]:
    """The pools of the old ConfigMap among some objects, as IPAddressPools."""
    return [
        {"kind": "IPAddressPool", "metadata": dict(pool["metadata"]), "spec": dict(pool["spec"])}
        for item in objects
        if item.get("kind") == "ConfigMap" and _place(item) == (METALLB_NAMESPACE, NAME)
        for pool in legacy.convert(_document(item), ObjectRef("ConfigMap", METALLB_NAMESPACE, NAME)).pools
    ]


def _place(item: JSON) -> tuple[str, str]:
    return str(item["metadata"].get("namespace", "")), str(item["metadata"].get("name", ""))


def _document(item: JSON) -> object:
    loader = yaml.SafeLoader(str((item.get("data") or {}).get("config", ""))[:MAX_TEXT])
    try:
        root = loader.get_single_node()
        return None if root is None or outgrows(root) else loader.construct_document(root)
    except (yaml.YAMLError, RecursionError, ValueError, AttributeError, LookupError):
        return None
    finally:
        loader.dispose()
