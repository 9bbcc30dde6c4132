"""Disasters by seed: what befalls a simulated cluster, and when. The same seed gives the same, each time."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from pylb.core.model import NodeName
from pylb.core.ownership.evidence import STAND_IN, Port
from pylb.sim.lan import CALM, CLIENT, GATEWAY, Weather
from pylb.sim.node import Node
from pylb.sim.strangers import STEADY, draw_strangers
from pylb.sim.wishes import Wish, draw_wishes, plan
from pylb.sim.world import Size, World

SLOWEST = 0.55  # s between the moments at which frames arrive
SLOWING = 8.0  # s at least in which it becomes that
QUIET = 6.0  # s at the start in which nothing happens
OWN = (
    "pull",
    "flap",
    "kill",
    "terminate",
    "freeze",
    "pause",
    "jump",
    "power",
    "stop",
    "mute",
    "exclude",
)  # of one node
PATHS = ("split", "split_link", "pair", "one_way", "cut_off", "deaf", "deaf_one_way")
ALL = ("loss", "late", "slow", "slow", "twice", "restart_all", "restart_all_without_api", "api_down")


@dataclass(frozen=True, slots=True)
class Disaster:
    """One thing that goes wrong, at a time, for so many seconds (times in s)."""

    at: float
    lasts: float
    kind: str
    nodes: tuple[NodeName, ...]  # whom it befalls; of a split: the side without gateway and clients
    link: str | None = None

    @property
    def until(self) -> float:
        """When it is over."""
        return self.at + self.lasts

    def __str__(self) -> str:
        where = f" on {self.link}" if self.link else ""
        return f"{self.at:7.3f} {self.kind} of {' '.join(self.nodes) or 'all'}{where} for {self.lasts:.3f} s"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A world and its disasters, from one seed."""

    seed: int
    size: Size
    disasters: tuple[Disaster, ...]
    lasts: float
    wishes: tuple[Wish, ...] = ()

    def __str__(self) -> str:
        befalls: list[Disaster | Wish] = sorted((*self.disasters, *self.wishes), key=lambda one: one.at)
        return "\n".join((f"seed {self.seed}: {self.size}, {self.lasts:.1f} s", *map(str, befalls)))


def draw(seed: int, nodes: int | None = None) -> Scenario:
    """The scenario of a seed; with as many nodes as it says, or as wanted, and then with addresses for all of them."""
    dice = random.Random(f"scenario {seed}")  # noqa: S311 - replayable on purpose
    size = Size(
        nodes=dice.choice((2, 2, 3, 3, 3, 4, 5)),
        addresses=dice.choice((1, 2, 2, 3, 6)),
        links=dice.choice((1, 1, 1, 2)),
        gateway=dice.random() < 0.9,
        proxy=dice.random() < 0.3,
        api_lag=dice.choice((0.1, 0.4)),
        boot=dice.choice((0.1, 0.5, 3.0)),
    )
    if nodes is not None:
        size = replace(size, nodes=nodes, addresses=size.addresses * nodes // 8)
    names = [NodeName(f"n{i + 1}") for i in range(size.nodes)]
    disasters, at = [], QUIET + dice.random()
    for _ in range(dice.choice((1, 1, 2, 2, 3))):
        one = _draw(dice, names, size, at)
        disasters.append(one)
        at = one.until + dice.choice((0.05, 0.3, 1.0, 4.0, 8.0)) * dice.random() if dice.random() < 0.7 else at + 0.2
    strange = draw_strangers(seed, names)
    if strange is not None:
        disasters.append(Disaster(max(one.until for one in disasters) + STEADY, strange[0], "strangers", strange[1]))
    wishes = draw_wishes(seed, names, size.addresses, disasters[0].at)
    lasts = max(*(one.until for one in disasters), *(wish.at + wish.lasts for wish in wishes), 0.0) + 7.0
    return Scenario(seed, size, tuple(disasters), lasts, wishes)


def _draw(dice: random.Random, names: list[NodeName], size: Size, at: float) -> Disaster:
    kind = dice.choice((*OWN, *OWN, *PATHS, *ALL))
    if kind == "freeze" and dice.random() < 0.3:  # for longer than others stand in
        return Disaster(at, STAND_IN + 1.0 + 5.0 * dice.random(), kind, (dice.choice(names),))
    lasts = dice.choice((0.2, 0.5, 1.0, 2.0, 4.0, 6.0, 6.0, 12.0)) * (0.5 + dice.random())
    link = dice.choice([None, *list(("eth0", "eth1")[: size.links])]) if size.links > 1 else None
    lasts = max(lasts, SLOWING) if kind == "slow" else lasts
    count = 2 if kind in ("pair", "one_way", "deaf", "deaf_one_way") else 1
    if kind.startswith("split"):
        count = dice.randint(1, len(names) - 1)
        link = dice.choice(("eth0", "eth1")[: size.links]) if kind == "split_link" else None
    return Disaster(at, lasts, kind, () if kind in ALL else tuple(dice.sample(names, count)), link)


def stage(scenario: Scenario) -> World:
    """The world, with its disasters to come."""
    world = World(scenario.size, scenario.seed)
    for one in scenario.disasters:
        world.clock.at(one.at, partial(_begin, world, one))
        world.clock.at(one.until, partial(_end, world, one))
    for wish in scenario.wishes:
        plan(world, wish)
    return world


def _begin(world: World, one: Disaster) -> None:
    if one.kind in _OWN:
        for name in one.nodes:
            _OWN[one.kind][0](world, world.nodes[name], one)
    else:
        _WIDE[one.kind][0](world, one)


def _end(world: World, one: Disaster) -> None:
    if one.kind in _OWN:
        for name in one.nodes:
            _OWN[one.kind][1](world, world.nodes[name], one)
    else:
        _WIDE[one.kind][1](world, one)


def _pull(world: World, node: Node, one: Disaster) -> None:
    for link in world.links if one.link is None else (one.link,):
        node.pull(link)
    world.lan.changes += 1


def _plug(world: World, node: Node, one: Disaster) -> None:
    for link in world.links if one.link is None else (one.link,):
        node.plug(link)
    world.lan.changes += 1


def _flap(world: World, node: Node, one: Disaster) -> None:
    times = 5
    for i in range(times):
        world.clock.after(one.lasts * i / times, partial(_pull, world, node, one))
        world.clock.after(one.lasts * (i + 0.5) / times, partial(_plug, world, node, one))


def _stop(world: World, node: Node, one: Disaster) -> None:
    node.kill()
    node.kubelet = Port.REFUSES if node.powered else None


def _unstop(world: World, node: Node, one: Disaster) -> None:
    if node.powered and node.arbiter is None:
        world.boot(node)


def _mute(world: World, node: Node, one: Disaster) -> None:
    node.kill()
    node.kubelet = None


def _power_on(world: World, node: Node, one: Disaster) -> None:
    if not node.powered:
        world.boot(node)
    world.lan.changes += 1


def _jump(world: World, node: Node, one: Disaster) -> None:
    node.offset += one.lasts


def _nothing(world: World, node: Node, one: Disaster) -> None:
    pass


def _start(world: World, node: Node, one: Disaster) -> None:
    node.start()


_Act = Callable[[World, Node, Disaster], None]
_OWN: dict[str, tuple[_Act, _Act]] = {
    "pull": (_pull, _plug),
    "flap": (_flap, _plug),
    "kill": (lambda world, node, one: node.kill(), _start),
    "terminate": (lambda world, node, one: node.terminate(), _start),
    "freeze": (lambda world, node, one: node.freeze(), lambda world, node, one: node.thaw()),
    "pause": (lambda world, node, one: node.freeze(clock=True), lambda world, node, one: node.thaw()),
    "jump": (_jump, _nothing),
    "power": (lambda world, node, one: node.power_off(), _power_on),
    "stop": (_stop, _unstop),
    "mute": (_mute, _unstop),
    "exclude": (
        lambda world, node, one: world.exclude(node.name),
        lambda world, node, one: world.exclude(node.name, False),
    ),
}


def _split(world: World, one: Disaster) -> None:
    lost = set(one.nodes)
    for name in lost:
        beyond = () if one.kind == "strangers" else (GATEWAY, CLIENT)
        for other in (*beyond, *(name for name in world.names if name not in lost)):
            world.lan.cut(name, other, one.link)


def _cut_off(world: World, one: Disaster) -> None:
    for other in (GATEWAY, CLIENT):
        world.lan.cut(one.nodes[0], other)


def _pair(world: World, one: Disaster) -> None:
    here, there = one.nodes
    world.lan.cut(here, there, one.link, both=one.kind == "pair")


def _deaf(world: World, one: Disaster) -> None:
    here, there = one.nodes
    world.lan.deaf.add((here, there))
    if one.kind == "deaf":
        world.lan.deaf.add((there, here))
    world.lan.changes += 1


def _mend(world: World, one: Disaster) -> None:
    world.lan.mend()


def _weather(world: World, one: Disaster) -> None:
    chance = world.dice.random()
    world.lan.weather = {
        "loss": Weather(loss=0.2 * chance),
        "late": Weather(delay=0.01, jitter=0.1 * chance),  # some beats overtake others
        "twice": Weather(twice=0.5, jitter=0.02 * chance),
    }[one.kind]


def _slow(world: World, one: Disaster) -> None:
    """The LAN becomes slower and slower, as a Wi-Fi does that saves power."""
    steps = 20
    for i in range(steps):
        weather = Weather(pulse=SLOWEST * (i + 1) / steps)
        world.clock.after(one.lasts * i / steps, partial(setattr, world.lan, "weather", weather))


def _clear(world: World, one: Disaster) -> None:
    world.lan.weather = CALM


def _restart_all(world: World, one: Disaster) -> None:
    world.api_up = one.kind == "restart_all"
    for node in world.nodes.values():
        node.kill()
        if node.powered:
            world.clock.after(one.lasts * world.dice.random(), node.start)


def _api(world: World, one: Disaster, up: bool) -> None:
    world.api_up = up


_Wide = Callable[[World, Disaster], None]
_WIDE: dict[str, tuple[_Wide, _Wide]] = {
    "split": (_split, _mend),
    "strangers": (_split, _mend),
    "split_link": (_split, _mend),
    "pair": (_pair, _mend),
    "one_way": (_pair, _mend),
    "cut_off": (_cut_off, _mend),
    "deaf": (_deaf, _mend),
    "deaf_one_way": (_deaf, _mend),
    "loss": (_weather, _clear),
    "late": (_weather, _clear),
    "slow": (_slow, _clear),
    "twice": (_weather, _clear),
    "restart_all": (_restart_all, partial(_api, up=True)),
    "restart_all_without_api": (_restart_all, partial(_api, up=True)),
    "api_down": (partial(_api, up=False), partial(_api, up=True)),
}


def only(scenario: Scenario, *kinds: str) -> Scenario:
    """The same with some kinds of disasters alone: to find out which of them matters."""
    return replace(scenario, disasters=tuple(one for one in scenario.disasters if one.kind in kinds))
