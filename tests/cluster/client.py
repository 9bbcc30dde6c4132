"""The cluster as a test, a benchmark or a person holds it: a lab with a real Kubernetes in it, and kubectl."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from cluster import cgroups
from cluster.programs import PROXY_MODES
from pylb.lab.client import Lab
from pylb.lab.errors import BadInput, LabError

HERE = Path(__file__).parent
TENANT = "cluster.tenant:RealCluster"
START_LIMIT_S = 180.0  # 5 s mostly; more where the machine is busy
KUBECTL_LIMIT_S = 60.0
BAD_INPUT = 2  # exit code of the build: what it was told makes no sense


def programs() -> Path:
    """The folder of the cluster's programs; LabError with the command that builds them."""
    given = os.environ.get("PYLB_CLUSTER_BIN")
    if not given:
        told = subprocess.run([HERE / "build", "--where"], check=False, capture_output=True, text=True)
        if told.returncode == BAD_INPUT:
            raise BadInput(told.stderr.strip())
        given = told.stdout.strip() if told.returncode == 0 else ""
    if not given or not Path(given, "kube").exists():
        raise LabError("the programs of the cluster are not built: make cluster builds them")
    return Path(given)


def start(
    proxy: str = "nftables", nodes: int = 3, name: str | None = None, images: Sequence[str | Path] = ()
) -> Cluster:
    """Start a cluster of one's own, with these image archives on each node. It ends with this process, and one that did
    not start leaves nothing."""
    if proxy not in PROXY_MODES:
        raise BadInput(f"proxy {proxy!r}: there are {', '.join(PROXY_MODES)}")
    options = {"programs": str(programs()), "proxy": proxy, "images": ":".join(map(str, images))}
    paths = os.environ.get("PYTHONPATH", "").split(":")
    os.environ["PYTHONPATH"] = ":".join(dict.fromkeys([str(HERE.parent), *filter(None, paths)]))  # the supervisor's too
    others = cgroups.sweep()
    try:
        return Cluster.start(nodes, name=name, tenant=TENANT, options=options, timeout=START_LIMIT_S)
    except BaseException:  # Ctrl-C too
        cgroups.sweep_until(lambda left: left <= others)
        raise


class Cluster(Lab):
    """A running cluster. Whatever a lab can be told, it can be told too, but for speakers: they are pods."""

    def stop(self) -> None:
        super().stop()
        cgroups.sweep_until(lambda left: f"{cgroups.PREFIX}{self.pid}" not in left)

    def kubectl(
        self, *words: str, text: str = "", timeout: float = KUBECTL_LIMIT_S
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl, as built with the cluster, to its end."""
        return subprocess.run(
            [programs() / "kubectl", *words],
            input=text,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
        )

    def program(self, action: str, program: str, node: str = "") -> None:
        """`kill`, `freeze`, `thaw`, `stop` or `start` a program of the control plane, or one of a node."""
        self.order("program", program=program, action=action, node=node)

    def inside(
        self, node: str, argv: Sequence[str], timeout: float = KUBECTL_LIMIT_S
    ) -> subprocess.CompletedProcess[str]:
        """Run a command with a node's own mounts and processes: ctr, ps, mount."""
        first = str(self.status()["first"][node])
        joined = ["nsenter", "-t", first, "--mount", "--net", "--pid", "--uts", "--", *argv]
        path = f"{programs()}:{os.environ['PATH']}:/usr/sbin:/sbin"
        env = {**os.environ, "PATH": path}
        return subprocess.run(joined, capture_output=True, text=True, timeout=timeout, check=False, env=env)
