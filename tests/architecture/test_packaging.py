"""What is delivered: the wheel, made from the sdist, holds all of pylb, and runs where nothing else of the tree is."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from house.tree import ROOT, SOURCE, package_files, project_files
from pylb import __version__

BUILD_LIMIT = 50  # seconds


def run(*command: str, folder: Path, **environment: str) -> str:
    """What a command prints; its complaint where it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILD_LIMIT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An sdist of what would be committed, as a clone would make it."""
    clone = tmp_path_factory.mktemp("clone")
    for path in [*project_files(), *(path for path in ROOT.glob("**/*") if is_committed_link(path))]:
        target = clone / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target, follow_symlinks=False)
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", folder=clone)
    [made] = (clone / "dist").glob("*.tar.gz")
    return made


def is_committed_link(path: Path) -> bool:
    return path.is_symlink() and not any(part.startswith(".") for part in path.relative_to(ROOT).parts)


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel made from the unpacked sdist alone."""
    folder = tmp_path_factory.mktemp("unpacked")
    run("tar", "-xzf", str(sdist), folder=folder)
    [tree] = folder.iterdir()
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", folder=tree)
    [made] = (tree / "dist").glob("*.whl")
    return made


def test_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    """Modules of each part, and data: manifests, styles, the addon's programs."""
    committed = {path.resolve() for path in project_files()}
    expected = {path.relative_to(SOURCE).as_posix() for path in package_files() if path.resolve() in committed}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == expected
    assert any(name.startswith("pylb/speaker/") for name in held)


@pytest.mark.parametrize("program", ["enable", "disable"])
def test_wheel_keeps_the_exec_bit(wheel: Path, program: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        mode = archive.getinfo(f"pylb/addon/addons/pylb/{program}").external_attr >> 16
    assert mode & stat.S_IXUSR


def test_sdist_holds_tests_with_their_data_and_no_links(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        members = archive.getmembers()
    assert [member.name for member in members if member.issym() or member.islnk()] == []
    held = {member.name.partition("/")[2] for member in members}
    tests = {path.relative_to(ROOT).as_posix() for path in project_files() if path.is_relative_to(ROOT / "tests")}
    assert tests - held == set()
    assert any(name.startswith("tests/data/") for name in held)
    assert {"LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "pyproject.toml"} - held == set()


def test_wheel_runs_alone(wheel: Path, tmp_path: Path) -> None:
    """Installed into a folder of its own, away from the tree, and found there first."""
    target = str(tmp_path / "target")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target", target, str(wheel)]
    run(*pip, folder=tmp_path)
    where = run(sys.executable, "-c", "import pylb; print(pylb.__file__)", folder=tmp_path, PYTHONPATH=target)
    assert where.startswith(target)
    assert __version__ in run(sys.executable, "-m", "pylb", "--version", folder=tmp_path, PYTHONPATH=target)
