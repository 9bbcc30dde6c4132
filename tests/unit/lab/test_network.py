"""The lines that build a network, and the settings of each host's kernel."""

from __future__ import annotations

from pylb.lab.network import bridge_lines, cable_lines, devices, host_lines, sysctls
from pylb.lab.plan import LINK, NIC, plan

PLAN = plan()


def test_a_node_has_two_cables_and_its_pods_are_reached_from_the_api_server() -> None:
    lines = cable_lines(PLAN.nodes["n2"])
    assert lines[0] == "link add l-n2 type veth peer name eth0 address 02:4c:42:00:00:16 netns n2"
    assert "link set l-n2 master lan0 up" in lines
    assert "link set m-n2 master mgmt0 up" in lines
    assert lines[-1] == "route replace 10.244.2.0/24 via 100.64.77.22"


def test_client_and_router_have_no_management_cable() -> None:
    for host in (PLAN.client, PLAN.router):
        assert not any("mgmt0" in line or "eth1" in line for line in [*cable_lines(host), *host_lines(host, PLAN)])


def test_a_node_reaches_the_pods_of_the_others_over_the_lan() -> None:
    lines = host_lines(PLAN.nodes["n2"], PLAN)
    ways = [line for line in lines if "10.244." in line]
    assert ways == ["route add 10.244.1.0/24 via 10.77.0.21", "route add 10.244.3.0/24 via 10.77.0.23"]
    assert "route add default via 10.77.0.1" in lines


def test_the_router_leads_to_its_own_network_and_has_no_way_out() -> None:
    lines = host_lines(PLAN.router, PLAN)
    assert "addr add 203.0.113.1/32 dev lo" in lines
    assert not any("default" in line for line in lines)


def test_nodes_forward_and_the_client_does_not() -> None:
    assert sysctls(PLAN.nodes["n1"])["net/ipv4/ip_forward"] == 1
    assert sysctls(PLAN.router)["net/ipv6/conf/all/forwarding"] == 1
    assert "net/ipv4/ip_forward" not in sysctls(PLAN.client)
    assert sysctls(None)["net/ipv4/conf/all/rp_filter"] == 0


def test_a_second_card_on_the_lan_is_for_when_the_first_has_no_carrier() -> None:
    two = plan(second=NIC)
    node = two.nodes["n1"]
    assert "link set s-n1 master lan0 up" in cable_lines(node)
    lines = host_lines(node, two)
    ways = [line for line in lines if "dev wlan0" in line and line.startswith("route")]
    assert len(ways) == 4  # the LAN, the router, the pods of two others
    assert all(line.endswith("metric 600") for line in ways)
    assert sysctls(node)["net/ipv4/conf/all/ignore_routes_with_linkdown"] == 1
    assert bridge_lines(two.api) == bridge_lines(PLAN.api)


def test_a_second_lan_has_a_bridge_of_its_own_and_no_way_out() -> None:
    two = plan(second=LINK)
    assert "link set s-client master second0 up" in cable_lines(two.client)
    assert any(line.startswith("link add second0 ") for line in bridge_lines(two.api, second=True))
    lines = [line for line in host_lines(two.nodes["n1"], two) if "eth2" in line]
    assert lines[-1] == "route add 198.51.100.0/24 dev eth2 src 198.51.100.21"
    assert not any("default" in line for line in lines)


def test_what_has_one_card_has_no_other() -> None:
    for host in PLAN.hosts.values():
        assert "second" not in devices(host)
        assert not any("s-" in line for line in cable_lines(host))
        assert "net/ipv4/conf/all/ignore_routes_with_linkdown" not in sysctls(host)
