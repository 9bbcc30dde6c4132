"""What a component says of the configuration: the ConfigurationState objects, as MetalLB's components write them. Pure.

Unlike MetalLB's, the time of a condition changes with its status alone, a message names the object that is wrong, and
every problem is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pylb.core import places
from pylb.core.config.loader import Problem
from pylb.core.model import NodeName
from pylb.core.notices import CONFIGURATION_PREFIX

JSON = dict[str, Any]
KIND = "ConfigurationState"
API_VERSION = places.API_VERSION
COMPONENT_LABEL, NODE_LABEL = "metallb.io/component-type", "metallb.io/node-name"
KEY = "pylb.io/key"  # an annotation of a speaker's: which key it signs its beats with, not the key itself
NO_NOTES: Mapping[str, str] = MappingProxyType({})
VALID, INVALID = "Valid", "Invalid"  # Unknown is in the definition for MetalLB's sake
SUMMARY_MAX = 8192  # characters; a condition's message may have four times as many


@dataclass(frozen=True, slots=True)
class Component:
    """Who judges: the name of its object, the type of its condition, and its labels."""

    name: str
    condition: str
    labels: tuple[tuple[str, str], ...]


CONTROLLER = Component("controller", "poolReconcilerValid", ((COMPONENT_LABEL, "controller"),))


def speaker(node: NodeName) -> Component:
    """A node's speaker."""
    return Component(f"speaker-{node}", "configReconcilerValid", ((COMPONENT_LABEL, "speaker"), (NODE_LABEL, node)))


def body(component: Component, owner: Mapping[str, Any] | None, notes: Mapping[str, str] = NO_NOTES) -> JSON:
    """The object without its status; `owner` is the component's pod as an owner reference, where it is known.

    `notes` are what else it tells, as annotations.
    """
    references = {"ownerReferences": [dict(owner)]} if owner else {}
    told = {"annotations": dict(notes)} if notes else {}
    metadata = {"name": component.name, "labels": dict(component.labels), **told, **references}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata}


def status(component: Component, problems: Iterable[Problem], standing: Mapping[str, Any] | None, now: str) -> JSON:
    """The status to stand there, as a merge patch; `standing` is the one that does, `now` an RFC 3339 time."""
    said = summary(problems)
    condition = {
        "type": component.condition,
        "status": "False" if said else "True",
        "reason": "ConfigurationError" if said else "Reconciled",
        "message": said,
        "lastTransitionTime": now,
    }
    for before in (standing or {}).get("conditions") or ():
        if all(before.get(field) == condition[field] for field in ("type", "status")):
            condition["lastTransitionTime"] = before.get("lastTransitionTime", now)
    return {"result": INVALID if said else VALID, "errorSummary": said or None, "conditions": [condition]}


def summary(problems: Iterable[Problem]) -> str:
    """All problems, one a line, each with its object; "" if there is none."""
    lines = [f"{problem.text} ({problem.ref})" for problem in problems]
    if not lines:
        return ""
    said = CONFIGURATION_PREFIX + "\n".join(lines)
    return said if len(said) <= SUMMARY_MAX else said[: SUMMARY_MAX - 1] + "…"
