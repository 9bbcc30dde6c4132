"""ARP on real frames: how fast a speaker answers beside its node's kernel, and what frames that are not for it cost.

    python -m bench.arp

Latency is asked from the lab's client, across its bridge, of a whole speaker that owns a Service's address and of the
same node's own address, in turns. The flood goes over a veth pair to an announcer alone, so that the CPU is its own.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain

from bench import results
from bench._objects import EVERYWHERE, POOL_FIRST, service
from bench._scene import scene
from bench.report import Figure, Reference, median_of
from pylb.speaker import arp, bpf
from pylb.speaker.announcer import Announcer
from pylb.speaker.linkwatch import LinkWatch
from pylb.speaker.wire import PacketSocket

PROGRAM = (sys.executable, "-m", "bench.arp")
CLIENT, KERNEL, OWNED = (ipaddress.IPv4Address(f"10.77.0.{last}") for last in (5, 11, 100))
PROBES, WARM_UP, SPACING = 2000, 100, 0.002  # probes of each target, in turns; s between probes
PROBE_LIMIT = 60.0  # s for all of them
FLOOD_RATE, FLOOD_SECONDS, FLOOD_PROBES, FLOOD_WARM_UP = 10_000, 8.0, 300, 0.5
FLOOD_LIMIT = 60.0  # s for both floods
PROBE_TIMEOUT = 1.0  # s: a client's own retransmission
TARGET_RATIO, TARGET_CPU_PERCENT = 2.5, 1.0


class Unfiltered(PacketSocket):
    """The reference for the flood: the kernel passes every request, and Python looks at each."""

    def attach(self, filter_: bytes) -> None:
        super().attach(bpf.pack(bpf.REQUESTS_ONLY))


async def serve(*, filtered: bool) -> None:
    """The speaker's side: announce OWNED, and answer each line on stdin with a line of figures, until stdin ends."""
    announcer = Announcer(
        clock=time.monotonic,
        may_answer=lambda now: True,
        on_conflict=lambda address, mac, interface: None,
        open_socket=PacketSocket if filtered else Unfiltered,
    )
    watch = LinkWatch(announcer.take_links)
    watch.start()
    announcer.set({OWNED: None})
    done = asyncio.Event()

    def on_line() -> None:
        if not sys.stdin.readline():
            done.set()
            return
        placed = bool(announcer.placements.get(OWNED))
        print(json.dumps({"cpu": time.process_time(), "placed": placed}), flush=True)

    asyncio.get_running_loop().add_reader(sys.stdin, on_line)
    await done.wait()


class Speaker:
    """A process that runs `serve` in a network namespace of its own, joined to this one by a veth pair."""

    def __init__(self, *, filtered: bool) -> None:
        self.process = subprocess.Popen(
            ["unshare", "--net", *PROGRAM, "--serve", *([] if filtered else ["--unfiltered"])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ask()  # now unshare has done its work
        pid = str(self.process.pid)
        run("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "eth0", "netns", pid)
        for command in (f"addr add {KERNEL}/24 dev eth0", "link set eth0 up", "link set lo up"):
            run("nsenter", "-t", pid, "-n", "ip", *command.split())
        run("ip", "addr", "add", f"{CLIENT}/24", "dev", "lan0")
        run("ip", "link", "set", "lan0", "up")
        deadline = time.monotonic() + 5
        while not self.ask()["placed"]:
            if time.monotonic() > deadline:
                raise SystemExit("the speaker did not see its interface within 5 s")
            time.sleep(0.02)

    def ask(self) -> dict[str, float]:
        """CPU seconds, and whether the address is announced."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print("?", file=self.process.stdin, flush=True)
        answer: dict[str, float] = json.loads(self.process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(5)
        # The pair goes with the namespace, which the kernel takes apart in its own time.
        subprocess.run(["ip", "link", "del", "lan0"], stderr=subprocess.DEVNULL, check=False)


class Prober:
    """Asks who has an address, and takes the time until the answer is in Python's hands."""

    def __init__(self, interface: str = "lan0", source: ipaddress.IPv4Address = CLIENT) -> None:
        self.source = source
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.settimeout(PROBE_TIMEOUT)
        self.socket.bind((interface, arp.ETHERTYPE_ARP))
        self.mac: bytes = self.socket.getsockname()[4]

    def probe(self, target: ipaddress.IPv4Address) -> float | None:
        """Microseconds, or None if no answer came."""
        question, wanted = arp.request(target, self.source, self.mac), target.packed
        begin = time.perf_counter()
        self.socket.send(question)
        try:
            while True:
                frame = self.socket.recv(64)
                if frame[20:22] == b"\0\2" and frame[28:32] == wanted and frame[:6] == self.mac:
                    return (time.perf_counter() - begin) * 1e6
        except TimeoutError:
            return None

    def probes(self, target: ipaddress.IPv4Address, count: int, spacing: float) -> list[float | None]:
        found = []
        for _ in range(count):
            found.append(self.probe(target))
            time.sleep(spacing)
        return found


def flood() -> None:
    """Send requests for addresses that nobody owns, FLOOD_RATE a second for FLOOD_SECONDS."""
    sender = Prober()
    frames = [arp.request(ipaddress.IPv4Address(f"10.77.1.{last}"), CLIENT, sender.mac) for last in range(256)]
    begin, sent = time.monotonic(), 0
    while (passed := time.monotonic() - begin) < FLOOD_SECONDS + FLOOD_WARM_UP:
        for _ in range(int(passed * FLOOD_RATE) - sent):
            sender.socket.send(frames[sent & 255])
            sent += 1
        time.sleep(0.002)
    print(sent / passed)


async def measure_latency() -> list[Figure]:
    """The answer times of the same run, the speaker's and its node's kernel's in turns."""
    async with scene() as stage:
        await stage.create(service("arp", POOL_FIRST, EVERYWHERE))
        owner = await stage.owner(POOL_FIRST)
        targets = [stage.lab.hosts[owner]["lan"], str(POOL_FIRST)]
        words = stage.lab.module("bench.arp", "--probe", stage.lab.hosts["client"]["lan"], *targets)
        done = await asyncio.to_thread(stage.lab.exec, "client", words, PROBE_LIMIT)
    if done.returncode != 0:
        raise SystemExit(f"the client could not ask: {done.stderr.strip()}")
    kernel, ours = json.loads(done.stdout)
    base = statistics.median(one for one in kernel if one is not None)
    reference = Reference("kernel's own address", base)
    more = statistics.median(answered(ours)) - base
    return [
        median_of(
            "ARP reply, median",
            answered(ours),
            "us",
            TARGET_RATIO * base,
            reference,
            note=f"{more:.1f} us more than the kernel",
        ),
        Figure("ARP replies lost", ours.count(None), "", 0, len(ours), None, Reference("kernel", kernel.count(None))),
    ]


def probe(source: str, targets: list[str]) -> None:
    """In the client: ask for each target in turns, and print their times as JSON."""
    prober = Prober("eth0", ipaddress.IPv4Address(source))
    wanted = [ipaddress.IPv4Address(target) for target in targets]
    found: list[list[float | None]] = [[] for _ in wanted]
    for number in range(WARM_UP + PROBES):
        for target, times in zip(wanted, found, strict=True):
            time_taken = prober.probe(target)
            if number >= WARM_UP:
                times.append(time_taken)
            time.sleep(SPACING)
    print(json.dumps(found))


def measure_flood() -> Iterator[Figure]:
    """What frames cost that are not for the speaker, with the kernel's filter and, as the reference, with Python's."""
    plain = one_flood(filtered=False)
    ours = one_flood(filtered=True)
    name = f"CPU under {ours.rate:.0f} unrelated ARP/s"
    yield Figure(name, ours.percent, "% of a core", TARGET_CPU_PERCENT, 1, None, Reference("unfiltered", plain.percent))
    yield Figure("ARP replies lost under the flood", ours.lost, "", 0, FLOOD_PROBES, None)


def flood_inside() -> Iterator[Figure]:
    """`measure_flood` in a network namespace of its own (as root, or without root in a user namespace)."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    done = subprocess.run(
        ["unshare", "--net", *user, *PROGRAM, "--inside"],
        stdout=subprocess.PIPE,
        text=True,
        timeout=FLOOD_LIMIT,
        check=True,
    )
    for raw in json.loads(done.stdout):
        reference = Reference(**raw.pop("reference")) if raw["reference"] else None
        yield Figure(**{**raw, "reference": reference})


@dataclass(frozen=True, slots=True)
class Flood:
    """What one flood did to the speaker's process."""

    percent: float  # of a core
    rate: float  # frames a second that were sent
    lost: int  # probes without an answer


def one_flood(*, filtered: bool) -> Flood:
    speaker, prober = Speaker(filtered=filtered), Prober()
    sender = subprocess.Popen([*PROGRAM, "--flood"], stdout=subprocess.PIPE, text=True)
    time.sleep(FLOOD_WARM_UP)
    begin, before = time.monotonic(), speaker.ask()["cpu"]
    answers = prober.probes(OWNED, FLOOD_PROBES, (FLOOD_SECONDS - FLOOD_WARM_UP) / FLOOD_PROBES)
    percent = 100 * (speaker.ask()["cpu"] - before) / (time.monotonic() - begin)
    rate = float(sender.communicate(timeout=FLOOD_SECONDS + 5)[0])
    speaker.close()
    return Flood(percent, rate, answers.count(None))


def answered(times: list[float | None]) -> list[float]:
    return [one for one in times if one is not None]


def run(*command: str) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--unfiltered", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--flood", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--probe", nargs="+", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        asyncio.run(serve(filtered=not chosen.unfiltered))
    elif chosen.flood:
        flood()
    elif chosen.probe:
        probe(chosen.probe[0], chosen.probe[1:])
    elif chosen.inside:
        print(json.dumps([asdict(figure) for figure in measure_flood()]))
    else:
        results.publish("arp", chain(asyncio.run(measure_latency()), flood_inside()))
