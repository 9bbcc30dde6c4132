"""Controllers as processes that share a Lease: frozen, killed and ended by signals, and in real time."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fakes import served
from fakes.cluster import JSON, advertisement, pool, service, until
from fakes.served import Served

TAKE_OVER_S = 25.0  # after a Lease that nobody gave back; it runs out after 11 s
HAND_OVER_S = 6.0  # below what a Lease takes to run out
REPLY_S = 10.0
SERVICES = "/api/v1/namespaces/default/services"


class Process:
    """A controller, what it says of itself, and its end."""

    def __init__(self, cluster: Served, name: str, *flags: str) -> None:
        self.log = cluster.kubeconfig.parent / f"{name}.log"
        token = cluster.kubeconfig.parent / "reader.token"
        token.write_text(served.TOKEN)
        words = ["controller", "--kubeconfig", str(cluster.kubeconfig), "--token-file", str(token), *flags]
        with self.log.open("w") as out:
            line = [sys.executable, "-m", "pylb", *words, "--bind", "127.0.0.1", "--port", "0"]
            self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        [self._port] = until(f"{name} started", lambda: re.findall(r" port=(\d+)", self.log.read_text()))

    def read(self, what: str) -> str:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/{what}", headers={"X-Pylb-Token": served.TOKEN}
        )
        with urllib.request.urlopen(request, timeout=REPLY_S) as answer:  # noqa: S310 - to ourselves
            return str(answer.read().decode())

    def state(self) -> JSON:
        return dict(json.loads(self.read("state")))

    def metric(self, name: str) -> float:
        """The value of a series; -1 if there is none."""
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.read("metrics"), re.MULTILINE)
        return float(found[1]) if found else -1.0

    def role(self, wanted: str, seconds: float = HAND_OVER_S) -> Process:
        """Wait until it leads, or follows somebody."""
        until(f"a {wanted}", lambda: self.state()["role"] == wanted and self.state()["lease"]["holder"], seconds)
        return self

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> None:
        self.signal(signal.SIGCONT)
        served.end(self.process)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Served]:
    with served.api(tmp_path) as made:
        made.create(pool("p", "192.0.2.0/24"), advertisement())
        yield made


@contextmanager
def two(cluster: Served) -> Iterator[tuple[Process, Process]]:
    """A leader and a follower."""
    running: list[Process] = []
    try:
        for name, role in (("one", "leader"), ("other", "follower")):
            running.append(Process(cluster, name, "--pod", f"pylb-controller-{name}"))
            running[-1].role(role)
        yield running[0], running[1]
    finally:
        for process in running:
            process.end()


def statuses(cluster: Served) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Each Service's version and addresses."""
    items = cluster.get(SERVICES)["items"]
    return {
        item["metadata"]["name"]: (item["metadata"]["resourceVersion"], tuple(cluster.addresses(f"default/{name}")))
        for item in items
        if (name := item["metadata"]["name"]) != "kubernetes"
    }


def serve(cluster: Served, *names: str, seconds: float = HAND_OVER_S) -> list[str]:
    """Create Services, and wait for their addresses."""
    cluster.create(*(service(f"default/{name}") for name in names))
    return [until(f"{name} has an address", lambda: cluster.addresses(f"default/{name}"), seconds)[0] for name in names]  # noqa: B023 - called at once


@pytest.mark.timeout(120)
def test_a_frozen_leader_that_thaws_late_writes_nothing_and_a_killed_one_is_followed(cluster: Served) -> None:
    with two(cluster) as (one, other):
        first = serve(cluster, "first")
        written = one.metric("pylb_status_writes_total")
        assert (one.metric("pylb_leader"), other.metric("pylb_leader"), written) == (1, 0, 1)
        assert one.metric('metallb_allocator_addresses_in_use_total{pool="p"}') == 1
        assert other.metric('metallb_allocator_addresses_in_use_total{pool="p"}') == -1
        one.signal(signal.SIGSTOP)
        many = [f"s{number}" for number in range(30)]
        cluster.create(*(service(f"default/{name}") for name in many))
        other.role("leader", TAKE_OVER_S)
        taken = first + [cluster.address(f"default/{name}") for name in many]
        assert len(set(taken)) == len(taken)
        before = statuses(cluster)
        one.signal(signal.SIGCONT)
        one.role("follower")
        assert one.state()["allocations"] == {}
        assert one.state()["lease"]["holder"] == other.state()["lease"]["identity"]
        after = serve(cluster, "after")
        assert statuses(cluster).items() >= before.items()
        assert not set(after) & set(taken)
        assert one.metric("pylb_status_writes_total") in (0, written), "it wrote no status since"
        other.signal(signal.SIGKILL)
        last = serve(cluster, "last", seconds=TAKE_OVER_S)
        assert not set(last) & {*taken, *after}
        assert statuses(cluster).items() >= before.items()


def test_sigterm_hands_over_before_the_lease_could_run_out(cluster: Served) -> None:
    with two(cluster) as (one, other):
        one.signal(signal.SIGTERM)
        assert one.process.wait(HAND_OVER_S) == 0
        assert "gave the Lease back" in one.log.read_text()
        other.role("leader")
        assert serve(cluster, "web") == ["192.0.2.0"]


def test_the_next_life_of_a_killed_pod_leads_before_the_lease_could_run_out(cluster: Served) -> None:
    first = Process(cluster, "first", "--pod", "pylb-controller-a").role("leader")
    first.signal(signal.SIGKILL)
    first.process.wait(HAND_OVER_S)
    again = Process(cluster, "again", "--pod", "pylb-controller-a")
    try:
        again.role("leader")
        assert serve(cluster, "web") == ["192.0.2.0"]
    finally:
        again.end()


def test_a_controller_that_is_said_to_be_alone_takes_no_lease(cluster: Served) -> None:
    alone = Process(cluster, "alone", "--no-lease")
    try:
        assert serve(cluster, "web") == ["192.0.2.0"]
        assert alone.state()["role"] == "leader"
        assert cluster.get("/apis/coordination.k8s.io/v1/namespaces/pylb-system/leases")["items"] == []
    finally:
        alone.end()
