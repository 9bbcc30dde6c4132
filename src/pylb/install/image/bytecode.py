"""Compiles a tree's Python files ahead, by the very Python that the image holds.

A pod's root is read-only, so that Python would compile every module at each start (measured: 0.26 s instead of 0.07 s,
and 4.5 MB more memory). The files say "never check the source" (PEP 552), so that no time of a file is in them; sets in
them are sorted by Python itself, since 3.11.
"""

from __future__ import annotations

import base64
import json
import posixpath
import subprocess
from collections.abc import Sequence

from pylb.install.image.errors import ImageFault
from pylb.install.image.files import Kind, Tree, file

COMPILE_LIMIT = 300  # seconds for all files of a tree on a slow machine
# Reads [[name in tracebacks, source in base64] …], writes [compiled file in base64, or null for bad syntax …].
PROGRAM = """
import base64, importlib.util, json, marshal, sys
made = []
for name, source in json.load(sys.stdin):
    data = base64.b64decode(source)
    try:
        code = compile(data, name, "exec", dont_inherit=True, optimize=0)
    except SyntaxError:
        made.append(None)
        continue
    head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(data)
    made.append(base64.b64encode(head + marshal.dumps(code)).decode())
json.dump(made, sys.stdout)
"""


def compiled(tree: Tree, python: Sequence[str], version: str) -> Tree:
    """The compiled files of a tree, beside their sources. `python` is the command line of the image's own Python.

    Raises ImageFault where it does not run. A file of bad syntax is left as it is.
    """
    sources = {path: entry.data for path, entry in sorted(tree.items()) if _is_source(path) and entry.kind is Kind.FILE}
    asked = [[f"/{path}", base64.b64encode(data).decode()] for path, data in sources.items()]
    try:
        done = subprocess.run(
            [*python, "-s", "-S", "-c", PROGRAM],
            input=json.dumps(asked),
            env={},
            capture_output=True,
            text=True,
            timeout=COMPILE_LIMIT,
            check=False,
        )
        made = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise ImageFault(f"the image's Python does not run here: {error}") from None
    if made is None:
        raise ImageFault(f"the image's Python failed: {' / '.join(done.stderr.strip().splitlines()[-2:])}")
    pairs = zip(sources, made, strict=True)
    return {_cached(path, version): file(base64.b64decode(data)) for path, data in pairs if data is not None}


def _is_source(path: str) -> bool:
    return path.endswith(".py") and path.startswith("usr/lib/python3")


def _cached(path: str, version: str) -> str:
    folder, name = posixpath.split(path)
    return f"{folder}/__pycache__/{name[:-3]}.cpython-{version.replace('.', '')}.pyc"
