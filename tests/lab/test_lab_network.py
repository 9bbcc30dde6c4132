"""The network of a lab: who reaches whom, cables, power. A refused connection proves that a host answers."""

from __future__ import annotations

import json
import subprocess

import pytest

from pylb.lab.client import Lab
from pylb.lab.errors import BadInput, LabError

REFUSED = "ConnectionRefusedError"


def reaches(lab: Lab, host: str, address: str) -> bool:
    """Whether a host's packets reach an address and come back (nothing listens there)."""
    place = f"[{address}]" if ":" in address else address
    return REFUSED in lab.request(host, f"http://{place}:9/", timeout=0.4).error


def comes_back(lab: Lab, host: str, address: str) -> None:
    """Wait until an address answers again: a kernel that asked in vain asks the next time after a second."""
    lab.wait(f"{host} reaches {address}", lambda: reaches(lab, host, address))


def test_every_host_reaches_every_other_over_the_lan(bare_lab: Lab) -> None:
    for near in bare_lab.hosts:
        for far, host in bare_lab.hosts.items():
            if near != far:
                assert reaches(bare_lab, near, host["lan"]), (near, far)
    assert reaches(bare_lab, "client", bare_lab.hosts["n2"]["lan6"])
    assert reaches(bare_lab, "n3", bare_lab.hosts["client"]["lan6"])


def test_the_routers_network_is_reached_through_it_alone(bare_lab: Lab) -> None:
    assert reaches(bare_lab, "client", "203.0.113.1")
    assert reaches(bare_lab, "n1", "203.0.113.1")


def test_the_client_has_no_way_to_the_management_network(bare_lab: Lab) -> None:
    assert reaches(bare_lab, "lan", bare_lab.hosts["n1"]["management"])
    assert not reaches(bare_lab, "client", bare_lab.hosts["n1"]["management"])


def test_arp_gives_the_macs_that_are_told(bare_lab: Lab) -> None:
    answers = bare_lab.arp("client", "10.77.0.21", "10.77.0.23", "10.77.0.99")
    assert answers == {
        "10.77.0.21": [bare_lab.hosts["n1"]["mac"]],
        "10.77.0.23": [bare_lab.hosts["n3"]["mac"]],
        "10.77.0.99": [],
    }


@pytest.mark.parametrize(
    ("cables", "over_lan", "over_management"),
    [("lan", False, True), ("management", True, False), ("both", False, False)],
)
def test_a_cable_that_is_cut_cuts_that_network_alone(
    bare_lab: Lab, cables: str, over_lan: bool, over_management: bool
) -> None:
    host = bare_lab.hosts["n1"]
    bare_lab.cut("n1", cables)
    try:
        assert reaches(bare_lab, "client", host["lan"]) is over_lan
        assert reaches(bare_lab, "lan", host["management"]) is over_management
        links = json.loads(bare_lab.exec("n1", ["ip", "-j", "link"]).stdout)
        carriers = {link["ifname"]: "LOWER_UP" in link["flags"] for link in links}
        assert carriers["eth0"] is over_lan, "the node sees its carrier go, as with a real cable"
        assert carriers["eth1"] is over_management
    finally:
        bare_lab.mend("n1", cables)
    comes_back(bare_lab, "client", host["lan"])
    comes_back(bare_lab, "lan", host["management"])


def test_power_off_forgets_what_the_kernel_knew_and_power_on_brings_the_same_machine(bare_lab: Lab) -> None:
    sleeper = bare_lab.popen("n2", ["sh", "-c", "echo in; exec sleep 60"], stdout=subprocess.PIPE)
    assert sleeper.stdout is not None
    assert sleeper.stdout.readline() == "in\n"
    sleeper.stdout.close()
    bare_lab.exec("n2", ["ip", "addr", "add", "10.77.0.200/32", "dev", "lo"])
    assert reaches(bare_lab, "client", "10.77.0.200")
    bare_lab.power("n2", False)
    assert sleeper.wait(2) == 128 + 9, "what runs on a node dies with its power"
    assert not reaches(bare_lab, "client", bare_lab.hosts["n2"]["lan"])
    with pytest.raises(LabError, match="n2 has no power; give it back with: pylb lab power on n2"):
        bare_lab.exec("n2", ["true"])
    bare_lab.power("n2", True)
    comes_back(bare_lab, "client", bare_lab.hosts["n2"]["lan"])
    assert not reaches(bare_lab, "client", "10.77.0.200")
    assert bare_lab.arp("client", "10.77.0.22") == {"10.77.0.22": [bare_lab.hosts["n2"]["mac"]]}


def test_a_cable_that_was_cut_stays_cut_over_a_power_cycle(bare_lab: Lab) -> None:
    bare_lab.cut("n3")
    try:
        bare_lab.power("n3", False)
        bare_lab.power("n3", True)
        assert bare_lab.status()["nodes"]["n3"] == {"powered": True, "lan": False, "management": True}
        assert not reaches(bare_lab, "client", bare_lab.hosts["n3"]["lan"])
        comes_back(bare_lab, "lan", bare_lab.hosts["n3"]["management"])
    finally:
        bare_lab.mend("n3")
    comes_back(bare_lab, "client", bare_lab.hosts["n3"]["lan"])


def test_sizes_and_other_subnets() -> None:
    with Lab.start(nodes=15, subnet="192.168.88.0/26", bare=True) as lab:
        assert len(lab.hosts) == 17
        assert lab.hosts["n15"]["lan"] == "192.168.88.35"
        assert reaches(lab, "client", lab.hosts["n15"]["lan"])
        assert reaches(lab, "n1", lab.hosts["n15"]["lan"])
    with Lab.start(nodes=1, subnet="172.22.132.0/24", bare=True) as lab:
        assert reaches(lab, "router", lab.hosts["n1"]["lan"])


def test_a_second_lan_stands_apart_and_outlasts_a_power_cycle() -> None:
    with Lab.start(nodes=2, second="link", bare=True) as lab:
        host = lab.hosts["n1"]
        assert lab.arp("router", host["second"], device="eth2") == {host["second"]: [host["second_mac"]]}
        lab.cut("n1", "second")
        lab.power("n1", False)
        lab.power("n1", True)
        assert lab.status()["nodes"]["n1"] == {"powered": True, "lan": True, "management": True, "second": False}
        assert not reaches(lab, "client", host["second"])
        assert reaches(lab, "client", host["lan"])
        lab.mend("n1", "second")
        comes_back(lab, "client", host["second"])


def test_a_node_with_two_cards_on_the_lan_is_reached_by_the_one_that_is_plugged_in() -> None:
    with Lab.start(nodes=2, second="nic", bare=True) as lab:
        host = lab.hosts["n1"]
        lab.cut("n1")
        assert reaches(lab, "client", host["second"])
        assert reaches(lab, "n1", lab.hosts["n2"]["lan"])
        assert lab.arp("router", host["lan"]) == {host["lan"]: [host["second_mac"]]}, "its kernel answers for both"


def test_unknown_names_say_what_there_is(bare_lab: Lab) -> None:
    with pytest.raises(BadInput, match=r"node 'n9': no such node; there are n1, n2, n3"):
        bare_lab.cut("n9")
    with pytest.raises(BadInput, match=r"host 'x': not in this lab; there are client, router, n1, n2, n3, lan"):
        bare_lab.exec("x", ["true"])
    with pytest.raises(LabError, match="this lab is bare: it has no speakers"):
        bare_lab.speaker("kill", "n1")
    with pytest.raises(BadInput, match="order 'dance': not known"):
        bare_lab.order("dance")
