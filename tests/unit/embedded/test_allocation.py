"""The embedded API's cluster addresses: always the lowest that is free, however many were given and taken back."""

from __future__ import annotations

import random
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import pytest

from pylb.embedded.allocation import Network, Networks
from pylb.embedded.history import ADDED, DELETED, Change

SERVICES = ("", "services")
NETWORKS: dict[str, Network] = {"IPv4": IPv4Network("10.96.0.0/27"), "IPv6": IPv6Network("fd96::/120")}


@pytest.mark.parametrize("seed", range(10))
def test_the_lowest_free_cluster_address(seed: int) -> None:
    """Some are asked for by name, below those that Services get by themselves as well."""
    chance, networks, taken = random.Random(seed), Networks(tuple(NETWORKS.values())), set[str]()  # noqa: S311 - a history
    for version in range(300):
        family = chance.choice(list(NETWORKS))
        network = NETWORKS[family]
        free = (str(network[offset]) for offset in range(10, network.num_addresses - 1))
        found = networks.next_address(family)
        assert found == next((address for address in free if address not in taken), None)
        if taken and chance.random() < 0.4:
            gone = chance.choice(sorted(taken))
            taken.remove(gone)
            networks.follow(Change(version, DELETED, SERVICES, service(gone), service(gone)))
            continue
        given = str(network[chance.randrange(3, 30)]) if chance.random() < 0.3 else found
        if given is not None and given not in taken:
            taken.add(given)
            networks.follow(Change(version, ADDED, SERVICES, service(given), None))


def service(address: str) -> dict[str, Any]:
    return {"spec": {"clusterIPs": [address]}}
