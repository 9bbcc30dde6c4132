"""From what `ip` and a cluster say to facts: subnets, gateways, networks, who has which address, and what is not known."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylb.addon.facts import Use
from pylb.addon.inventory import PODS, SERVICES, Inventory, take
from pylb.addon.iproute import Machine, decode
from pylb.addon.judgement import Confirm, Fine, judge
from pylb.addon.proposal import propose
from pylb.addon.survey import PROXY_LEAST, survey, window
from pylb.core.ranges import parse

JSON = dict[str, Any]
MAC, OTHER = "02:00:00:00:00:21", "b8:27:eb:01:02:03"


def interface(name: str, *addresses: str, flags: tuple[str, ...] = ("UP",), dynamic: bool = False) -> JSON:
    info = [{"local": a.split("/")[0], "prefixlen": int(a.split("/")[1]), "dynamic": dynamic} for a in addresses]
    return {"ifname": name, "flags": list(flags), "address": MAC, "addr_info": info}


def neighbour(address: str, mac: str = OTHER, state: str = "STALE") -> JSON:
    return {"dst": address, "dev": "eth0", "lladdr": mac, "state": [state]}


HERE = decode(
    json.dumps(
        [
            interface("lo", "127.0.0.1/8", flags=("UP", "LOOPBACK")),
            interface("eth0", "192.168.1.20/24", "fe80::1/64", "fd00:1::20/64", dynamic=True),
            interface("down0", "172.16.0.1/24", flags=()),
            interface("cali0", "10.1.77.1/26"),
            interface("kube-ipvs0", "192.168.1.241/32"),
        ]
    ),
    '[{"dst":"default","gateway":"192.168.1.1","dev":"eth0"},{"dst":"10.1.0.0/16","gateway":"10.1.9.9"}]\n'
    '[{"dst":"default","nexthops":[{"gateway":"fd00:1::1"}]},{"dst":"default","via":{"family":"inet6","host":"fe80::9"}}]',
    json.dumps(
        [
            neighbour("192.168.1.1"),
            neighbour("192.168.1.21", MAC, "REACHABLE"),
            neighbour("192.168.1.245"),
            neighbour("192.168.1.7", state="FAILED"),
            {"dst": "192.168.1.8", "state": ["INCOMPLETE"]},
        ]
    ),
)


def node(name: str, *addresses: str, **more: Any) -> JSON:
    told = [{"type": "InternalIP", "address": one} for one in addresses]
    annotations = more.pop("annotations", {})
    metadata = {"name": name, "annotations": annotations}
    return {"kind": "Node", "metadata": metadata, "spec": more, "status": {"addresses": told}}


def service(name: str, cluster_ip: str, ingress: str = "", external: str = "") -> JSON:
    spec = {"clusterIP": cluster_ip, **({"externalIPs": [external]} if external else {})}
    status = {"loadBalancer": {"ingress": [{"ip": ingress}]} if ingress else {}}
    return {"kind": "Service", "metadata": {"namespace": "default", "name": name}, "spec": spec, "status": status}


PI = [node("pi1", "192.168.1.20", podCIDRs=["10.1.0.0/24"]), node("pi2", "192.168.1.21")]


def test_what_ip_says_is_read() -> None:
    assert [one.name for one in HERE.interfaces] == ["eth0", "cali0"]
    assert [str(one) for one in HERE.gateways] == ["192.168.1.1", "fd00:1::1", "fe80::9"]
    assert [str(one.address) for one in HERE.neighbours] == ["192.168.1.1", "192.168.1.21", "192.168.1.245"]
    assert [str(one) for one in HERE.interfaces[0].leased] == ["192.168.1.20"]


def test_the_survey_of_a_home() -> None:
    found = survey(take(PI), HERE)
    assert found.facts.subnets == (ip_network("192.168.1.0/24"),)
    assert found.notes == ()
    uses = {str(one.address): one.use for one in found.facts.held}
    assert uses["192.168.1.1"] is Use.GATEWAY
    assert uses["192.168.1.21"] is Use.NODE
    assert uses["192.168.1.245"] is Use.NEIGHBOUR
    assert "192.168.1.241" not in uses  # kube-proxy's, not the machine's
    proposal = propose(found.facts)
    assert proposal is not None
    assert str(proposal.span) == "192.168.1.230-192.168.1.239"  # .245 was there a while ago


def test_a_machine_elsewhere_assumes_the_size_of_the_network_and_says_so() -> None:
    found = survey(take([node("n1", "10.9.8.7"), node("n2", "10.9.8.9", "fd00::9")]), HERE)
    assert [str(one) for one in found.facts.subnets] == ["10.9.8.0/24", "fd00::/64"]
    assert any("not on 10.9.8.0/24" in note for note in found.notes)


def test_nodes_without_addresses_are_a_note() -> None:
    found = survey(take([node("n1")]), Machine())
    assert found.facts.subnets == ()
    assert found.notes == ("no node tells its address, so the nodes' network is not known",)


STATED: list[tuple[list[JSON], list[str], dict[str, list[str]]]] = [
    ([node("n", podCIDRs=["10.1.0.0/24", "fd01::/64"])], [], {PODS: ["10.1.0.0/24", "fd01::/64"]}),
    ([{"kind": "IPPool", "metadata": {}, "spec": {"cidr": "10.1.0.0/16"}}], [], {PODS: ["10.1.0.0/16"]}),
    ([{"kind": "ServiceCIDR", "metadata": {}, "spec": {"cidrs": ["10.96.0.0/12"]}}], [], {SERVICES: ["10.96.0.0/12"]}),
    ([], ["--cluster-cidr=10.1.0.0/16\n--x=y", "--service-cluster-ip-range=10.152.183.0/24,fd98::/108"],
     {PODS: ["10.1.0.0/16"], SERVICES: ["10.152.183.0/24", "fd98::/108"]}),
    ([node("n", annotations={"k3s.io/node-args": '["server","--cluster-cidr","10.50.0.0/16"]'})], [],
     {PODS: ["10.50.0.0/16"], SERVICES: ["10.43.0.0/16"]}),
    ([node("n", annotations={"k3s.io/node-args": "not JSON"})], [], {}),
    ([{"kind": "ConfigMap", "metadata": {"name": "kubeadm-config"}, "data": {
        "ClusterConfiguration": "networking:\n  podSubnet: 10.244.0.0/16\n  serviceSubnet: '10.96.0.0/16'\n"}}], [],
     {PODS: ["10.244.0.0/16"], SERVICES: ["10.96.0.0/16"]}),
    ([service("a", "10.0.5.9"), service("b", "10.0.4.1"), service("c", "None")], [], {SERVICES: ["10.0.4.1-10.0.5.9"]}),
    ([{"kind": "Pod", "metadata": {}, "spec": {"containers": [
        {"command": ["kube-apiserver", "--service-cluster-ip-range=10.96.0.0/16"]}]}}], [], {SERVICES: ["10.96.0.0/16"]}),
]  # fmt: skip


@pytest.mark.parametrize(("objects", "settings", "networks"), STATED)
def test_pod_and_service_networks_are_found_where_clusters_write_them(
    objects: list[JSON], settings: list[str], networks: dict[str, list[str]]
) -> None:
    found: dict[str, list[str]] = {}
    for taken in take(objects, settings).networks:
        found.setdefault(taken.name, []).append(str(taken.span))
    assert found == networks


def test_addresses_of_services_pools_and_the_control_plane() -> None:
    pool = {"kind": "IPAddressPool", "metadata": {"namespace": "metallb-system", "name": "mine"}}
    env = [{"name": "address", "value": "192.168.1.250"}]
    pod = {
        "kind": "Pod",
        "metadata": {},
        "spec": {"containers": [{"image": "ghcr.io/kube-vip/kube-vip:v1", "env": env}]},
    }
    objects = [
        service("web", "10.0.0.1", ingress="192.168.1.240", external="192.168.1.66"),
        {**pool, "spec": {"addresses": ["192.168.1.100-192.168.1.110", "nonsense"]}},
        {
            **pool,
            "metadata": {**pool["metadata"], "name": "default-addresspool"},
            "spec": {"addresses": ["10.0.0.0/28"]},
        },
        pod,
    ]
    found = take(objects)
    assert [(str(one.address), one.use, one.name) for one in (*found.services, *found.virtual)] == [
        ("192.168.1.240", Use.SERVICE, "default/web"),
        ("192.168.1.66", Use.EXTERNAL, "default/web"),
        ("192.168.1.250", Use.VIRTUAL, "kube-vip"),
    ]
    assert "the pool metallb-system/mine" in {one.name for one in found.taken()}
    assert "the pool metallb-system/default-addresspool" not in {one.name for one in found.taken()}
    assert found.own_pool is not None
    assert found.own_pool.entries == ("10.0.0.0/28",)


def test_who_answers_is_learned_with_the_mac_and_the_nodes_name() -> None:
    before = survey(take(PI), HERE)
    span = parse("192.168.1.0/24")
    after = before.asked(span, {ip_address("192.168.1.233"): OTHER, ip_address("192.168.1.250"): MAC})
    named = {str(one.address): (one.mac, one.name) for one in after.facts.held if one.use is Use.NEIGHBOUR}
    assert named["192.168.1.233"] == (OTHER, "")
    assert named["192.168.1.250"] == (MAC, "the node pi2")
    assert after.facts.swept == (span,)
    proposal = propose(after.facts)
    assert proposal is not None
    assert str(proposal.span) == "192.168.1.220-192.168.1.229"


def test_a_node_whose_mac_was_not_known_is_recognised_by_its_own_answer() -> None:
    mac = "02:00:00:00:00:22"
    before = survey(take([*PI, node("pi3", "192.168.1.22")]), HERE)
    after = before.asked(parse("192.168.1.0/24"), {ip_address("192.168.1.22"): mac, ip_address("192.168.1.240"): mac})
    verdict = judge(["192.168.1.240"], after.facts)
    assert isinstance(verdict, Confirm)
    assert verdict.objections[0].text == f"192.168.1.240 is in use: {mac} answers for it (the node pi3)"


def test_a_router_that_answers_for_everything_proves_nothing() -> None:
    span = parse("192.168.1.224/28")
    everything = dict.fromkeys(span.addresses(), OTHER)
    assert len(everything) >= PROXY_LEAST
    after = survey(take(PI), HERE).asked(span, everything)
    assert after.facts.swept == ()
    assert "proxy ARP" in after.notes[0]
    assert isinstance(judge(["192.168.1.230-239"], after.facts), Fine)


def test_nobody_could_be_asked_is_a_note() -> None:
    after = survey(take(PI), HERE).asked(parse("192.168.1.0/24"), {}, "no such device")
    assert after.notes == ("nobody was asked whether 192.168.1.0/24 is in use: no such device",)
    assert after.facts.swept == ()


@pytest.mark.parametrize(
    ("span", "subnet", "asked"),
    [
        ("192.168.1.240-192.168.1.250", "192.168.1.0/24", "192.168.1.0/24"),
        ("10.0.0.65-10.0.0.70", "10.0.0.64/26", "10.0.0.64/26"),
        ("10.0.7.240-10.0.8.9", "10.0.0.0/16", "10.0.7.0/24"),
        ("fd00::1000-fd00::100a", "fd00::/64", "fd00::1000-fd00::100a"),
        ("fd00::/64", "fd00::/64", "fd00::/120"),
    ],
)
def test_a_sweep_asks_for_the_block_around_a_range(span: str, subnet: str, asked: str) -> None:
    assert str(window(parse(span), ip_network(subnet))) == asked


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["default", "eth0", "10.0.0.1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["ifname", "flags", "addr_info", "local", "prefixlen", "dst", "gateway", "nexthops", "via", "host", "state"]
    ), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(text=st.one_of(st.text(max_size=60), JUNK.map(json.dumps), st.lists(JUNK, max_size=3).map(json.dumps)))
def test_whatever_ip_prints_is_read(text: str) -> None:
    assert isinstance(decode(text, text, text), Machine)


def test_objects_that_say_nothing_are_no_error() -> None:
    bare: list[JSON] = [{}, {"kind": "Node", "metadata": {}}, {"kind": "Service", "metadata": {"name": "x"}}]
    assert take(bare) == Inventory()
