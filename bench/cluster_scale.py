"""Many Services on a real Kubernetes: how long until all have an address, what that costs, and a controller that is lost.

    PYTHONPATH=tests python -m bench.cluster_scale [--faults N] [--many N] [--peer FOLDER]

Services are made by four requests at a time; those that are announced have EndpointSlices with a pod on each node.
Memory is what /proc/PID/smaps_rollup calls Rss. While the controller is lost a Service comes each 0.05 s: what waits
longest counts. FOLDER holds MetalLB's `controller` and `speaker`, which are measured in the same run (or PEER in the
environment).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from dataclasses import dataclass, field, replace

from bench._audit import told
from bench._cluster import RealScene, cluster_scene, run_topic
from bench._fleet import Fleet
from bench._metallb import Sources, peer_folder, sources
from bench._peer import peer_scene
from bench._program import busy, say
from bench._scene import Watch
from bench.report import Figure, worst_of

SUBNET, POOL = "10.80.0.0/16", "10.80.1.1-10.80.31.254"
SIZES, TIMED, MANY = (20, 250), 1000, 5000
IDLE_AT, IDLE = 250, 30.0  # Services; s
FAULTS = 3  # pods deleted, and processes killed
SETTLE = 8.0  # s after the last announcement: the bursts of announcements last 5 s
TARGET_SERVED_S, TARGET_WRITES, TARGET_IDLE = 2.0, 5.0, 1.0
TARGET_SERVED_MANY_S = 10.0
CONTROLLER = {20: 57.0, 250: 60.0, 1000: 73.0, 5000: 111.0}  # MiB, MetalLB's; pylb's target too
SPEAKER = {20: 63.0, 250: 69.0, 1000: 83.0, 5000: 91.0}
RECORDED = {
    **{f"controller {size}": rss for size, rss in CONTROLLER.items()},
    **{f"speaker {size}": rss for size, rss in SPEAKER.items()},
    "idle controller": 0.1,
    "idle speaker": 0.3,
    "writes": 6.8,
    "served": 15.0,
    "addressed 1000": 37.0,
    "addressed 5000": 164.0,
    "served many": 55.0,
}


@dataclass(slots=True)
class Found:
    """What was seen of one load balancer."""

    rss: dict[str, list[float]] = field(default_factory=dict)  # "controller 20" -> MiB of each; "follower 20"
    idle: dict[str, float] = field(default_factory=dict)  # the most of a component, % of a core
    made: dict[int, float] = field(default_factory=dict)  # Services -> s for the creates alone
    addressed: dict[int, float] = field(default_factory=dict)
    own: float = 0.0  # writes a Service, about nothing else
    writes: float = 0.0  # all writes, divided by the Services
    text: str = ""
    faults: dict[str, list[float]] = field(default_factory=dict)  # s

    def values(self) -> dict[str, float]:
        """By the keys of RECORDED."""
        known = {key: max(mib) for key, mib in self.rss.items()}
        known |= {f"idle {who}": percent for who, percent in self.idle.items()}
        known |= {f"addressed {size}": seconds for size, seconds in self.addressed.items()}
        known["served"] = max(self.faults["deleted"] + self.faults["killed"])
        if "many" in self.faults:
            known["served many"] = max(self.faults["many"])
        return {**known, "writes": self.writes}


async def measure(stage: RealScene, faults: int, many: int) -> Found:
    """All that is measured of one load balancer."""
    found, watch = Found(), Watch(stage)
    following = asyncio.ensure_future(watch.run())
    fleet = Fleet(stage, watch)
    try:
        await _sizes(fleet, found)
        await _timed(fleet, found)
        await _faults(stage, fleet, found, faults)
        if many:
            await _many(stage, fleet, found, many)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    return found


async def _sizes(fleet: Fleet, found: Found) -> None:
    """Memory with few Services, and what an idle load balancer computes."""
    before = 0
    for size in SIZES:
        await fleet.create(size - before, announced=True)
        await fleet.wait_statuses(size)
        await asyncio.sleep(SETTLE)
        await _weigh(fleet, found, size)
        if size == IDLE_AT:
            say(f"{size} Services, idle for {IDLE:.0f} s")
            for who, percent in (await fleet.idle(IDLE)).items():
                component = who.partition(" ")[0]
                found.idle[component] = max(percent, found.idle.get(component, 0.0))
        before = size
    await fleet.remove()


async def _timed(fleet: Fleet, found: Found) -> None:
    """A thousand Services at once."""
    await fleet.wait_still()
    began = time.time()
    found.made[TIMED], found.addressed[TIMED] = await fleet.create(TIMED, announced=True)
    say(f"{TIMED} Services: made in {found.made[TIMED]:.1f} s, addressed after {found.addressed[TIMED]:.1f} s")
    say(f"announced {await fleet.wait_statuses(TIMED):.1f} s later")
    await fleet.wait_still()
    writes = await fleet.stage.writes(began)
    found.own = sum(not one.shared for one in writes) / TIMED
    found.writes, found.text = len(writes) / TIMED, told(writes)
    say(f"all said {time.time() - began:.0f} s after the first: {found.text}")
    await _weigh(fleet, found, TIMED)


async def _weigh(fleet: Fleet, found: Found, size: int) -> None:
    leader = await fleet.stage.leader()
    for who, use in fleet.uses().items():
        component = who.partition(" ")[0]
        kind = "follower" if component == "controller" and who != leader else component
        found.rss.setdefault(f"{kind} {size}", []).append(use.rss)
    shown = {who: f"{use.rss:.0f} ({use.private:.0f})" for who, use in sorted(fleet.uses().items())}
    say(f"{size} Services, RSS (private) in MiB: {shown}")


async def _faults(stage: RealScene, fleet: Fleet, found: Found, faults: int) -> None:
    """The controller is lost. By turns, so that no process is killed twice: kubelet would wait before it starts it."""
    for number in range(faults):
        for name, fault in (("deleted", stage.delete_leader), ("killed", stage.kill_leader)):
            await stage.wait_controllers()
            before = stage.daemons()[await stage.leader()]
            found.faults.setdefault(name, []).append(await fleet.outage(fault))
            if before in stage.daemons().values():
                raise SystemExit(f"controller {name}: its process runs on, nothing was measured")
            say(f"controller {name}, {number + 1} of {faults}: served after {found.faults[name][-1]:.2f} s")
    await stage.wait_controllers()
    lost: list[str] = []

    async def power_off() -> None:
        lost.append(await stage.power_off_leader())

    found.faults["power"] = [await fleet.outage(power_off)]
    say(f"controller's node lost: served after {found.faults['power'][0]:.2f} s")
    await stage.power_on(lost[0])
    await stage.wait_controllers()
    await stage.wait_members()


async def _many(stage: RealScene, fleet: Fleet, found: Found, many: int) -> None:
    """Thousands at once, which nobody announces; then the controller is killed."""
    await fleet.remove()
    await fleet.wait_still()
    found.made[many], found.addressed[many] = await fleet.create(many, announced=False)
    say(f"{many} Services: made in {found.made[many]:.1f} s, addressed after {found.addressed[many]:.1f} s")
    await asyncio.sleep(SETTLE)
    await _weigh(fleet, found, many)
    await stage.wait_controllers()
    found.faults["many"] = [await fleet.outage(stage.kill_leader)]
    say(f"controller killed with {many} Services: served after {found.faults['many'][0]:.2f} s")


def figures(found: Found, refer: Sources, note: str) -> list[Figure]:
    """All figures, beside those of a peer."""
    made = [_timing(found, size, refer, note) for size in sorted(found.addressed)]
    at_once = f"API writes for each of {TIMED} Services at once"
    made.append(Figure(f"real cluster: {at_once}", found.own, "", TARGET_WRITES, TIMED, note=found.text))
    made.append(Figure(f"{at_once}, those about pools too", found.writes, "", None, TIMED, None, refer("writes")))
    for size in (*SIZES, *sorted(found.addressed)):
        for who, targets in (("controller", CONTROLLER), ("speaker", SPEAKER)):
            most = ", the largest" if who == "speaker" else ""
            key = f"{who} {size}"
            name = f"real cluster: {who}'s RSS with {size} Services{most}"
            one = worst_of(name, found.rss.get(key, []), "MiB", targets.get(size), refer(key))
            made.append(replace(one, listed=size == TIMED))
        if f"follower {size}" in found.rss:
            name = f"RSS of the controller that waits, {size} Services"
            made.append(worst_of(name, found.rss[f"follower {size}"], "MiB", None, refer(f"controller {size}")))
    for who, percent in sorted(found.idle.items()):
        name = f"real cluster: {who}'s idle processor time with {IDLE_AT} Services"
        made.append(Figure(name, percent, "% of a core", TARGET_IDLE, 1, None, refer(f"idle {who}")))
    return [*made, *_served(found, refer)]


def _timing(found: Found, size: int, refer: Sources, note: str) -> Figure:
    """No target: it is the API server's time. The creates alone are told beside."""
    own = f"the creates alone {found.made[size]:.1f} s"
    told_beside = ", ".join(filter(None, (own, note)))
    name = f"{size} Services created -> all have an address"
    return Figure(name, found.addressed[size], "s", None, size, None, refer(f"addressed {size}"), note=told_beside)


def _served(found: Found, refer: Sources) -> list[Figure]:
    where = f"with {TIMED} Services: until a waiting Service is served, worst"
    names = {
        "deleted": (f"real cluster: controller's pod deleted {where}", TARGET_SERVED_S),
        "killed": (f"real cluster: controller killed {where}", TARGET_SERVED_S),
        "power": (f"controller's node lost {where}", None),
    }
    made = [worst_of(names[key][0], found.faults[key], "s", names[key][1], refer("served")) for key in names]
    if "many" in found.faults:
        name = (
            f"real cluster: controller killed with {max(found.addressed)} Services: until a waiting Service is served"
        )
        made.append(worst_of(name, found.faults["many"], "s", TARGET_SERVED_MANY_S, refer("served many")))
    return made


async def run(chosen: argparse.Namespace) -> list[Figure]:
    """Measure pylb and, where it is there, the peer."""
    note, peer = busy(), None
    if chosen.peer:
        async with peer_scene(chosen.peer, POOL, SUBNET) as stage:
            peer = await measure(stage, chosen.faults, chosen.many)
    async with cluster_scene(POOL, SUBNET) as stage:
        ours = await measure(stage, chosen.faults, chosen.many)
    return figures(ours, sources(RECORDED, peer.values() if peer else {}), note)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=FAULTS, help="controllers deleted, and as many killed")
    parser.add_argument("--many", type=int, default=MANY, help="Services at once, at last; 0 for none")
    parser.add_argument("--peer", type=peer_folder, default=os.environ.get("PEER", ""), metavar="FOLDER")
    chosen = parser.parse_args()
    run_topic("cluster_scale", lambda: asyncio.run(run(chosen)))


if __name__ == "__main__":
    main()
