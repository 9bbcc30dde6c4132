"""How a lab gets namespaces of its own, with root's rights or without, and what to do where the kernel refuses.

Everything of a lab lives in one set of namespaces below one `unshare`; when its first process ends, the kernel ends
the rest. So nothing here, and nothing in a lab, cleans up.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pylb.lab.errors import NoNamespaces

TOOLS = {
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "nft": "nftables",
    "openssl": "openssl",
}
PATH_TAIL = "/usr/sbin:/sbin"  # where Debian keeps ip and nft, outside the PATH of people
TRIAL_LIMIT_S = 5.0
_TRIAL = "mount -t tmpfs tmpfs /run && ip link add trial type bridge"
_APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
_LIMIT = Path("/proc/sys/user/max_user_namespaces")
_DEBIAN = Path("/proc/sys/kernel/unprivileged_userns_clone")


# Where / is no mount point (a chroot), nothing can be made private below it: a copy of the tree becomes the root.
_NEW_ROOT = 'mount --rbind / /run && cd /run && exec chroot . sh -c \'mount --make-rprivate / && cd "$0" && exec "$@"\' "$0" "$@"'


@dataclass(frozen=True, slots=True)
class Way:
    """One way of getting namespaces: with root's rights, or as root of a user namespace of one's own."""

    options: tuple[str, ...]
    inner: tuple[str, ...] = ()  # what to put between unshare and the command

    @property
    def command(self) -> list[str]:
        """What to put before a command: it ends, and all that it started, when the process that started it ends."""
        unshare = ["unshare", *self.options, "--net", "--mount", "--pid", "--fork", "--kill-child", "--"]
        return ["setpriv", "--pdeathsig", "KILL", *unshare, *self.inner]


ROOT = Way(())
USER = Way(("--user", "--map-root-user"))


def chrooted(folder: str) -> Way:
    """With root's rights in a chroot, where the kernel forbids user namespaces; commands start in `folder`."""
    return Way(("--propagation", "unchanged"), ("sh", "-c", _NEW_ROOT, folder))


def environment() -> dict[str, str]:
    """The environment with the folders of system tools on PATH."""
    return {**os.environ, "PATH": f"{os.environ.get('PATH', '/usr/bin:/bin')}:{PATH_TAIL}"}


def way() -> Way:
    """The first way that works here, tried in a child process; `NoNamespaces` says what stands against it."""
    path = environment()["PATH"]
    missing = sorted({package for tool, package in TOOLS.items() if shutil.which(tool, path=path) is None})
    if missing:
        raise NoNamespaces(f"the lab needs {', '.join(missing)}: apt-get install {' '.join(missing)}")
    complaint = ""
    for candidate in (ROOT, chrooted(str(Path.cwd())), USER) if os.geteuid() == 0 else (USER,):
        said = _try(candidate)
        if not said:
            return candidate
        complaint = complaint or said
    raise NoNamespaces(explain(complaint))


def _try(candidate: Way) -> str:
    try:
        done = subprocess.run(
            [*candidate.command, "sh", "-c", _TRIAL],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=TRIAL_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {TRIAL_LIMIT_S:.0f} s"
    return "" if done.returncode == 0 else (done.stderr.strip() or f"ended with {done.returncode}")


def explain(complaint: str) -> str:
    """One line: what the kernel said, why it said so, and the ways out, the best first."""
    said = complaint.splitlines()[0] if complaint else "refused"
    return f"no namespaces for a lab ({said}): {_cause()}"


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _cause() -> str:
    if os.geteuid() == 0:
        return "root lacks CAP_SYS_ADMIN here; in a container, add the capabilities SYS_ADMIN and NET_ADMIN"
    if _read(_APPARMOR) == "1":
        return (
            "AppArmor forbids user namespaces to programs without a profile (Ubuntu 23.10 and later); "
            "run it with sudo, or give this Python an AppArmor profile with 'userns,', "
            "or, for the whole machine until it restarts, sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
        )
    if _read(_DEBIAN) == "0":
        return "run it with sudo, or sudo sysctl -w kernel.unprivileged_userns_clone=1"
    if _read(_LIMIT) == "0":
        return "run it with sudo, or sudo sysctl -w user.max_user_namespaces=15000"
    return "run it with sudo; in a container, user namespaces must be allowed"
