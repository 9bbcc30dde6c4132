"""The explanation never disagrees with the controller: what it says waits, waits; what it says helps, helps."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.world import configured, nodes, pool, service
from pylb.controller.reconcile import Books, wanted
from pylb.core.config.loader import Config
from pylb.core.explanation import explain, pending
from pylb.core.explanation.findings import Mark, Row
from pylb.core.explanation.scene import Case, Scene, ledger_of, own_addresses
from pylb.core.model import LOCAL, Endpoint, Node, NodeName, Service, ServiceKey
from pylb.core.ranges import parse_address

IPS, POOL, SHARE = "metallb.io/loadBalancerIPs", "metallb.io/address-pool", "metallb.io/allow-shared-ip"
OLD_IPS = "metallb.universe.tf/loadBalancerIPs"
PINS = st.sampled_from(
    ["10.0.0.1", "10.0.0.2", "10.0.0.5", "10.0.0.200", "fd00::1", "nonsense", "", "10.0.0.1,fd00::1"]
)
NAMES = st.sampled_from("abcdef")
MANY = 400  # examples: some reasons need three wishes to meet


@st.composite
def wishes(draw: st.DrawFn) -> Service:
    """A Service as people write them, rightly and wrongly."""
    annotations: dict[str, str] = {}
    for key, values in (
        (IPS, PINS),
        (OLD_IPS, PINS),
        (POOL, st.sampled_from(["p", "q", "none", "closed"])),
        (SHARE, st.sampled_from(["k", "k", "l", ""])),
    ):
        if draw(st.integers(0, 2)) == 0:
            annotations[key] = draw(values)
    fields: dict[str, Any] = {"annotations": annotations}
    if draw(st.integers(0, 3)) == 0:
        fields["load_balancer_ip"] = draw(PINS)
    if draw(st.integers(0, 4)) == 0:
        fields.update(
            dual=True, family_policy=draw(st.sampled_from(["PreferDualStack", "RequireDualStack", "SingleStack"]))
        )
    if draw(st.integers(0, 9)) == 0:
        fields["cluster_ips"] = draw(st.sampled_from([(), ("None",)]))
    if draw(st.integers(0, 9)) == 0:
        fields["load_balancer_class"] = "other"
    if draw(st.integers(0, 5)) == 0:
        fields.update(traffic_policy=LOCAL, selector={"app": draw(NAMES)})
    if draw(st.integers(0, 3)) == 0:
        fields["ingress"] = (draw(st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.77"])),)
    return service(draw(NAMES), draw(st.sampled_from([80, 81])), **fields)


@st.composite
def sharers(draw: st.DrawFn) -> Service:
    """A Service of those that want one address."""
    annotations = {SHARE: key} if (key := draw(st.sampled_from(["k", "k", "l", None]))) else {}
    policy = draw(st.sampled_from(["Cluster", LOCAL]))
    recorded = draw(st.sampled_from([(), ("10.0.0.1",)]))
    fields = {
        "load_balancer_ip": "10.0.0.1",
        "traffic_policy": policy,
        "selector": {"app": draw(st.sampled_from("ab"))},
    }
    return service(draw(NAMES), draw(st.sampled_from([80, 81])), annotations=annotations, ingress=recorded, **fields)


POOLS = st.lists(
    st.sampled_from(
        [
            pool("p", "10.0.0.0/30", avoidBuggyIPs=True),
            pool("q", "10.0.0.4/31", autoAssign=False),
            pool("r", "fd00::/126"),
            pool("closed", "10.0.1.0/31", serviceAllocation={"namespaces": ["elsewhere"]}),
        ]
    ),
    unique_by=lambda raw: raw["metadata"]["name"],
)
OWN = st.sets(st.sampled_from(["10.0.0.1", "10.0.0.4"]), max_size=1)
SERVICES = st.lists(wishes() | sharers(), max_size=6, unique_by=lambda one: one.key)


def settled(
    config: Config, services: list[Service], hosts: dict[NodeName, Node], gone: dict[ServiceKey, str] | None = None
) -> tuple[Books, dict[ServiceKey, Service]]:
    """What the controller makes of them, with what it writes written; `gone` are remembered."""
    books = Books()
    for who, address in (gone or {}).items():
        books.recollection.memory.remember(who, [parse_address(address)])
    books.learn(config, own_addresses(config, hosts.values()))
    present = {one.key: one for one in services}
    for outcome in books.settle(config, present, present):
        target = wanted(outcome.service, outcome.decision)
        if target is not None:
            present[outcome.service.key] = replace(outcome.service, ingress=target.ingress)
    return books, present


def scene_of(config: Config, present: dict[ServiceKey, Service], hosts: dict[NodeName, Node]) -> Scene:
    taken = own_addresses(config, hosts.values())
    return Scene(config=config, ledger=ledger_of(config, present.values(), taken), taken=taken, nodes=hosts)


def hosts_with(own: set[str]) -> dict[NodeName, Node]:
    name = NodeName("n1")
    return {name: replace(nodes("n1")[name], internal_ips=tuple(map(parse_address, sorted(own))))}


@settings(max_examples=MANY)
@given(POOLS, SERVICES, OWN)
def test_it_fails_if_and_only_if_the_controller_gives_nothing(
    pools: list[Any], services: list[Service], own: set[str]
) -> None:
    config, hosts = configured(*pools), hosts_with(own)
    books, present = settled(config, services, hosts)
    scene = scene_of(config, present, hosts)
    for key, one in present.items():
        rows = explain.allocated(scene, Case(one), present)
        given_nothing = books.decisions[key].allocation is None
        failed = [row for row in rows if row.check in pending.CHAIN and row.mark is Mark.FAIL]
        assert len(failed) == given_nothing, (one, books.decisions[key], rows)
        assert all(row.text for row in rows)


@settings(max_examples=MANY)
@given(POOLS, SERVICES, OWN)
def test_every_reason_stands_at_its_check(pools: list[Any], services: list[Service], own: set[str]) -> None:
    """A reason of the allocator that the chain does not know would leave a Service without a word."""
    config, hosts = configured(*pools), hosts_with(own)
    books, present = settled(config, services, hosts)
    for decision in books.decisions.values():
        assert decision.reason is None or decision.reason in pending.AT
    assert ledger_of(config, present.values(), books.taken).allocations == books.ledger.allocations
    for key, kept in ledger_of(config, services, books.taken).allocations.items():  # before anything was written
        assert any(set(map(str, kept.addresses)) <= set(one.ingress) for one in services if one.key == key)


def typed(command: str, services: dict[ServiceKey, Service]) -> dict[ServiceKey, Service]:
    """The Services after somebody typed these lines into a shell."""
    after = dict(services)
    for line in command.splitlines():
        _, _, namespace, verb, _, name, *rest = shlex.split(line)
        key = ServiceKey(f"{namespace}/{name}")
        one = after[key]
        if verb == "patch":
            spec = json.loads(rest[-1])["spec"]
            assert set(spec) == {"loadBalancerIP"}
            after[key] = replace(one, load_balancer_ip=spec["loadBalancerIP"] or "")
        else:
            name, equals, value = rest[0].partition("=")
            kept = {old: text for old, text in one.annotations.items() if old != name.removesuffix("-")}
            after[key] = replace(one, annotations={**kept, name: value} if equals else kept)
    return after


GONE = st.dictionaries(
    st.sampled_from([ServiceKey("default/gone"), ServiceKey("default/went")]),
    st.sampled_from(["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.5", "fd00::1"]),
)


@settings(max_examples=MANY)
@given(POOLS, SERVICES, OWN, GONE)
def test_what_is_offered_helps(
    pools: list[Any], services: list[Service], own: set[str], gone: dict[ServiceKey, str]
) -> None:
    """Each command that promises an address gives that address, typed as it is printed, if no other who waits is first,
    and whoever may come back; one that says that it may gives it where nobody may."""
    config, hosts = configured(*pools), hosts_with(own)
    _, present = settled(config, services, hosts)
    scene = scene_of(config, present, hosts)
    for key, one in present.items():
        for row in explain.allocated(scene, Case(one), present):
            for fix in row.fixes:
                text, promised, what = fix.text.partition(": it gets ")
                if promised:
                    assert_given(config, hosts, typed(fix.command, present), key, what, gone)
                text, promised, what = text.partition(": it may get ")
                if promised:
                    assert_given(config, hosts, typed(fix.command, present), key, what, {})
                assert text


def assert_given(
    config: Config,
    hosts: dict[NodeName, Node],
    after: dict[ServiceKey, Service],
    key: ServiceKey,
    what: str,
    gone: dict[ServiceKey, str],
) -> None:
    books, _ = settled(config, [one for one in after.values() if one.ingress or one.key == key], hosts, gone)
    found = books.decisions[key].allocation
    assert found is not None, (after, books.decisions[key])
    assert f"{', '.join(map(str, found.addresses))} of {found.pool}" == what


ENDS = st.none() | st.lists(st.builds(Endpoint, st.sampled_from([NodeName("n1"), None]), st.booleans()), max_size=3)


@given(POOLS, SERVICES, ENDS, st.none() | st.sets(st.just(NodeName("n1"))))
def test_anything_can_be_explained(
    pools: list[Any], services: list[Service], ends: list[Endpoint] | None, alive: set[NodeName] | None
) -> None:
    config, hosts = configured(*pools), hosts_with(set())
    present = {one.key: one for one in services}
    scene = replace(scene_of(config, present, hosts), alive=alive)
    for one in services:
        rows: tuple[Row, ...] = explain.explain(scene, Case(one, None if ends is None else tuple(ends)), present)
        assert [row.question for row in rows] == sorted(
            (row.question for row in rows), key=list(type(rows[0].question)).index
        )
