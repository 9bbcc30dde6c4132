"""Which of pylb's own files stand in the image, and what of wheels."""

from __future__ import annotations

import zipfile
from pathlib import Path

from house.tree import imports, modules
from pylb.install.image import source, wheels
from pylb.install.image.wheels import PACKAGES

DAEMONS = ("pylb.__main__", "pylb.controller.cli", "pylb.speaker.cli")


def shipped() -> set[str]:
    """The modules in the image, by their names."""
    paths = (path.removeprefix(f"{PACKAGES}/").removesuffix(".py") for path in source.tree())
    return {path.removesuffix("/__init__").replace("/", ".") for path in paths}


def test_all_that_the_daemons_may_import_is_there() -> None:
    """Late imports included; the command's own table names the daemons, and is read by name."""
    wanted, pending = set(DAEMONS), list(DAEMONS)
    while pending:
        importer = pending.pop()
        found = {one.imported for one in imports() if one.importer == importer and one.imported in modules()}
        pending += found - wanted
        wanted |= found
    assert wanted - shipped() == set()


def test_nothing_that_people_type_is_there() -> None:
    parts = {name.split(".")[1] for name in shipped() if "." in name}
    assert parts == {"__main__", "cli", "controller", "core", "kube", "runtime", "speaker"}
    assert all(path.endswith(".py") and "__pycache__" not in path for path in source.tree())


def test_wheels_lose_what_is_compiled(tmp_path: Path) -> None:
    wheel = tmp_path / "yaml-1-cp311.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in (
            "yaml/__init__.py",
            "yaml/_yaml.cpython-311.so",
            "yaml-1.dist-info/LICENSE",
            "yaml-1.data/scripts/x",
        ):
            archive.writestr(name, name)
    assert {path: entry.data.decode() for path, entry in wheels.tree_of(wheel).items()} == {
        f"{PACKAGES}/{name}": name for name in ("yaml/__init__.py", "yaml-1.dist-info/LICENSE")
    }


def test_requirements_are_those_without_an_extra() -> None:
    names = {one.split(">")[0].split("<")[0] for one in wheels.requirements()}
    assert names == {"click", "h11", "pyyaml"}
