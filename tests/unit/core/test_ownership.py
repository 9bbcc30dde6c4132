"""What one node takes and drops, and the cause that it names."""

from __future__ import annotations

from ipaddress import ip_address

from pylb.core.election import Verdict
from pylb.core.lines import Line, merge
from pylb.core.membership import Cause, Down
from pylb.core.model import NodeName, ServiceKey
from pylb.core.ownership import FIRST, FIRST_IN_LINE, NO_LONGER_ELIGIBLE, Drop, Ownership, Take
from pylb.core.reasons import Reason

VIP = ip_address("10.77.0.100")
N1, N2 = NodeName("n1"), NodeName("n2")
WEB = ServiceKey("default/web")


def line(*ranking: str, reason: Reason | None = None, **excluded: Reason) -> Line:
    verdict = Verdict(tuple(map(NodeName, ranking)), {NodeName(k): v for k, v in excluded.items()}, reason)
    return Line(VIP, (WEB,), verdict)


def test_the_first_owner_takes_and_nobody_else_does() -> None:
    assert Ownership(N1).update([line("n1", "n2")], {}) == [Take(line("n1", "n2"), None, FIRST)]
    assert Ownership(N2).update([line("n1", "n2")], {}) == []


def test_nothing_is_taken_twice() -> None:
    n1 = Ownership(N1)
    n1.update([line("n1", "n2")], {})
    assert n1.update([line("n1")], {}) == []


def test_a_lost_owner_is_named_with_its_silence() -> None:
    n2 = Ownership(N2)
    n2.update([line("n1", "n2")], {})
    after = line("n2", n1=Reason.NOT_ALIVE)
    assert n2.update([after], {N1: Down(N1, Cause.SILENT, 0.51)}) == [Take(after, N1, "silent", 0.51)]


def test_an_owner_that_leaves_was_not_silent() -> None:
    n2 = Ownership(N2)
    n2.update([line("n1", "n2")], {})
    assert n2.update([line("n2")], {N1: Down(N1, Cause.LEFT, 0.0)}) == [Take(line("n2"), N1, "left")]


def test_who_comes_back_first_in_line_takes_it_and_the_other_drops_it() -> None:
    n1, n2 = Ownership(N1), Ownership(N2)
    for one in (n1, n2):
        one.update([line("n2")], {})
    assert n1.update([line("n1", "n2")], {}) == [Take(line("n1", "n2"), N2, FIRST_IN_LINE)]
    assert n2.update([line("n1", "n2")], {}) == [Drop(VIP, (WEB,), Reason.NOT_ELECTED)]


def test_an_owner_that_is_no_longer_eligible_says_why() -> None:
    n1, n2 = Ownership(N1), Ownership(N2)
    for one in (n1, n2):
        one.update([line("n1", "n2")], {})
    after = line("n2", n1=Reason.NODE_EXCLUDED)
    assert n1.update([after], {}) == [Drop(VIP, (WEB,), Reason.NODE_EXCLUDED)]
    assert n2.update([after], {}) == [Take(after, N1, NO_LONGER_ELIGIBLE)]


def test_an_address_that_goes_is_dropped() -> None:
    n1 = Ownership(N1)
    n1.update([line("n1")], {})
    assert n1.update([], {}) == [Drop(VIP, (WEB,), Reason.NO_ADDRESS)]


def test_a_shared_address_has_one_owner_while_one_service_can_serve() -> None:
    idle, busy = Verdict(reason=Reason.NO_ENDPOINT), Verdict((N2,))
    merged = merge(VIP, {ServiceKey("default/a"): idle, ServiceKey("default/b"): busy})
    assert (merged.verdict.winner, merged.services) == (N2, ("default/a", "default/b"))
