"""The demo's panel under the screen, and its keys: what the client sees, and ways to break things.

Whatever a key does is done to the lab; the screen above learns of it as it would in a real cluster. What became of the
newest deed stands beside the probe.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from pylb.core.ownership.evidence import STAND_IN
from pylb.demo import deed as deeds
from pylb.demo.deed import Deed, Sight
from pylb.demo.stage import NAMESPACE, Stage
from pylb.demo.watcher import Watcher
from pylb.kube.errors import ClusterError
from pylb.lab.errors import LabError
from pylb.tui import words
from pylb.tui.seams import Key, Selection
from pylb.tui.words import Glyphs, Line, Span, sparkline

TOP_MS = 20.0  # the highest bar of the sparkline
FRESH_S = 0.5  # an answer that is older means: no answer
PIN_FROM = 200  # the last octet of the first address that the pin key asks for
UNDO = {"killed": "start", "frozen": "thaw"}
SHORT = {
    "x": "cable",
    "s": "kill",
    "z": "freeze",
    "b": "mend all",
    "f2": "drain",
    "f3": "restart",
    "a": "add",
    "p": "pin",
}
MAX_ADDED = 20  # Services that the keys may add
TALL_FROM = 28  # lines of the terminal; below it the panel has two
LOW, TALL = 2, 4
MIN_SPARKS = 8  # cells
WATCH_S = 60.0  # how long a deed is followed
LOOK_S = 0.1
GAPS_S = 2.0  # a request that failed so lately, after the outage, is a gap
ADDRESS_S = 5.0  # until a Service that is added has its address
STOOD_IN_S = 10.0

Act = Callable[[Selection], Coroutine[Any, Any, str]]
Learn = Callable[[Deed], Coroutine[Any, Any, None]]


class Panel:
    """What the client sees, what is broken, and the keys; see `tui.seams.Extra`. `rows` tells the terminal's height."""

    title = "CLIENT"
    mode = ""

    def __init__(self, stage: Stage, watcher: Watcher, rows: Callable[[], int] = lambda: TALL_FROM) -> None:
        self._stage, self._watcher, self._rows = stage, watcher, rows
        self._address = watcher.url.split("/")[2]
        self._nodes = stage.nodes()
        self._cut: set[str] = set()  # nodes whose cable is pulled
        self._drained: set[str] = set()
        self._speakers: dict[str, str] = {}  # node -> what was done to its speaker
        self._added = 0
        self._deed: Deed | None = None
        self._following: asyncio.Task[None] | None = None
        self._gate = asyncio.Lock()  # one key after the other
        self.keys: Sequence[Key] = (
            Key("x", "Pull the cable of the row's node, or mend it", self._one(self._cable)),
            Key("s", "Kill its speaker, or start it again", self._one(self._kill)),
            Key("z", "Freeze its speaker, or let it go on", self._one(self._freeze)),
            Key("f2", "Drain the node, or end that", self._one(self._drain)),
            Key("f3", "Restart all speakers, one by one", self._one(self._restart)),
            Key("a", "Add a Service", self._one(self._add)),
            Key("p", "Add a Service that asks for a certain address", self._one(self._pin)),
            Key("b", "Mend all", self._one(self._mend_all)),
        )

    @property
    def height(self) -> int:
        """Two lines where there is little room."""
        return TALL if self._rows() >= TALL_FROM else LOW

    async def close(self) -> None:
        """Follow nothing any more."""
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following

    # What it shows

    def lines(self, now: float, width: int, glyphs: Glyphs) -> Sequence[Line]:
        """The probe with what came of the last deed, and the keys; where there is room also outages and damage."""
        hints = self._hints()
        if self.height == LOW:
            return (self._probe(now, width, glyphs, self._outcome(now)), hints)
        outcome = self._outcome(now)
        second = (outcome,) if outcome else self._outages()
        return (self._probe(now, width, glyphs, None), second, self._damage(), hints)

    def _probe(self, now: float, width: int, glyphs: Glyphs, outcome: Span | None) -> Line:
        latencies = list(self._watcher.latencies)
        fresh = now - self._watcher.answered_at < FRESH_S
        newest = next((latency for latency in reversed(latencies) if latency is not None), None)
        answers = "" if outcome else "answers in "
        said = f"{answers}{newest:.1f} ms " if fresh and newest is not None else "NO ANSWER "
        head = [Span(f"{self._address} "), Span(said, "good" if fresh else "bad")]
        if outcome is not None:
            room = width - words.wide(tuple(head)) - 1
            head += [Span(" "), outcome._replace(text=words.fit(outcome.text, room, glyphs) + " ")]
        room = width - words.wide(tuple(head))
        return (*head, *(sparkline(latencies, room, TOP_MS, glyphs) if room >= MIN_SPARKS else ()))

    def _outcome(self, now: float) -> Span | None:
        if self._deed is None:
            return None
        watcher, since = self._watcher, self._deed.at
        silent = now - watcher.answered_at >= FRESH_S
        ended = tuple(one for one in watcher.outages if one["to"] is not None and one["to"] >= since)
        gaps = bool(ended and self._cut) and watcher.failed(max(ended[0]["to"], now - GAPS_S)) > 0
        sight = Sight(ended, watcher.failed(since), (now - max(watcher.answered_at, since)) * 1000, silent, gaps)
        return deeds.told(self._deed, sight, now)

    def _outages(self) -> Line:
        watcher = self._watcher
        if not watcher.outages:
            return (Span(f"no outage in {watcher.requests} requests, one each 20 ms", "dim"),)
        last, longest = watcher.outages[-1], max(one["ms"] or 0.0 for one in watcher.outages)
        rest = f"; last {last['ms']:.0f} ms, {last['failed']} requests failed; {watcher.requests} requests"
        return (Span(f"longest outage {longest:.0f} ms", "warn"), Span(rest, "dim"))

    def _damage(self) -> Line:
        spans = []
        for node in self._nodes:
            what = ", ".join(self._broken(node))
            spans.append(Span(f"{node}: {what or 'well'}  ", "bad" if what else "dim"))
        return tuple(spans)

    def _broken(self, node: str) -> list[str]:
        speaker = [f"speaker {self._speakers[node]}"] if node in self._speakers else []
        return ["cable pulled"] * (node in self._cut) + speaker + ["drained"] * (node in self._drained)

    def _hints(self) -> Line:
        """The keys; one that has broken something says where."""
        killed = [node for node, what in self._speakers.items() if what == "killed"]
        frozen = [node for node, what in self._speakers.items() if what == "frozen"]
        worn = {"x": self._cut, "s": killed, "z": frozen, "f2": self._drained}
        spans: list[Span] = []
        for key, label in SHORT.items():
            where = ",".join(sorted(worn.get(key, ())))
            spans += [Span(key, "info"), Span(f" {label}{f' {where}' if where else ''}  ", "bad" if where else "")]
        return tuple(spans)  # what has no room is cut off at the end

    # What keys do

    def _one(self, act: Act) -> Act:
        async def alone(selection: Selection) -> str:
            async with self._gate:
                return await act(selection)

        return alone

    async def _begin(self, what: str, learn: Learn) -> Deed:
        """From now on the outcome is that of this deed; what of it cannot be seen by the probe is learned meanwhile."""
        await self.close()
        self._deed = Deed(time.time(), what)
        self._following = asyncio.ensure_future(self._follow(learn, self._deed))
        return self._deed

    async def _follow(self, learn: Learn, deed: Deed) -> None:
        with contextlib.suppress(LabError, ClusterError, asyncio.TimeoutError):
            await asyncio.wait_for(learn(deed), WATCH_S)

    async def _learn_owner(self, deed: Deed) -> None:
        """Once the client was without an answer and has one again: who gives it."""
        heard = await self._watcher.wait_outage(deed.at, WATCH_S)
        while heard is not None and not deed.by:
            deed.by = await self._stage.owner(self._address)
            await asyncio.sleep(LOOK_S)

    async def _learn_stand_in(self, deed: Deed) -> None:
        """Who answers in a silent speaker's place."""
        found = await self._stage.wait_stood_in(self._address, deed.at, STOOD_IN_S)
        deed.instead = found.node if found is not None else ""
        await self._learn_owner(deed)

    async def _cable(self, selection: Selection) -> str:
        node = await self._node(selection)
        if node in self._cut:
            await self._begin(f"{node}'s cable mended", self._learn_owner)
            await self._stage.do(self._stage.lab.mend, node, "both")
            self._cut.discard(node)
            return f"{node} is back: what moved stays"
        await self._begin(f"{node}'s cable pulled", self._learn_owner)
        await self._stage.do(self._stage.lab.cut, node, "both")
        self._cut.add(node)
        return f"what {node} owns moves (b mends all)"

    async def _kill(self, selection: Selection) -> str:
        return await self._toggle(await self._node(selection), "kill", "killed")

    async def _freeze(self, selection: Selection) -> str:
        return await self._toggle(await self._node(selection), "freeze", "frozen")

    async def _toggle(self, node: str, act: str, what: str) -> str:
        if node in self._speakers:
            await self._begin(f"{node}'s speaker back", self._learn_owner)
        if await self._revive(node) == what:
            return f"the speaker of {node} is back"
        await self._begin(f"{node}'s speaker {what}", self._learn_stand_in)
        await self._stage.do(self._stage.lab.speaker, act, node)
        self._speakers[node] = what
        return f"another answers with its MAC; after {STAND_IN:.0f} s it moves"

    async def _revive(self, node: str) -> str:
        """Make a node's speaker run again; gives what had been done to it."""
        what = self._speakers.get(node, "")
        if what:
            await self._stage.do(self._stage.lab.speaker, UNDO[what], node)
            del self._speakers[node]
        return what

    async def _drain(self, selection: Selection) -> str:
        node = await self._node(selection)
        self._drained = await self._stage.drained()
        drains = node not in self._drained
        await self._begin(f"{node} {'drained' if drains else 'takes addresses again'}", self._learn_owner)
        await self._stage.drain(node, drains)
        if drains:
            self._drained.add(node)
            return f"{node} hands over what it owns"
        self._drained.discard(node)
        return f"{node} may own again: nothing moves"

    async def _restart(self, selection: Selection) -> str:
        running = [node for node in self._nodes if node not in self._speakers]
        await self._begin(f"{', '.join(running)} restarted", self._learn_owner)
        for node in running:
            for act in ("stop", "start"):
                await self._stage.do(self._stage.lab.speaker, act, node)
        return "all speakers restarted, as in an update"

    async def _mend_all(self, selection: Selection) -> str:
        await self._begin("all mended", self._learn_owner)
        self._drained = await self._stage.drained()
        for node in [node for node in self._nodes if self._broken(node)]:
            await self._revive(node)
            await self._stage.do(self._stage.lab.mend, node, "both")
            self._cut.discard(node)
            if node in self._drained:
                await self._stage.drain(node, False)
                self._drained.discard(node)
        return "everything is well again"

    async def _add(self, selection: Selection) -> str:
        return await self._create({})

    async def _pin(self, selection: Selection) -> str:
        network = self._address.rsplit(".", 1)[0]
        return await self._create({"loadBalancerIP": f"{network}.{PIN_FROM + self._added}"})

    async def _create(self, wishes: dict[str, str]) -> str:
        if self._added >= MAX_ADDED:
            return f"{MAX_ADDED} Services are enough for a demo"
        self._added += 1
        name = f"extra-{self._added}"
        spec: dict[str, Any] = {"type": "LoadBalancer", "selector": {"app": "kube-verify"}, **wishes}
        spec["ports"] = [{"port": 80, "targetPort": 8080}]
        meta = {"name": name, "namespace": NAMESPACE}
        asked = wishes.get("loadBalancerIP", "")
        deed = await self._begin(f"{name} added", self._learn_address(name))
        deed.result = "waits for its address"
        await self._stage.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
        return f"{name} asks for {asked}" if asked else f"added the Service {name}"

    def _learn_address(self, name: str) -> Learn:
        async def learn(deed: Deed) -> None:
            address = await self._stage.wait_address(ADDRESS_S, name)
            took = f" after {(time.time() - deed.at) * 1000:.0f} ms"
            deed.result = f"has {address}{took}" if address else "gets no address: 4 Requests tells why"

        return learn

    async def _node(self, selection: Selection) -> str:
        """The node to break: who announces the row under the cursor, else one that is broken, else who answers now."""
        broken = next(iter((*self._speakers, *sorted(self._cut), *sorted(self._drained))), "")
        node = selection.node.split(",")[0].rstrip("!")
        if node in self._nodes:
            return node
        return broken or await self._stage.owner(self._address) or self._nodes[0]
