"""Which addresses get a pool of their own, which Services count as changed, and what the old ConfigMap stands for."""

from __future__ import annotations

from ipaddress import ip_address
from itertools import count
from typing import Any

import pytest

from fakes import metallb as theirs
from pylb.addon import oldconfig
from pylb.addon.backup import Backup
from pylb.addon.cluster import ClusterFault
from pylb.addon.facts import Held, Use
from pylb.addon.inventory import Inventory, take, with_pools
from pylb.addon.kubectl import Kubectl
from pylb.addon.metallb import pods
from pylb.addon.takeover import ADOPTED, LIMIT_S, Patience, adopted, changed, displace
from pylb.core.ranges import parse

HELD = {"d/a": ("10.0.0.1",), "d/b": ("10.0.0.9", "fd00::9"), "d/c": ("10.0.9.9",), "d/traefik": ("10.0.0.200",)}
NODE = Held(ip_address("10.0.0.200"), Use.NODE, "n1")


def test_addresses_that_no_range_holds_get_a_pool_that_gives_nothing_out_by_itself() -> None:
    inventory = with_pools(Inventory(nodes=(NODE,)), theirs.configuration("10.0.0.0/30"))
    pool, advertisement = adopted(HELD, inventory, [parse("10.0.9.0/24")])
    assert pool["spec"] == {"addresses": ["10.0.0.9/32", "fd00::9/128"], "autoAssign": False}
    assert advertisement["spec"] == {"ipAddressPools": [ADOPTED]}


def test_nothing_is_adopted_where_all_is_held() -> None:
    inventory = with_pools(Inventory(nodes=(NODE,)), theirs.configuration("10.0.0.0/16", "fd00::/64"))
    assert adopted(HELD, inventory, []) == []
    assert adopted({}, Inventory(), []) == []


@pytest.mark.parametrize(
    ("after", "present", "told"),
    [
        ({"d/a": ("10.0.0.1",)}, ["d/a"], []),
        ({"d/a": ("10.0.0.2",)}, ["d/a"], ["d/a had 10.0.0.1 and has 10.0.0.2"]),
        ({}, ["d/a"], ["d/a had 10.0.0.1 and has none"]),
        ({}, [], []),  # deleted meanwhile
        ({"d/a": ("10.0.0.1",), "d/new": ("10.0.0.2",)}, ["d/a", "d/new"], []),
    ],
)
def test_who_changed(after: dict[str, tuple[str, ...]], present: list[str], told: list[str]) -> None:
    assert changed({"d/a": ("10.0.0.1",)}, after, present) == told


def config(text: str, name: str = "config") -> dict[str, object]:
    return {"kind": "ConfigMap", "metadata": {"name": name, "namespace": theirs.SPACE}, "data": {"config": text}}


def test_the_old_configmap_is_pools() -> None:
    text = "address-pools:\n- name: old\n  protocol: layer2\n  addresses: [10.0.0.0/30]\n"
    [pool] = take(oldconfig.pools([config(text)])).pools
    assert (pool.key, pool.entries) == ("metallb-system/old", ("10.0.0.0/30",))
    for item in (config(text, "other"), config("a: ["), config("- 1"), config("")):
        assert oldconfig.pools([item]) == []


def test_metallbs_pods_are_known_by_their_images_and_pylbs_are_not_among_them() -> None:
    ours = {"metadata": {"name": "x", "namespace": "pylb-system"}, "spec": {"containers": [{"image": "metallb/pylb"}]}}
    assert pods([*theirs.pods(), ours]) == ["controller-x on n1", "speaker-x on n1"]


class Stuck(Kubectl):
    """A cluster in which MetalLB's pods never end."""

    def listed(self, kinds: Any, namespace: str | None = None) -> list[dict[str, Any]]:
        return theirs.pods() if kinds == ["pods"] else []


def test_pods_that_never_end_are_waited_for_with_a_bound_and_force_goes_on() -> None:
    stuck, said = Stuck(("kubectl",), "kubectl", {}), list[str]()
    seconds = count()
    patience = Patience(LIMIT_S, lambda: float(next(seconds)), lambda _: None)
    with pytest.raises(ClusterFault, match="still there after 90 s: controller-x on n1, speaker-x on n1"):
        displace(stuck, Backup(""), False, said.append, patience)
    assert next(seconds) == LIMIT_S + 1
    displace(stuck, Backup(""), True, said.append, patience)
    assert said == ["  MetalLB's pods are still there, and not waited for: controller-x on n1, speaker-x on n1"]
