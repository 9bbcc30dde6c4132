"""The stimuli that MetalLB was observed under, given again: one scenario for each, with a stop at each case.

A scenario is a generator: it does something, and yields the name of the case whose outcome is looked at then. Services
have no selector, and endpoint slices are made by hand, so no pods are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from fakes.observing import METALLB, PIN, POOL, SHARE, V4, V6, Stage

Scenario = Callable[[Stage], Iterator[str]]


class One(NamedTuple):
    """A case of one pool, one advertisement or none, and one Service."""

    service: Mapping[str, Any] = {}
    pool: tuple[str, ...] = (V4,)
    advertisement: Mapping[str, Any] | None = {}


BOTH = (V4, V6)
ONES = {
    "normal": One(),
    "no-endpoints": One({"on": ()}),
    "pin-spec": One({"loadBalancerIP": "10.77.0.105"}),
    "pin-annotation": One({"annotations": {PIN: "10.77.0.106"}}),
    "pin-annotation-deprecated": One({"annotations": {"metallb.universe.tf/loadBalancerIPs": "10.77.0.107"}}),
    "pin-both": One({"annotations": {PIN: "10.77.0.106"}, "loadBalancerIP": "10.77.0.105"}),
    "pin-out-of-pool": One({"annotations": {PIN: "10.99.0.1"}}),
    "pin-unparsable": One({"annotations": {PIN: "not-an-ip"}}),
    "dual-require": One({"ipFamilyPolicy": "RequireDualStack"}, BOTH),
    "dual-require-v4-pool": One({"ipFamilyPolicy": "RequireDualStack"}),
    "dual-prefer-v4-pool": One({"ipFamilyPolicy": "PreferDualStack"}),
    "dual-prefer": One({"ipFamilyPolicy": "PreferDualStack"}, BOTH),
    "single-v6": One({"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv6"]}, BOTH),
    "unknown-pool": One({"annotations": {POOL: "nope"}}),
    "lb-class-other": One({"loadBalancerClass": "example.com/other"}),
    "etp-local": One({"on": (2,), "externalTrafficPolicy": "Local"}),
    "interface-missing": One(advertisement={"interfaces": ["nosuch0"]}),
    "interface-eth0": One(advertisement={"interfaces": ["eth0"]}),
    "no-advertisement": One(advertisement=None),
    "shared-with-serviceselectors": One(
        {"annotations": {SHARE: "k"}, "labels": {"a": "b"}},
        advertisement={"serviceSelectors": [{"matchLabels": {"a": "b"}}]},
    ),
}


def one(name: str) -> Scenario:
    """The scenario of such a case."""

    def play(stage: Stage) -> Iterator[str]:
        wanted = ONES[name]
        stage.pool("p", *wanted.pool)
        if wanted.advertisement is not None:
            stage.advertise(**wanted.advertisement)
        stage.known("p")
        stage.service("web", **wanted.service)
        yield name

    return play


def pin_change(stage: Stage) -> Iterator[str]:
    stage.standard()
    stage.service("web")
    stage.announced("web")
    stage.watch()
    stage.annotate("web", {PIN: "10.77.0.109"})
    yield "pin-change"


def pin_change_out_of_pool(stage: Stage) -> Iterator[str]:
    stage.standard()
    stage.service("web")
    stage.announced("web")
    stage.annotate("web", {PIN: "10.99.0.1"})
    yield "pin-change-out-of-pool"


def pin_in_use(stage: Stage) -> Iterator[str]:
    stage.standard()
    stage.service("a", annotations={PIN: "10.77.0.105"})
    stage.announced("a")
    stage.service("b", annotations={PIN: "10.77.0.105"})
    yield "pin-in-use"


def exhausted(stage: Stage) -> Iterator[str]:
    stage.pool("p", "10.77.0.100/32")
    stage.advertise()
    stage.known("p")
    stage.service("a")
    stage.announced("a")
    stage.service("b")
    yield "exhausted"
    stage.drop("a")
    yield "exhausted-then-freed"


def sharing(stage: Stage) -> Iterator[str]:
    stage.standard()
    shared = {SHARE: "k1", PIN: "10.77.0.103"}
    stage.service("a", 80, annotations=shared)
    stage.announced("a")
    stage.service("b", 443, annotations=shared)
    yield "sharing-ok"
    stage.service("c", 80, annotations=shared)
    yield "sharing-port-conflict"
    stage.drop("c")
    stage.service("d", 8443, annotations={SHARE: "other", PIN: "10.77.0.103"})
    yield "sharing-key-conflict"


def sharing_auto(stage: Stage) -> Iterator[str]:
    stage.standard()
    stage.service("a", 80, annotations={SHARE: "k1"})
    stage.announced("a")
    stage.service("b", 443, annotations={SHARE: "k1"})
    yield "sharing-auto"


def pool_deleted(stage: Stage) -> Iterator[str]:
    stage.standard()
    stage.service("web")
    stage.announced("web")
    stage.forget_events()
    stage.delete(f"{METALLB}/ipaddresspools/p")
    yield "pool-deleted"


def pool_deleted_other_left(stage: Stage) -> Iterator[str]:
    stage.standard()
    stage.service("web")
    stage.announced("web")
    stage.pool("q", "10.77.0.120-10.77.0.121")
    stage.advertise("l2q", "q")
    stage.known("p", "q")
    stage.forget_events()
    stage.delete(f"{METALLB}/ipaddresspools/p")
    yield "pool-deleted-other-left"


def pool_shrunk(stage: Stage) -> Iterator[str]:
    stage.standard()
    stage.service("web", annotations={PIN: "10.77.0.110"})
    stage.announced("web")
    stage.forget_events()
    stage.lan.patch(f"{METALLB}/ipaddresspools/p", {"spec": {"addresses": ["10.77.0.100-10.77.0.105"]}})
    yield "pool-shrunk"


def autoassign_false(stage: Stage) -> Iterator[str]:
    stage.standard(autoAssign=False)
    stage.service("web")
    yield "autoassign-false"
    stage.service("web2", annotations={POOL: "p"})
    yield "autoassign-false-by-pool"


def type_to_clusterip(stage: Stage) -> Iterator[str]:
    stage.standard()
    stage.service("web")
    stage.announced("web")
    stage.forget_events()
    stage.lan.patch(f"{stage.services}/web", {"spec": {"type": "ClusterIP"}})
    yield "type-to-clusterip"


def node_excluded(stage: Stage) -> Iterator[str]:
    stage.standard()
    stage.service("web")
    stage.announced("web")
    stage.exclude("n3", True)
    yield "node-excluded"
    stage.exclude("n3", False)
    yield "node-excluded-undone"


def invalid_overlap(stage: Stage) -> Iterator[str]:
    stage.standard()
    stage.service("web")
    stage.announced("web")
    stage.pool("q", "10.77.0.105-10.77.0.120")
    yield "invalid-overlap"
    stage.service("web2")
    yield "invalid-overlap-new-service"
    stage.delete(f"{METALLB}/ipaddresspools/q")
    yield "invalid-recovered"


def invalid_range(stage: Stage) -> Iterator[str]:
    stage.standard()
    stage.service("web")
    stage.announced("web")
    stage.pool("q", "10.77.0.200-10.77.0.150")
    yield "invalid-range"


SCENARIOS: dict[str, Scenario] = {
    **{name: one(name) for name in ONES},
    **{
        play.__name__.replace("_", "-"): play
        for play in (
            *(pin_change, pin_change_out_of_pool, pin_in_use, exhausted, sharing, sharing_auto),
            *(pool_deleted, pool_deleted_other_left, pool_shrunk, autoassign_false, type_to_clusterip),
            *(node_excluded, invalid_overlap, invalid_range),
        )
    },
}
