"""All files as one: read, sorted, and what is found in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pylb.check import pools, services
from pylb.check.inventory import DEFAULT, HOME, Inventory, sort, standing
from pylb.check.pools import BLOCK, NAME_LABEL, Old
from pylb.check.report import Examined
from pylb.check.services import Stage, Wish
from pylb.core.manifest import Finding, Manifest, Severity, ordered
from pylb.core.model import Namespace, Node, Service
from pylb.kube import decode, manifests
from pylb.kube.decode import DecodeError


def examine(files: Iterable[tuple[str, bytes]], load_balancer_class: str | None = None) -> Examined:
    """Look at files, each with the name that people know it by, as at what is applied together.

    Services of another class than that which pylb serves get nothing of the pools.
    """
    read = [manifests.read(source, content) for source, content in files]
    inventory = sort(manifest for one in read for manifest in one.manifests)
    findings = [finding for one in read for finding in one.findings]
    if not any(one.manifests for one in read):  # kubectl, too, refuses to apply nothing
        findings = [replace(finding, severity=Severity.FAIL) for finding in findings]
    broken = any(finding.severity is Severity.FAIL for finding in findings)
    told = ordered((*findings, *inventory.findings, *_judge(inventory, broken, load_balancer_class)))
    return Examined(len(read), inventory.count, dict(sorted(inventory.passed_over.items())), tuple(told))


def _judge(inventory: Inventory, broken: bool, load_balancer_class: str | None) -> list[Finding]:
    """What is wrong with the configuration, and with the Services; `broken` files may hold what is missed here."""
    wishes = [Wish(manifest, service) for manifest in inventory.sound if (service := _service(manifest)) is not None]
    labels = {one.name: one.metadata.get("labels") for one in inventory.namespaces}
    names = dict.fromkeys((*labels, *(wish.service.namespace for wish in wishes)))
    known = [Namespace(name, {NAME_LABEL: name, **_texts(labels.get(name))}) for name in names]
    nodes = [node for manifest in inventory.nodes if (node := _node(manifest)) is not None]
    configuration = pools.look(inventory, [_old(manifest) for manifest in inventory.config_maps], known, nodes)
    stage = Stage(configuration.config, configuration.taken, frozenset(labels), load_balancer_class)
    found = services.look(wishes, stage, incomplete=broken or configuration.config is None)
    return [*configuration.findings, *found]


def _texts(raw: object) -> dict[str, str]:
    return {key: value for key, value in raw.items() if isinstance(value, str)} if isinstance(raw, dict) else {}


def _service(manifest: Manifest) -> Service | None:
    """The Service, as the controller would see it; None for one that cannot be read."""
    meta = {**manifest.metadata, "namespace": manifest.namespace or DEFAULT}
    status = manifest.raw.get("status") if standing(manifest) else {}
    try:
        return decode.service({**manifest.raw, "metadata": meta, "status": status})
    except DecodeError:
        return None


def _node(manifest: Manifest) -> Node | None:
    try:
        return decode.node(manifest.raw)
    except DecodeError:
        return None


def _old(manifest: Manifest) -> Old:
    """The old ConfigMap, read as the controller reads it."""
    meta = {**manifest.metadata, "namespace": manifest.namespace or HOME}
    converted = decode.legacy_config({**manifest.raw, "metadata": meta})
    assert converted is not None  # noqa: S101 - the inventory has sorted by the same fields
    place = manifest.place.find(BLOCK)
    found = manifests.read_block(str(manifest.raw["data"]["config"]), place.text - 1) if place.text else None
    value, where = found or ({}, place)
    return Old(manifest, Manifest(manifest.source, value, where), converted)
