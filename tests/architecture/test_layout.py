"""Where things stand: the links, sizes, docstrings, and words that must not be committed."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator

import pytest

from house.tree import LINKS, ROOT, Module, modules, project_files

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 60
PYTHON_FOLDERS = ("src", "speaker", "controller", "tui", "addon", "tests", "bench", "scripts")

# Put together here, so that this file may be committed.
FOREIGN_WORDS = tuple(
    "".join(parts)
    for parts in (
        ("/work", "/"),
        ("../", "shared"),
        ("shared", "/research"),
        ("shared", "/tools"),
        ("shared", "/spec"),
        ("shared", "/seeds"),
        ("research", "/"),
        ("proto", "types/"),
        ("lab-and", "-demo.md"),
        ("runtime", ".md"),
        ("style", ".md"),
        ("bare-", "machine"),
        ("sub", "agent"),
    )
)

Function = (ast.FunctionDef, ast.AsyncFunctionDef)


@pytest.mark.parametrize(("link", "target"), LINKS.items())
def test_link_is_relative_and_leads_somewhere(link: str, target: str) -> None:
    path = ROOT / link
    assert path.is_symlink()
    assert os.readlink(path) == target  # noqa: PTH115 - Path.readlink would hide a trailing slash
    assert path.exists()


@pytest.mark.parametrize("program", ["enable", "disable"])
def test_addon_programs_are_executable(program: str) -> None:
    """MicroK8s refuses a repository whose addons are not."""
    assert os.access(ROOT / "addons" / "pylb" / program, os.X_OK)


def python_files() -> Iterator[tuple[str, str]]:
    for path in project_files():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix == ".py" and name.split("/")[0] in PYTHON_FOLDERS:
            yield name, path.read_text(encoding="utf-8")


def test_files_are_small() -> None:
    sizes = [(source.count("\n"), name) for name, source in python_files()]
    large = [f"{name}: {size} lines, at most {MAX_FILE_LINES}" for size, name in sizes if size > MAX_FILE_LINES]
    assert not large, "\n".join(large)


def test_functions_are_small() -> None:
    functions = [
        (node.end_lineno - node.lineno + 1, f"{name}:{node.lineno} {node.name}")
        for name, source in python_files()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, Function)
    ]
    large = [
        f"{name}: {size} lines, at most {MAX_FUNCTION_LINES}" for size, name in functions if size > MAX_FUNCTION_LINES
    ]
    assert not large, "\n".join(large)


def test_every_module_says_what_it_is() -> None:
    spoken = [(name, source) for name, source in python_files() if not name.startswith("tests/")]
    silent = [name for name, source in spoken if not ast.get_docstring(ast.parse(source))]
    assert not silent, "\n".join(silent)


def annotates(tree: ast.Module) -> bool:
    """Whether anything in a module has an annotation."""
    return any(
        isinstance(node, ast.AnnAssign)
        or (isinstance(node, ast.arg) and node.annotation is not None)
        or (isinstance(node, Function) and node.returns is not None)
        for node in ast.walk(tree)
    )


def postpones_annotations(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and any(alias.name == "annotations" for alias in node.names)
        for node in tree.body
    )


def test_annotations_are_postponed() -> None:
    trees = [(name, ast.parse(source)) for name, source in python_files()]
    eager = [name for name, tree in trees if annotates(tree) and not postpones_annotations(tree)]
    assert not eager, "\n".join(eager)


def test_what_is_committed_speaks_of_the_project_alone() -> None:
    found = []
    for path in project_files():
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            found += [f"{path.relative_to(ROOT)}:{number} {word}" for word in FOREIGN_WORDS if word in line]
    assert not found, "\n".join(found)


CLOCK_CALLS = {"now", "utcnow", "today"}
SIDE_EFFECTS = {"open", "print", "input", "breakpoint"}


def effects(module: Module) -> Iterator[str]:
    """Calls that read a clock, or write or read something outside, which no import contract sees."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        is_clock = isinstance(called, ast.Attribute) and called.attr in CLOCK_CALLS
        if is_clock or (isinstance(called, ast.Name) and called.id in SIDE_EFFECTS):
            yield f"{module.name}:{node.lineno} {ast.unparse(called)}"


def test_pure_modules_call_nothing_impure(pure_modules: tuple[str, ...]) -> None:
    assert [effect for name in pure_modules for effect in effects(modules()[name])] == []


def test_a_module_that_says_that_it_is_pure_is_held_to_it(pure_modules: tuple[str, ...]) -> None:
    """A docstring with the sentence "Pure." or "Pure: …" is a claim, and belongs under the contract."""
    spoken = {name: ast.get_docstring(module.tree) or "" for name, module in modules().items()}
    claims = {name for name, docstring in spoken.items() if re.search(r"(?:^|[.:] |\n)Pure[.;:,]", docstring)}
    assert claims - set(pure_modules) == set()
