"""Each reason for which the controller leaves a Service without an address: the explanation names the same one, at its
check, with a fix, and who does what the fix says has an address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from fakes.world import advertisement, configured, endpoints, nodes, pool, service
from pylb.controller.reconcile import Books
from pylb.core.allocation.allocator import Decision
from pylb.core.config.loader import Config
from pylb.core.explanation import explain, givers, pending, reach
from pylb.core.explanation.findings import Mark, Question, Row
from pylb.core.explanation.scene import Case, Scene, ledger_of
from pylb.core.model import LOCAL, Address, Node, NodeName, Service
from pylb.core.ownership.election import EXCLUDE_LABEL
from pylb.core.ranges import parse_address
from pylb.core.reasons import Reason

IPS, POOL, SHARE = "metallb.io/loadBalancerIPs", "metallb.io/address-pool", "metallb.io/allow-shared-ip"
LAN = pool("lan", "10.0.0.0/31")
IOT = pool("iot", "10.0.8.0/31", autoAssign=False)
CLOSED = pool("closed", "10.0.9.0/31", serviceAllocation={"namespaces": ["elsewhere"]})
PINNED = service("first", annotations={IPS: "10.0.0.0"}, ingress=("10.0.0.0",))
SHARED = service("first", annotations={IPS: "10.0.0.0", SHARE: "k"}, ingress=("10.0.0.0",))
FULL = tuple(service(f"s{last}", ingress=(f"10.0.0.{last}",)) for last in (0, 1))
N1 = NodeName("n1")
Pools = tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Stage:
    """A cluster in which a Service waits, what the fix is about, and the same cluster once somebody did that."""

    wish: Service
    fix: str  # a part of the text or of the command of one of the fixes
    mend: Callable[[Stage], Stage]
    pools: Pools = (LAN,)
    others: tuple[Service, ...] = ()
    taken: dict[Address, NodeName] = field(default_factory=dict)

    @property
    def config(self) -> Config:
        return configured(*self.pools)


def wishing(**fields: Any) -> Callable[[Stage], Stage]:
    """Somebody changes the Service."""
    return lambda stage: replace(stage, wish=replace(stage.wish, **fields))


def having(*pools: dict[str, Any]) -> Callable[[Stage], Stage]:
    """Somebody changes the pools."""
    return lambda stage: replace(stage, pools=pools)


def note(**notes: str) -> dict[str, str]:
    names = {"ips": IPS, "pool": POOL, "share": SHARE}
    return {names[name]: value for name, value in notes.items()}


STAGES = {
    Reason.NO_POOL: Stage(service("w"), "pylb install --range", having(LAN), pools=()),
    Reason.NO_FREE_ADDRESS: Stage(
        service("w"), "edit ipaddresspool lan", having(IOT, pool("lan", "10.0.0.0/30")), pools=(IOT, LAN), others=FULL
    ),
    Reason.POOL_NOT_FOUND: Stage(
        service("w", annotations=note(pool="none")), "it may get 10.0.0.0", wishing(annotations={})
    ),
    Reason.POOL_EXHAUSTED: Stage(
        service("w", annotations=note(pool="lan")),
        "edit ipaddresspool lan",
        having(pool("lan", "10.0.0.0/30")),
        others=FULL,
    ),
    Reason.POOL_NOT_ALLOWED: Stage(
        service("w", annotations=note(pool="closed")),
        "edit ipaddresspool closed",
        having(LAN, pool("closed", "10.0.9.0/31")),
        pools=(LAN, CLOSED),
    ),
    Reason.ADDRESS_IN_NO_POOL: Stage(
        service("w", annotations=note(ips="10.7.7.7")), "it may get 10.0.0.0", wishing(annotations={})
    ),
    Reason.ADDRESS_NOT_OF_POOL: Stage(
        service("w", annotations=note(ips="10.0.0.1", pool="other")),
        "it gets 10.0.0.1",
        wishing(annotations=note(ips="10.0.0.1")),
        pools=(LAN, pool("other", "10.0.9.0/31")),
    ),
    Reason.ADDRESS_IN_USE: Stage(
        service("w", annotations=note(ips="10.0.0.0")), "it may get 10.0.0.1", wishing(annotations={}), others=(PINNED,)
    ),
    Reason.SHARING_KEY_DIFFERS: Stage(
        service("w", 81, annotations=note(ips="10.0.0.0", share="other")),
        "it gets 10.0.0.0",
        wishing(annotations=note(ips="10.0.0.0", share="k")),
        others=(SHARED,),
    ),
    Reason.PORT_IN_USE: Stage(
        service("w", annotations=note(ips="10.0.0.0", share="k")),
        "choose another port",
        wishing(ports=service("w", 81).ports),
        others=(SHARED,),
    ),
    Reason.INVALID_REQUEST: Stage(
        service("w", annotations=note(ips="nonsense")), "it may get", wishing(annotations={})
    ),
    Reason.FAMILY_MISMATCH: Stage(service("w", annotations=note(ips="fd00::1")), "it may get", wishing(annotations={})),
    Reason.NO_CLUSTER_IP: Stage(
        service("w", cluster_ips=("None",)), "leave spec.clusterIP out", wishing(cluster_ips=("10.96.0.9",))
    ),
    Reason.OTHER_CLASS: Stage(
        service("w", load_balancer_class="other"), "make it anew", wishing(load_balancer_class=None)
    ),
    Reason.NODE_ADDRESS: Stage(
        service("w", annotations=note(ips="10.0.0.0")),
        "it may get 10.0.0.1",
        wishing(annotations={}),
        taken={parse_address("10.0.0.0"): N1},
    ),
}
ELSEWHERE = {  # said by speakers of addresses that are given, or of what is over
    Reason.NOT_LOAD_BALANCER: "no Service that is to be explained",
    Reason.REQUEST_CHANGED: "why an address was left; the Service has another, or waits for a reason of its own",
    Reason.CONFIG_CHANGED: "as above",
    Reason.SERVICE_DELETED: "as above",
    Reason.CONFIG_INVALID: "the configuration's own row: test_a_configuration_that_is_invalid",
}
REACH: dict[
    Reason, tuple[dict[str, Any], str]
] = {  # the reason of an election without a winner: what makes it so, and a part of a fix
    Reason.NO_ADVERTISEMENT: ({"adverts": ()}, "apply -f -"),
    Reason.NO_ENDPOINT: ({"endpoints": ()}, "get endpointslices"),
    Reason.NO_ENDPOINT_ON_NODE: ({"endpoints": endpoints("n2"), "policy": LOCAL}, "externalTrafficPolicy"),
    Reason.NODE_NOT_SELECTED: (
        {"adverts": (advertisement(nodeSelectors=[{"matchLabels": {"a": "b"}}]),)},
        "edit l2advertisement",
    ),
    Reason.NODE_EXCLUDED: ({"node": Node(N1, {EXCLUDE_LABEL: ""})}, "label node n1"),
    Reason.NODE_NETWORK_UNAVAILABLE: ({"node": Node(N1, network_unavailable=True)}, "describe node n1"),
    Reason.NOT_ALIVE: ({"alive": frozenset()}, "get pods"),
    Reason.NODE_ADDRESS: ({"node": Node(N1, internal_ips=(parse_address("10.0.0.0"),))}, ""),
    Reason.SHARED_WITH_SERVICE_SELECTORS: (
        {"adverts": (advertisement(serviceSelectors=[{}]),), "notes": note(share="k")},
        "edit l2advertisement",
    ),
}


def decided(stage: Stage) -> Decision:
    """What the controller decides on the Service."""
    books = Books()
    books.learn(stage.config, stage.taken)
    present = {one.key: one for one in (*stage.others, stage.wish)}
    books.settle(stage.config, present, list(present))
    return books.decisions[stage.wish.key]


def rows(stage: Stage) -> tuple[Row, ...]:
    ledger = ledger_of(stage.config, stage.others, stage.taken)
    scene = Scene(config=stage.config, ledger=ledger, taken=stage.taken)
    return explain.allocated(scene, Case(stage.wish), {one.key: one for one in stage.others})


def test_every_reason_of_the_controller_is_in_the_table() -> None:
    assert set(STAGES) == set(pending.AT)
    spoken = {*STAGES, *ELSEWHERE, *REACH}
    ownership = set(list(Reason)[list(Reason).index(Reason.STALLED) :])
    announcing = {Reason.NO_ADDRESS, Reason.NOT_ELECTED, Reason.NO_INTERFACE, Reason.FAMILY_NOT_ANNOUNCED}
    assert spoken | ownership | announcing == set(Reason)


@pytest.mark.parametrize("reason", STAGES, ids=str)
def test_the_same_reason_and_a_fix_that_works(reason: Reason) -> None:
    stage = STAGES[reason]
    decision = decided(stage)
    assert (decision.reason, decision.allocation) == (reason, None)
    [failed] = [row for row in rows(stage) if row.check in pending.CHAIN and row.mark is Mark.FAIL]
    assert failed.check == pending.AT[reason]
    assert failed.text.startswith(decision.text)
    assert any(stage.fix in f"{fix.text} {fix.command}" for fix in failed.fixes), failed.fixes
    mended = stage.mend(stage)
    assert decided(mended).allocation is not None
    assert not [row for row in rows(mended) if row.check in pending.CHAIN and row.mark is Mark.FAIL]


def test_a_configuration_that_is_invalid() -> None:
    """Of what is in force, and of what is not: both are said."""
    scene = Scene(config=configured(LAN), problems=("IPAddressPool x/y: no CIDR",))
    found = {row.check: row for row in explain.allocated(scene, Case(service("w")))}
    assert found[givers.CONFIG].mark is Mark.WARN
    assert "no CIDR" in found[givers.CONFIG].text
    assert found[givers.CONFIG].fixes[0].command == "pylb doctor"


@pytest.mark.parametrize("reason", REACH, ids=str)
def test_no_node_may_announce_it_for_the_same_reason(reason: Reason) -> None:
    """An election without a winner is told with its reason, in the words of the speakers."""
    change, fix = REACH[reason]
    one = service("w", ingress=("10.0.0.0",), traffic_policy=change.get("policy", "Cluster"))
    one = replace(one, annotations=change.get("notes", {}))
    hosts = {N1: change["node"]} if "node" in change else nodes("n1")
    scene = Scene(
        config=configured(LAN, adverts=change.get("adverts")),
        ledger=ledger_of(configured(LAN), [one]),
        nodes=hosts,
        alive=change.get("alive", frozenset({N1})),
    )
    ends = tuple(change.get("endpoints", endpoints("n1")))
    found = [row for row in explain.explain(scene, Case(one, ends)) if row.question is Question.ELECTED]
    [failed] = [row for row in found if row.mark is Mark.FAIL]
    assert failed.text == reason.text
    assert any(fix in option.command for option in failed.fixes) if fix else True


def test_the_page_of_the_docs_names_each_check() -> None:
    """Programs go by these names."""
    head = [givers.CONFIG, givers.CONTROLLER, givers.WRITER, givers.SPELLING, givers.OTHERS, pending.ADDRESS]
    tail = [reach.ENDPOINTS, reach.ADVERTISED, reach.LINE, reach.OUT, reach.NODE, reach.WIRE, reach.PORT]
    page = (Path(__file__).parents[3] / "docs" / "status.md").read_text()
    assert [name for name in (*pending.CHAIN, *head, *tail) if f"`{name}`" not in page] == []
