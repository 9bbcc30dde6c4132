"""Where the lab is required, a skipped lab test is a failure; where no lab can stand, it is a skip that says why."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
SKIPS = "import pytest\ndef test_one():\n    pytest.skip('no wish to')\n"
SKIPS_AT_LOAD = "import pytest\npytest.skip('not today', allow_module_level=True)\n"
XFAILS = "import pytest\n@pytest.mark.xfail(strict=True)\ndef test_one():\n    assert False\n"
NEEDS_KUBECTL = "import pytest\n@pytest.mark.kubectl\ndef test_one():\n    pytest.skip('no kubectl')\n"


def run(folder: Path, layer: str, test: str, *, capable: bool = True, required: bool = True) -> str:
    """The last line of a pytest run of one file, on a machine whose programs are stand-ins."""
    programs = folder / "bin"
    (folder / "tests" / layer).mkdir(parents=True)
    programs.mkdir()
    shutil.copy(CONFTEST, folder / "tests")
    (folder / "tests" / layer / "test_it.py").write_text(test)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = lab\n  kubectl\n")
    for name in ("nft", "ip", "unshare", "nsenter", "setpriv", "openssl"):
        (programs / name).write_text(f"#!/bin/sh\nexit {0 if capable else 1}\n")
        (programs / name).chmod(0o755)
    environment = {"PATH": str(programs), "PYLB_REQUIRE_LAB": "1" if required else "", "HOME": os.environ["HOME"]}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("layer", "test", "options", "verdict"),
    [
        ("lab", SKIPS, {}, "1 failed"),
        ("lab", SKIPS_AT_LOAD, {}, "1 error"),
        ("lab", SKIPS, {"required": False}, "1 skipped"),
        ("lab", SKIPS_AT_LOAD, {"required": False}, "1 skipped"),
        ("lab", SKIPS, {"capable": False}, "1 skipped"),
        ("lab", XFAILS, {}, "1 xfailed"),
        ("lab", NEEDS_KUBECTL, {}, "1 skipped"),
        ("unit", SKIPS, {}, "1 skipped"),
    ],
)
def test_skip(tmp_path: Path, layer: str, test: str, options: dict[str, bool], verdict: str) -> None:
    assert verdict in run(tmp_path, layer, test, **options)
