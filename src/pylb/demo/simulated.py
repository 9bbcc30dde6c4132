"""The demo's story where network namespaces are not to be had: on a LAN in memory, by a clock that runs as fast as it can.

The nodes' decisions are those of the real speakers, which are one class (`core.ownership.arbiter`). The rest is made up: cables,
kernels, clients and time. So each act says that it is simulated, and no figure of it is a measurement. There are no pods,
no API server and no packets here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pylb.core.model import Address
from pylb.core.ownership.effects import Effect, StoodDown, StoodIn, Took
from pylb.core.ownership.evidence import Port
from pylb.demo.story import CALM_ROW, Act
from pylb.sim.node import Node, mac_of
from pylb.sim.world import Size, World, link_of

SEED = 1  # of the delays on the made-up LAN: the story is the same each time
ASK_S = 0.02  # between two requests
STEP_S = 0.01
OWNER_S, STAND_IN_S, TAKE_OVER_S, CALM_S, SETTLE_S = 10.0, 10.0, 15.0, 5.0, 4.0  # as long as each act may take
LABEL = "simulated"


class Requests:
    """A client that asks all the time, and remembers what it was told of the address. Times are simulated seconds."""

    def __init__(self, world: World, address: Address) -> None:
        self._world, self._address = world, address
        self.count = 0
        self.failed: list[float] = []
        self.row = 0  # answered in a row
        self._ask()

    def _ask(self) -> None:
        self.count += 1
        if self._is_answered():
            self.row += 1
        else:
            self.row = 0
            self.failed.append(self._world.clock.now)
        self._world.clock.after(ASK_S, self._ask)

    def _is_answered(self) -> bool:
        world, link = self._world, link_of(self._address)
        mac = world.client.cache.get(self._address)
        return any(
            mac_of(node.name, link) == mac and node.powered and node.kubelet is Port.ACCEPTS
            for node in world.nodes.values()
            if world.lan.is_served(node.name, link)
        )

    def since(self, when: float) -> list[float]:
        """When a request failed from then on."""
        return [at for at in self.failed if at >= when]


class Rehearsal:
    """A simulated cluster with one address, and what its nodes did."""

    def __init__(self, nodes: int) -> None:
        self.world = World(Size(nodes=nodes, addresses=1), SEED)
        self.address = self.world.addresses[0]
        self.told: list[tuple[float, Node, Effect]] = []
        self.world.watchers.append(self._note)

    def _note(self, node: Node, effects: list[Effect]) -> None:
        self.told.extend((self.world.clock.now, node, effect) for effect in effects)

    @property
    def now(self) -> float:
        """Simulated seconds since the start."""
        return self.world.clock.now

    def wait(self, check: Callable[[], bool], seconds: float) -> bool:
        """Let time pass until something is so; whether it is, within so many simulated seconds."""
        end = self.now + seconds
        while not check() and self.now < end:
            self.world.clock.run(self.now + STEP_S)
        return check()

    def find(self, kind: type[Effect], since: float) -> tuple[float, Node, Effect] | None:
        """The first thing of a kind that a node did from then on."""
        return next((one for one in self.told if one[0] >= since and isinstance(one[2], kind)), None)

    def owner(self) -> Node | None:
        """The node whose MAC is answered, if all answer the same."""
        link = link_of(self.address)
        macs = list(self.world.lan.macs(self.address, link))
        owners = [node for node in self.world.nodes.values() if [mac_of(node.name, link)] == macs]
        return owners[0] if owners else None


def rehearse(nodes: int) -> Iterator[Act]:
    """The story on a simulated LAN. The first act that fails is the last."""
    for act in _acts(nodes):
        yield act
        if not act.ok:
            return


def _acts(nodes: int) -> Iterator[Act]:
    stage = Rehearsal(nodes)
    said = (
        f"a LAN with {nodes} nodes, a client and a router, in memory: nothing here is sent, and no time is a real one"
    )
    yield Act("lab", True, said)
    stage.wait(lambda: False, SETTLE_S)  # all start at one time, and each may think for a moment that it is alone
    found = stage.wait(lambda: stage.owner() is not None, OWNER_S)
    owner = stage.owner()
    yield Act("owner", found, f"{_name(owner)} answers ARP for {stage.address}", {"node": _name(owner)})
    if owner is None:
        return
    requests = Requests(stage.world, stage.address)
    steady = stage.wait(lambda: requests.row >= CALM_ROW, CALM_S)
    yield Act("probe", steady, "the client asks every 20 ms, and every request is answered")
    yield from _lose_speaker(stage, owner, requests)
    yield from _lose_node(stage, owner, requests)


def _lose_speaker(stage: Rehearsal, owner: Node, requests: Requests) -> Iterator[Act]:
    stage.wait(lambda: False, SETTLE_S)
    killed_at, before = stage.now, requests.count
    owner.kill()
    stage.wait(lambda: stage.find(StoodIn, killed_at) is not None, STAND_IN_S)
    found = stage.find(StoodIn, killed_at)
    by = _name(found[1] if found else None)
    said = (
        f"the speaker of {owner.name} is killed; {by} answers in its place, with the MAC of {owner.name}: nothing moves"
    )
    yield Act("stood_in", found is not None, said, {"by": by, "ms": _ms(found[0] - killed_at) if found else None})
    started_at = stage.now
    owner.start()
    back = stage.wait(lambda: stage.find(StoodDown, started_at) is not None, STAND_IN_S)
    now, failed = _name(stage.owner()), len(requests.since(killed_at))
    said = f"it is started again; of {requests.count - before} requests since, {failed} failed; {now} is the owner"
    yield Act("back", back and now == owner.name and not failed, said, {"failed": failed, "node": now})


def _lose_node(stage: Rehearsal, owner: Node, requests: Requests) -> Iterator[Act]:
    stage.wait(lambda: False, SETTLE_S)
    cut_at, link = stage.now, link_of(stage.address)
    owner.pull(link)
    yield Act("cut", True, f"the cable of {owner.name} is pulled", {"node": owner.name})
    stage.wait(lambda: stage.find(Took, cut_at) is not None, TAKE_OVER_S)
    found = stage.find(Took, cut_at)
    yield _told_move(owner, found)
    calm = stage.wait(lambda: requests.row >= CALM_ROW, CALM_S)
    failed = requests.since(cut_at)
    ms = _ms(failed[-1] + ASK_S - cut_at) if failed else 0
    said = f"requests answer again after {ms} ms; {len(failed)} failed" if calm else "no request was answered again"
    yield Act("recovered", calm, said, {"ms": ms if calm else None, "failed": len(failed)})
    owner.plug(link)
    mended_at = stage.now
    stage.wait(lambda: False, SETTLE_S)
    stays, new = _name(stage.owner()), _name(found[1] if found else None)
    ok = stays == new and not requests.since(mended_at)
    said = f"the cable of {owner.name} is back; {stays} keeps the address, which answers all the time"
    yield Act("mend", ok, said, {"node": owner.name, "owner": stays})


def _told_move(owner: Node, found: tuple[float, Node, Effect] | None) -> Act:
    if found is None or not isinstance(found[2], Took):
        return Act("move", False, f"no node took the address over from {owner.name}")
    took, name = found[2], found[1].name
    detected = _ms(took.silent) if took.silent is not None else None
    said = f"{name} took {took.line.address} over from {took.previous} ({took.cause})"
    return Act("move", name != owner.name, said, {"to": name, "detected_ms": detected})


def _name(node: Node | None) -> str:
    return node.name if node is not None else "nobody"


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
