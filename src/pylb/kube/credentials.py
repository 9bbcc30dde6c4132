"""Which cluster to talk to, and as whom: it looks in the usual places and reads one small kind of kubeconfig itself.

It opens no connection. Users with an exec plugin or an auth provider go through `kube.plugins`. Of a `$KUBECONFIG`
with several files the first that exists is read; files are not merged.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pylb.kube.bearer import Bearer, FileBearer, StaticBearer
from pylb.kube.errors import NoCluster, NowhereFound

FILE_MAX = 4 * 1024 * 1024  # bytes of a kubeconfig, a certificate or a key
SERVICE_ACCOUNT = Path("var/run/secrets/kubernetes.io/serviceaccount")
MICROK8S = Path("var/snap/microk8s/current/credentials/client.config")
K3S = Path("etc/rancher/k3s/k3s.yaml")

_FIXES = {
    MICROK8S: "sudo usermod -a -G microk8s $USER && newgrp microk8s",
    K3S: "run it with sudo, or let k3s write the file readable: k3s server --write-kubeconfig-mode 644",
}


class _Unreadable(NoCluster):
    """The kubeconfig itself cannot be read (what it refers to is another matter)."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to reach an API server. Secrets are never in its repr."""

    server: str  # https://host:port, perhaps with a path prefix
    source: str  # where this was found, for people
    ca: bytes | None = field(default=None, repr=False)  # PEM; None for the system's own
    insecure: bool = False  # do not verify the server's certificate
    tls_server_name: str | None = None
    certificate: bytes | None = field(default=None, repr=False)  # PEM, the client's
    key: bytes | None = field(default=None, repr=False)  # PEM
    bearer: Bearer = field(default_factory=lambda: StaticBearer(None), repr=False, compare=False)
    namespace: str = "default"


def load(
    path: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    context: str | None = None,
    root: Path = Path("/"),
) -> Credentials:
    """The credentials of `path`, else of the first usual place that has some.

    `root` stands for the root of the file system. Raises NoCluster with the fix in its text.
    """
    env = os.environ if environ is None else environ
    named = _named_file(path, env)
    if named is not None:
        return _read_config(named, context, env)
    in_cluster = _in_cluster(env, root)
    if in_cluster is not None and context is None:
        return in_cluster
    return _first_of(_usual_files(env, root), context, env)


def _named_file(path: str | None, env: Mapping[str, str]) -> Path | None:
    """The kubeconfig that somebody named; None if nobody did."""
    if path:
        file = Path(path).expanduser()
        if not _exists(file):
            raise NoCluster(f"the kubeconfig {file} does not exist")
        return file
    listed = [Path(entry).expanduser() for entry in env.get("KUBECONFIG", "").split(os.pathsep) if entry]
    for file in listed:
        if _exists(file):
            return file
    if listed:
        raise NoCluster(
            f"$KUBECONFIG names {_join(listed)}, and there is no such file; correct it, or: unset KUBECONFIG"
        )
    return None


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except PermissionError:
        return True  # it is there, as far as can be known; reading it says the rest
    except OSError:
        return False
    return True


def _usual_files(env: Mapping[str, str], root: Path) -> list[tuple[Path, str]]:
    """(file, fix where it may not be read) of the places that are looked in."""
    files = [(root / place, fix) for place, fix in _FIXES.items()]
    home = env.get("HOME")
    if home:
        files.insert(0, (Path(home) / ".kube" / "config", "check who owns the file"))
    return files


def _first_of(files: list[tuple[Path, str]], context: str | None, env: Mapping[str, str]) -> Credentials:
    denied: list[str] = []
    for file, fix in files:
        try:
            return _read_config(file, context, env)
        except _Unreadable as error:
            cause = error.__cause__
            if isinstance(cause, PermissionError):
                denied.append(f"{file} may not be read by this user. Fix: {fix}")
            elif not isinstance(cause, (FileNotFoundError, NotADirectoryError)):
                raise
    if denied:
        raise NowhereFound("; ".join(denied))
    looked = _join([file for file, _ in files])
    raise NowhereFound(
        f"no cluster found: looked for {looked}. Name a kubeconfig: --kubeconfig FILE, or KUBECONFIG=FILE"
    )


def _read_config(file: Path, context: str | None, env: Mapping[str, str]) -> Credentials:
    from pylb.kube.kubeconfig import read

    try:
        text = file.read_bytes()[:FILE_MAX]
    except OSError as error:
        fix = next((f". Fix: {fix}" for place, fix in _FIXES.items() if str(file).endswith(f"/{place}")), "")
        raise _Unreadable(f"cannot read {file}: {error.strerror or error}{fix}") from error
    return read(text, file, context=context, environ=env)


def _in_cluster(env: Mapping[str, str], root: Path) -> Credentials | None:
    """The credentials of a pod; None outside of one."""
    host, port = env.get("KUBERNETES_SERVICE_HOST"), env.get("KUBERNETES_SERVICE_PORT", "443")
    folder = root / SERVICE_ACCOUNT
    if not host or not _exists(folder / "token"):
        return None
    try:
        ca = (folder / "ca.crt").read_bytes()[:FILE_MAX]
    except OSError as error:
        raise NoCluster(f"cannot read the cluster's CA {folder / 'ca.crt'}: {error}") from error
    return Credentials(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        source="in-cluster",
        ca=ca,
        bearer=FileBearer(folder / "token"),
        namespace=_pod_namespace(folder),
    )


def _pod_namespace(folder: Path) -> str:
    try:
        return (folder / "namespace").read_text(encoding="utf-8").strip() or "default"
    except (OSError, UnicodeDecodeError):
        return "default"


def _join(paths: list[Path]) -> str:
    return ", ".join(map(str, paths))
