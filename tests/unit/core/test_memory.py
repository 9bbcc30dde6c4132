"""What is remembered of Services that are gone: for how long, how many of them, and whatever the text says."""

from __future__ import annotations

import pytest

from pylb.core.allocation import memory
from pylb.core.allocation.memory import DAY, KEY, MAX_KEPT, MAX_STEP, SEEN, Entry, Memory
from pylb.core.model import ServiceKey
from pylb.core.ranges import parse_address

WEB, DNS = ServiceKey("default/web"), ServiceKey("kube-system/dns")
ONE, TWO, SIX = (parse_address(text) for text in ("10.0.0.1", "10.0.0.2", "fd00::1"))
NOW = 1_763_735_400.0  # 2025-11-21 14:30 UTC


def at(now: float = NOW) -> Memory:
    found = Memory()
    found.look(now)
    return found


def pass_days(one: Memory, days: int, step: float = DAY) -> None:
    for _ in range(days):
        one.look(one.seen + step)


def test_who_is_gone_is_remembered_and_who_is_back_is_not() -> None:
    found = at()
    found.remember(WEB, (ONE, SIX))
    assert (found.addresses(WEB), found.gone(ONE), found.gone(SIX), found.gone(TWO)) == ((ONE, SIX), NOW, NOW, None)
    assert (found.forget(WEB), found.forget(WEB)) == (True, False)
    assert (found.addresses(WEB), found.gone(ONE), dict(found.entries)) == ((), None, {})


def test_an_address_may_be_remembered_for_two() -> None:
    found = at()
    found.remember(WEB, (ONE,))
    found.look(NOW + 5)
    found.remember(DNS, (ONE,))
    assert found.gone(ONE) == NOW + 5
    found.forget(DNS)
    assert found.gone(ONE) == NOW


def test_it_ends_after_thirty_days_on_which_somebody_looked() -> None:
    found = at()
    found.remember(WEB, (ONE,))
    pass_days(found, 29)
    assert WEB in found.entries
    pass_days(found, 1)
    assert (WEB in found.entries, found.gone(ONE)) == (False, None)


@pytest.mark.parametrize("jump", [400 * DAY, -400 * DAY, -NOW, MAX_STEP + 1, 1e300])
def test_a_clock_that_jumps_ages_nobody(jump: float) -> None:
    """A board without a battery starts in 1970, and a cluster may be off for a year."""
    found = at()
    found.remember(WEB, (ONE,))
    pass_days(found, 20)
    for step in (jump, -jump):
        found.look(found.seen + step)
        assert found.addresses(WEB) == (ONE,)
    if abs(jump) < 1e9:  # the age of those 20 days is not lost, either
        pass_days(found, 10)
        assert found.addresses(WEB) == ()


def test_the_oldest_makes_room() -> None:
    found = at()
    keys = [ServiceKey(f"default/s{number}") for number in range(MAX_KEPT + 2)]
    for key in keys:
        found.remember(key, (ONE,))
    assert list(found.entries) == keys[2:]
    found.remember(keys[2], (TWO,))  # is the youngest now
    assert list(found.entries)[-1] == keys[2]


def test_it_reads_what_it_wrote() -> None:
    found = at()
    found.remember(WEB, (ONE, SIX))
    found.look(NOW + 60)
    found.remember(DNS, (TWO,))
    data = memory.render(found)
    assert data == {
        KEY: "default/web 10.0.0.1,fd00::1 2025-11-21T14:30:00Z\nkube-system/dns 10.0.0.2 2025-11-21T14:31:00Z\n",
        SEEN: "2025-11-21T14:31:00Z",
    }
    again = memory.parse(data)
    assert (dict(again.entries), again.seen) == (dict(found.entries), found.seen)
    assert memory.render(again) == data


@pytest.mark.parametrize(
    "line",
    [
        "",
        "default/web",
        "default/web 10.0.0.1",
        "default/web 10.0.0.1 yesterday",
        "default/web 10.0.0.1 2025-11-21T14:30:00Z more",
        "web 10.0.0.1 2025-11-21T14:30:00Z",
        "a/b/c 10.0.0.1 2025-11-21T14:30:00Z",
        "default/w_b 10.0.0.1 2025-11-21T14:30:00Z",
        f"default/{'w' * 64} 10.0.0.1 2025-11-21T14:30:00Z",
        "default/web 10.0.0.1,10.0.0.2 2025-11-21T14:30:00Z",
        "default/web 10.0.0.1,fd00::1,fd00::2 2025-11-21T14:30:00Z",
        "default/web ten 2025-11-21T14:30:00Z",
        f"default/web 10.0.0.1 2025-11-21T14:30:00Z{' ' * 300}",
    ],
)
def test_a_line_that_says_nothing_is_left_out(line: str) -> None:
    good = "kube-system/dns 10.0.0.2 2025-11-21T14:30:00Z"
    found = memory.parse({KEY: f"{line}\n{good}\n{line}"})
    assert dict(found.entries) == {DNS: Entry((TWO,), NOW)}
    assert found.seen == NOW, "without a time of its own it is the youngest entry's"


@pytest.mark.parametrize("data", [{}, {KEY: None}, {KEY: 7}, {KEY: "\0\n" * 30_000, SEEN: "x"}, {SEEN: "0000-99"}])
def test_whatever_stands_there_is_some_memory(data: dict[str, object]) -> None:
    assert dict(memory.parse(data).entries) == {}


def test_of_two_lines_of_one_service_the_last_counts_and_nobody_goes_in_the_future() -> None:
    lines = "default/web 10.0.0.1 2025-11-21T14:30:00Z\ndefault/web 10.0.0.2 2999-01-01T00:00:00Z\n"
    found = memory.parse({KEY: lines, SEEN: "2025-11-21T14:30:00Z"})
    assert dict(found.entries) == {WEB: Entry((TWO,), NOW)}


def test_a_full_memory_has_room_in_a_configmap() -> None:
    long = {
        ServiceKey(f"{'n' * 63}/{'s' * 58}{number:05}"): (
            parse_address("255.255.255.254"),
            parse_address("fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        )
        for number in range(MAX_KEPT)
    }
    data = memory.render(memory.gather(long, NOW))
    assert sum(map(len, data.values())) < 2**20 * 0.6
    kept = memory.parse(data).entries
    assert len(kept) > 2000
    assert set(kept) <= set(long)


def test_what_is_gathered_from_services_that_are_there_is_as_if_they_went_now() -> None:
    found = memory.gather({WEB: (ONE, SIX), DNS: ()}, NOW)
    assert (dict(found.entries), found.seen) == ({WEB: Entry((ONE, SIX), NOW)}, NOW)


def test_changes_are_counted() -> None:
    found = at()
    counts = [(found.changes, found.forgets)]
    for act in (lambda: found.remember(WEB, (ONE,)), lambda: found.look(NOW + 1), lambda: found.forget(WEB)):
        act()
        counts.append((found.changes, found.forgets))
    assert counts == [(0, 0), (1, 0), (1, 0), (2, 1)]
