"""The demo's panel under the screen, and its keys: what the client sees, and ways to break things.

Whatever a key does is done to the lab; the screen above learns of it as it would in a real cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pylb.core.evidence import STAND_IN
from pylb.demo.stage import NAMESPACE, Stage
from pylb.demo.watcher import Watcher
from pylb.tui.seams import Key, Selection
from pylb.tui.words import Glyphs, Line, Span, sparkline

TOP_MS = 20.0  # the highest bar of the sparkline
FRESH_S = 0.5  # an answer that is older means: no answer
PIN_FROM = 200  # the last octet of the first address that the pin key asks for
UNDO = {"killed": "start", "frozen": "thaw"}
MAX_ADDED = 20  # Services that the keys may add


class Panel:
    """What the client sees, what is broken, and the keys; see `tui.seams.Extra`."""

    title = "CLIENT"
    mode = ""
    height = 4

    def __init__(self, stage: Stage, watcher: Watcher) -> None:
        self._stage, self._watcher = stage, watcher
        self._nodes = [name for name, host in stage.lab.hosts.items() if "management" in host]
        self._cut: set[str] = set()  # nodes whose cable is pulled
        self._speakers: dict[str, str] = {}  # node -> what was done to its speaker
        self._added = 0
        self.keys: Sequence[Key] = (
            Key("x", "Pull cable", self._cable),
            Key("s", "Kill speaker", self._kill),
            Key("z", "Freeze speaker", self._freeze),
            Key("b", "Mend all", self._mend_all),
            Key("a", "Add Service", self._add),
            Key("p", "Pin address", self._pin),
        )

    def lines(self, now: float, width: int, glyphs: Glyphs) -> Sequence[Line]:
        """The probe, its outages, what is broken, and what can be."""
        return (self._probe(now, width, glyphs), self._outages(), self._damage(), self._hints())

    def _probe(self, now: float, width: int, glyphs: Glyphs) -> Line:
        latencies = list(self._watcher.latencies)
        fresh = now - self._watcher.answered_at < FRESH_S
        newest = next((latency for latency in reversed(latencies) if latency is not None), None)
        said = f"answers in {newest:.1f} ms " if fresh and newest is not None else "NO ANSWER "
        head = [Span(f"{self._watcher.url} "), Span(said, "good" if fresh else "bad")]
        room = width - sum(len(span.text) for span in head)
        return (*head, *sparkline(latencies, room, TOP_MS, glyphs))

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
            speaker = self._speakers.get(node)
            what = ", ".join(["cable pulled"] * (node in self._cut) + [f"speaker {speaker}"] * bool(speaker))
            spans.append(Span(f"{node}: {what or 'well'}  ", "bad" if what else "dim"))
        return tuple(spans)

    def _hints(self) -> Line:
        return tuple(span for key in self.keys for span in (Span(key.key, "info"), Span(f" {key.label}   ")))

    async def _cable(self, selection: Selection) -> str | None:
        node = self._node(selection)
        if node in self._cut:
            await self._stage.do(self._stage.lab.mend, node, "both")
            self._cut.discard(node)
            return f"the cable of {node} is back"
        await self._stage.do(self._stage.lab.cut, node, "both")
        self._cut.add(node)
        return f"the cable of {node} is pulled: what it owns moves, and stays where it goes"

    async def _kill(self, selection: Selection) -> str | None:
        return await self._toggle(self._node(selection), "kill", "killed")

    async def _freeze(self, selection: Selection) -> str | None:
        return await self._toggle(self._node(selection), "freeze", "frozen")

    async def _toggle(self, node: str, act: str, what: str) -> str:
        if await self._revive(node) == what:
            return f"the speaker of {node} is back"
        await self._stage.do(self._stage.lab.speaker, act, node)
        self._speakers[node] = what
        return f"the speaker of {node} is {what}: others answer in its place, with its MAC; what it owns moves after {STAND_IN:.0f} s"

    async def _revive(self, node: str) -> str:
        """Make a node's speaker run again; gives what had been done to it."""
        what = self._speakers.get(node, "")
        if what:
            await self._stage.do(self._stage.lab.speaker, UNDO[what], node)
            del self._speakers[node]
        return what

    async def _mend_all(self, selection: Selection) -> str | None:
        for node in [node for node in self._nodes if node in self._cut or node in self._speakers]:
            await self._revive(node)
            await self._stage.do(self._stage.lab.mend, node, "both")
            self._cut.discard(node)
        return "everything is well again"

    async def _add(self, selection: Selection) -> str | None:
        return await self._create({})

    async def _pin(self, selection: Selection) -> str | None:
        network = self._watcher.url.split("/")[2].rsplit(".", 1)[0]
        return await self._create({"loadBalancerIP": f"{network}.{PIN_FROM + self._added}"})

    async def _create(self, wishes: dict[str, str]) -> str:
        if self._added >= MAX_ADDED:
            return f"{MAX_ADDED} Services are enough for a demo"
        self._added += 1
        name = f"extra-{self._added}"
        spec: dict[str, Any] = {"type": "LoadBalancer", "selector": {"app": "kube-verify"}, **wishes}
        spec["ports"] = [{"port": 80, "targetPort": 8080}]
        meta = {"name": name, "namespace": NAMESPACE}
        await self._stage.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
        asked = f", which asks for {wishes['loadBalancerIP']}" if wishes else ""
        return f"added the Service {name}{asked}"

    def _node(self, selection: Selection) -> str:
        """The node to break: who announces the row under the cursor, else one that is broken, else the first."""
        broken = next(iter((*self._speakers, *sorted(self._cut))), "")
        node = selection.node.split(",")[0].rstrip("!")
        return node if node in self._nodes else broken or self._nodes[0]
