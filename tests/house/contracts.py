"""The import contracts of pyproject.toml, judged on a graph of imports without import-linter.

Two kinds are understood, with the options that pyproject.toml uses: "layers" in one container, and "forbidden". An
option or a kind that is not understood is an error, not a pass.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from house.tree import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it

Graph = Mapping[str, frozenset[str]]  # importer -> imported, modules by their full names
Contract = Mapping[str, Any]

COMMON = {"name", "type", "ignore_imports", "unmatched_ignore_imports_alerting"}
OPTIONS = {
    "layers": COMMON | {"containers", "layers", "exhaustive", "exhaustive_ignores"},
    "forbidden": COMMON | {"source_modules", "forbidden_modules", "allow_indirect_imports"},
}


@lru_cache(maxsize=1)
def load() -> tuple[Contract, ...]:
    """The contracts as pyproject.toml states them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return tuple(settings["tool"]["importlinter"]["contracts"])


def breaches(contract: Contract, graph: Graph) -> list[str]:
    """Each breach of a contract as "importer -> imported"; a name that stands for nothing is one too."""
    unknown = set(contract) - OPTIONS[contract["type"]]
    if unknown:
        raise ValueError(f"contract {contract['name']!r} has options that this test does not know: {sorted(unknown)}")
    judge = layer_breaches if contract["type"] == "layers" else forbidden_breaches
    return sorted(judge(contract, without_ignored(contract, graph)))


def without_ignored(contract: Contract, graph: Graph) -> Graph:
    """The graph without the imports that the contract lets through."""
    patterns = [tuple(map(expression, one.split(" -> "))) for one in contract.get("ignore_imports", ())]
    return {
        importer: frozenset(
            imported
            for imported in targets
            if not any(source.fullmatch(importer) and target.fullmatch(imported) for source, target in patterns)
        )
        for importer, targets in graph.items()
    }


def expression(text: str) -> re.Pattern[str]:
    """A module expression: * is one part of a name, ** one or more."""
    parts = {"*": r"[^.]+", "**": r"[^.]+(?:\.[^.]+)*"}
    return re.compile(r"\.".join(parts.get(part, re.escape(part)) for part in text.strip().split(".")))


def is_within(name: str, package: str) -> bool:
    """Whether a module is the package or stands below it."""
    return name == package or name.startswith(package + ".")


def layer_breaches(contract: Contract, graph: Graph) -> Iterator[str]:
    """Imports that go up, or to a sibling; and packages that have no layer."""
    [container] = contract["containers"]
    ranks: dict[str, int] = {}
    for rank, layer in enumerate(contract["layers"]):
        for name in (part.strip() for part in layer.split("|")):
            package = f"{container}.{name.strip('()')}"
            ranks[package] = rank
            if package not in graph and not name.startswith("("):
                yield f"{package} does not exist"
    ignored = {f"{container}.{name}" for name in contract["exhaustive_ignores"]}
    top = {".".join(name.split(".")[:2]) for name in graph if name != container}
    yield from (f"{package} has no layer" for package in top - set(ranks) - ignored)
    for importer, targets in graph.items():
        home = ".".join(importer.split(".")[:2])
        for imported in targets:
            there = ".".join(imported.split(".")[:2])
            if there in ignored or (home in ranks and there in ranks and home != there and ranks[home] >= ranks[there]):
                yield f"{importer} -> {imported}"


def forbidden_breaches(contract: Contract, graph: Graph) -> Iterator[str]:
    """Imports of what is forbidden, with the way there where it is not direct."""
    forbidden = contract["forbidden_modules"]
    for package in contract["source_modules"]:
        if package not in graph:
            yield f"{package} does not exist"
        for source in (name for name in graph if is_within(name, package)):
            for chain in chains(source, graph, direct=contract.get("allow_indirect_imports", False)):
                if any(is_within(chain[-1], name) for name in forbidden):
                    yield " -> ".join(chain)


def chains(source: str, graph: Graph, *, direct: bool) -> Iterator[tuple[str, ...]]:
    """A shortest chain of imports from a module to each that it reaches."""
    seen = {source}
    edge = [(source,)]
    while edge:
        following = []
        for chain in edge:
            for imported in sorted(graph.get(chain[-1], frozenset()) - seen):
                seen.add(imported)
                following.append((*chain, imported))
        yield from following
        edge = [] if direct else following
