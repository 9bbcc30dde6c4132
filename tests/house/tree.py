"""The modules of pylb as they stand on disk, parsed but never imported, and who imports whom."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
PACKAGE = "pylb"
LINKS = {  # each link of the layout, and where it leads
    "src/pylb/speaker": "../../speaker",
    "src/pylb/controller": "../../controller",
    "src/pylb/tui": "../../tui",
    "src/pylb/addon": "../../addon",
    "addons": "addon/addons",
    "addons.yaml": "addon/addons.yaml",
}


@dataclass(frozen=True, slots=True)
class Module:
    """One module of pylb."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement's effect; a third party or the standard library is named by its first part alone."""

    importer: str
    imported: str
    line: int
    at_load: bool  # runs when the module is loaded, not when one of its functions is called


def package_files(pattern: str = "*") -> Iterator[Path]:
    """Files of the package under the names that Python sees: links are followed, caches left out."""
    for folder, folders, names in os.walk(SOURCE / PACKAGE, followlinks=True):
        folders[:] = sorted(set(folders) - {"__pycache__"})
        yield from (path for path in (Path(folder) / name for name in sorted(names)) if path.match(pattern))


@lru_cache(maxsize=1)
def modules() -> dict[str, Module]:
    """Every module of pylb by its name."""
    known = {}
    for path in package_files("*.py"):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        known[name] = Module(name, path, ast.parse(path.read_text(encoding="utf-8"), str(path)))
    return known


def resolve(name: str, known: frozenset[str]) -> str:
    """The module that an imported name belongs to."""
    while name not in known and "." in name:
        name = name.rpartition(".")[0]
    return name


def statements(node: ast.AST, at_load: bool = True) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """The import statements below a node, and whether each runs when the module is loaded."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child, at_load
        inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        checked = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
        yield from statements(child, at_load and not inside and not checked)


def imports_of(name: str, tree: ast.Module, known: frozenset[str]) -> Iterator[Import]:
    """What one module imports; relative imports do not exist here (ruff sees to that)."""
    for statement, at_load in statements(tree):
        if isinstance(statement, ast.Import):
            names = [alias.name for alias in statement.names]
        else:
            names = [f"{statement.module}.{alias.name}" for alias in statement.names]
        for imported in names:
            first = imported.partition(".")[0]
            target = resolve(imported, known) if first == PACKAGE else first
            yield Import(name, target, statement.lineno, at_load)


@lru_cache(maxsize=1)
def imports() -> tuple[Import, ...]:
    """Every import of every module."""
    known = frozenset(modules())
    return tuple(one for module in modules().values() for one in imports_of(module.name, module.tree, known))


@lru_cache(maxsize=1)
def project_files() -> tuple[Path, ...]:
    """What is, or is about to be, committed: tracked or new, not ignored; links are left out."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    paths = (ROOT / name for name in listed if name)
    return tuple(path for path in paths if path.is_file() and not path.is_symlink())
