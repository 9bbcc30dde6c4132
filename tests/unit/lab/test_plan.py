"""Addresses of a lab's hosts, and what a plan refuses."""

from __future__ import annotations

import pytest

from pylb.lab.errors import BadInput
from pylb.lab.plan import LINK, MAX_NODES, NIC, plan


def test_the_usual_lab() -> None:
    made = plan()
    assert {name: str(host.lan) for name, host in made.hosts.items()} == {
        "client": "10.77.0.5",
        "router": "10.77.0.1",
        "n1": "10.77.0.21",
        "n2": "10.77.0.22",
        "n3": "10.77.0.23",
    }
    n3 = made.nodes["n3"]
    assert (str(n3.lan6), str(n3.management), str(n3.pods), str(n3.gateway)) == (
        "fd77::23",
        "100.64.77.23",
        "10.244.3.0/24",
        "10.244.3.1",
    )
    assert str(made.api) == "100.64.77.1"
    assert n3.to_json() == {"lan": "10.77.0.23", "lan6": "fd77::23", "mac": n3.mac, "management": "100.64.77.23"}
    assert "management" not in made.client.to_json()


def test_every_address_and_mac_is_used_once_in_the_largest_lab() -> None:
    made = plan(nodes=15, subnet="192.168.2.0/26")
    hosts = made.hosts.values()
    macs = [mac for host in hosts for mac in (host.mac, host.management_mac) if mac]
    assert len({host.lan for host in hosts}) == len({host.lan6 for host in hosts}) == 17
    assert len(set(macs)) == len(macs) == 32
    assert all(host.lan in made.subnet for host in hosts)


@pytest.mark.parametrize("subnet", ["192.168.2.0/24", "10.10.95.0/24", "172.22.0.0/16", "10.77.0.64/26"])
def test_subnets_that_homes_have_are_taken(subnet: str) -> None:
    made = plan(subnet=subnet)
    assert str(made.subnet) == subnet
    assert made.router.lan == made.subnet.network_address + 1


@pytest.mark.parametrize(
    ("subnet", "text"),
    [
        ("", "subnet '': not a network; write it as 10.77.0.0/24"),
        ("10.77.0.0/33", "not a network"),
        ("10.77.0.1", "too small; use a /26 or larger, such as 10.77.0.0/24"),
        ("10.77.0.0/27", "too small"),
        ("10.77.0.9/24", "that is an address in a network; write the network: 10.77.0.0/24"),
        ("fd77::/64", "the LAN is an IPv4 network (it has fd77::/64 as well)"),
        ("127.0.0.0/8", "no LAN can use 127.0.0.0/8; take another, such as 10.77.0.0/24"),
        ("240.0.0.0/24", "no LAN can use 224.0.0.0/3"),
        ("0.0.0.0/0", "no LAN can use 0.0.0.0/8"),
        ("100.64.77.0/24", "overlaps the lab's management network, 100.64.77.0/24; take another"),
        ("10.244.0.0/24", "overlaps the pods' network, 10.244.0.0/16"),
        ("10.96.0.0/24", "overlaps the Services' cluster addresses, 10.96.0.0/16"),
        ("203.0.113.0/24", "overlaps the router's own network"),
        ("10.0.0.0/8", "overlaps the pods' network"),
    ],
)
def test_a_subnet_that_cannot_work_is_named_with_a_way_out(subnet: str, text: str) -> None:
    with pytest.raises(BadInput) as caught:
        plan(subnet=subnet)
    assert text in str(caught.value)
    assert f"subnet {subnet!r}" in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("nodes", [-1, 0, 16])
def test_a_lab_has_one_to_fifteen_nodes(nodes: int) -> None:
    with pytest.raises(BadInput, match=f"nodes {nodes}: a lab has 1 to 15 nodes"):
        plan(nodes=nodes)


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", "a_b", "a/b", "x" * 33, "a\n"])
def test_a_name_is_what_an_abstract_socket_can_be_called(name: str) -> None:
    with pytest.raises(BadInput, match="use 1 to 32 lower-case letters"):
        plan(name=name)
    assert plan(name="a-1").name == "a-1"


def test_a_second_card_of_each_node_on_the_lan() -> None:
    made = plan(second=NIC)
    card = made.nodes["n3"].second
    assert card is not None
    assert (card.device, str(card.address), card.apart) == ("wlan0", "10.77.0.43/24", False)
    assert made.nodes["n3"].to_json()["second"] == "10.77.0.43"
    assert made.client.second is made.router.second is None


def test_a_second_lan_for_all() -> None:
    made = plan(second=LINK)
    cards = {name: host.second for name, host in made.hosts.items()}
    told = {name: (card.device, str(card.address), card.apart) for name, card in cards.items() if card is not None}
    assert told["router"] == ("eth2", "198.51.100.1/24", True)
    assert told["n1"] == ("eth2", "198.51.100.21/24", True)
    assert len({card.mac for card in cards.values() if card is not None}) == len(told) == 5


def test_the_most_nodes_with_the_smallest_subnet_have_room_for_second_cards() -> None:
    made = plan(nodes=MAX_NODES, subnet="192.168.88.0/26", second=NIC)
    last = made.nodes[f"n{MAX_NODES}"].second
    assert last is not None
    assert last.address.ip < made.subnet.broadcast_address
