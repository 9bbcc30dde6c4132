"""Writes docs/conformance.md: what the embedded API server promises, and where it knowingly differs from a real one.

The promises are the docstrings of tests/conformance, the differences its table. Nothing of the tests is imported or run.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from written import cell, publish

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests" / "conformance"
DOCUMENT = ROOT / "docs" / "conformance.md"
TABLE = "DIFFERENCES"
PREFIX = "test_"

HEAD = """\
# What the embedded API server promises

Written by `scripts/conformance.py` from the tests in `tests/conformance`; do not edit it.

pylb's demo, lab and tests run on a small Kubernetes API server of its own (docs/adr/0004). Each sentence below is one test.
`make test` asserts it on the embedded server, `make cluster` on a real kube-apiserver with etcd, controllers and a kubelet.
Where the two differ on purpose, both answers are asserted: a difference that nobody declared fails, and so does one
that is gone.
"""

Promise = tuple[str, str]  # id, sentence


def sections(folder: Path) -> Iterator[tuple[str, list[Promise]]]:
    """(title, promises) of each file of tests that take an API server."""
    for path in sorted(folder.glob(f"{PREFIX}*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        promises = [
            (node.name.removeprefix(PREFIX), " ".join((ast.get_docstring(node) or "").split()))
            for node in tree.body
            if isinstance(node, ast.AsyncFunctionDef) and node.name.startswith(PREFIX)
        ]
        if promises:
            yield (ast.get_docstring(tree) or path.stem).splitlines()[0].rstrip("."), promises


def differences(folder: Path) -> dict[str, tuple[str, ...]]:
    """(what the embedded server does instead, why) by promise."""
    tree = ast.parse((folder / "differences.py").read_text(encoding="utf-8"))
    tables = (
        node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == TABLE
    )
    return {
        ast.literal_eval(key): tuple(ast.literal_eval(word) for word in value.args)
        for table in tables
        if isinstance(table, ast.Dict)
        for key, value in zip(table.keys, table.values, strict=True)
        if key is not None and isinstance(value, ast.Call)
    }


def render(folder: Path) -> str:
    """The whole document."""
    told = differences(folder)
    found = list(sections(folder))
    promised = {promise: sentence for _, promises in found for promise, sentence in promises}
    lines = [HEAD, f"{len(promised)} promises, {len(told)} known differences.", "", "## Known differences", ""]
    lines += ["| A real API server | The embedded one | Why |", "|---|---|---|"]
    lines += [f"| {cell(promised[name])} | {cell(instead)} | {cell(why)} |" for name, (instead, why) in told.items()]
    for title, promises in found:
        lines += ["", f"## {title}", ""]
        lines += [f"- {sentence}{' (differs)' if name in told else ''}" for name, sentence in promises]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the document; with `--check` only say whether it is current."""
    return publish(DOCUMENT, render(TESTS), __file__)


if __name__ == "__main__":
    sys.exit(main())
