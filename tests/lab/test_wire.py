"""The speaker's wire side on real frames: two namespaces, a veth pair, an announcer at one end and a client at the other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAM = str(Path(__file__).with_name("wire_end.py"))
LIFETIME = "120"  # s after which the namespaces go, whatever became of the test
WAIT = 10.0  # s: a bound, not a pause
PATIENCE = 0.3  # s in which an answer would have come
OWNED, SECOND = "10.77.0.100", "10.77.0.101"
MAC, OLD_MAC = "02:00:0a:4d:00:0b", "02:00:0a:4d:00:0c"


class Place:
    """A network namespace that lives as long as a process of the test, and commands within."""

    def __init__(self, command: list[str], apart: bool) -> None:
        self.apart = apart  # in a user namespace of its own, as without root
        self.holder = subprocess.Popen([*command, "sleep", LIFETIME])
        self.programs: list[subprocess.Popen[str]] = []
        ours = os.readlink("/proc/self/ns/net")  # noqa: PTH115 - the link's text is what is compared
        until(lambda: _namespace(self.holder.pid) not in ("", ours))

    @property
    def enter(self) -> list[str]:
        user = ["--user", "--preserve-credentials"] if self.apart else []
        return ["nsenter", "--target", str(self.holder.pid), *user, "--net"]

    def run(self, *command: str, text: str | None = None) -> str:
        done = subprocess.run(
            [*self.enter, *command], input=text, check=True, capture_output=True, text=True, timeout=WAIT
        )
        return done.stdout

    def ip(self, arguments: str) -> str:
        return self.run("ip", *arguments.split())

    def start(self, kind: str) -> End:
        program = subprocess.Popen(
            [*self.enter, sys.executable, PROGRAM, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.programs.append(program)
        return End(program)

    def close(self) -> None:
        for process in (*self.programs, self.holder):
            process.kill()
            process.communicate(timeout=WAIT)


class End:
    """A process of wire_end.py."""

    def __init__(self, program: subprocess.Popen[str]) -> None:
        self.program = program

    def begin(self, command: str, argument: Any = None) -> None:
        assert self.program.stdin is not None
        print(json.dumps({command: argument}), file=self.program.stdin, flush=True)

    def finish(self) -> Any:
        assert self.program.stdout is not None
        return json.loads(self.program.stdout.readline())

    def do(self, command: str, argument: Any = None) -> Any:
        self.begin(command, argument)
        return self.finish()


class Wire:
    """The client's and the speaker's namespace, joined: lan0 10.77.0.5 here, eth0 10.77.0.11 there."""

    def __init__(self, client: Place, node: Place) -> None:
        self.client_place, self.node = client, node
        self.plug()
        self.speaker, self.client = node.start("speaker"), client.start("client")
        until(lambda: "eth0" in self.speaker.do("state")["links"])

    def plug(self) -> None:
        peer = f"peer name eth0 address {MAC} netns {self.node.holder.pid}"
        self.client_place.ip(f"link add lan0 type veth {peer}")
        self.client_place.ip("addr add 10.77.0.5/24 dev lan0")
        self.client_place.ip("link set lan0 up")
        self.node.ip("addr add 10.77.0.11/24 dev eth0")
        self.node.ip("link set eth0 up")

    def own(self, *addresses: str, on: str | None = "eth0") -> None:
        """Own the addresses and wait until they are announced."""
        self.speaker.do("own", dict.fromkeys(addresses))
        until(lambda: self.placed() == {one: [on] for one in addresses})

    def placed(self) -> dict[str, list[str]]:
        placed: dict[str, list[str]] = self.speaker.do("state")["placed"]
        return placed

    def ask(self, target: str = OWNED, wait: float = WAIT, **more: Any) -> list[str]:
        heard: list[str] = self.client.do("ask", {"target": target, "wait": wait, **more})
        return heard

    def neighbour(self, address: str = OWNED) -> str:
        """The MAC that the client's kernel has for an address."""
        known = json.loads(self.client_place.ip(f"-json neigh show {address} dev lan0") or "[]")
        return str(known[0].get("lladdr", "")) if known else ""


def _namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/net")  # noqa: PTH115 - the link's text is what is compared
    except OSError:
        return ""


def until(condition: Callable[[], bool], seconds: float = WAIT) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.01)


def build(apart: bool) -> Iterator[Wire]:
    first = ["unshare", "--net"] + (["--user", "--map-root-user"] if apart else [])
    client = Place(first, apart)
    try:
        node = Place([*client.enter, "unshare", "--net"], apart)
        try:
            yield Wire(client, node)
        finally:
            node.close()
    finally:
        client.close()


@pytest.fixture
def wire() -> Iterator[Wire]:
    yield from build(apart=os.geteuid() != 0)


@pytest.fixture
def rootless() -> Iterator[Wire]:
    yield from build(apart=True)


def resolve(wire: Wire) -> None:
    wire.own(OWNED)
    wire.client.do("touch", OWNED)
    until(lambda: wire.neighbour() == MAC)
    state = wire.speaker.do("state")
    assert state["responses"] == {OWNED: 1}
    assert state["drops"] == {}
    assert state["conflicts"] == []  # its own announcements are none


def test_a_neighbour_resolves_the_address(wire: Wire) -> None:
    resolve(wire)


def test_a_neighbour_resolves_the_address_without_root(rootless: Wire) -> None:
    resolve(rootless)


def test_an_entry_of_a_moment_ago_switches_on_take_over(wire: Wire) -> None:
    """Linux ignores most announcements for a second after an entry was made: its locktime."""
    wire.own(SECOND)
    wire.client_place.ip(f"neigh replace {OWNED} lladdr {OLD_MAC} dev lan0 nud reachable")
    begin = time.monotonic()
    wire.own(OWNED, SECOND)
    until(lambda: wire.neighbour() == MAC)
    assert time.monotonic() - begin < 0.9


def test_a_probe_is_answered(wire: Wire) -> None:
    wire.own(OWNED)
    assert wire.ask(sender="0.0.0.0") == [MAC]


def test_unrelated_frames_do_not_reach_python(wire: Wire) -> None:
    until(lambda: wire.speaker.do("state")["open"] == ["eth0"])
    assert wire.ask(wait=0, count=50) == []
    wire.own(OWNED)
    assert wire.ask("10.77.0.77", wait=0, count=500) == []
    assert wire.ask() == [MAC]
    assert wire.speaker.do("state")["drops"] == {}


def test_a_frame_of_another_vlan_is_not_answered(wire: Wire) -> None:
    """The kernel strips the tag before a packet socket sees the frame."""
    wire.own(OWNED)
    assert wire.ask(tag="81000005", wait=PATIENCE) == []
    assert wire.ask(tag="81000000") == [MAC]  # only a priority: the same LAN
    assert wire.ask() == [MAC]


def test_a_released_address_is_answered_no_more(wire: Wire) -> None:
    wire.own(OWNED, SECOND)
    wire.own(SECOND)
    assert wire.ask(wait=PATIENCE) == []
    assert wire.ask(SECOND) == [MAC]


def test_a_link_that_goes_down_and_up_heals(wire: Wire) -> None:
    wire.own(OWNED)
    for place, name in ((wire.node, "eth0"), (wire.client_place, "lan0")):  # switched off; then, no carrier
        place.ip(f"link set {name} down")
        until(lambda: wire.placed() == {})
        place.ip(f"link set {name} up")
        until(lambda: wire.placed() == {OWNED: ["eth0"]})
        assert wire.ask() == [MAC]


def test_a_link_that_came_up_is_announced_on(wire: Wire) -> None:
    wire.own(OWNED)
    wire.node.ip("link set eth0 down")
    until(lambda: wire.placed() == {})
    wire.client_place.ip(f"neigh replace {OWNED} lladdr {OLD_MAC} dev lan0 nud reachable")
    wire.node.ip("link set eth0 up")
    until(lambda: wire.neighbour() == MAC)


def test_an_interface_that_is_taken_away_and_put_in_again_heals(wire: Wire) -> None:
    wire.own(OWNED)
    wire.client.program.kill()
    wire.node.ip("link del eth0")
    until(lambda: wire.placed() == {})
    wire.plug()
    wire.client = wire.client_place.start("client")
    until(lambda: wire.placed() == {OWNED: ["eth0"]})
    assert wire.ask() == [MAC]


def test_an_interface_that_joins_a_bridge_hands_over_to_it_and_back(wire: Wire) -> None:
    wire.own(OWNED)
    wire.node.ip("link add br0 type bridge")
    wire.node.ip("link set eth0 master br0")
    until(lambda: wire.placed() == {})
    wire.node.ip("addr add 10.77.0.12/24 dev br0")
    wire.node.ip("link set br0 up")
    until(lambda: wire.placed() == {OWNED: ["br0"]})
    assert wire.ask() != []
    wire.node.ip("link del br0")
    until(lambda: wire.placed() == {OWNED: ["eth0"]})
    assert wire.ask() == [MAC]


def test_the_filter_is_replaced_without_losing_a_frame(wire: Wire) -> None:
    wire.own(OWNED)
    wire.client.begin("ask", {"target": OWNED, "wait": WAIT, "count": 1000, "gap": 0.0005})
    rounds = 0
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        wire.speaker.do("own", dict.fromkeys([OWNED] if rounds % 2 else [OWNED, SECOND]))
        rounds += 1
    assert wire.client.finish() == [MAC] * 1000
    assert rounds > 20


def test_what_queued_up_during_a_stall_is_not_answered(wire: Wire) -> None:
    wire.own(OWNED)
    assert wire.speaker.do("stall", 1.0) is None
    assert wire.ask(count=20, wait=0) == []
    assert wire.speaker.finish() == 20
    assert wire.ask() == [MAC]
    assert wire.speaker.do("state")["responses"] == {OWNED: 1}


def test_nothing_is_answered_nor_announced_while_the_guard_says_no(wire: Wire) -> None:
    wire.speaker.do("guard", False)
    wire.client.do("hear", 0)
    wire.own(OWNED)
    assert wire.ask(wait=PATIENCE) == []
    assert wire.speaker.do("state")["drops"] == {"stalled": 1}
    wire.client.do("hear", 0)
    wire.speaker.do("guard", True)
    assert wire.client.do("hear", PATIENCE) != []
    assert wire.ask() == [MAC]


def test_another_macs_claim_is_heard(wire: Wire) -> None:
    wire.own(OWNED)
    wire.client.do("claim", OWNED)
    until(lambda: len(wire.speaker.do("state")["conflicts"]) == 1)
    assert wire.speaker.do("state")["conflicts"][0].endswith(" eth0")


def test_a_kernel_with_little_option_memory_gets_the_coarse_filter(wire: Wire) -> None:
    """Kernels before 6.7 allow 20 KiB, old and new filter together."""
    try:
        wire.node.run("sysctl", "-q", "-w", "net.core.optmem_max=4096")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"this kernel has no optmem_max per namespace: {error.stderr}")
    many = [f"10.77.{third}.{last}" for third in range(1, 5) for last in range(1, 101)]
    until(lambda: wire.speaker.do("own", {one: ["eth0"] for one in [*many, OWNED]}) == {})
    assert wire.speaker.do("state")["coarse"] == 1
    assert wire.ask() == [MAC]
    assert wire.ask("10.77.0.77", wait=PATIENCE) == []


def test_events_that_overran_the_queue_are_made_up_for(wire: Wire) -> None:
    wire.own(OWNED)
    addresses = [f"10.{second}.{third}.1/24" for second in range(100, 108) for third in range(250)]
    adds = "".join(f"addr add {one} dev eth0\naddr del {one} dev eth0\n" for one in addresses)
    wire.speaker.program.send_signal(signal.SIGSTOP)
    wire.node.run("ip", "-batch", "-", text=adds + "addr add 10.99.0.11/24 dev eth0\n")
    wire.speaker.program.send_signal(signal.SIGCONT)
    until(lambda: wire.speaker.do("state")["resyncs"] > 0)
    until(lambda: "10.99.0.11/24" in wire.speaker.do("state")["links"].get("eth0", ()))
    state = wire.speaker.do("state")
    assert [one for one in state["links"]["eth0"] if "." in one] == ["10.77.0.11/24", "10.99.0.11/24"]
    assert state["placed"] == {OWNED: ["eth0"]}
