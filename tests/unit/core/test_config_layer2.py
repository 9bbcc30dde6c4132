"""Which advertisements are about which pool."""

from __future__ import annotations

from fakes.world import advertisement, configured, pool
from pylb.core.model import PoolName


def test_names_selectors_and_neither_choose_pools_each_once_and_in_the_order_of_names() -> None:
    selecting = {"ipAddressPoolSelectors": [{"matchLabels": {"zone": "a"}}]}
    labelled = pool("one", "10.0.0.0/30")
    labelled["metadata"]["labels"] = {"zone": "a"}
    adverts = (
        advertisement("a", ipAddressPools=["two", "nowhere"]),
        advertisement("b"),
        advertisement("c", ipAddressPools=["one"], **selecting),
        advertisement("d", **selecting),
        advertisement("e", ipAddressPools=["three"], **selecting),
    )
    config = configured(labelled, pool("two", "10.0.1.0/30"), pool("three", "10.0.2.0/30"), adverts=adverts)
    found = {name: [advert.name for advert in row] for name, row in config.advertisements.items()}
    assert found == {PoolName("one"): [*"bcde"], PoolName("two"): [*"ab"], PoolName("three"): [*"be"]}
