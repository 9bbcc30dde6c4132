"""What holds in core for every input: no address twice, nothing lost, no exception out of any JSON."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv4Address
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fakes.world import advertisement, configured, nodes, pool, service
from pylb.controller.reconcile import Books
from pylb.core import events, ranges
from pylb.core.config import loader as config
from pylb.core.errors import ParseError
from pylb.core.legacy import conversion as legacy
from pylb.core.model import Endpoint, NodeName, ObjectRef, PoolName, Service, ServiceKey
from pylb.core.ownership.election import Candidate, elect, rank

KEY = "metallb.io/allow-shared-ip"
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["10.0.0.0/24", "1.1.1.1-1.1.1.3"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from("abcdefgh")
ADDRESSES = st.integers(0, 2**32 - 1).map(IPv4Address)


@st.composite
def wishes(draw: st.DrawFn) -> Service:
    """A Service as people write them: pinned or not, shared or not, in two families or one."""
    fields: dict[str, Any] = {"annotations": {}}
    if draw(st.booleans()):
        fields["annotations"] = {KEY: draw(st.sampled_from(["k", "l"]))}
    if draw(st.booleans()):
        fields["load_balancer_ip"] = f"10.0.0.{draw(st.integers(0, 9))}"
    if draw(st.integers(0, 4)) == 0:
        fields.update(dual=True, family_policy=draw(st.sampled_from(["PreferDualStack", "RequireDualStack"])))
    if draw(st.integers(0, 3)) == 0:
        fields["ingress"] = (f"10.0.0.{draw(st.integers(0, 9))}",)
    return service(draw(NAMES), draw(st.sampled_from([80, 81, 443])), **fields)


POOLS = st.lists(
    st.sampled_from([pool("p", "10.0.0.0/30"), pool("q", "10.0.0.4/31", autoAssign=False), pool("r", "fd00::/126")]),
    unique_by=lambda raw: raw["metadata"]["name"],
)
STEPS = st.lists(st.one_of(wishes(), NAMES.map(lambda name: ServiceKey(f"default/{name}")), POOLS), max_size=25)


@given(STEPS)
def test_no_address_is_given_twice_unless_it_is_shared(steps: list[Any]) -> None:
    """Services come, change and go and pools change; after each step the ledger is lawful and settling again is calm."""
    books, present, loaded = Books(), {}, configured()
    for step in steps:
        if isinstance(step, list):
            loaded = configured(*step)
        elif isinstance(step, str):
            present.pop(step, None)
            books.forget(step)
        else:
            present[step.key] = step
        outcomes = books.settle(loaded, present, present)
        assert all(outcome.decision.allocation or outcome.decision.reason for outcome in outcomes)
        _check_ledger(books, loaded, present)
        again = books.settle(loaded, present, present)
        assert not [outcome for outcome in again if outcome.moved or outcome.notices]


def _check_ledger(books: Books, loaded: config.Config, present: dict[ServiceKey, Service]) -> None:
    for key, allocation in books.ledger.allocations.items():
        assert key in present
        assert loaded.pool_of(allocation.addresses) is loaded.pools[allocation.pool]
        for address in allocation.addresses:
            uses = books.ledger.users(address)
            assert key in uses
            ports = [port for use in uses.values() for port in use.ports]
            assert len(ports) == len(set(ports))
            assert len({use.sharing for use in uses.values()}) == 1
            assert len(uses) == 1 or all(use.sharing for use in uses.values())


@given(st.permutations([service(name, load_balancer_ip=f"10.0.0.{n}") for n, name in enumerate("abcd")]))
def test_pinned_services_get_theirs_in_whatever_order_they_come(order: list[Service]) -> None:
    books = Books()
    for one in order:
        books.settle(configured(pool("p", "10.0.0.0/30")), {one.key: one}, [one.key])
    assert {key: str(a.addresses[0]) for key, a in books.ledger.allocations.items()} == {
        f"default/{name}": f"10.0.0.{n}" for n, name in enumerate("abcd")
    }


@given(st.sets(st.integers(0, 7), max_size=5), st.integers(0, 3))
def test_recorded_addresses_are_adopted_before_any_is_given(recorded: set[int], new: int) -> None:
    """After a restart whoever has an address keeps it, however the Services are ordered."""
    books = Books()
    held = {f"z{n}": service(f"z{n}", ingress=(f"10.0.0.{n}",)) for n in recorded}
    fresh = {f"a{n}": service(f"a{n}") for n in range(new)}
    present = {one.key: one for one in (*fresh.values(), *held.values())}
    books.settle(configured(pool("p", "10.0.0.0/29")), present, present)
    assert all(str(books.ledger.allocations[one.key].addresses[0]) == one.ingress[0] for one in held.values())


@given(ADDRESSES, ADDRESSES)
def test_a_range_reads_back_what_it_writes(one: IPv4Address, other: IPv4Address) -> None:
    span = ranges.Range(min(one, other), max(one, other))
    assert ranges.parse(str(span), single=True) == span
    assert sum(block.num_addresses for block in span.blocks()) == span.size


@given(st.text(max_size=40))
def test_reading_a_range_raises_one_type(text: str) -> None:
    for read in (ranges.parse, ranges.parse_list, ranges.parse_address):
        with suppress(ParseError):
            read(text)


@given(JSON, JSON, JSON)
def test_loading_never_raises(spec: object, advert: object, document: object) -> None:
    raw = {"metadata": {"name": "p", "namespace": "n"}, "spec": spec}
    loaded = config.load(config.Objects([raw], [{"metadata": {"name": "a"}, "spec": advert}]))
    assert (loaded.config is None) == bool(loaded.problems)
    made = legacy.convert({"address-pools": [document]}, ObjectRef("ConfigMap", "n", "config"))
    assert made.problems or made.pools


@given(st.dictionaries(st.sampled_from(["kind", "at", "node", "address", "services", "pools", "by"]), JSON))
def test_any_json_is_some_event(raw: dict[str, Any]) -> None:
    event = events.decode(raw)
    again = events.decode(events.encode(event))
    assert again == event or isinstance(event, events.Unknown)


@given(st.sampled_from(sorted(events.KINDS)), st.floats(0, 2e9), st.text(max_size=5))
def test_events_read_back_what_they_write(kind: str, at: float, text: str) -> None:
    cls = events.KINDS[kind]
    values: dict[str, Any] = {"kind": kind, "at": at}
    for name, annotation in cls.__annotations__.items():
        values.setdefault(name, [text] if "tuple" in annotation else at if "float" in annotation else text)
    event = events.decode(values)
    assert isinstance(event, cls)
    assert events.decode(events.encode(event)) == event


@given(ADDRESSES, st.sets(st.text("abcdef", min_size=1, max_size=4), min_size=2), st.data())
def test_losing_a_loser_moves_no_winner(address: IPv4Address, names: set[str], data: st.DataObject) -> None:
    line = rank(address, [Candidate(NodeName(name)) for name in names])
    lost = data.draw(st.sampled_from(line[1:]))
    assert rank(address, [Candidate(name) for name in reversed(line) if name != lost]) == tuple(
        name for name in line if name != lost
    )


@given(st.sets(NAMES, min_size=1), st.sets(NAMES), st.sets(NAMES), st.booleans())
def test_every_node_is_in_line_or_has_a_reason(known: set[str], alive: set[str], ends: set[str], local: bool) -> None:
    loaded = configured(pool("p", "10.0.0.0/24"), adverts=(advertisement(),))
    one = service("web", traffic_policy="Local" if local else "Cluster")
    where = [Endpoint(NodeName(name), servable=True) for name in ends]
    verdict = elect(loaded, one, [IPv4Address("10.0.0.1")], where, nodes(*known), {NodeName(name) for name in alive})
    assert bool(verdict.winner) != bool(verdict.reason)
    if where:
        assert {*verdict.ranking, *verdict.excluded} == known
        assert set(verdict.ranking) <= alive
    assert PoolName("p") in loaded.advertisements


@given(st.lists(wishes(), max_size=12), st.sets(st.integers(0, 5).map(lambda last: IPv4Address(f"10.0.0.{last}"))))
def test_nobody_is_given_a_nodes_own_address(services: list[Service], own: set[IPv4Address]) -> None:
    """Who has one by his status alone has it still."""
    books, present = Books(), {one.key: one for one in services}
    loaded = configured(pool("p", "10.0.0.0/29"), pool("r", "fd00::/126"))
    books.learn(loaded, {address: NodeName("n") for address in own})
    for _ in range(2):
        books.settle(loaded, present, present)
        given = {key: {str(one) for one in held.addresses} for key, held in books.ledger.allocations.items()}
        assert all(not found & set(map(str, own)) - set(present[key].ingress) for key, found in given.items())


@given(st.integers(0, 2**32 - 20), st.integers(0, 19), st.sets(st.integers(0, 25)))
def test_a_range_without_addresses_has_all_the_others(first: int, more: int, out: set[int]) -> None:
    span = ranges.Range(IPv4Address(first), IPv4Address(first + more))
    left_out = [IPv4Address(min(first + one, 2**32 - 1)) for one in out]
    kept = [address for part in ranges.without(span, left_out) for address in part.addresses()]
    assert kept == [address for address in span.addresses() if address not in left_out]


@given(ADDRESSES, ADDRESSES)
def test_a_possible_range_holds_no_special_address(one: IPv4Address, other: IPv4Address) -> None:
    span = ranges.Range(min(one, other), max(one, other))
    with suppress(ParseError):
        ranges.require_possible(span)
        assert not any(a.is_loopback or a.is_multicast or a.is_link_local for a in (span.first, span.last))
        assert not any(special in span for special in map(IPv4Address, ("0.0.0.0", "127.0.0.1", "224.0.0.1")))
