"""What must not move anything, for as long as one likes: frames that get lost, a machine that is too busy, a speaker that
is dead where no other node may have the address."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network

from fakes import lan as lans
from fakes import switching, takeovers
from fakes.cluster import advertisement, deployment, pool, service, until
from fakes.lan import Lan
from fakes.takeovers import PATIENT_MS
from pylb.core.model import NodeName
from pylb.core.ownership.election import Candidate, rank

LOST_PERCENT = 20
# It ends when who started it does, however that ended.
COMPUTE = "import os; who = os.getppid()\nwhile os.getppid() == who:\n for _ in range(10**6): pass"
LOOPS = 16
TOLD_EVERY_S = 60.0
SUBNET, POOL = "10.79.0.0/24", ip_network("10.79.0.192/27")
LOCAL = "10.79.0.240"
STOOD_IN = "stood in"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Saw:
    """What was seen of some addresses; seconds."""

    lasted: float
    before: dict[str, dict[str, int]]  # address: owner and term
    after: dict[str, dict[str, int]]
    others: set[str]  # MACs that were answered, and are not the owner's
    silent: float  # the longest time in which nobody answered for one of them
    stood_in: int  # how often somebody began to answer for another
    failed: list[tuple[float, str]] = field(default_factory=list)  # requests
    asked: int = 0

    @property
    def moved(self) -> dict[str, dict[str, int]]:
        """The addresses that changed hands, with what their owner and term were."""
        return {address: was for address, was in self.before.items() if self.after[address] != was}

    @property
    def is_calm(self) -> bool:
        """Whether nothing moved, nobody but the owners was heard of, and requests were answered where that is asked."""
        return not self.moved and not self.others and len(self.failed) <= takeovers.LOST

    def __str__(self) -> str:
        requests = f", {len(self.failed)} of {self.asked} requests failed" if self.asked else ""
        return (
            f"{self.lasted:.0f} s: {len(self.moved)} of {len(self.before)} addresses moved, {len(self.others)} other MACs, "
            f"ARP silent for {self.silent * 1000:.0f} ms at most, stood in {self.stood_in} times{requests}"
        )


@contextlib.contextmanager
def stage() -> Iterator[Lan]:
    """Three nodes, of which each owns one address that all may have; another that one node alone may have."""
    with lans.start(SUBNET) as lan:
        lan.settled()  # else a node that is late finds its address with another
        candidates = [Candidate(NodeName(node)) for node in lan.nodes]
        first = {str(rank(ip_address(str(one)), candidates)[0]): str(one) for one in POOL}
        lan.create(
            pool("good", str(POOL), f"{LOCAL}/32"),
            advertisement(),
            deployment("default/web", {"app": "web"}, 8080, replicas=3),
            deployment("default/local", {"app": "local"}, 8080, nodeName=lan.nodes[0]),
            service("default/local", loadBalancerIP=LOCAL, externalTrafficPolicy="Local", selector={"app": "local"}),
            *(service(f"default/on-{node}", loadBalancerIP=address) for node, address in first.items()),
        )
        expected = {address: [node] for node, address in first.items()}
        until("each node has its own", lambda: {one: list(lan.claims(one)) for one in expected} == expected)
        lan.ask(f"http://{LOCAL}/")
        yield lan


def shared(lan: Lan) -> list[str]:
    """The addresses of the stage that any node may have."""
    return [lan.address(f"default/on-{node}") for node in lan.nodes]


def lossy(lan: Lan, seconds: float, say: Say) -> Saw:
    """A fifth of all frames between nodes is lost, ARP included, each way by itself."""

    @contextlib.contextmanager
    def loss() -> Iterator[None]:
        switching.lose_frames(lan, LOST_PERCENT)
        try:
            yield
            lost = switching.lost_frames(lan)
            assert lost, "none was lost"
            say(f"{lost} frames lost")
        finally:
            switching.pass_frames(lan)

    return endure(lan, shared(lan), loss(), seconds, say)


def busy(lan: Lan, seconds: float, say: Say, cpus: set[int] | None = None) -> Saw:
    """Busy loops on the machine; with `cpus`, on those alone, and the lab's speakers there too."""
    if cpus is not None:
        for name, process in lan.lab.status()["processes"].items():
            if name.startswith("speaker-"):
                os.sched_setaffinity(process["pid"], cpus)
    return endure(lan, shared(lan), loops(cpus), seconds, say)


@contextlib.contextmanager
def loops(cpus: set[int] | None = None) -> Iterator[None]:
    """Programs that compute for nothing as long as the block lasts."""
    running = [subprocess.Popen([sys.executable, "-I", "-S", "-c", COMPUTE]) for _ in range(LOOPS)]
    try:
        for one in running:
            os.sched_setaffinity(one.pid, cpus or os.sched_getaffinity(0))
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


def speakerless(lan: Lan, seconds: float, say: Say) -> Saw:
    """The speaker is dead on the one node that may have an address: it is answered throughout, and so are requests."""
    owner = lan.owner(LOCAL)

    @contextlib.contextmanager
    def dead() -> Iterator[None]:
        lan.lab.speaker("kill", owner)
        try:
            yield
        finally:
            lan.lab.speaker("start", owner)

    with lan.forgetful_client(LOCAL), lan.probe(f"http://{LOCAL}/", PATIENT_MS) as probe:
        began = time.time()
        saw = endure(lan, [LOCAL], dead(), seconds, say)
        probe.stop()
    return replace(saw, failed=takeovers.failures(probe, began), asked=len(probe.requests()))


def endure(lan: Lan, addresses: list[str], trouble: AbstractContextManager[None], seconds: float, say: Say) -> Saw:
    """What is seen of some addresses while there is trouble, and until it is over; now and then it is said how far it is."""
    before = {address: lan.claims(address) for address in addresses}
    count = stood_in(lan)
    with contextlib.ExitStack() as stack:
        askers = {address: stack.enter_context(lan.asker(address)) for address in addresses}
        began = time.time()
        with trouble:
            while (left := began + seconds - time.time()) > 0:
                time.sleep(min(left, TOLD_EVERY_S))
                if left > TOLD_EVERY_S:
                    say(f"{time.time() - began:.0f} of {seconds:.0f} s")
        lan.settled()
        for asker in askers.values():
            asker.stop()
    own = {address: {lan.mac(owner) for owner in claims} for address, claims in before.items()}
    return Saw(
        time.time() - began,
        before,
        {address: lan.claims(address) for address in addresses},
        {mac for address, asker in askers.items() for mac in takeovers.told_by(asker) - own[address]},
        max(asker.silence() for asker in askers.values()),
        stood_in(lan) - count,
    )


def stood_in(lan: Lan) -> int:
    """How often a speaker has told that it stands in."""
    return sum(lan.logs(f"speaker-{node}").count(STOOD_IN) for node in lan.nodes)
