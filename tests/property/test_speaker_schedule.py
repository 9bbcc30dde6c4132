"""Announcements: whatever is started, stopped and asked late, none is lost, none is doubled, nothing grows."""

from __future__ import annotations

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from pylb.speaker.schedule import BURST_GAPS, DUE_LIMIT, REPEAT, REPEAT_JITTER, Schedule

addresses = st.integers(0, 5).map(lambda last: IPv4Address(0x0A4D0000 + last))
steps = st.lists(
    st.tuples(st.sampled_from(("start", "stop", "due")), addresses, st.floats(0, 70, allow_nan=False)), max_size=60
)


@given(steps, st.floats(0, 1, exclude_max=True))
def test_each_started_address_comes_due_when_it_should(
    each: list[tuple[str, IPv4Address, float]], jitter: float
) -> None:
    plan, now = Schedule(lambda: jitter), 0.0
    last: dict[IPv4Address, tuple[float, int]] = {}  # when it is next due, and how many were sent
    for action, address, passed in each:
        now += passed
        if action == "start":
            plan.start(address, now)
            last[address] = (now, 0)
        elif action == "stop":
            plan.stop(address)
            last.pop(address, None)
        else:
            due = plan.due(now)
            assert sorted(due) == sorted(one for one, (at, _) in last.items() if at <= now)
            for one in due:
                sent = last[one][1] + 1
                minute = REPEAT * (1 - REPEAT_JITTER + 2 * REPEAT_JITTER * jitter)
                last[one] = (now + (BURST_GAPS[sent - 1] if sent <= len(BURST_GAPS) else minute), sent)
        assert plan.next_at() == min((at for at, _ in last.values()), default=None)
        assert len(plan._heap) <= 2 * len(last) + DUE_LIMIT
