"""A lab with a cluster and pylb on it, in the hands of a test: who answers for an address, and how requests fare."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from fakes import parrot
from fakes.clocks import Asker, Clock, Listener, Probe, Talk
from fakes.cluster import JSON, Cluster, advertisement, deployment, pool, service, until
from pylb.kube.errors import ClusterError
from pylb.lab.client import Lab
from pylb.lab.plan import SECOND_LAN
from pylb.lab.probe import LIMIT_MS

ANSWER_S = 5.0  # until a request is answered that will be
LAN_DEVICE, SECOND_DEVICE = "eth0", "eth2"


class Lan(Cluster):
    """The lab's cluster, and its LAN."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab.kubeconfig)
        self.lab = lab
        macs = ((name, host.get(kind)) for name, host in lab.hosts.items() for kind in ("mac", "second_mac"))
        self._names = {mac: name for name, mac in macs if mac}

    @property
    def nodes(self) -> list[str]:
        return [name for name, host in self.lab.hosts.items() if "management" in host]

    def mac(self, node: str, address: str = "") -> str:
        """A node's Ethernet address on the LAN, or on the one that an address is on."""
        return self.lab.hosts[node]["mac" if device(address) == LAN_DEVICE else "second_mac"]

    def front(self, address: str, *ranges: str, replicas: int = 3) -> None:
        """The Service default/front on an address, and as many pods, in a pool of these ranges that is announced."""
        self.create(
            pool("good", *ranges),
            advertisement(),
            deployment("default/web", {"app": "web"}, 8080, replicas=replicas),
            service("default/front", loadBalancerIP=address),
        )

    def owners(self, address: str, wait: float = 0.1) -> list[str]:
        """The hosts that answer ARP for an address within `wait` s.

        Asked from the router, so that the client's kernel learns nothing.
        """
        told = self.lab.arp("router", address, wait=wait, device=device(address))[address]
        macs = dict.fromkeys(told)  # an asker's answers come here too
        return [self._names.get(mac, mac) for mac in macs]

    def owner(self, address: str, *, beside: str = "") -> str:
        """The one node that answers for an address, as soon as it is one, and not `beside`."""

        def one() -> str:
            found = self.owners(address)
            return found[0] if len(found) == 1 and found[0] != beside else ""

        return until(f"one node answers for {address}", one)

    def ask(self, url: str, host: str = "client", seconds: float = ANSWER_S) -> str:
        """The body that a URL answers with, as soon as it does."""

        def answer() -> str:
            reply = self.lab.request(host, url, timeout=0.5)
            return reply.body.strip() if reply.status == 200 else ""

        return until(f"{url} answers", answer, seconds)

    def logs(self, who: str) -> str:
        """What the controller, or speaker-NODE, has printed."""
        return self.lab.logs(who)

    def bodies(self, url: str, times: int) -> Counter[str]:
        """How often which pod answered; an error counts under its name."""
        replies = (self.lab.request("client", url, timeout=1.0) for _ in range(times))
        return Counter(reply.body.strip().partition(" ")[0] or reply.error for reply in replies)

    def settled(self) -> None:
        """Wait until every speaker takes part and hears every other."""

        def all_hear_all() -> bool:
            with contextlib.suppress(ClusterError):
                states = [self.state(f"speaker-{node}") for node in self.nodes]
                return all(
                    one["state"] == "active" and sum(member["alive"] for member in one["members"]) == len(states) - 1
                    for one in states
                )
            return False

        until("every speaker hears every other", all_hear_all)

    def claims(self, address: str) -> dict[str, int]:
        """Whom the speakers take for an address's owner, and by which term: one, as soon as all agree."""

        def agreed() -> dict[str, int]:
            told = [one for node in self.nodes if (one := self.view(node, address)) is not None]
            found = {(one["owner"], one["term"]) for one in told}
            return dict(found) if len(told) == len(self.nodes) and len(found) == 1 else {}

        return until(f"all speakers agree about {address}", agreed)

    def standing(self, address: str, *, but: str = "") -> list[str]:
        """The nodes that answer for an address in its owner's place; `but` is not asked."""
        told = {node: self.view(node, address) for node in self.nodes if node != but}
        return [node for node, one in told.items() if one is not None and one["standing"]]

    def view(self, node: str, address: str) -> JSON | None:
        """What a node's speaker says about an address; None if it does not."""
        with contextlib.suppress(ClusterError):
            found = self.state(f"speaker-{node}")["addresses"]
            return next((one for one in found if one["address"] == address), None)
        return None

    def probe(self, url: str, limit_ms: float = LIMIT_MS) -> Probe:
        """A client that asks a URL all the time, as a context; it is answered already when the block begins."""
        return Probe(self.lab, url, limit_ms=limit_ms)

    def asker(self, address: str) -> Asker:
        """Ask all the time who has an address, as a context."""
        return Asker(self.lab, address, device(address))

    def talk(self, address: str, port: int) -> Talk:
        """A client with one connection that it uses all the time, as a context."""
        return Talk(self.lab, address, port)

    def parrot(self, node: str) -> Clock:
        """The router answers ARP for a node's own address with that node's MAC, as a context."""
        host = self.lab.hosts[node]
        return Clock(self.lab, "router", [sys.executable, parrot.__file__, host["lan"], host["mac"]])

    def forgetful_client(self, address: str) -> Clock:
        """As long as the block lasts, the client's kernel has to ask again who has an address, 20 times a second."""
        known = "nud reachable nud stale nud delay nud probe"  # not while it asks: what waits for the answer would fail
        forget = f"while :; do ip neigh flush to {address} dev {device(address)} {known}; echo '{{}}'; sleep 0.05; done"
        return Clock(self.lab, "client", ["sh", "-c", forget])

    def listener(self, address: str = "") -> Listener:
        """Hear the ARP frames that reach the router, on the LAN or on the one that an address is on, as a context."""
        return Listener(self.lab, device(address))


def device(address: str) -> str:
    """The router's and the client's card on the LAN that an address is on."""
    return SECOND_DEVICE if address and ip_address(address) in SECOND_LAN else LAN_DEVICE


@contextlib.contextmanager
def start(subnet: str, **options: Any) -> Iterator[Lan]:
    """A lab of its own for the time of the block."""
    with Lab.start(subnet=subnet, **options) as lab, Lan(lab) as lan:
        yield lan
