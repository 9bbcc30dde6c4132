"""A wire for tests of the speaker's lab layer: two namespaces of the test's own, a veth pair, a process at each end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PROGRAM = str(Path(__file__).parents[1] / "lab" / "wire_end.py")
LIFETIME = "120"  # s after which the namespaces go, whatever became of the test
WAIT = 10.0  # s: a bound, not a pause
OWNED, MAC = "10.77.0.100", "02:00:0a:4d:00:0b"  # what the speaker owns as a rule, and its eth0


class Place:
    """A network namespace that lives as long as a process of the test, and commands within."""

    def __init__(self, command: list[str], apart: bool, outer: Place | None = None) -> None:
        self.apart = apart  # in a user namespace of its own, as without root
        self.holder = subprocess.Popen([*command, "sleep", LIFETIME])
        self.programs: list[subprocess.Popen[str]] = []
        others = {"", _namespace(os.getpid()), "" if outer is None else _namespace(outer.holder.pid)}
        until(lambda: _namespace(self.holder.pid) not in others)  # it passes through those on its way

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
        for program in self.programs:
            program.kill()
            program.communicate(timeout=WAIT)
        self.holder.kill()
        self.holder.wait(WAIT)


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
        node = Place([*client.enter, "unshare", "--net"], apart, outer=client)
        try:
            yield Wire(client, node)
        finally:
            node.close()
    finally:
        client.close()
