"""ARP on real frames: how fast the speaker answers beside the kernel, and what frames that are not for it cost.

    python bench/arp.py

It makes two network namespaces of its own (as root, or without root in a user namespace), which go with its processes.
Prints a line a figure and writes bench/results/arp.json.
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
from pathlib import Path

from pylb.speaker import arp, bpf
from pylb.speaker.announcer import Announcer
from pylb.speaker.linkwatch import LinkWatch
from pylb.speaker.wire import PacketSocket

INSIDE = "PYLB_BENCH_INSIDE"  # set in the copy of this program that runs in the client's namespace
CLIENT, KERNEL, OWNED = (ipaddress.IPv4Address(f"10.77.0.{last}") for last in (5, 11, 100))
PROBES, BLOCK, SPACING = 2000, 100, 0.002  # probes of each target, in turns of a block; s between probes
FLOOD_RATE, FLOOD_SECONDS, FLOOD_PROBES, FLOOD_WARM_UP = 10_000, 8.0, 300, 0.5
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
        status = Path("/proc/self/status").read_text()
        rss_kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        placed = bool(announcer.placements.get(OWNED))
        print(json.dumps({"cpu": time.process_time(), "rss_kib": rss_kib, "placed": placed}), flush=True)

    asyncio.get_running_loop().add_reader(sys.stdin, on_line)
    await done.wait()


class Speaker:
    """A process that runs `serve` in a network namespace of its own, joined to this one by a veth pair."""

    def __init__(self, *, filtered: bool) -> None:
        self.process = subprocess.Popen(
            ["unshare", "-n", sys.executable, __file__, "--serve", *([] if filtered else ["--unfiltered"])],
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
        """CPU seconds, RSS in KiB, and whether the address is announced."""
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
    """Asks who has an address, from lan0, and takes the time until the answer is in Python's hands."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.settimeout(PROBE_TIMEOUT)
        self.socket.bind(("lan0", arp.ETHERTYPE_ARP))
        self.mac: bytes = self.socket.getsockname()[4]

    def probe(self, target: ipaddress.IPv4Address) -> float | None:
        """Microseconds, or None if no answer came."""
        question, wanted = arp.request(target, CLIENT, self.mac), target.packed
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


def measure_latency() -> tuple[list[float | None], list[float | None]]:
    """(kernel, pylb): the answer times of the same run, in turns."""
    speaker, prober = Speaker(filtered=True), Prober()
    kernel: list[float | None] = []
    ours: list[float | None] = []
    prober.probes(KERNEL, BLOCK, SPACING), prober.probes(OWNED, BLOCK, SPACING)  # warm up; ARP tables fill
    while len(ours) < PROBES:
        kernel += prober.probes(KERNEL, BLOCK, SPACING)
        ours += prober.probes(OWNED, BLOCK, SPACING)
    speaker.close()
    return kernel, ours


def measure_flood(*, filtered: bool) -> tuple[float, float, int, float]:
    """(per cent of a core, frames a second, lost probes, RSS in MiB) of the speaker's process while the flood lasts."""
    speaker, prober = Speaker(filtered=filtered), Prober()
    sender = subprocess.Popen([sys.executable, __file__, "--flood"], stdout=subprocess.PIPE, text=True)
    time.sleep(FLOOD_WARM_UP)
    begin, before = time.monotonic(), speaker.ask()["cpu"]
    answers = prober.probes(OWNED, FLOOD_PROBES, (FLOOD_SECONDS - 0.5) / FLOOD_PROBES)
    after = speaker.ask()
    percent = 100 * (after["cpu"] - before) / (time.monotonic() - begin)
    rate = float(sender.communicate(timeout=FLOOD_SECONDS + 5)[0])
    speaker.close()
    return percent, rate, answers.count(None), after["rss_kib"] / 1024


def run(*command: str) -> None:
    subprocess.run(command, check=True)


def show(times: list[float | None]) -> str:
    known = sorted(one for one in times if one is not None)
    return f"n {len(times)} lost {times.count(None)} p50 {known[len(known) // 2]:.1f} p99 {known[len(known) * 99 // 100]:.0f} max {known[-1]:.0f} us"


def main() -> None:
    kernel, ours = measure_latency()
    print("kernel", show(kernel))
    print("pylb  ", show(ours))
    k, o = (statistics.median(one for one in times if one is not None) for times in (kernel, ours))
    print("ratio", o / k)
    print(measure_flood(filtered=True))
    print(measure_flood(filtered=False))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--unfiltered", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--flood", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        asyncio.run(serve(filtered=not chosen.unfiltered))
    elif chosen.flood:
        flood()
    elif INSIDE in os.environ:
        main()
    else:
        os.environ[INSIDE] = "1"
        apart = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
        os.execvp(apart[0], [*apart, sys.executable, *sys.argv])
