"""The installer's proposal and its verdicts, for any LAN, any cluster and any text."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from hypothesis import given
from hypothesis import strategies as st

from pylb.addon.facts import Facts, Held, Taken, Use, edges, span_of
from pylb.addon.judgement import Confirm, Fine, Refuse, Trim, judge, weigh
from pylb.addon.proposal import nearest, propose
from pylb.core.ranges import Range

# Small worlds, so that things meet: 10.0.0.0/22 and fd00::/118, in subnets of any size.
BASE4, BASE6 = int(IPv4Address("10.0.0.0")), int(IPv6Address("fd00::"))
V4 = st.integers(0, 1023).map(lambda n: IPv4Address(BASE4 + n))
V6 = st.integers(0, 1023).map(lambda n: IPv6Address(BASE6 + n))
ADDRESSES = st.one_of(V4, V4, V6)
SPANS = st.one_of(
    st.tuples(V4, V4).map(lambda pair: Range(min(pair), max(pair))),
    st.tuples(V6, V6).map(lambda pair: Range(min(pair), max(pair))),
)
SUBNETS: st.SearchStrategy[IPv4Network | IPv6Network] = st.one_of(
    st.builds(lambda one, bits: ip_network((one, bits), strict=False), V4, st.integers(20, 32)),
    st.builds(lambda one, bits: ip_network((one, bits), strict=False), V6, st.integers(64, 128)),
    st.sampled_from([ip_network("169.254.0.0/16"), ip_network("fe80::/64"), ip_network("0.0.0.0/0")]),
)
FACTS = st.builds(
    Facts,
    subnets=st.lists(SUBNETS, max_size=3).map(tuple),
    held=st.lists(st.builds(Held, ADDRESSES, st.sampled_from(Use)), max_size=30).map(tuple),
    taken=st.lists(st.builds(Taken, SPANS, st.just("taken")), max_size=4).map(tuple),
    leases=st.lists(ADDRESSES, max_size=4).map(tuple),
)


def is_good(span: Range, facts: Facts) -> bool:
    """The same in other words than the code's."""
    inside = any(span_of(subnet).first <= span.first and span.last <= span_of(subnet).last
                 for subnet in facts.subnets if subnet.version == span.version)  # fmt: skip
    quiet = not any(one.address in span for one in facts.held)
    free = not any(taken.span.overlaps(span) for taken in facts.taken)
    usable = not any(edge in span for subnet in facts.subnets for edge in edges(subnet))
    return inside and quiet and free and usable


@given(facts=FACTS)
def test_the_proposal_holds_nothing_that_is_forbidden_and_passes_its_own_check(facts: Facts) -> None:
    proposal = propose(facts)
    if proposal is not None:
        assert is_good(proposal.span, facts)
        assert judge([f"{proposal.span.first}-{proposal.span.last}"], facts) == Fine((proposal.span,))


@given(facts=FACTS, wanted=SPANS)
def test_so_does_the_nearest_good_range(facts: Facts, wanted: Range) -> None:
    good = nearest(facts, wanted)
    assert (good is None) == (propose(facts) is None)
    if good is not None:
        assert is_good(good, facts)
        assert weigh((good,), facts) == Fine((good,))


@given(facts=FACTS, span=SPANS)
def test_a_verdict_says_what_is_so(facts: Facts, span: Range) -> None:
    verdict = weigh((span,), facts)
    fatal = {Use.NODE, Use.GATEWAY, Use.VIRTUAL}
    forbidden = any(one.address in span and one.use in fatal for one in facts.held)
    forbidden = forbidden or any(taken.span.overlaps(span) for taken in facts.taken)
    if forbidden:
        assert isinstance(verdict, Refuse)
    if is_good(span, facts):
        assert verdict == Fine((span,))
    if isinstance(verdict, (Trim, Confirm)):
        left = {edge for subnet in facts.subnets for edge in edges(subnet) if edge in span}
        assert set(verdict.left_out) == left
        assert not any(edge in part for edge in left for part in verdict.spans)
        assert sum(part.size for part in verdict.spans) == span.size - len(left)


TYPED = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="0123456789abcdef.:-/, %", max_size=40),
    SPANS.map(lambda span: f"{span.last}-{span.first}"),
    SPANS.map(str),
)


@given(facts=FACTS, words=st.lists(TYPED, max_size=4))
def test_any_words_get_a_verdict_that_can_be_shown(facts: Facts, words: list[str]) -> None:
    verdict = judge(words, facts)
    assert isinstance(verdict, (Fine, Trim, Confirm, Refuse))
    if isinstance(verdict, (Confirm, Refuse)):
        assert verdict.objections
        assert verdict.instead is not None or propose(facts) is None
        for objection in verdict.objections:
            assert objection.text
            assert objection.text.isprintable()
            objection.text.encode("utf-8")
    if isinstance(verdict, (Fine, Trim, Confirm)):
        assert verdict.spans
