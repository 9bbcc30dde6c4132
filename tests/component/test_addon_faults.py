"""Pools that stand in the cluster and are not valid: an installation that keeps them says so, through a terminal or not.

Nobody on a LAN is asked anything here: the interface that `ip` tells of does not exist.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakes.microk8s import MicroK8s, two_nodes

JSON = dict[str, Any]


@pytest.fixture
def home(tmp_path: Path) -> MicroK8s:
    return two_nodes(tmp_path / "snapped")


@pytest.mark.parametrize("asked", [True, False], ids=["asked", "not asked"])
def test_pools_that_are_not_valid_are_kept_with_a_warning(home: MicroK8s, asked: bool) -> None:
    """They would be kept for nothing: with any of them no pool is in force."""
    assert home.run("enable", "pylb 192.168.88.100-109").returncode == 0
    metadata = {"name": "mine", "namespace": "metallb-system"}
    for entry, fault in (("192.168.88.104/30", "overlaps with already defined CIDR"), ("house", "invalid CIDR")):
        kind = {"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool"}
        home.place({**kind, "metadata": metadata, "spec": {"addresses": [entry]}})
        if asked:
            with home.terminal("enable", "pylb") as terminal:
                terminal.expect("not valid: IPAddressPool metallb-system/mine")
                terminal.expect(fault)
                terminal.expect("gives out no addresses at all")
                terminal.expect("Keep them as they are? [Y/n]: ")
                terminal.type("")
                assert terminal.finish()[0] == 0
        else:
            done = home.run("enable", "pylb")
            assert done.returncode == 0
            assert "not valid: IPAddressPool metallb-system/mine" in done.stderr
            assert fault in done.stderr
