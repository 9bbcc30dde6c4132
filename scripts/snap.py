"""Makes pylb's snap: the tree that it holds, its metadata, and the file, by `snap pack`.

snapcraft.yaml calls it for the tree alone (`--prime FOLDER`); the metadata is what snapcraft would make of the same
file. Nothing compiled is in the tree: PyYAML's C module is left out, and the base's Python runs the rest.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SNAP = ROOT / "snap"
PYTHON = "3.12"  # of core24
PACKAGES = Path("lib/python")  # bin/pylb puts it on Python's path
PLATFORMS = {
    "amd64": ("manylinux2014_x86_64", "manylinux_2_28_x86_64"),
    "arm64": ("manylinux2014_aarch64", "manylinux_2_28_aarch64"),
}
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
EXTRAS = ("tui",)
LEFT_OUT = ("demo", "embedded", "lab", "__pycache__")  # namespaces are none of a strict snap's business
COPIED = ("name", "version", "summary", "description", "license", "grade", "base", "confinement", "apps", "plugs")
LIMIT_S = 600  # of pip, or of the packing, on a Raspberry Pi


class Fault(Exception):
    """The snap cannot be made; the message says why, and what to type."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 made, 1 it cannot be made; 2 is argparse's, for wrong input."""
    parser = argparse.ArgumentParser(prog="scripts/snap", description="Make pylb's snap, and print where it is.")
    parser.add_argument("--arch", default="native", help="native, amd64, arm64, or several divided by commas")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", metavar="FOLDER", help="where to put it (dist)")
    parser.add_argument("--prime", type=Path, metavar="FOLDER", help="make the tree alone, without metadata")
    options = parser.parse_args(arguments)
    wanted = [MACHINES.get(platform.machine(), "") if one == "native" else one for one in options.arch.split(",")]
    if not set(wanted) <= set(PLATFORMS):
        parser.error(f"--arch {options.arch}: there are native, {', '.join(PLATFORMS)}")
    try:
        for arch in wanted:
            if options.prime:
                prime(options.prime, arch)
            else:
                print(make(arch, options.output))
    except Fault as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


def make(arch: str, output: Path) -> Path:
    """The snap for an architecture, in the folder `output`."""
    program = shutil.which("snap", path=f"{os.environ.get('PATH', '')}:/usr/bin:/snap/bin")
    if program is None:
        raise Fault("`snap` is not here; type: sudo apt-get install snapd squashfs-tools")
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pylb-snap-") as folder:
        tree = Path(folder, "prime")
        prime(tree, arch)
        describe(tree, arch)
        run([program, "pack", "--check-skeleton", str(tree)])
        told = run([program, "pack", str(tree), str(output.resolve())])
    return output / told.split()[-1].rpartition("/")[2]


def prime(tree: Path, arch: str) -> None:
    """What the snap holds besides its metadata."""
    packages = tree / PACKAGES
    packages.mkdir(parents=True, exist_ok=True)
    fetch(packages, arch)
    shutil.copytree(
        ROOT / "src" / "pylb", packages / "pylb", ignore=shutil.ignore_patterns(*LEFT_OUT), dirs_exist_ok=True
    )
    compile_all(packages)
    place(SNAP / "local" / "pylb", tree / "bin" / "pylb", 0o755)
    place(SNAP / "local" / "completion.bash", tree / "completion.bash", 0o644)


def fetch(packages: Path, arch: str) -> None:
    """The packages that pylb imports, by pip, whatever the architecture and Python of this machine."""
    platforms = [word for name in PLATFORMS[arch] for word in ("--platform", name)]
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--root-user-action=ignore"]
    version = ["--implementation", "cp", "--python-version", PYTHON, "--only-binary=:all:", "--no-compile"]
    run([*pip, "--target", str(packages), *version, *platforms, *requirements()])
    shutil.rmtree(packages / "bin", ignore_errors=True)  # programs of libraries
    for compiled in packages.rglob("*.so"):
        compiled.unlink()


def requirements() -> list[str]:
    """What pylb requires, with the parts that the snap has."""
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    project: dict[str, Any] = toml.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *(one for extra in EXTRAS for one in project["optional-dependencies"][extra])]


def compile_all(packages: Path) -> None:
    """Compile ahead by a Python of the base's version, where there is one: a snap cannot keep what Python compiles."""
    python = shutil.which(f"python{PYTHON}")
    runs = python and subprocess.run([python, "--version"], capture_output=True, check=False).returncode == 0
    if python is None or not runs:
        print(f"python{PYTHON} is not here: nothing is compiled ahead, and each start takes longer", file=sys.stderr)
        return
    how = ["--invalidation-mode", "unchecked-hash", "-s", str(packages), "-p", f"/snap/pylb/current/{PACKAGES}"]
    run([python, "-m", "compileall", "-q", *how, str(packages)])


def place(source: Path, target: Path, mode: int) -> None:
    """Copy a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def describe(tree: Path, arch: str) -> None:
    """Write meta/snap.yaml and the hooks, as snapcraft would."""
    import yaml  # which snapcraft's build of the tree does without

    project = yaml.safe_load((SNAP / "snapcraft.yaml").read_text(encoding="utf-8"))
    meta = {key: project[key] for key in COPIED} | {"architectures": [arch]}
    (tree / "meta").mkdir()
    (tree / "meta" / "snap.yaml").write_text(yaml.safe_dump(meta, sort_keys=False), encoding="utf-8")
    for hook in sorted((SNAP / "hooks").iterdir()):
        place(hook, tree / "meta" / "hooks" / hook.name, 0o755)


def run(command: Sequence[str]) -> str:
    """What a command printed; Fault where it failed, or complained: `snap pack` exits with 0 whatever it warns of."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode != 0 or done.stderr.strip():
        raise Fault(f"{' '.join(command[:4])} …: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
