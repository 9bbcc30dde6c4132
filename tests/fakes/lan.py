"""A lab with a cluster and pylb on it, in the hands of a test: who answers for an address, and how requests fare."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from fakes.cluster import JSON, Cluster, until
from pylb.kube.errors import ClusterError
from pylb.lab import arping
from pylb.lab.client import Lab

ANSWER_S = 5.0  # until a request is answered that will be
STEADY = 10  # requests answered in a row, before a test breaks something
PLAIN_PYTHON = ("-I", "-S")


class Probe:
    """A client that asks a URL all the time, on a new connection each; every request is told."""

    def __init__(self, lab: Lab, url: str, every_ms: float) -> None:
        words = (url, "--each", "--every-ms", str(every_ms))
        self._process = lab.popen("client", lab.module("pylb.lab.probe", *words), stdout=subprocess.PIPE)
        self._lines: list[JSON] = []
        self.summary: JSON = {}

    def steady(self) -> None:
        """Read until requests are answered one after the other."""
        assert self._process.stdout is not None
        row = 0
        while row < STEADY:
            line = json.loads(self._process.stdout.readline())
            self._lines.append(line)
            row = (row + 1 if line["ok"] else 0) if line["kind"] == "request" else row

    def stop(self) -> JSON:
        """End it; what it says of all requests."""
        self._process.terminate()
        out, _ = self._process.communicate(timeout=ANSWER_S)
        self._lines += [json.loads(line) for line in out.splitlines()]
        self.summary = self._lines[-1]
        return self.summary

    def outage(self, since: float) -> float:
        """Seconds from a time (Unix), before which all was well, to the first answered request after a failed one; 0 if
        none failed. Later failures, such as those of a lost node's pods, are another matter."""
        asked = sorted((one["at"], one["ok"]) for one in self._lines if one["kind"] == "request" and one["at"] > since)
        failed = min((at for at, ok in asked if not ok), default=None)
        if failed is None:
            return 0.0
        answered = [at for at, ok in asked if ok and at > failed]
        assert answered, "no request was answered again"
        return min(answered) - since

    def answered(self) -> bool:
        """Read on; whether there were failures, and requests are answered again one after the other."""
        self.steady()
        return True

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


class Lan(Cluster):
    """The lab's cluster, and its LAN."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab.kubeconfig)
        self.lab = lab
        self._names = {host["mac"]: name for name, host in lab.hosts.items()}

    @property
    def nodes(self) -> list[str]:
        return [name for name, host in self.lab.hosts.items() if "management" in host]

    def owners(self, address: str, wait: float = 0.1) -> list[str]:
        """The hosts that answer ARP for an address within `wait` s; asked from the router, so that the client's kernel
        learns nothing."""
        return [self._names.get(mac, mac) for mac in self.lab.arp("router", address, wait=wait)[address]]

    def owner(self, address: str, *, beside: str = "") -> str:
        """The one node that answers for an address, as soon as it is one, and not `beside`."""

        def one() -> str:
            found = self.owners(address)
            return found[0] if len(found) == 1 and found[0] != beside else ""

        return until(f"one node answers for {address}", one)

    def ask(self, url: str, host: str = "client") -> str:
        """The body that a URL answers with, as soon as it does."""

        def answer() -> str:
            reply = self.lab.request(host, url, timeout=0.5)
            return reply.body.strip() if reply.status == 200 else ""

        return until(f"{url} answers", answer, ANSWER_S)

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

    @contextlib.contextmanager
    def probe(self, url: str, every_ms: float = 20) -> Iterator[Probe]:
        """A client that asks a URL from now on, and is answered already."""
        probe = Probe(self.lab, url, every_ms)
        try:
            probe.steady()
            yield probe
        finally:
            probe.close()

    @contextlib.contextmanager
    def listener(self) -> Iterator[Listener]:
        """Hear all ARP frames that reach the router."""
        listener = Listener(self.lab)
        try:
            yield listener
        finally:
            listener.close()


class Listener:
    """Hears ARP frames on the router's end of the LAN."""

    def __init__(self, lab: Lab) -> None:
        script = [*lab.module("x")[:1], *PLAIN_PYTHON, arping.__file__, "--listen", "300"]
        self._process = lab.popen("router", script, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def stop(self) -> list[JSON]:
        """What was heard."""
        self._process.terminate()
        out, _ = self._process.communicate(timeout=ANSWER_S)
        return [json.loads(line) for line in out.splitlines()]

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextlib.contextmanager
def start(subnet: str, **options: Any) -> Iterator[Lan]:
    """A lab of its own for the time of the block."""
    with Lab.start(subnet=subnet, **options) as lab, Lan(lab) as lan:
        yield lan


def now() -> float:
    """Unix time: hosts of a lab share one clock."""
    return time.time()
