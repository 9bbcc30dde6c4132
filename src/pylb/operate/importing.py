"""An import: an old ConfigMap becomes resources, all or none, and no Service loses its address meanwhile.

What is to be done is decided in `core.legacy.plan`. Before anything is written the API server has accepted all of it in a
dry run; where a write fails after that, those before it are taken back. The ConfigMap goes last, if it is to go at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pylb.core.config.objects import Objects
from pylb.core.legacy import names as legacy_names
from pylb.core.legacy import plan as legacy_plan
from pylb.core.legacy.names import Named
from pylb.core.legacy.plan import FIELDS, Fault, Plan, Standing, Step, Verdict
from pylb.core.model import ObjectRef
from pylb.core.places import METALLB_NAMESPACE
from pylb.core.several import some
from pylb.kube import decode
from pylb.kube.configuration import NAMESPACES
from pylb.kube.errors import ClusterError, Conflict, Forbidden
from pylb.operate.orders import WrongInput
from pylb.operate.shelf import Shelf
from pylb.operate.source import Old

JSON = Mapping[str, Any]
Say = Callable[[str], None]
EDITED = "somebody changed that since an import made it: change it by kubectl edit until both say the same"

ALLOWED = "bind yourself to a ClusterRole that may create and patch objects of metallb.io, such as cluster-admin"


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for."""

    namespace: str = ""  # for the resources; "" is the ConfigMap's, if pylb reads that
    apply: bool = False
    remove: bool = False  # the ConfigMap, in the end


def home(old: Old, wish: Wish) -> str:
    """The namespace that the resources are for."""
    if wish.namespace:
        return wish.namespace
    return old.ref.namespace if old.ref.namespace in NAMESPACES else METALLB_NAMESPACE


def prepare(old: Old, wish: Wish) -> tuple[Named, tuple[Fault, ...]]:
    """The resources that a ConfigMap becomes, and what is wrong with it by itself. Raises WrongInput."""
    made = old.convert()
    named = legacy_names.named(made, home(old, wish))
    if not named.wanted and not made.problems:
        raise WrongInput(f"{old.source} configures nothing: there is nothing to import")
    return named, legacy_plan.check(made, named)


def from_cluster(found: list[JSON]) -> Old:
    """The one old ConfigMap that stands in a cluster; of two that say the same MetalLB's own."""
    if not found:
        places = " or ".join(f"{name}/{decode.LEGACY_CONFIG_NAME}" for name in NAMESPACES)
        raise WrongInput(
            f"the cluster has no ConfigMap {places}; for another name: "
            "kubectl -n NAMESPACE get configmap NAME -o yaml | pylb import -"
        )
    if len({str(one["data"]["config"]).strip() for one in found}) > 1:
        places = " and ".join(f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in found)
        raise WrongInput(
            f"the cluster has several that say different things ({places}); import one after the other: "
            f"kubectl -n {METALLB_NAMESPACE} get configmap {decode.LEGACY_CONFIG_NAME} -o yaml | pylb import -"
        )
    found = sorted(found, key=lambda one: one["metadata"]["namespace"] != METALLB_NAMESPACE)
    meta = found[0]["metadata"]
    ref = ObjectRef("ConfigMap", meta["namespace"], meta["name"], str(meta.get("uid") or ""))
    return Old(f"ConfigMap {meta['namespace']}/{meta['name']}", ref, str(found[0]["data"]["config"]), 1)


class Importer:
    """One import; `tell` writes a line to people."""

    def __init__(self, shelf: Shelf, tell: Say) -> None:
        self._shelf, self._tell = shelf, tell

    async def plan(self, old: Old, wish: Wish, standing_maps: list[JSON]) -> Plan:
        """What it would do."""
        made = old.convert()
        others = [
            converted
            for item in standing_maps
            if not _is_source(item, old) and (converted := decode.legacy_config(item)) is not None
        ]
        objects, services, namespaces = await asyncio.gather(
            self._shelf.objects(), self._shelf.services(), self._shelf.namespaces()
        )
        standing = Standing(objects, others, services, namespaces)
        found = legacy_plan.plan(made, legacy_names.named(made, home(old, wish)), standing)
        return found if found.faults else Plan(found.steps, tuple([fault async for fault in self._try(found.due)]))

    async def _try(self, steps: tuple[Step, ...]) -> AsyncIterator[Fault]:
        """What the API server says against the writes."""
        for step in steps:
            try:
                await self._shelf.apply(step.wanted.body, dry=True)
            except ClusterError as error:
                if error.status is None:
                    raise
                fix = EDITED if isinstance(error, Conflict) else ALLOWED if isinstance(error, Forbidden) else ""
                yield Fault(_called(step), f"the API server refuses it: {error}", fix, step.wanted.place)

    async def apply(self, plan: Plan) -> bool:
        """Do it; False where the API server refused after all, and all was taken back that could be.

        Whoever interrupts it gets all taken back, too: the write that was on its way with the others.
        """
        before = await self._shelf.objects()
        done: list[Step] = []
        for step in plan.due:
            try:
                await self._shelf.apply(step.wanted.body)
            except ClusterError as error:
                self._tell(f"{_called(step)} was refused: {error}")
                await self._take_back([*done, step] if error.status is None else done, before)
                return False
            except asyncio.CancelledError:
                self._tell("Interrupted: what was done is taken back")
                await self._take_back([*done, step], before)
                raise
            done.append(step)
            self._tell(f"{_called(step)} {step.verdict}")
        return True

    async def _take_back(self, done: list[Step], before: Objects) -> None:
        for step in reversed(done):
            body = step.wanted.body
            try:
                if step.verdict is Verdict.CREATED:
                    await self._shelf.delete(body)
                    self._tell(f"{_called(step)} taken back")
                else:
                    await self._shelf.apply({**body, "spec": _spec(before, step)})
                    self._tell(f"{_called(step)} is as it was")
            except ClusterError as error:
                self._tell(f"{_called(step)} stays: {error}")

    async def retire(self, old: Old, standing_maps: list[JSON]) -> bool:
        """Remove the ConfigMap that was imported; its text stays in another. False where one stays."""
        mine = [item for item in standing_maps if _is_source(item, old)]
        if not mine:
            others = [f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in standing_maps]
            stays = f": {some(others)} says something else, and stays" if others else ""
            self._tell(f"There is no ConfigMap to remove{stays}")
            return not others
        for item in mine:
            meta = item["metadata"]
            where = f"ConfigMap {meta['namespace']}/{meta['name']}"
            try:
                name = await self._shelf.retire(item)
            except ClusterError as error:
                self._tell(f"{where} stays: {error}")
                return False
            self._tell(f"{where} removed; its text is kept in {meta['namespace']}/{name}")
        return True


def sources(old: Old, standing_maps: list[JSON]) -> list[str]:
    """The ConfigMaps in the cluster that say what was imported."""
    found = [item["metadata"] for item in standing_maps if _is_source(item, old)]
    return [f"{meta['namespace']}/{meta['name']}" for meta in found]


def _is_source(item: JSON, old: Old) -> bool:
    return str((item.get("data") or {}).get("config")).strip() == old.text.strip()


def _called(step: Step) -> str:
    meta = step.wanted.body["metadata"]
    return f"{step.wanted.kind} {meta['namespace']}/{meta['name']}"


def _spec(before: Objects, step: Step) -> JSON:
    meta = step.wanted.body["metadata"]
    spec: JSON = next(
        raw["spec"]
        for raw in getattr(before, FIELDS[step.wanted.kind])
        if (raw["metadata"]["namespace"], raw["metadata"]["name"]) == (meta["namespace"], meta["name"])
    )
    return spec
