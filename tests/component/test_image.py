"""The image as `scripts/image` makes it of Debian's packages: what is in it, that it is made again the same, that it runs.

The base is fetched by the machine's apt once, and kept in the cache folder; then nothing is fetched.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from pylb.addon.render import IMAGE
from pylb.install.image import base, bytecode, contents
from pylb.install.image.build import Built, Request, build
from pylb.install.image.debian import PROGRAMS, tree_of
from pylb.install.image.errors import ImageFault
from pylb.install.image.files import Kind, Tree
from pylb.install.image.layers import layer
from pylb.install.image.source import PARTS

pytestmark = pytest.mark.timeout(600)  # a cold base: some 30 MB from Debian, packed twice
MAX_COMPRESSED = 30 << 20  # bytes an architecture
RUN_LIMIT = 60  # seconds for a command in the image
REQUEST = Request(IMAGE, base.ARCHITECTURES, base.cache_folder())


@dataclass(frozen=True, slots=True)
class Made:
    """An image, and what its layers unpack to on each architecture."""

    built: Built
    roots: Mapping[str, Tree]


def unpacked(archive: bytes) -> dict[str, Tree]:
    """What a container runtime makes of an archive."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        blobs = {one.name: file.read() for one in members if (file := members.extractfile(one)) is not None}

    def blob(descriptor: Mapping[str, str]) -> bytes:
        return blobs["blobs/" + descriptor["digest"].replace(":", "/")]

    roots: dict[str, Tree] = {}
    [top] = json.loads(blobs["index.json"])["manifests"]
    for entry in json.loads(blob(top))["manifests"]:
        tree: Tree = {}
        for one in json.loads(blob(entry))["layers"]:
            tree |= tree_of(gzip.decompress(blob(one)))
        roots[entry["platform"]["architecture"]] = tree
    return roots


@pytest.fixture(scope="module")
def made() -> Made:
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        pytest.skip(f"the image is made on Debian; this machine has no {absent[0]}")
    try:
        built = build(REQUEST, print)
    except ImageFault as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the image cannot be made here: {error}")
    return Made(built, unpacked(built.archive.data))


def test_it_is_small(made: Made) -> None:
    assert {arch: size for arch, size in made.built.sizes.items() if size > MAX_COMPRESSED} == {}


def test_the_same_sources_give_the_same_bytes(made: Made) -> None:
    """Of the sources as they stand now, twice: somebody may be editing them."""
    first, second = (build(REQUEST, print) for _ in range(2))
    assert first.archive.data == second.archive.data


def test_a_base_is_packed_again_the_same(made: Made) -> None:
    """Compiled and packed anew by another process, of the files that it unpacks to."""
    native = base.native()
    found = base.bases([native], REQUEST.folder, False, print)[native]
    tree = tree_of(gzip.decompress(found.layer.data))
    sources = {path: entry for path, entry in tree.items() if not path.endswith(".pyc")}
    again = {**sources, **bytecode.compiled(sources, found.interpreter(), found.python)}
    assert sorted(path for path in tree if again.get(path) != tree[path]) == []
    assert layer(again, base.EPOCH, found.layer.created_by) == found.layer


@pytest.mark.parametrize("arch", base.ARCHITECTURES)
def test_every_program_is_of_its_architecture_and_finds_its_libraries(made: Made, arch: str) -> None:
    tree = made.roots[arch]
    assert {one.machine for _, one in contents.programs(tree)} == {arch}
    assert contents.faults(tree, arch) == []
    assert len(list(contents.programs(tree))) > 30  # Python, libc, libssl, compiled modules


def test_both_architectures_hold_the_same_python_files(made: Made) -> None:
    """But the two that tell of the machine."""
    amd64, arm64 = (
        {path: entry for path, entry in made.roots[arch].items() if path.endswith((".py", ".pyc"))}
        for arch in ("amd64", "arm64")
    )
    differing = {path for path in amd64.keys() | arm64.keys() if amd64.get(path) != arm64.get(path)}
    assert {path for path in differing if "_sysconfigdata_" not in path} == set()


def test_every_module_is_compiled(made: Made) -> None:
    """A root that is read-only would have it compiled at each start."""
    tree = made.roots["arm64"]
    stems = {path.rpartition(".cpython-")[0].replace("__pycache__/", "") for path in tree if path.endswith(".pyc")}
    modules = {
        path[:-3] for path in tree if path.endswith(".py") and tree[path].kind is Kind.FILE and "etc/" not in path
    }
    assert modules - stems == set()


@pytest.fixture(scope="module")
def root(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This machine's half, on disk."""
    if os.geteuid() != 0:
        pytest.skip("a chroot as another user needs root")
    folder = tmp_path_factory.mktemp("image") / "root"
    base.unpack(made.roots[base.native()], folder)
    return folder


def run(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A command in the image: its own user, a root that is read-only, nothing else mounted."""
    script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'
    chroot = ["chroot", "--userspec=65534:65534", str(root), *command]
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", str(root), *chroot],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_LIMIT,
    )


@pytest.mark.parametrize("daemon", ["controller", "speaker"])
def test_daemons_run_in_it(root: Path, daemon: str) -> None:
    done = run(root, "python3", "-m", "pylb", daemon, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"pylb {daemon}" in done.stdout


def test_every_module_of_pylb_imports_in_it(root: Path) -> None:
    """And what they import late, with authorities for TLS and a clean standard error."""
    code = f"""
import asyncio, ctypes, importlib, os, pkgutil, ssl, tempfile, uuid, h11, yaml, click, pylb
for part in {PARTS!r}:
    package = importlib.import_module("pylb." + part)
    for one in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(one.name)
asyncio.run(asyncio.to_thread(os.getpid))
assert len(ssl.create_default_context().get_ca_certs()) > 50
assert yaml.safe_load("a: [1]") == {{"a": [1]}}
print(os.getuid(), os.getgid(), os.access("/tmp", os.W_OK), pylb.__file__)
"""
    done = run(root, "python3", "-c", code)
    assert (done.stderr, done.stdout) == ("", "65534 65534 False /usr/lib/python3/dist-packages/pylb/__init__.py\n")


def test_a_traceback_names_files_of_the_image(made: Made, root: Path) -> None:
    """Compiled files tell where their source stands, which must not be where it was compiled."""
    code = (
        "import pylb.core.ranges, json; print(pylb.core.ranges.__dict__['__cached__'], json.dumps.__code__.co_filename)"
    )
    done = run(root, "python3", "-c", code)
    version = contents.python_version(made.roots[base.native()])
    assert done.stdout.split() == [
        f"/usr/lib/python3/dist-packages/pylb/core/__pycache__/ranges.cpython-{version.replace('.', '')}.pyc",
        f"/usr/lib/python{version}/json/__init__.py",
    ]
