"""Writes docs/configuration.md: each kind and field from the table in `core.crds.table`, each annotation from `core`.

What cannot be asked of a table stands in scripts/rejects.md, by kind: what is refused, in the words that are told.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import written

from pylb.core.allocation.reserves import ANSWERS, REMEMBER, RESERVED
from pylb.core.config.loader import KINDS, MAX_OBJECTS
from pylb.core.crds.resources import Resource, Version
from pylb.core.crds.table import resource
from pylb.core.ownership.moves import DRAIN, FAILBACK, MODES, MOVE, NO, YES

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "configuration.md"
REJECTS = ROOT / "scripts" / "rejects.md"
EXPRESSIONS = ("matchLabels", "matchExpressions")  # of a label selector
REPORTS = ("ServiceL2Status", "ServiceBGPStatus", "ConfigurationState")
SELECTORS = "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/"
Schema = Mapping[str, Any]

HEAD = f"""# Configuration

Written by `scripts/configuration.py` from the tables that the definitions and the loader come from.

pylb reads MetalLB's objects (group `metallb.io`) in `metallb-system` and `pylb-system` as one set, and MetalLB's old ConfigMap
`config` in both. They are loaded as a whole: while anything is wrong with a pool or an L2Advertisement the last good
configuration stays in force; what is wrong with objects of BGP leaves all others as they are wanted. All that is wrong is told
at once: in `kubectl get configurationstates -n pylb-system`, as an Event on each object, by `pylb status`, and by
`metallb_k8s_client_config_stale_bool`. Bounds, choices and required fields are enforced by the API server, what fields
mean by pylb's loader; `pylb check FILE` applies both before anything is applied.

Of each kind {MAX_OBJECTS:,} objects are read; where there are more the configuration counts as wrong.

Objects of BGP are read and held to all rules. pylb does not speak BGP yet: until it does, each BGPPeer carries a warning.

A selector is a Kubernetes label selector ([`matchLabels`, `matchExpressions`]({SELECTORS})). Of a list of selectors one is enough.
"""
ANNOTATIONS = (
    (FAILBACK, "Service, IPAddressPool", " or ".join(f"`{one}`" for one in MODES), "`never`",
     "whether an address goes back to the node that is first in line, as soon as that may have it again"),
    (REMEMBER, "Service, IPAddressPool", " or ".join(f"`{one}`" for one in ANSWERS), "`true`",
     "whether a Service that is made again under its old name is given its old address, while that is free"),
    (RESERVED, "IPAddressPool", "addresses and ranges, divided by commas", "none",
     "these are given to Services that ask for one of them, and to no other"),
    (MOVE, "Service", "`NODE@TERM`", "none", "written by `pylb move`: the address is to go to that node once"),
    (DRAIN, "Node", f"`{YES}` or `{NO}`", f"`{NO}`", "its addresses go to other nodes, as far as one can have them"),
)  # fmt: skip


def page() -> str:
    """The whole page."""
    rejects = dict(_sections(REJECTS.read_text(encoding="utf-8")))
    parts = [HEAD, *(_kind(resource(kind), rejects[kind]) for kind in KINDS.values()), _annotations(), _reports()]
    return "\n".join(part.strip() + "\n" for part in parts)


def _sections(text: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        name, _, body = part.partition("\n")
        yield name.strip(), body.strip()


def _kind(one: Resource, rejects: str) -> str:
    """The section of a kind that people write."""
    *older, version = one.versions
    parts = [f"## {one.kind}", f"{one.description} `{_group(one, version)}`, in `spec`:", _fields(version.spec)]
    parts += [_older(one, each, version) for each in older]
    parts += [f"`{path}`: {rule['message']}." for path, rule in _rules(version.spec)]
    if version.status.get("properties"):
        parts += ["In `status`, written by pylb:", _fields(version.status)]
    return "\n\n".join([*parts, "Refused:", rejects])


def _group(one: Resource, version: Version) -> str:
    return f"metallb.io/{version.name} {one.kind}"


def _older(one: Resource, older: Version, version: Version) -> str:
    """What a version lacks."""
    lacks = [name for name in version.spec["properties"] if name not in older.spec["properties"]]
    needs = ", ".join(f"`{name}`" for name in older.spec.get("required", ()))
    return (
        f"`{_group(one, older)}` is served too, and out of date. It needs {needs}; it lacks "
        f"{', '.join(f'`{name}`' for name in lacks)}: who writes an object in that version drops them."
    )


def _rules(schema: Schema, path: str = "spec") -> Iterator[tuple[str, Mapping[str, str]]]:
    """The rules in CEL, with the field that each is about."""
    yield from ((path, rule) for rule in schema.get("x-kubernetes-validations", ()))
    for name, below in schema.get("properties", {}).items():
        yield from _rules(below, f"{path}.{name}")


def _fields(schema: Schema) -> str:
    rows = (
        (f"`{path}`", _type(below), _default(below, required), below.get("description", ""))
        for path, below, required in _walk(schema)
    )
    return written.table(("field", "type", "default", "meaning"), rows)


def _walk(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema, bool]]:
    for name, below in schema.get("properties", {}).items():
        where = f"{path}.{name}".lstrip(".")
        yield where, below, name in schema.get("required", ())
        item = below.get("items", below)
        if not _is_selector(item):
            yield from _walk(item, f"{where}[]" if "items" in below else where)


def _is_selector(schema: Schema) -> bool:
    return set(schema.get("properties", ())) == set(EXPRESSIONS)


def _type(schema: Schema) -> str:
    if "items" in schema:
        return f"list of {_type(schema['items'])}s"
    if _is_selector(schema):
        return "selector"
    if "enum" in schema:
        return " or ".join(f"`{one}`" for one in schema["enum"])
    kind = {"string": "text", "object": "field", "integer": "number"}.get(schema["type"], str(schema["type"]))
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f"{kind}, {least} to {most}"
    if least is None and most is None:
        return kind
    return f"{kind}, at least {least}" if most is None else f"{kind}, at most {most}"


def _default(schema: Schema, required: bool) -> str:
    if required:
        return "required"
    value = schema.get("default")
    return "" if value is None else f"`{str(value).lower()}`"


def _annotations() -> str:
    rows = ((f"`{key}`", *rest) for key, *rest in ANNOTATIONS)
    return "\n\n".join(
        [
            "## Annotations",
            "pylb's own wishes are annotations; a value that says nothing is told as an Event on the object.",
            written.table(("annotation", "of", "values", "default", "meaning"), rows),
        ]
    )


def _reports() -> str:
    """What pylb writes, and nobody else."""
    parts = ["## What pylb reports", "These kinds are written by pylb alone; each stands in `pylb-system`."]
    for kind in REPORTS:
        one = resource(kind)
        parts += [f"### {kind}", f"{one.description} In `status`:", _fields(one.versions[-1].status)]
    return "\n\n".join(parts)


def main() -> int:
    """Write the page; with `--check` only say whether it is current."""
    return written.publish(DOCUMENT, page(), __file__)


if __name__ == "__main__":
    sys.exit(main())
