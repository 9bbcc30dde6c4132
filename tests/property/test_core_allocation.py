"""What holds of allocation whatever people do: no address twice, nobody disturbed, no order, no oscillation, no lost memory."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fakes.allocating import Play
from fakes.world import pool, service
from pylb.core.allocation import memory, reserves
from pylb.core.allocation.memory import KEPT_S, Entry, Memory
from pylb.core.errors import ParseError
from pylb.core.model import Address, ServiceKey
from pylb.core.ranges import Range, parse_address

SHARE, PIN = "metallb.io/allow-shared-ip", "metallb.io/loadBalancerIPs"
NAMES = st.sampled_from("abcdef")
RANGES = (pool("p", "10.0.0.0/30", "fd00::/127"), pool("q", "10.0.0.4/31"), pool("r", "fd00::4/127"))


def saying(raw: dict[str, Any], **annotations: str) -> dict[str, Any]:
    meta = {**raw["metadata"], "annotations": {f"pylb.io/{key}": text for key, text in annotations.items()}}
    return {**raw, "metadata": meta}


POOLS = st.lists(
    st.sampled_from(
        [
            *RANGES,
            pool("q", "10.0.0.4/31", autoAssign=False),
            saying(RANGES[0], reserved="10.0.0.0/31"),
            saying(RANGES[1], remember="false"),
        ]
    ),
    unique_by=lambda raw: raw["metadata"]["name"],
    max_size=3,
)


@st.composite
def wishes(draw: st.DrawFn) -> Any:
    """A Service, pinned or not, shared or not, of one family or two, of any policy."""
    fields: dict[str, Any] = {"annotations": {}}
    families = draw(st.sampled_from([{}, {}, {"v6": True}, {"dual": True}]))
    policy = draw(st.sampled_from(["SingleStack", "PreferDualStack", "RequireDualStack"]))
    if draw(st.booleans()):
        fields["annotations"][SHARE] = draw(st.sampled_from("kl"))
    if draw(st.integers(0, 3)) == 0:
        fields["annotations"][PIN] = draw(st.sampled_from(["10.0.0.1", "10.0.0.5", "fd00::1", "10.0.0.2,fd00::1", "x"]))
    if draw(st.integers(0, 4)) == 0:
        fields["traffic_policy"] = "Local"
    kind = "ClusterIP" if draw(st.integers(0, 6)) == 0 else "LoadBalancer"
    ports = draw(st.lists(st.sampled_from([80, 81]), min_size=1, unique=True))
    return service(draw(NAMES), *ports, type=kind, family_policy=policy, **families, **fields)


STEPS = st.lists(st.one_of(wishes(), wishes(), NAMES, POOLS, st.just(...)), max_size=14)


def carry_out(played: Play, step: Any) -> None:
    if step is ...:
        played.restart()
    elif isinstance(step, list):
        played.pools(*step)
    elif isinstance(step, str):
        if ServiceKey(f"default/{step}") in played.present:
            played.drop(step)
    else:
        played.put(step)


@given(STEPS)
def test_after_each_step_all_is_lawful_and_at_rest(steps: list[Any]) -> None:
    """A Play settles twice after each step, which may change nothing."""
    played = Play(*RANGES)
    for step in steps:
        carry_out(played, step)
        check(played)


def check(played: Play) -> None:
    ledger, remembered = played.books.ledger, played.books.recollection.memory
    for key, one in played.present.items():
        held = ledger.allocations.get(key)
        assert one.ingress == (tuple(map(str, held.addresses)) if held else ())
        assert held is None or key not in remembered.entries, "here, and remembered"
        assert held is None or played.config.pool_of(held.addresses) is played.config.pools[held.pool]
        assert held is None or len({address.version for address in held.addresses}) == len(held.addresses)
        for address in held.addresses if held else ():
            uses = ledger.users(address)
            ports = [port for use in uses.values() for port in use.ports]
            assert len(ports) == len(set(ports)), "a port twice"
            assert len({(use.sharing, use.backend) for use in uses.values()}) == 1
            assert len(uses) == 1 or all(use.sharing for use in uses.values())


@given(STEPS)
def test_a_restart_at_any_moment_changes_nothing(steps: list[Any]) -> None:
    """Nor does one that forgets all that was remembered, for those who are here."""
    played = Play(*RANGES)
    for step in steps:
        carry_out(played, step)
        before = played.all
        assert played.restart().all == before
    before = played.all
    assert played.restart(remember=False).all == before


@given(STEPS, wishes())
def test_nobody_loses_an_address_for_another_service(steps: list[Any], late: Any) -> None:
    """Whoever comes, changes or goes: the others keep all that they have."""
    played = Play(*RANGES)
    for step in steps:
        if isinstance(step, list) or step is ...:
            carry_out(played, step)
            continue
        name = step if isinstance(step, str) else step.name
        before = played.all
        carry_out(played, step)
        for other, had in before.items():
            if other != name and had:
                assert set(had) <= set(played.all[other]) or waited(played, other)
    before = played.all
    played.put(late)
    assert all(
        set(had) <= set(played.all[other]) or waited(played, other)
        for other, had in before.items()
        if other != late.name
    )


def waited(played: Play, name: str) -> bool:
    """Whether a Service has now what it asked for all the time."""
    one = played.present[ServiceKey(f"default/{name}")]
    return bool(one.annotations.get(PIN))


@given(st.permutations("abcdef"), st.sets(NAMES), st.data())
def test_who_comes_back_has_its_own_whatever_the_order(order: list[str], gone: set[str], data: st.DataObject) -> None:
    played = Play(pool("p", "10.0.0.0/29"))
    for name in order:
        played.put(service(name))
    before = played.all
    played.drop(*sorted(gone))
    for name in data.draw(st.permutations(sorted(gone))):
        if data.draw(st.booleans()):
            played.restart()
        played.put(service(name))
    assert played.all == before


@given(st.permutations([f"s{index}" for index in range(6)]), st.integers(0, 6), st.integers(0, 6), st.integers(0, 2))
def test_who_comes_back_together_with_others_has_its_own(order: list[str], back: int, twice: int, late: int) -> None:
    """However full it is, and whoever comes with them: new ones, and those whose address the last that had it gets."""
    played = Play(pool("p", "10.0.0.1-10.0.0.6"))
    for name in order[:twice]:  # these had addresses that others have had since
        played.put(service(f"0{name}"))
    played.drop(*(f"0{name}" for name in order[:twice])).wait(1)
    for name in order:
        played.put(service(name))
    had = played.all
    played.drop(*order).wait(late)
    played.put(*(service(f"0{name}") for name in order), *(service(name) for name in order[:back]))
    assert {name: played.has(name) for name in order[:back]} == {name: had[name] for name in order[:back]}


@given(st.permutations([service(name, load_balancer_ip=f"10.0.0.{n}") for n, name in enumerate("abc")]), st.booleans())
def test_pins_are_met_in_any_order_and_over_memories(order: list[Any], remembered: bool) -> None:
    played = Play(pool("p", "10.0.0.0/29"))
    if remembered:
        played.put(service("x"), service("y"), service("z")).drop("x", "y", "z")
    for one in order:
        played.put(one)
    assert played.all == {name: [f"10.0.0.{n}"] for n, name in enumerate("abc")}


ADDRESSES = st.sampled_from([parse_address(text) for text in ("10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2")])
KEYS = NAMES.map(lambda name: ServiceKey(f"default/{name}"))
PAIRS = st.lists(ADDRESSES, min_size=1, max_size=2, unique_by=lambda one: one.version).map(tuple)
ENTRIES = st.dictionaries(KEYS, st.tuples(PAIRS, st.integers(0, 2**31)), max_size=6)


@given(ENTRIES, st.integers(0, 2**31))
def test_a_memory_reads_back_what_it_writes(
    raw: Mapping[ServiceKey, tuple[tuple[Address, ...], int]], seen: int
) -> None:
    found = Memory({key: Entry(addresses, float(gone)) for key, (addresses, gone) in raw.items()}, float(seen))
    again = memory.parse(memory.render(found))
    assert (list(again.entries.items()), again.seen) == (list(found.entries.items()), found.seen)


@given(st.text(max_size=80), st.text(max_size=30))
def test_any_text_is_some_memory(text: str, seen: str) -> None:
    found = memory.parse({memory.KEY: text, memory.SEEN: seen})
    assert memory.parse(memory.render(found)).entries == found.entries


@given(st.lists(st.one_of(KEYS, st.floats(-2e9, 2e9)), max_size=30))
def test_no_clock_makes_anybody_older_than_the_time_that_passed_in_small_steps(steps: list[Any]) -> None:
    found, now, passed = Memory(), 1e9, 0.0
    found.look(now)
    noted: dict[ServiceKey, float] = {}
    for step in steps:
        if isinstance(step, str):
            found.remember(ServiceKey(step), (parse_address("10.0.0.1"),))
            noted[ServiceKey(step)] = passed
        else:
            now += step
            found.look(now)
            passed += step if 0 <= step <= memory.MAX_STEP else 0.0
        for key, since in noted.items():
            assert key in found.entries or passed - since >= KEPT_S - 1
        assert list(found.entries.values()) == sorted(found.entries.values(), key=lambda one: one.gone)


NUMBERS = st.integers(0, 40)


@given(NUMBERS, NUMBERS, st.lists(st.tuples(NUMBERS, NUMBERS), max_size=4))
def test_what_is_left_of_a_range_is_all_but_what_is_cut_out(one: int, other: int, out: list[tuple[int, int]]) -> None:
    def span(a: int, b: int) -> Range:
        return Range(parse_address(f"10.0.0.{min(a, b)}"), parse_address(f"10.0.0.{max(a, b)}"))

    whole, gone = span(one, other), [span(a, b) for a, b in out]
    left = [address for part in reserves.cut([whole], gone) for address in part.addresses()]
    assert left == [address for address in whole.addresses() if not any(address in cut for cut in gone)]


@given(st.text(max_size=60))
def test_reading_what_is_reserved_raises_one_type(text: str) -> None:
    with suppress(ParseError):
        reserves.parse_reserved(text, [Range(parse_address("10.0.0.0"), parse_address("10.0.0.9"))])
    with suppress(ParseError):
        reserves.parse_remember(text)
