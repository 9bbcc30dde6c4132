"""The files that a cluster is started with: keys, tokens, kubeconfigs, and what each node's first process is told."""

from __future__ import annotations

import json
import secrets
import shutil
from typing import Any

from cluster import programs, texts
from cluster.programs import Files
from pylb.lab import objects
from pylb.lab.children import Children
from pylb.lab.errors import LabError
from pylb.lab.plan import API_PORT, SERVICES, Host, Plan
from pylb.lab.programs import Files as LabFiles
from pylb.lab.programs import certificate
from pylb.lab.sandbox import environment

TOKEN_BYTES = 16


async def write(files: Files, plan: Plan, children: Children, port: int) -> None:
    """Write all that the control plane needs; `port` is the API server's on the host's loopback."""
    lab = LabFiles(files.home)  # the same names for the certificate
    addresses = ["127.0.0.1", str(plan.api), str(SERVICES.network_address + 1)]
    await children.check(certificate(lab, addresses))
    key = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(files.accounts_key)]
    await children.check(key)
    known = texts.users(plan.nodes)
    given = {name: secrets.token_hex(TOKEN_BYTES) for name in known}
    authority = files.certificate.read_bytes()

    def config(server: str, user: str) -> str:
        return json.dumps(objects.kubeconfig(server, authority, given[user]))

    contents = {files.kubeconfig(user): config(f"https://{plan.api}:{API_PORT}", user) for user in known}
    contents[files.home / "kubeconfig"] = config(f"https://127.0.0.1:{port}", "admin")
    contents |= {files.tokens: texts.tokens(given, known), files.audit_policy: texts.audit_policy()}
    for path, text in contents.items():
        path.touch(mode=0o600)
        path.write_text(text)


def node(files: Files, host: Host, proxy: str, group: str, registry: str) -> dict[str, Any]:
    """What a node's first process is told; `group` is its control group. LabError if there is no runc."""
    disk = files.disk(host.name)
    path = environment()["PATH"]
    runc = shutil.which("runc", path=path)
    if runc is None:
        raise LabError("runc is not installed: apt-get install runc")
    disk.mkdir(parents=True, exist_ok=True)
    return {
        "name": host.name,
        "home": str(files.home),
        "disk": str(disk),
        "logs": str(files.home / "logs"),
        "files": {
            f"{disk}/containerd.toml": texts.containerd(runc, str(files.programs / "cni")),
            f"{disk}/kubelet.json": texts.kubelet(group),
            f"{texts.CNI_FOLDER}/10-pods.conflist": texts.pod_network(host),
            f"{texts.REGISTRIES}/_default/hosts.toml": texts.registry(registry),
        },
        "programs": {name: list(argv) for name, argv in programs.node(files, host, proxy).items()},
        "env": {**programs.SMALL, "PATH": f"{files.programs}:{path}"},
        "ctr": str(files.programs / "ctr"),
        "api_ready": str(files.api_ready),
    }
