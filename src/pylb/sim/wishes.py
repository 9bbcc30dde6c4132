"""What people ask of a simulated cluster while other things befall it: drain a node, move an address, have all go back.

Drawn from the seed by random numbers of their own, so that a world without wishes tells the story that it always told.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from pylb.core.model import NodeName
from pylb.core.ownership.moves import Move
from pylb.sim.world import World

WISHFUL = 0.3  # of all worlds
EARLY, LATE = 1.0, 9.0  # s before the first disaster, and after it, between which something is asked for
KINDS = ("move", "move", "move", "drain", "drain", "rebalance", "failback")


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing that somebody asks for, at a time; a drain and a way of going back last for so many seconds."""

    at: float
    kind: str
    node: NodeName
    index: int = 0  # of the address
    lasts: float = 0.0

    def __str__(self) -> str:
        what = {"move": f" of address {self.index + 1} to {self.node}", "drain": f" of {self.node}"}.get(self.kind, "")
        return f"{self.at:7.3f} {self.kind}{what}" + (f" for {self.lasts:.3f} s" if self.lasts else "")


def draw_wishes(seed: int, names: list[NodeName], addresses: int, start: float) -> tuple[Wish, ...]:
    """What is asked for in the world of a seed, whose first disaster comes at `start`."""
    dice = random.Random(f"wishes {seed}")  # noqa: S311 - replayable on purpose
    if dice.random() >= WISHFUL:
        return ()
    wishes = []
    for _ in range(dice.choice((1, 1, 2, 3))):
        kind = dice.choice(KINDS)
        lasts = dice.choice((0.5, 3.0, 8.0)) * (0.5 + dice.random()) if kind in ("drain", "failback") else 0.0
        at = start - EARLY + dice.random() * (EARLY + LATE)
        wishes.append(Wish(at, kind, dice.choice(names), dice.randrange(addresses), lasts))
    return tuple(sorted(wishes, key=lambda wish: wish.at))


def plan(world: World, wish: Wish) -> None:
    """Have it come true in time."""
    begin, end = _ACTS[wish.kind]
    world.clock.at(wish.at, lambda: begin(world, wish))
    if wish.lasts:
        world.clock.at(wish.at + wish.lasts, lambda: end(world, wish))


def _move(world: World, wish: Wish) -> None:
    """As `pylb move` does: it names the term that the API tells of."""
    address = world.addresses[wish.index]
    claim = world.recorded.get(address)
    if claim is not None and world.api_up:
        world.ask({address: Move(wish.node, claim.term)})


def _rebalance(world: World, wish: Wish) -> None:
    first = {line.address: next(iter(line.verdict.ranking), None) for line in world.lines}
    wanted = ((address, first[address], claim) for address, claim in world.recorded.items())
    if world.api_up:
        world.ask(
            {address: Move(node, claim.term) for address, node, claim in wanted if node not in (None, claim.node)}
        )


def _nothing(world: World, wish: Wish) -> None:
    pass


_Act = Callable[[World, Wish], None]
_ACTS: dict[str, tuple[_Act, _Act]] = {
    "move": (_move, _nothing),
    "rebalance": (_rebalance, _nothing),
    "drain": (lambda world, wish: world.drain(wish.node), lambda world, wish: world.drain(wish.node, False)),
    "failback": (lambda world, wish: world.go_back(True), lambda world, wish: world.go_back(False)),
}
