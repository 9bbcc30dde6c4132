"""A homelab for the terminal UI: a source that hands over a fixed story, and whatever a test puts after it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from fakes import world
from pylb.core import events
from pylb.core.config import loader as config
from pylb.core.model import L2Status, Node, NodeName, Pod, Service, ServiceKey
from pylb.tui.facts import (
    ConfigSeen,
    Fact,
    Held,
    Kind,
    Listed,
    Member,
    ObjectChanged,
    Offline,
    Online,
    Snapshot,
    SpeakerHeard,
    SpeakerSilent,
)
from pylb.tui.seams import Put

NOW = 1_795_183_402.0  # 20 November 2026, 14:03:22 UTC
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
NODES = ("rpi1", "rpi2", "rpi3", "rpi4")
CONTROLLER = "pylb-system/pylb-controller-x"
SPEC = "spec"
NEW, OLD = "metallb.io/loadBalancerIPs", "metallb.universe.tf/loadBalancerIPs"
POOL = "metallb.io/address-pool"

# namespace, name, address, where it is pinned, announcing node, age, since
SERVICES: Sequence[tuple[str, str, str, str, str, float, float]] = (
    ("media", "jellyfin-b", "", NEW, "", 2 * MINUTE, 0),
    ("web", "blog", "", POOL, "", 41.0, 0),
    ("home", "mqtt", "192.168.1.243", NEW, "rpi2", 12 * DAY, 8.0),
    ("lab", "echo6", "fd00:10::102", "", "", 3 * MINUTE, 0),
    ("ingress", "nginx", "192.168.1.240", SPEC, "rpi1", 31 * DAY, 2 * DAY + 4 * HOUR),
    ("home", "homeassistant", "192.168.1.241", SPEC, "rpi2", 31 * DAY, 8 * MINUTE),
    ("media", "jellyfin", "192.168.1.242", "", "rpi2", 9 * DAY, 2 * DAY + 4 * HOUR),
    ("monitoring", "grafana", "192.168.1.244", "", "rpi3", 9 * DAY, 2 * DAY + 4 * HOUR),
    ("monitoring", "prometheus", "192.168.1.245", "", "rpi3", 9 * DAY, 2 * DAY + 4 * HOUR),
    ("dns", "pihole-tcp", "192.168.1.246", OLD, "rpi1", 20 * DAY, 2 * DAY + 4 * HOUR),
    ("dns", "pihole-udp", "192.168.1.246", OLD, "rpi1", 20 * DAY, 2 * DAY + 4 * HOUR),
    ("lab", "echo", "192.168.1.247", "", "rpi3", HOUR, HOUR - 20),
    ("iot", "zigbee2mqtt", "192.168.50.8", "", "rpi3", 40 * DAY, 25.0),
)
MISSING = "web"  # the pool that web/blog asks for
TAKEN = "192.168.50.8"  # what media/jellyfin-b asks for, and iot/zigbee2mqtt has
CLASH = 'can\'t change sharing key for "media/jellyfin-b", address also in use by iot/zigbee2mqtt'
MOVED = frozenset({"homeassistant", "zigbee2mqtt"})  # the story says how they came where they are
POOLS = (
    world.pool("default", "192.168.1.240-192.168.1.250"),
    world.pool("iot", "192.168.50.8/30", autoAssign=False),
    world.pool("lab-v6", "fd00:10::100-fd00:10::1ff"),
    world.pool("dmz", "10.0.200.0/24"),
)


def service(namespace: str, name: str, address: str = "", pin: str = "") -> Service:
    """A Service of the homelab."""
    wanted = MISSING if pin == POOL else address or TAKEN
    return Service(
        key=ServiceKey(f"{namespace}/{name}"),
        annotations={pin: wanted} if pin not in ("", SPEC) else {},
        cluster_ips=("fd00:96::7" if ":" in address else "10.96.0.7",),
        load_balancer_ip=wanted if pin == SPEC else "",
        ingress=(address,) if address else (),
    )


def change(namespace: str, name: str, address: str = "", pin: str = "", created: float = NOW) -> ObjectChanged:
    """The fact that a Service of the homelab is so."""
    value = service(namespace, name, address, pin)
    return ObjectChanged(Kind.SERVICE, value.key, value, created)


def status(service_key: str, node: str, created: float, name: str = "") -> ObjectChanged:
    """The fact that a ServiceL2Status stands."""
    value = L2Status("pylb-system", name or f"l2-{service_key}-{node}", ServiceKey(service_key), NodeName(node))
    return ObjectChanged(Kind.STATUS, value.name, value, created)


def speaker(node: str, at: float = NOW, alive: Iterable[str] = NODES, **options: object) -> SpeakerHeard:
    """The fact that a speaker of the homelab told its state."""
    holders = {address: owner for _, _, address, _, owner, _, _ in SERVICES if address}
    holders.update(options.get("owners", {}))  # type: ignore[call-overload]
    held = tuple(
        Held(address, owner, mine=owner == node, candidates=tuple(n for n in NODES if n in set(alive)))
        for address, owner in holders.items()
    )
    members = tuple(Member(name, name in set(alive)) for name in NODES if name != node)
    return SpeakerHeard(at, Snapshot(node, "1f", "0.1.0", "active", members, held))


def homelab(now: float = NOW) -> list[Fact]:
    """All facts of the homelab: two pending, one contested, one that nobody announces, one node gone."""
    loaded = config.load(config.Objects(POOLS, [world.advertisement("lan", ipAddressPools=["default", "iot", "dmz"])]))
    alive = NODES[:3]
    facts: list[Fact] = [Online(now), ConfigSeen(loaded.config), *(Listed(kind) for kind in Kind)]
    for name in NODES:
        facts.append(ObjectChanged(Kind.NODE, name, Node(NodeName(name), ready=name in alive)))
        labels = {"app.kubernetes.io/component": "speaker"}
        pod = Pod("pylb-system", f"pylb-speaker-{name}", labels, NodeName(name), ready=name in alive)
        facts.append(ObjectChanged(Kind.POD, pod.name, pod))
    labels = {"app.kubernetes.io/component": "controller"}
    controller = Pod("pylb-system", "pylb-controller-x", labels, NodeName("rpi1"), ready=True)
    facts.append(ObjectChanged(Kind.POD, CONTROLLER, controller))
    for namespace, name, address, pin, owner, age, since in SERVICES:
        facts.append(change(namespace, name, address, pin, now - age))
        if owner and name not in MOVED:
            facts.append(events.Claimed(now - since - 1, address, owner, (f"{namespace}/{name}",)))
    facts += [speaker(name, now, alive) for name in alive]
    facts += [SpeakerSilent(now - 500, "rpi4", "its Pod does not answer")]
    return facts + story(now)


def story(now: float) -> list[Fact]:
    """What happened lately."""
    down = now - 501
    return [
        events.ConfigLoaded(now - 15 * MINUTE, tuple(str(raw["metadata"]["name"]) for raw in POOLS), "controller"),
        events.MemberDown(down, "rpi4", "rpi1", "missed_beats", 503.0),
        events.MemberDown(down + 0.02, "rpi4", "rpi2", "missed_beats", 511.0),
        events.Moved(down + 1, "192.168.1.241", "rpi4", "rpi2", ("home/homeassistant",), "owner_lost", 503.0, 521.0),
        events.Pending(now - 2 * MINUTE, "media/jellyfin-b", "address_in_use", CLASH),
        events.Pending(now - 41, "web/blog", "pool_not_found", f'unknown pool "{MISSING}"'),
        events.Moved(now - 25, "192.168.50.8", "rpi2", "rpi3", ("iot/zigbee2mqtt",), "asked_for", None, None),
        events.Conflict(now - 8, "192.168.1.243", "d8:3a:dd:01:22:11", "rpi2"),
    ]


class FakeSource:
    """Hands over facts, then waits; `push` hands over more."""

    name = "microk8s-home"

    def __init__(self, facts: Iterable[Fact] = ()) -> None:
        self._facts = list(facts)
        self._put: Put | None = None
        self.hurried = 0

    async def run(self, put: Put) -> None:
        self._put = put
        self.push(*self._facts)
        await asyncio.Event().wait()

    def push(self, *facts: Fact) -> None:
        """Hand over more facts."""
        if self._put is None:
            raise AssertionError("the app has not started the source yet")
        for fact in facts:
            self._put(fact)

    def hurry(self) -> None:
        self.hurried += 1


def without_controller() -> ObjectChanged:
    """The fact that the homelab's only controller is gone."""
    return ObjectChanged(Kind.POD, CONTROLLER, None)


def offline(at: float = NOW, wait: float = 8.0) -> Offline:
    """The fact that the API server is gone."""
    return Offline(at, "connection refused by 192.168.1.11:16443", at + wait)
