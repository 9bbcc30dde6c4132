"""Record the stories that tests of the screens and of `pylb status` replay: a lab, twelve Services, and what befalls them.

    PYTHONPATH=src:tests python tests/data/tui/record.py

writes `failover.jsonl` (a cable that is pulled, a speaker that is killed, a node that is drained) and `pending.jsonl`
(Services that wait, each for another reason, and how they are helped) beside this file; it needs what a lab needs.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fakes import lan as lans
from fakes.cluster import JSON, advertisement, deployment, pool, service, until
from fakes.lan import Lan

HERE = Path(__file__).parent
NET = "10.78.0"
IPS, OLD_IPS, POOL, SHARE = (
    "metallb.io/loadBalancerIPs",
    "metallb.universe.tf/loadBalancerIPs",
    "metallb.io/address-pool",
    "metallb.io/allow-shared-ip",
)
SETTLE_S = 4.0  # until everybody has told
NAMESPACES = ("home", "media", "dns", "web", "lab")


def namespaces() -> list[JSON]:
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in NAMESPACES]


def backends() -> list[JSON]:
    """Pods labelled app=web in every namespace but `lab`, where nothing is ready."""
    return [deployment(f"{name}/web", {"app": "web"}, 8080, replicas=3) for name in NAMESPACES if name != "lab"]


def services() -> list[JSON]:
    """Twelve, of which two wait, one is announced by nobody and one has no pods."""
    shared = {SHARE: "dns", IPS: f"{NET}.133"}
    return [
        service("home/homeassistant", 8123, loadBalancerIP=f"{NET}.130"),
        service("home/mqtt", 1883, annotations={IPS: f"{NET}.131"}),
        service("home/zigbee", 8080, annotations={OLD_IPS: f"{NET}.132"}),
        service("dns/pihole-tcp", 53, annotations=shared),
        service("dns/pihole-web", 80, annotations=shared),
        service("media/jellyfin", 8096),
        service("media/photos", 2342, externalTrafficPolicy="Local"),
        service("web/blog", 80, 443),
        service("web/grafana", 3000),
        service("lab/echo", 7),
        service("lab/quiet", 80, annotations={POOL: "unheard"}),
        service("media/jellyfin-b", 80, loadBalancerIP=f"{NET}.130"),
        service("web/stray", 80, annotations={POOL: "nova"}),
    ]


def configuration() -> list[JSON]:
    return [
        pool("default", f"{NET}.128-{NET}.149"),
        pool("unheard", f"{NET}.160/30", autoAssign=False),
        advertisement("lan", ipAddressPools=["default"]),
    ]


@contextmanager
def recording(lan: Lan, name: str) -> Iterator[None]:
    """`pylb record` as long as the block lasts."""
    file = HERE / f"{name}.jsonl"
    file.unlink(missing_ok=True)
    words = [sys.executable, "-m", "pylb", "record", str(file), "--kubeconfig", str(lan.kubeconfig)]
    running = subprocess.Popen(words)
    try:
        until("it is written", lambda: file.exists() and "SpeakerHeard" in file.read_text())
        yield
        time.sleep(SETTLE_S)
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(20.0)
    file.chmod(0o644)  # what the repository has is for all to read
    print(f"{file.name}: {file.stat().st_size} bytes", file=sys.stderr)


def addresses(lan: Lan) -> bool:
    return bool(lan.addresses("web/grafana") and lan.addresses("lab/echo") and lan.addresses("lab/quiet"))


def failover(lan: Lan) -> None:
    owner = lan.owner(f"{NET}.130")
    lan.lab.cut(owner, "both")
    heir = lan.owner(f"{NET}.130", beside=owner)
    time.sleep(SETTLE_S)
    lan.lab.mend(owner, "both")
    time.sleep(SETTLE_S)
    lan.lab.speaker("kill", heir)
    time.sleep(SETTLE_S)
    lan.lab.speaker("start", heir)
    time.sleep(SETTLE_S)
    last = next(node for node in lan.nodes if node not in (owner, heir))
    lan.patch(f"/api/v1/nodes/{last}", {"metadata": {"annotations": {"pylb.io/drain": "true"}}})


def pending(lan: Lan) -> None:
    place = "/api/v1/namespaces/{}/services/{}".format
    share = {"metadata": {"annotations": {SHARE: "home"}}}
    lan.patch(place("media", "jellyfin-b"), share)
    lan.patch(place("home", "homeassistant"), share)
    until("it shares", lambda: lan.addresses("media/jellyfin-b"))
    lan.patch(place("web", "stray"), {"metadata": {"annotations": {POOL: "default"}}})
    until("it has one", lambda: lan.addresses("web/stray"))
    overlap = pool("overlap", f"{NET}.140-{NET}.170")
    lan.create(overlap)
    time.sleep(SETTLE_S / 2)
    lan.remove(overlap)
    lan.patch(place("home", "mqtt"), {"metadata": {"annotations": {IPS: "192.0.2.7"}}})


def main() -> None:
    with lans.start(f"{NET}.0/24") as lan:
        lan.create(*namespaces())
        lan.create(*configuration(), *backends())
        lan.settled()
        with recording(lan, "pending"):
            lan.create(*services())
            until("all have theirs", lambda: addresses(lan))
            time.sleep(SETTLE_S)
            pending(lan)
        with recording(lan, "failover"):
            failover(lan)


if __name__ == "__main__":
    main()
