"""What must hold of nodes that do not hear each other, but reach gateway, clients and API server: the API is heard."""

from __future__ import annotations

from pylb.core.model import Address, NodeName
from pylb.sim.node import Node
from pylb.sim.world import World, link_of

TWO_MACS = 30.0  # s for which two of them may answer differently
WINDOW, WRITES = 10.0, 10  # s, and renewals in them: below one a second, whoever is apart from whom


class Strangers:
    """Looks at a world while it runs; `look` is to be called at each step."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._twice: dict[tuple[Address, NodeName, NodeName], float] = {}
        self._counted = 0

    def look(self, now: float) -> str:
        """What is wrong, or nothing."""
        return self._look_at_writes(now) or self._look_at_answers(now)

    def _look_at_writes(self, now: float) -> str:
        renewals = self._world.api.renewals
        if len(renewals) == self._counted:
            return ""
        self._counted = len(renewals)
        lately = sum(at > now - WINDOW for at in renewals[-2 * WRITES :])
        return f"{lately} renewals in {WINDOW} s" if lately > WRITES else ""

    def _look_at_answers(self, now: float) -> str:
        world, before = self._world, self._twice
        self._twice = {}
        if not world.api.up or not (world.lan.cuts or world.lan.deaf):
            return ""
        for address in world.addresses:
            link = link_of(address)
            macs = {name: mac for name, node in world.nodes.items() if (mac := self._says(node, address, link))}
            for one, mac in macs.items():
                for other, theirs in macs.items():
                    if one < other and mac != theirs and not world.lan.hear_each_other(one, other, link):
                        self._twice[address, one, other] = before.get((address, one, other), now)
        late = [pair for pair, since in self._twice.items() if now > since + TWO_MACS]
        return " ".join(("two answer, and both reach the API:", *map(str, late[0]))) if late else ""

    def _says(self, node: Node, address: Address, link: str) -> bytes | None:
        return node.says(address, link, False) if self._world.is_able(node, link) else None
