"""What the tests of bad days and take-overs play on: pods on two nodes, a Service in front of them, one node without."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any

from cluster import steady
from fakes.cluster import JSON, advertisement, deployment, pool, service, until
from fakes.real import RealLan
from pylb.core.model import NodeName
from pylb.core.ownership.election import Candidate, rank
from pylb.kube.errors import ClusterError

POOL = ip_network("10.77.0.208/28")
FRONT = "default/front"
SERVES_S = 20.0  # until new pods serve
READY_S = 30.0  # until an API server serves again
GIVEN_S = 2.0  # from then on until a new Service has its address
LATE_S = 30.0  # after that a Service is not waited for any more


class Scene:
    """A cluster with `default/front` on it."""

    def __init__(self, lan: RealLan) -> None:
        """The owner has no controller; the spare node no pod that serves, so that it can be lost unnoticed."""
        self.lan = lan
        controllers = {item["spec"]["nodeName"] for item in lan.pods("controller")}
        self.owner = next(node for node in lan.nodes if node not in controllers)
        self.spare = next(node for node in lan.nodes if node != self.owner)
        self.address = self.owned_by(self.owner)
        self.url = f"http://{self.address}/"
        self._made = 0

    def owned_by(self, node: str, number: int = 0) -> str:
        """An address of the pool that this node owns while all is well; another one for each number."""
        candidates = [Candidate(NodeName(one)) for one in self.lan.nodes]
        found = [str(one) for one in POOL if rank(ip_address(str(one)), candidates)[0] == node]
        return found[number]

    def set_up(self) -> None:
        """Pods, pool and Service; it is answered."""
        lan = self.lan
        lan.create(*configuration(), *(self.web(node) for node in lan.nodes if node != self.spare))
        lan.create(service(FRONT, loadBalancerIP=self.address))
        until("the address", lambda: lan.addresses(FRONT) == [self.address])
        self.answered(self.address)
        until("its node answers", lambda: lan.owners(self.address) == [self.owner])

    def answered(self, address: str) -> None:
        """Wait until an address is answered. Asked from the router: what the owner's kernel learns of a flow before
        kube-proxy knows the Service it remembers for two minutes, and the client's flows shall be without that."""
        self.lan.ask(f"http://{address}/", "router", SERVES_S)

    @staticmethod
    def web(node: str, **pod: Any) -> JSON:
        """Pods of the Service on a node; they end at once."""
        return deployment(
            f"default/web-{node}", {"app": "web"}, 8080, nodeName=node, terminationGracePeriodSeconds=0, **pod
        )

    def make(self, **spec: Any) -> str:
        """A new Service; namespace/name."""
        self._made += 1
        key = f"default/new-{self._made}"
        self.lan.create(service(key, **spec))
        return key

    def announced(self, node: str) -> tuple[str, str]:
        """A Service of its own that a node answers for: its key and its address."""
        address = self.owned_by(node, 1)
        key = self.make(loadBalancerIP=address)
        until(f"{node} answers for it", lambda: self.lan.owners(address) == [node])
        self.answered(address)
        return key, address

    def served_anew(self) -> float:
        """Seconds until a new Service has its address; it is removed then."""
        began = time.monotonic()
        key = self.make()
        until(f"{key} has an address", lambda: self.lan.addresses(key), LATE_S)
        took = time.monotonic() - began
        self.lan.remove(service(key))
        return took

    def api_ready(self) -> bool:
        """Whether the API server says so of itself."""
        with contextlib.suppress(ClusterError):
            return self.lan.text("/readyz") == b"ok"
        return False

    def restart_api(self) -> None:
        """Kill the API server and start it again; it is ready."""
        self.lan.lab.program("kill", "kube-apiserver")
        self.lan.lab.program("start", "kube-apiserver")
        until("the API server is ready", self.api_ready, READY_S)

    def assert_recovers(self) -> float:
        """The API server serves again, and soon after it pylb does; how soon."""
        until("the API server is ready", self.api_ready, READY_S)
        took = self.served_anew()
        assert took < GIVEN_S
        return took


def configuration() -> list[JSON]:
    return [pool("good", str(POOL)), advertisement()]


@contextlib.contextmanager
def played(lab: object) -> Iterator[Scene]:
    """The scene on a cluster that is at rest; nothing is left of it."""
    with RealLan(lab) as lan:
        steady.at_rest(lan)
        lan.empty()
        scene = Scene(lan)
        scene.set_up()
        try:
            yield scene
        finally:
            steady.at_rest(lan)
            lan.empty()
