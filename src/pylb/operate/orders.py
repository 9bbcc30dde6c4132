"""Drain, undrain, move, rebalance: each asks the cluster for it, watches until it is so, and says what moved where.

The speakers decide and act; nothing here is needed for a move but the annotation.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from ipaddress import ip_address

from pylb.core.model import NodeName
from pylb.core.ownership.beats import State
from pylb.core.ownership.moves import Move
from pylb.core.several import some
from pylb.operate.cluster import Cluster
from pylb.operate.picture import Picture, Place, astray, why_stays

LOOK_AGAIN_S = 0.2
STUCK_S = 3.0  # in which nobody else could take what is left: nobody will
MOVE_S = 10.0  # for one move; a speaker refuses one that cannot be within 5 s
AT_ONCE = 4  # moves that are under way
SHOWN = 20  # names that an error lists
Say = Callable[[str], None]


class WrongInput(Exception):
    """What was asked for does not exist; the text names what does."""


class Orders:
    """What people ask for. Each order gives whether all of it came true."""

    def __init__(self, cluster: Cluster, say: Say) -> None:
        self._cluster, self._say = cluster, say

    async def drain(self, name: str, seconds: float) -> bool:
        """Have a node own nothing."""
        nodes = await self._known(name)
        had = {place.address for place in (await self._cluster.look()).of(name)}
        self._say(f"{name} owns {_count(len(had))}" + (", and is drained already" if nodes[name] else ""))
        await self._cluster.drain(name, True)
        left = await self._watch_leave(name, had, seconds)
        if left is None:
            self._say(f"{name} owns nothing, and takes nothing until: pylb undrain {name}")
            return True
        for place in left.of(name):
            self._say(f"{place.address} stays on {name}: {why_stays(place, nodes)}")
        if name not in left.states:
            self._say(f"{name}: its speaker does not answer; it drains as soon as it runs")
        self._say(
            f"{name} stays drained, and hands over as soon as another node can take; to end that: pylb undrain {name}"
        )
        return False

    async def _watch_leave(self, name: str, had: set[str], seconds: float) -> Picture | None:
        """Tell of each address that leaves a node; what is seen at last where some stay, None where none does."""
        began = stuck_since = time.monotonic()
        told: set[str] = set()
        while True:
            seen, now = await self._cluster.look(), time.monotonic()
            had |= {place.address for place in seen.of(name)}
            for address in sorted(had - told):
                place = seen.places.get(address)
                if place is not None and place.owner not in ("", name) and place.first_hand:
                    told.add(address)
                    self._say(f"{address}: {name} -> {place.owner}")
            left = seen.of(name)
            if not left and seen.states.get(name) == State.DRAINING.value and not _homeless(seen, had - told):
                return None
            if any(place.others for place in left) or not left:
                stuck_since = now
            if now >= began + seconds or now >= max(began, stuck_since) + STUCK_S:
                return seen
            await asyncio.sleep(LOOK_AGAIN_S)

    async def undrain(self, name: str, seconds: float) -> bool:
        """Let a node own addresses again."""
        nodes = await self._known(name)
        if not nodes[name]:
            self._say(f"{name} is not drained")
        await self._cluster.drain(name, False)
        began = time.monotonic()
        while (await self._cluster.look()).states.get(name) != State.ACTIVE.value:
            if time.monotonic() >= began + seconds:
                self._say(f"{name}: its speaker does not take part; `pylb doctor` tells more")
                return False
            await asyncio.sleep(LOOK_AGAIN_S)
        self._say(f"{name} may own addresses again; nothing moves back by itself: pylb rebalance")
        return True

    async def move(self, text: str, name: str) -> bool:
        """Have a node own an address."""
        try:
            address = str(ip_address(text))
        except ValueError:
            raise WrongInput(f"ADDRESS {text!r} is no address; for example: pylb move 192.168.1.240 {name}") from None
        await self._known(name)
        seen = await self._cluster.look()
        place = seen.places.get(address)
        if place is None:
            raise WrongInput(f"{address}: no Service has that address; there are {_listed(seen.places)}")
        if place.owner == name:
            self._say(f"{address} is on {name} already")
            return True
        why = "nobody owns it" if not place.owner else place.obstacle(name)
        if why:
            self._say(f"{address} cannot move to {name}: {why}")
            return False
        return await self._move(place, name)

    async def _move(self, place: Place, name: str) -> bool:
        """Ask for a move and wait for it."""
        request, service = Move(NodeName(name), place.term), place.services[0]
        began = time.monotonic()
        await self._cluster.ask_move(service, request)
        try:
            after, took = await self._watch_move(place, name, began)
        finally:
            await self._cluster.forget_move(service, request)
        if after is not None and after.owner == name:
            self._say(f"{place.address}: {place.owner} -> {name} in {took:.1f} s")
            return True
        if after is not None and after.owner not in ("", place.owner):
            why = f"{after.owner} has it meanwhile"
        else:
            why = after.obstacle(name) if after is not None else "no Service has that address any more"
        self._say(f"{place.address} did not move to {name}: {why or f'nothing came of it within {took:.0f} s'}")
        return False

    async def _watch_move(self, place: Place, name: str, began: float) -> tuple[Place | None, float]:
        """The address when it has another claim, or when the time is over; and the seconds until then."""
        while True:
            seen = await self._cluster.look(place.owner, name)  # all of them would be a burden to a small API server
            after, took = seen.places.get(place.address), time.monotonic() - began
            moved = after is not None and after.first_hand and after.term != place.term
            if after is None or moved or took >= MOVE_S:
                return after, took
            await asyncio.sleep(LOOK_AGAIN_S)

    async def rebalance(self, dry_run: bool) -> bool:
        """Have the first in line own each address."""
        wanted = astray(await self._cluster.look())
        if not wanted:
            self._say("every address is at the first node of its line: nothing to do")
            return True
        if dry_run:
            for place in wanted:
                self._say(f"{place.address}: {place.owner} -> {place.first}")
            self._say(f"{_count(len(wanted))} would move")
            return True
        gate, busy = asyncio.Semaphore(AT_ONCE), {place.services[0]: asyncio.Lock() for place in wanted}

        async def one(place: Place) -> bool:
            async with busy[place.services[0]], gate:  # a Service asks for one move at a time
                return await self._move(place, place.first)

        done = await asyncio.gather(*map(one, wanted))
        self._say(f"{_count(sum(done))} moved" + (f", {len(done) - sum(done)} did not" if not all(done) else ""))
        return all(done)

    async def _known(self, name: str) -> dict[str, bool]:
        nodes = await self._cluster.nodes()
        if name not in nodes:
            raise WrongInput(f"NODE {name!r}: the cluster has none of that name; there are {_listed(nodes)}")
        return nodes


def _homeless(seen: Picture, addresses: Iterable[str]) -> bool:
    """Whether one of these has no owner that says so itself, though some node could be it."""
    places = (seen.places.get(address) for address in addresses)
    return any(place is not None and not place.first_hand and bool(place.others) for place in places)


def _listed(names: Iterable[str]) -> str:
    return some(names, SHOWN) or "none"


def _count(number: int) -> str:
    return f"{number} address" if number == 1 else f"{number} addresses"
