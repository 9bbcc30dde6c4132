"""The image, the manifests that run it and the Containerfile say the same of command, user and name."""

from __future__ import annotations

import json
import re

from house.tree import ROOT
from pylb import __version__
from pylb.addon import render, workloads
from pylb.addon.workloads import deployment
from pylb.install.image import build, contents
from pylb.install.image.oci import tagged_name

CONTAINERFILE = (ROOT / "Containerfile").read_text(encoding="utf-8")


def test_the_manifests_run_what_the_image_holds() -> None:
    [container] = deployment(render.IMAGE, __version__)["spec"]["template"]["spec"]["containers"]
    assert container["command"] == [*build.ENTRYPOINT, "controller"]
    assert workloads.NOBODY == contents.NOBODY
    assert f"{workloads.NOBODY}:{workloads.NOBODY}" == build.USER
    assert tagged_name(render.IMAGE) == f"docker.io/library/pylb:{__version__}"


def test_containerfile_agrees() -> None:
    [entrypoint] = re.findall(r"^ENTRYPOINT (.+)$", CONTAINERFILE, re.MULTILINE)
    [user] = re.findall(r"^USER (.+)$", CONTAINERFILE, re.MULTILINE)
    [environment] = re.findall(r"^ENV (.+)$", CONTAINERFILE, re.MULTILINE)
    set_here = dict(word.split("=") for word in environment.split())
    assert tuple(json.loads(entrypoint)) == build.ENTRYPOINT
    assert user == build.USER
    assert set_here == {name: value for name, value in build.ENVIRONMENT.items() if name != "PATH"}


def test_containerfile_copies_what_the_wheel_is_made_of() -> None:
    """Each folder of the layout that pylb's package links to."""
    copied = {
        word for line in re.findall(r"^COPY (?!--)(.+) \S+$", CONTAINERFILE, re.MULTILINE) for word in line.split()
    }
    linked = {path.name for path in (ROOT / "src" / "pylb").iterdir() if path.is_symlink()}
    assert copied == {"pyproject.toml", "README.md", "LICENSE", "src", *linked}
