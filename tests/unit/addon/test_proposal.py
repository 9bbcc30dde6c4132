"""Which range the installer proposes, and what it says about it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from pylb.addon.facts import Facts, Held, Taken, Use
from pylb.addon.proposal import propose
from pylb.core.ranges import parse


def lan(subnet: str, *taken: str, gateway: str = "", leases: tuple[str, ...] = ()) -> Facts:
    """A LAN where somebody answers for `taken`, which may be ranges."""
    holders = [Held(one, Use.NEIGHBOUR) for text in taken for one in parse(text, single=True).addresses()]
    router = [Held(ip_address(gateway), Use.GATEWAY)] if gateway else []
    return Facts(
        subnets=tuple(ip_network(one) for one in subnet.split()),
        held=(*holders, *router),
        leases=tuple(ip_address(one) for one in leases),
    )


PROPOSED = [
    (lan("192.168.1.0/24"), "192.168.1.240-192.168.1.250"),
    (lan("192.168.1.0/24", "192.168.1.245"), "192.168.1.230-192.168.1.239"),
    (lan("192.168.1.0/24", "192.168.1.200-192.168.1.254"), "192.168.1.189-192.168.1.199"),
    (lan("192.168.1.0/24", "192.168.1.1-192.168.1.250"), "192.168.1.251-192.168.1.254"),  # what there is
    (lan("192.168.1.0/24", "192.168.1.1-192.168.1.254"), None),
    (lan("192.168.0.0/16"), "192.168.255.240-192.168.255.250"),
    (lan("10.0.0.64/26"), "10.0.0.116-10.0.0.126"),
    (lan("10.0.0.0/30", "10.0.0.1"), "10.0.0.2"),
    (lan("10.0.0.0/32"), "10.0.0.0"),
    (lan("169.254.0.0/16"), None),  # link-local is nobody's to give
    (lan("fd00::/64 192.168.1.0/24"), "192.168.1.240-192.168.1.250"),  # IPv4 first
    (lan("fd00::/64"), "fd00::1000-fd00::100a"),
    (lan("192.168.1.0/24", leases=("192.168.1.235", "192.168.1.252")), "192.168.1.220-192.168.1.229"),
    (lan("192.168.1.0/24", leases=("192.168.1.1", "192.168.1.254")), "192.168.1.240-192.168.1.250"),  # no way round
    (lan(""), None),
]


@pytest.mark.parametrize(("facts", "proposed"), PROPOSED)
def test_a_quiet_range_at_the_end_of_the_subnet(facts: Facts, proposed: str | None) -> None:
    proposal = propose(facts)
    assert (f"{proposal.span.first}-{proposal.span.last}" if proposal else None) == (
        f"{proposed}-{proposed}" if proposed and "-" not in proposed else proposed
    )


def test_the_cluster_networks_and_other_pools_are_avoided() -> None:
    pool = Taken(parse("192.168.1.248-192.168.1.254"), "the pool x")
    proposal = propose(replace(lan("192.168.1.0/24"), taken=(pool,)))
    assert proposal is not None
    assert str(proposal.span) == "192.168.1.230-192.168.1.239"


ADVICE = [
    (lan("192.168.1.0/24", gateway="192.168.1.1"), "In the router (192.168.1.1), let DHCP end at 192.168.1.239 or"),
    (lan("192.168.1.0/24"), "In your router, let DHCP end at 192.168.1.239 or lower"),
    (lan("192.168.1.0/24", "192.168.1.14-192.168.1.254"), "In your router, let DHCP begin at 192.168.1.14 or higher"),
    (lan("fd00::/64"), "see that DHCPv6 hands out nothing"),
]


@pytest.mark.parametrize(("facts", "words"), ADVICE)
def test_one_line_says_how_dhcp_is_kept_off_it(facts: Facts, words: str) -> None:
    proposal = propose(facts)
    assert proposal is not None
    assert words in proposal.advice
    assert "\n" not in proposal.advice


def test_that_nobody_answers_is_said_only_where_everybody_was_asked() -> None:
    facts = lan("192.168.1.0/24")
    unasked, asked = propose(facts), propose(facts.learned([], parse("192.168.1.128/25")))
    assert unasked is not None
    assert asked is not None
    assert unasked.why.startswith("nothing is known to use it")
    assert asked.why.startswith("nobody answers there")
