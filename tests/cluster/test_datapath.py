"""Announced addresses with a real kube-proxy behind them: policies, protocols, affinity, health checks, node ports.

One pod stands on each node for all tests of a mode; a label decides which of them a Service selects.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from fakes import datagrams
from fakes.cluster import JSON, advertisement, is_ready, pool, service, until
from fakes.real import RealLan

PODS = "/api/v1/namespaces/default/pods"
FRONT = "default/front"
ALL_PODS_WITHIN = 60  # requests
FEW = 8  # requests
MOVED_S = 20.0  # kube-proxy takes up changes once a second
ADDRESSES = itertools.count(101)  # last parts; each Service has one of its own
PORTS = itertools.count(4000)  # of the client: each asks on a flow of its own


def pod(node: str) -> JSON:
    """A stand-in on a node, which listens on 8080 by TCP and UDP."""
    ports = [{"containerPort": 8080, "protocol": protocol} for protocol in ("TCP", "UDP")]
    container = {"name": "c", "image": "example.invalid/stand-in", "ports": ports}
    spec = {"nodeName": node, "containers": [container], "terminationGracePeriodSeconds": 0}
    return {"metadata": {"name": f"web-{node}", "labels": {"app": "web"}}, "spec": spec}


def ready(lan: RealLan) -> int:
    return sum(map(is_ready, lan.get(PODS)["items"]))


@pytest.fixture(scope="module", params=["cluster", "iptables_cluster"], ids=["nftables", "iptables"])
def shared(request: pytest.FixtureRequest) -> Iterator[RealLan]:
    """A cluster of each mode of kube-proxy, with its pods."""
    with RealLan(request.getfixturevalue(request.param)) as lan:
        lan.empty()
        lan.post_all(PODS, [pod(node) for node in lan.nodes])
        until("a pod on each node", lambda: ready(lan) == len(lan.nodes), 30)
        yield lan
        lan.empty()
        lan.end_pods("default")


@pytest.fixture
def lan(shared: RealLan) -> Iterator[RealLan]:
    """That cluster, with a pool of both families."""
    shared.create(pool("p", "10.77.0.100-10.77.0.200", "fd77::100-fd77::200"), advertisement())
    yield shared
    shared.empty()
    for node in shared.nodes:
        select(shared, node, False)


def select(lan: RealLan, node: str, chosen: bool) -> None:
    """Whether Services that select `chosen: yes` reach a node's pod."""
    lan.patch(f"{PODS}/web-{node}", {"metadata": {"labels": {"chosen": "yes" if chosen else None}}})


def announce(lan: RealLan, **spec: Any) -> str:
    """Make the Service; its address, once one node answers for it.

    No two tests have the same one: kube-proxy forgets a Service a second after it has gone.
    """
    address = f"10.77.0.{next(ADDRESSES)}"
    lan.create(service(FRONT, annotations={"metallb.io/loadBalancerIPs": address}, **spec))
    assert lan.address(FRONT) == address
    lan.owner(address)
    return address


def answer(lan: RealLan, url: str, host: str = "client") -> str:
    """`POD from CLIENT`, or what went wrong."""
    reply = lan.lab.request(host, url, timeout=0.5)
    return reply.body.strip().removeprefix("default/") if reply.status == 200 else reply.error or str(reply.status)


def client_of(lan: RealLan) -> str:
    return lan.lab.hosts["client"]["lan"]


def talk(lan: RealLan, address: str, times: int = 1) -> list[str]:
    """The answers to datagrams of one flow."""
    argv = [sys.executable, datagrams.__file__, address, "80", str(next(PORTS)), str(times)]
    done = lan.lab.exec("client", argv)
    assert done.returncode == 0, done.stderr
    return [json.loads(line).removeprefix("default/") for line in done.stdout.splitlines()]


def test_policy_cluster_reaches_all_pods_and_masks_the_client(lan: RealLan) -> None:
    address = announce(lan)
    lan.ask(f"http://{address}/", seconds=MOVED_S)
    seen: Counter[str] = Counter()
    for _ in range(ALL_PODS_WITHIN):
        seen[answer(lan, f"http://{address}/")] += 1
        if len(seen) == len(lan.nodes):
            break
    assert {text.partition(" from ")[0] for text in seen} == {f"web-{node}" for node in lan.nodes}
    assert client_of(lan) not in {text.partition(" from ")[2] for text in seen}


def test_policy_local_shows_the_client_and_is_announced_where_a_pod_is(lan: RealLan) -> None:
    """The address follows the endpoints: from one node with a pod to the other, and nowhere without any."""
    nodes = lan.nodes[:2]
    for node in nodes:
        select(lan, node, True)
    address = announce(lan, externalTrafficPolicy="Local", selector={"chosen": "yes"})
    first = lan.owner(address)
    assert first in nodes
    [line] = [one for one in lan.state(f"speaker-{lan.nodes[2]}")["addresses"] if one["address"] == address]
    assert line["excluded"] == {lan.nodes[2]: "no_endpoint_on_node"}
    lan.ask(f"http://{address}/", seconds=MOVED_S)
    assert {answer(lan, f"http://{address}/") for _ in range(FEW)} == {f"web-{first} from {client_of(lan)}"}
    select(lan, first, False)
    other = lan.owner(address, beside=first)
    assert [other] == [node for node in nodes if node != first]
    expected = f"web-{other} from {client_of(lan)}"
    until("the other pod answers", lambda: answer(lan, f"http://{address}/") == expected, MOVED_S)
    select(lan, other, False)
    until("nobody answers for it", lambda: lan.owners(address) == [])
    assert lan.addresses(FRONT) == [address]


def test_one_service_speaks_tcp_and_udp(lan: RealLan) -> None:
    ports = [{"name": one, "port": 80, "targetPort": 8080, "protocol": one.upper()} for one in ("tcp", "udp")]
    address = announce(lan, ports=ports)
    until("an answer by TCP", lambda: answer(lan, f"http://{address}/").startswith("web-"), MOVED_S)
    until("an answer by UDP", lambda: talk(lan, address)[0].startswith("web-"), MOVED_S)
    texts = talk(lan, address, 3)
    assert len(set(texts)) == 1, "a flow has one pod"
    assert texts[0].endswith("\nhello")


def test_udp_under_policy_local_shows_the_client(lan: RealLan) -> None:
    select(lan, lan.nodes[0], True)
    ports = [{"name": "udp", "port": 80, "targetPort": 8080, "protocol": "UDP"}]
    address = announce(lan, ports=ports, externalTrafficPolicy="Local", selector={"chosen": "yes"})
    expected = f"web-{lan.nodes[0]} from {client_of(lan)}\nhello"
    until("an answer from its pod", lambda: talk(lan, address) == [expected], MOVED_S)
    assert lan.owner(address) == lan.nodes[0]


def test_affinity_keeps_a_client_at_its_pod(lan: RealLan) -> None:
    address = announce(lan, sessionAffinity="ClientIP")
    for host in ("client", "router"):
        lan.ask(f"http://{address}/", host, MOVED_S)
        assert len({answer(lan, f"http://{address}/", host).partition(" ")[0] for _ in range(2 * FEW)}) == 1


def test_the_health_check_port_tells_which_node_has_a_pod(lan: RealLan) -> None:
    """What other load balancers look at; the node that answers for the address is one that says yes."""
    select(lan, lan.nodes[1], True)
    address = announce(lan, externalTrafficPolicy="Local", selector={"chosen": "yes"})
    port = lan.get("/api/v1/namespaces/default/services/front")["spec"]["healthCheckNodePort"]
    wanted = {node: 200 if node == lan.nodes[1] else 503 for node in lan.nodes}

    def states() -> dict[str, int]:
        urls = {node: f"http://{lan.lab.hosts[node]['lan']}:{port}/healthz" for node in lan.nodes}
        return {node: lan.lab.request("client", url).status for node, url in urls.items()}

    until("each node says what is so", lambda: states() == wanted, MOVED_S)
    assert lan.owner(address) == lan.nodes[1]


def test_node_ports_answer_from_the_lan(lan: RealLan) -> None:
    announce(lan)
    [port] = lan.get("/api/v1/namespaces/default/services/front")["spec"]["ports"]
    for node in lan.nodes:
        url = f"http://{lan.lab.hosts[node]['lan']}:{port['nodePort']}/"
        until(f"{url} answers", lambda url=url: answer(lan, url).startswith("web-"), MOVED_S)


def test_services_of_both_families_get_addresses_of_both(lan: RealLan) -> None:
    """Allocation alone: IPv6 addresses are not announced yet."""
    wanted = {
        "require": {"ipFamilyPolicy": "RequireDualStack"},
        "prefer": {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6", "IPv4"]},
        "six": {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv6"]},
        "four": {},
    }
    lan.create(*(service(f"default/{name}", **spec) for name, spec in wanted.items()))
    until("addresses", lambda: all(lan.addresses(f"default/{name}") for name in wanted))
    given = {name: [ip_address(text) for text in lan.addresses(f"default/{name}")] for name in wanted}
    families = {name: [address.version for address in addresses] for name, addresses in given.items()}
    assert families == {"require": [4, 6], "prefer": [4, 6], "six": [6], "four": [4]}
    assert len({address for addresses in given.values() for address in addresses}) == 6
    for name in ("require", "prefer", "four"):
        lan.ask(f"http://{given[name][0]}/")
