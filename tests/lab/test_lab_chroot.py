"""A lab in a chroot, whose / is no mount point: the kernel forbids user namespaces there, and making anything private."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# A folder with the machine's tree bound into it, as its root; what was mounted goes with the mount namespace.
CHROOT = """
set -e
for entry in /*; do
  name=$1$entry
  if [ -L "$entry" ]; then cp -P "$entry" "$name"; elif [ -d "$entry" ]; then mkdir -p "$name"; fi
done
for entry in /*; do
  if [ -d "$entry" ] && ! [ -L "$entry" ]; then mount --rbind "$entry" "$1$entry"; fi
done
mount -t tmpfs tmpfs "$1/run"
cd "$2"
exec chroot "$1" sh -c 'cd "$0" && exec "$@"' "$2" "${@:3}"
"""
STORY = """
from pylb.lab.client import Lab
with Lab.start(nodes=2, bare=True) as lab:
    assert lab.exec("client", ["ping", "-c1", "-W2", lab.hosts["n2"]["lan"]]).returncode == 0 or lab.arp("client", lab.hosts["n2"]["lan"])
    lab.cut("n2")
    assert not any(lab.arp("client", lab.hosts["n2"]["lan"]).values())
print("played")
"""


def in_chroot() -> bool:
    """Whether these tests themselves run in one: then nothing need be built."""
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return not any(line.split()[4] == "/" for line in mounts)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change its root")
def test_a_lab_stands_in_a_chroot(tmp_path: Path) -> None:
    folder = tmp_path / "root"
    folder.mkdir()
    build = ["unshare", "--mount", "--fork", "--kill-child", "bash", "-c", CHROOT, "bash", str(folder), str(Path.cwd())]
    command = [*([] if in_chroot() else build), sys.executable, "-c", STORY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.stdout.strip() == "played", done.stderr
