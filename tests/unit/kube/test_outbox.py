"""What waits to be told: in which order it goes, what is moot, and what is dropped."""

from __future__ import annotations

import pytest

from pylb.core import notices
from pylb.core.model import NodeName, ObjectRef, ServiceKey
from pylb.core.notices import Notice
from pylb.core.ranges import parse_address
from pylb.kube import outbox
from pylb.kube.outbox import Outbox

KEY = ServiceKey("default/web")
ONE, TWO, SIX = (parse_address(text) for text in ("10.0.0.1", "10.0.0.2", "fd00::1"))
GIVEN, GIVEN_TWO = notices.ip_allocated([ONE]), notices.ip_allocated([TWO])
ALSO = notices.ip_allocated_additionally(SIX)
CLEARED = notices.clear_assignment(KEY, "why")
FAILED, FAILED_OTHERWISE = notices.allocation_failed(KEY, "none"), notices.allocation_failed(KEY, "other")
REFUSED = notices.load_balancer_failed("why")
ASSIGNED = notices.node_assigned(NodeName("n1"))
LACKS = notices.announce_failed(NodeName("n1"), ONE)
OLD_NAME = notices.deprecated_annotation("k")


def ref(name: str) -> ObjectRef:
    return ObjectRef("Service", "default", name, f"uid-{name}")


WEB = ref("web")


def drained(box: Outbox, now: float = 0.0) -> list[tuple[str, Notice]]:
    """All that may be written, in order."""
    found = []
    while (item := box.take(now)) is not None:
        box.wrote(item, now)
        found.append((item.ref.name, item.notice))
    return found


@pytest.mark.parametrize(
    ("made", "left"),
    [
        ((GIVEN, CLEARED, GIVEN_TWO), (CLEARED, GIVEN_TWO)),  # why it changed is told with what it is now
        ((GIVEN, CLEARED), (CLEARED,)),
        ((CLEARED, FAILED), (CLEARED, FAILED)),
        ((FAILED, GIVEN), (GIVEN,)),  # it waits no more
        ((GIVEN, FAILED), (FAILED,)),
        ((FAILED, FAILED_OTHERWISE), (FAILED_OTHERWISE,)),
        ((FAILED, CLEARED), (FAILED, CLEARED)),  # a Warning about one that may wait still
        ((GIVEN, ALSO), (GIVEN, ALSO)),
        ((GIVEN, REFUSED), (GIVEN, REFUSED)),
        ((FAILED, ASSIGNED), (FAILED, ASSIGNED)),
        ((LACKS, ASSIGNED), (LACKS, ASSIGNED)),
        ((OLD_NAME, FAILED, GIVEN), (OLD_NAME, GIVEN)),
        ((GIVEN, FAILED, GIVEN), (GIVEN,)),
    ],
)
def test_a_newer_notice_replaces_what_it_makes_moot(made: tuple[Notice, ...], left: tuple[Notice, ...]) -> None:
    """What is left goes in the order in which it was made."""
    box = Outbox()
    for at, notice in enumerate(made):
        box.put(WEB, notice, float(at))
    assert len(box) == len(left)
    assert [notice for _, notice in drained(box)] == list(left)
    assert box.losses.moot == len(made) - len(left)


def test_what_happens_now_is_not_behind_what_happened_before() -> None:
    box = Outbox()
    for number in range(200):
        box.put(ref(f"s{number}"), GIVEN, 0.0)
    box.put(ref("new"), GIVEN, 1.0)
    box.put(ref("waits"), FAILED, 0.5)
    assert [name for name, _ in drained(box)][:3] == ["waits", "new", "s199"]


def test_equal_ones_are_one_with_a_count_and_both_times() -> None:
    box = Outbox()
    for at in (1.0, 2.0, 5.0):
        box.put(WEB, GIVEN, at)
    item = box.take(6.0)
    assert item is not None
    assert (item.times.count, item.times.first, item.times.last) == (3, 1.0, 5.0)
    assert box.take(6.0) is None


def test_a_flood_drops_the_oldest_but_no_warning_about_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "NORMAL_MAX", 3)
    box = Outbox()
    box.put(ref("waits"), FAILED, 0.0)
    for number in range(10):
        box.put(ref(f"s{number}"), GIVEN, float(number))
    assert [name for name, _ in drained(box)] == ["waits", "s9", "s8", "s7"]
    assert box.losses.dropped == 7


def test_warnings_have_a_bound_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "WARNING_MAX", 3)
    box = Outbox()
    for number in range(5):
        box.put(ref(f"s{number}"), FAILED, float(number))
    assert (len(box), box.losses.dropped) == (3, 2)


def test_what_is_old_is_dropped_unless_it_is_true_still() -> None:
    box = Outbox()
    for notice in (FAILED, LACKS, GIVEN):
        box.put(ref(notice.reason), notice, 0.0)
    assert drained(box, outbox.WAITS_FOR + 1) == [("AllocationFailed", FAILED)]
    assert box.losses.dropped == 2


def test_an_object_that_was_told_of_too_often_waits_alone() -> None:
    box = Outbox()
    for number in range(outbox.OBJECT_BURST):
        box.put(WEB, Notice("Normal", "r", str(number)), 0.0)
    assert len(drained(box)) == outbox.OBJECT_BURST
    box.put(WEB, FAILED, 1.0)
    box.put(WEB, FAILED_OTHERWISE, 2.0)
    assert box.take(2.0) is None
    wait = box.wait(2.0)
    assert wait == pytest.approx(1 / outbox.OBJECT_RATE - 2.0)
    box.put(ref("other"), GIVEN, 2.0)
    assert box.wait(2.0) == 0.0
    assert drained(box, 2.0) == [("other", GIVEN)]
    assert drained(box, 2.0 + wait + 0.1) == [("web", FAILED_OTHERWISE)]


def test_what_could_not_be_written_waits_again_unless_it_is_moot_by_then() -> None:
    box = Outbox()
    box.put(WEB, FAILED, 0.0)
    item = box.take(0.0)
    assert item is not None
    box.give_back(item)
    box.put(WEB, CLEARED, 1.0)
    assert [notice for _, notice in drained(box)] == [FAILED, CLEARED]
    box.put(WEB, GIVEN, 2.0)
    box.give_back(item)
    assert drained(box) == [("web", GIVEN)]
    box.put(WEB, FAILED, 3.0)
    box.give_back(item)
    again = box.take(3.0)
    assert again is not None
    assert again.times.count == 2, "the same was told meanwhile"


def test_a_failure_costs_an_object_nothing_of_its_rate() -> None:
    box = Outbox()
    box.put(WEB, FAILED, 0.0)
    for _ in range(outbox.OBJECT_BURST * 2):
        item = box.take(0.0)
        assert item is not None
        box.give_back(item)


def test_nothing_is_kept_of_what_was_taken_or_forgotten() -> None:
    box = Outbox()
    box.put(WEB, FAILED, 0.0)
    box.put(ref("b"), GIVEN, 0.0)
    box.forget(WEB)
    assert drained(box) == [("b", GIVEN)]
    assert (len(box), box.wait(0.0), box._objects, box.losses.moot) == (0, None, {}, 1)
