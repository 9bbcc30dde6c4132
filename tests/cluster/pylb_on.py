"""pylb on a cluster, as its users run it: our image on each node, and the manifests of the one render function."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Sequence
from pathlib import Path

from cluster.client import Cluster
from pylb.addon.names import CONTROLLER, NAMESPACE, SPEAKER
from pylb.addon.render import Settings, render, to_yaml
from pylb.lab.errors import LabError

ROOT = Path(__file__).parents[2]
ARCHIVE = ROOT / ".cache" / "image" / "native.tar"
IMAGE_LIMIT_S, ROLLOUT_LIMIT_S = 600, 60


def image() -> Path:
    """An archive of pylb's image for this machine, as the checkout is now."""
    command = [str(ROOT / "scripts" / "image"), "--arch", "native", "--output", str(ARCHIVE)]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=IMAGE_LIMIT_S)
    except subprocess.TimeoutExpired:
        raise LabError(f"no image: scripts/image did not end within {IMAGE_LIMIT_S} s") from None
    if done.returncode != 0:
        raise LabError(f"no image: {(done.stderr or done.stdout).strip()}")
    return ARCHIVE


def install(cluster: Cluster, addresses: Sequence[str] = ()) -> Settings:
    """Apply the manifests and wait until all of pylb is ready; LabError with kubectl's words if it is not."""
    settings = Settings(secrets.token_urlsafe(32), secrets.token_urlsafe(32), tuple(addresses))
    objects = render(settings)
    own = [item for item in objects if not item["apiVersion"].startswith("metallb.io/")]
    pools = [item for item in objects if item not in own]
    apply(cluster, to_yaml(own))
    check(cluster, "wait", "--for=condition=Established", "crd", "--all", f"--timeout={ROLLOUT_LIMIT_S}s")
    if pools:
        apply(cluster, to_yaml(pools))
    for workload in (f"deployment/{CONTROLLER}", f"daemonset/{SPEAKER}"):
        rollout(cluster, workload)
    return settings


def rollout(cluster: Cluster, workload: str) -> None:
    """Wait until a workload of ours is up to date and ready."""
    check(cluster, "-n", NAMESPACE, "rollout", "status", workload, f"--timeout={ROLLOUT_LIMIT_S}s")


def apply(cluster: Cluster, manifests: str) -> str:
    """kubectl apply; its output."""
    return check(cluster, "apply", "--server-side", "-f", "-", text=manifests)


def check(cluster: Cluster, *words: str, text: str = "") -> str:
    """What kubectl printed; LabError with its complaint if it failed."""
    done = cluster.kubectl(*words, text=text, timeout=2 * ROLLOUT_LIMIT_S)
    if done.returncode != 0:
        raise LabError(f"kubectl {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
