"""Nodes on two LANs, with addresses on each and one on both: what is lost on one says nothing about the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address, ip_network

import pytest

from fakes import lan as lans
from fakes import takeovers
from fakes.cluster import advertisement, deployment, pool, service, until
from fakes.lan import Lan
from pylb.core.model import NodeName
from pylb.core.ownership.election import Candidate, rank

NODES = ("n1", "n2", "n3")
HERE = "10.79.0.200"
Say = Callable[[str], None]


def first_in_line(address: str) -> NodeName:
    return rank(ip_address(address), [Candidate(NodeName(node)) for node in NODES])[0]


def beside(addresses: Iterable[object]) -> str:
    """One of them whose first in line is HERE's."""
    return next(one for one in map(str, addresses) if first_in_line(one) == first_in_line(HERE))


THERE = beside(ip_network("198.51.100.128/28"))
BOTH = beside(ip_network("10.79.0.160/28"))  # announced on both, whatever its subnet


@pytest.fixture(scope="module")
def shared() -> Iterator[Lan]:
    """One node owns all three."""
    with lans.start("10.79.0.0/24", second="link") as lan:
        lan.settled()  # else a node that is late finds its address with another
        lan.create(
            pool("here", "10.79.0.192/26"),
            pool("there", f"{THERE}/32"),
            pool("both", f"{BOTH}/32"),
            advertisement("own", ipAddressPools=["here", "there"]),
            advertisement("both", ipAddressPools=["both"], interfaces=["eth0", "eth2"]),
            deployment("default/web", {"app": "web"}, 8080, replicas=len(NODES)),
            service("default/here", loadBalancerIP=HERE),
            service("default/there", loadBalancerIP=THERE),
            service("default/both", loadBalancerIP=BOTH),
        )
        yield lan


@pytest.fixture
def lan(shared: Lan) -> Lan:
    shared.settled()
    for address in (HERE, THERE, BOTH):
        until("nobody stands in", lambda address=address: not shared.standing(address))
        until("its owner answers", lambda address=address: shared.owners(address) == list(shared.claims(address)))
    shared.ask(f"http://{HERE}/")
    shared.ask(f"http://{THERE}/")
    return shared


def test_one_node_owns_each_address_on_its_own_link(lan: Lan) -> None:
    owner = first_in_line(HERE)
    assert list(lan.claims(HERE)) == list(lan.claims(THERE)) == list(lan.claims(BOTH)) == [owner]
    assert lan.lab.arp("router", THERE, HERE, BOTH) == {THERE: [], HERE: [lan.mac(owner)], BOTH: [lan.mac(owner)]}
    assert there(lan, THERE, HERE, BOTH) == {THERE: [owner], HERE: [], BOTH: [owner]}


def there(lan: Lan, *addresses: str) -> dict[str, list[str]]:
    """The nodes that answer on the second link."""
    names = {lan.mac(node, THERE): node for node in lan.nodes}
    told = lan.lab.arp("router", *addresses, device="eth2")
    return {address: [names.get(mac, mac) for mac in macs] for address, macs in told.items()}


def test_the_speaker_is_killed_and_another_stands_in_on_both(lan: Lan, say: Say) -> None:
    """Its kernel answers for it on the second link as on the first."""
    [owner], before = lan.claims(HERE), lan.claims(HERE)
    kill, start = (lambda: lan.lab.speaker("kill", owner)), (lambda: lan.lab.speaker("start", owner))
    with lan.asker(HERE) as here:
        say(str(takeovers.hand_over(lan, THERE, kill, start)))
        here.stop()
    assert takeovers.told_by(here) == {lan.mac(owner)}
    assert lan.claims(HERE) == before


def test_the_owner_loses_its_second_link(lan: Lan, say: Say) -> None:
    """What is on that link is taken over. What is on the other stays; so does what is on both, as the owner is alive, and
    it answers on both again as soon as it can."""
    [owner], before = lan.claims(THERE), (lan.claims(HERE), lan.claims(BOTH))
    assert {*before[0], *before[1]} == {owner}
    with lan.asker(HERE) as here, lan.asker(BOTH) as both:
        cut, mend = (lambda: lan.lab.cut(owner, "second")), (lambda: lan.lab.mend(owner, "second"))
        say(str(takeovers.lose(lan, THERE, cut, mend)))
        here.stop()
        both.stop()
    assert takeovers.told_by(here) | takeovers.told_by(both) == {lan.mac(owner)}
    assert max(here.silence(), both.silence()) < takeovers.SILENT_S
    assert (lan.claims(HERE), lan.claims(BOTH)) == before
    assert there(lan, BOTH) == {BOTH: [owner]}


def test_the_owner_loses_its_first_link(lan: Lan, say: Say) -> None:
    """That of its own address in the cluster: the other way round."""
    [owner] = lan.claims(HERE)
    [holder], before = lan.claims(THERE), lan.claims(THERE)
    with lan.asker(THERE) as asker:
        say(str(takeovers.lose(lan, HERE, lambda: lan.lab.cut(owner), lambda: lan.lab.mend(owner))))
        asker.stop()
    assert takeovers.told_by(asker) == {lan.mac(holder, THERE)}
    assert asker.silence() < takeovers.SILENT_S
    assert lan.claims(THERE) == before
