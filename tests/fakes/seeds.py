"""What people's own documents type, and what they see: the rows of tests/data/seeds/README.md.

Rows on BGP and those marked (later) are left out. A row is played in a LAN with its document's subnet, with nothing on
the cluster but pylb, on whatever cluster it is given; images become stand-ins. Commands are typed with kubectl; where a
lab's machine has none, the same requests are made.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from typing import NamedTuple

import pytest

from fakes.cluster import SEEDS, Told, advertisement, deployment, pool, service, until
from fakes.lan import Lan

SECRET = "create secret generic -n metallb-system memberlist --from-literal=secretkey=c2VjcmV0LW9mLXRoZS10ZXN0"
ASSIGNED = r'Assigned IP \[?"{}"\]?'  # v0.9 wrote it without brackets
ALL_PODS_WITHIN = 60  # requests
QUIET_S = 3.0  # until an address is not answered any more, once its Service is gone; a second on a machine at rest
GONE_S = 60.0  # a namespace: a real cluster rests 5 s before it begins, and waits for pods to end
PODS_S = 30.0  # until pods run
TOLD_S = 30.0  # until an Event is written that stands behind a hundred others

Figures = Mapping[str, float]


class Row(NamedTuple):
    """One thing that a document types, in the subnet of its LAN; `play` returns what it measured."""

    name: str
    subnet: str
    play: Callable[[Lan], Figures | None]
    namespaces: tuple[str, ...] = ()  # that it makes: not there when it begins
    kubectl: bool = False  # whether it is about what kubectl prints


def type_file(lan: Lan, how: str, file: str) -> str:
    """Type `kubectl HOW -f -` with a seed on its input."""
    return lan.typed(f"{how} -f -", (SEEDS / file).read_text())


def tells(lan: Lan, key: str, reason: str, component: str, pattern: str, kind: str = "Normal") -> None:
    """Wait until there is such an Event about a Service; the pattern matches its whole message."""

    def is_told(one: Told) -> bool:
        same = (one.type, one.reason, one.component) == (kind, reason, component)
        return same and re.fullmatch(pattern, one.message) is not None

    until(f"{reason}: {pattern}", lambda: any(map(is_told, lan.told(*key.split("/")))), TOLD_S)


def assert_announced(lan: Lan, key: str, address: str) -> str:
    """The Service's Events as MetalLB's users know them; the node that announces it."""
    owner = lan.owner(address)
    announcing = f'announcing from node "{owner}" with protocol "layer2"'
    tells(lan, key, "IPAllocated", "metallb-controller", ASSIGNED.format(re.escape(address)))
    tells(lan, key, "nodeAssigned", "metallb-speaker", re.escape(announcing))
    return owner


def assert_all_pods_answer(lan: Lan, url: str, path: str, count: int) -> None:
    """Each of a Deployment's pods is met within 60 requests."""
    until("pods", lambda: (lan.get(path) or {}).get("status", {}).get("readyReplicas") == count, PODS_S)
    lan.ask(url)
    seen: set[str] = set()
    for _ in range(ALL_PODS_WITHIN):
        seen |= set(lan.bodies(url, 1))
        if len(seen) == count:
            return
    pytest.fail(f"{ALL_PODS_WITHIN} requests saw {seen}")


# 000: a Pi homelab

VERIFY = "/apis/apps/v1/namespaces/kube-verify/deployments/kube-verify"
EXPOSE = "expose deployment kube-verify -n kube-verify --type=LoadBalancer --target-port=8080 --port=80"


def first_address(config: str, way: str) -> Callable[[Lan], None]:
    """Idle before the ConfigMap, active after; first free address; Events; all three pods answer on port 80."""

    def play(lan: Lan) -> None:
        key, manifests = "kube-verify/kube-verify", (SEEDS / "000-kube-verify.yaml").read_text().split("---\n")
        lan.typed(SECRET)
        lan.typed("create namespace kube-verify")
        if lan.kubectl:
            assert re.search(r"^kube-verify +Active", lan.typed("get namespaces"), re.MULTILINE)
        lan.typed("create -f -", manifests[1])
        lan.typed(way, manifests[2] if way.startswith("apply") else "")
        until("it waits", lambda: lan.state("controller")["waiting"].get(key))
        assert lan.addresses(key) == []
        type_file(lan, "create", config)
        assert lan.address(key) == "192.168.2.128"
        assert_announced(lan, key, "192.168.2.128")
        assert_all_pods_answer(lan, "http://192.168.2.128/", VERIFY, 3)

    return play


def applied_as_it_stands(lan: Lan) -> None:
    """The whole manifest at once."""
    type_file(lan, "apply", "000-configmap-cidr.yaml")
    type_file(lan, "apply", "000-kube-verify.yaml")
    assert lan.address("kube-verify/kube-verify") == "192.168.2.128"
    lan.ask("http://192.168.2.128/", seconds=PODS_S)


def described(lan: Lan) -> None:
    """What `describe service` prints of it."""
    type_file(lan, "create", "000-configmap-cidr.yaml")
    type_file(lan, "apply", "000-kube-verify.yaml")
    lan.address("kube-verify/kube-verify")
    until("pods", lambda: lan.get(VERIFY)["status"].get("readyReplicas"), PODS_S)
    owner = assert_announced(lan, "kube-verify/kube-verify", "192.168.2.128")
    told = lan.typed("describe service kube-verify -n kube-verify")
    assert re.search(r"^LoadBalancer Ingress: +192\.168\.2\.128", told, re.MULTILINE)
    assert re.search(r"Normal +IPAllocated +\S+ +metallb-controller +" + ASSIGNED.format(r"192\.168\.2\.128"), told)
    said = f'announcing from node "{owner}" with protocol "layer2"'
    assert re.search(rf"Normal +nodeAssigned +\S+ +metallb-speaker +{said}", told)


# 001: a classroom


def a_namespace_goes_and_its_address_with_it(lan: Lan) -> Figures:
    """Idle without ConfigMap, and says so; the first address; nothing answers soon after the Service's end."""
    lan.typed(SECRET)
    assert lan.state("controller")["config"] == {"stale": False, "partial": False, "problems": [], "pools": []}
    [*_, last] = re.split(r"config.loaded", lan.logs("controller"))
    assert "no address pool is defined" in last
    type_file(lan, "apply", "001-configmap-range.yaml")
    lan.typed("create ns test-loadbalancer")
    lan.typed("create deploy desoapp --image=example.invalid/desoapp -n test-loadbalancer")
    lan.typed("expose deploy desoapp --type=LoadBalancer --port=80 -n test-loadbalancer")
    address = lan.address("test-loadbalancer/desoapp")
    assert address == "10.10.95.200"
    if lan.kubectl:
        assert re.search(rf"desoapp +LoadBalancer +\S+ +{address} +80:", lan.typed("get svc -n test-loadbalancer"))
    lan.ask(f"http://{address}/", seconds=PODS_S)
    lan.owner(address)
    place = "/api/v1/namespaces/test-loadbalancer"
    lan.typed("delete ns test-loadbalancer --wait=false")
    until("the Service is gone", lambda: lan.get(f"{place}/services/desoapp") is None, GONE_S)
    ended = time.monotonic()
    until("nobody answers for it", lambda: lan.owners(address, wait=0.05) == [], QUIET_S)
    quiet = time.monotonic() - ended
    until("the namespace is gone", lambda: lan.get(place) is None, GONE_S)
    until("the address is free", lambda: lan.state("controller")["allocations"] == {})
    assert lan.owners(address) == []
    return {"seconds from the Service's end to silence": quiet}


# 002: seven servers


def two_addresses_of_default_none_of_production(lan: Lan) -> None:
    """A pool that is not for everybody is left alone."""
    type_file(lan, "apply", "002-configmap-auto-assign.yaml")
    lan.typed("create deploy nginx --image nginx --port 80")
    lan.typed("expose deploy nginx --port 8080 --target-port 80 --type LoadBalancer")
    lan.typed("expose deploy nginx --name nginx-80 --port 80 --target-port 80 --type LoadBalancer")
    first, second = lan.address("default/nginx"), lan.address("default/nginx-80")
    assert (first, second) == ("172.22.132.150", "172.22.132.151")
    lan.ask(f"http://{first}:8080/", seconds=PODS_S)
    lan.ask(f"http://{second}:80/")


def one_address_shared_with_the_annotation_from_creation(lan: Lan) -> None:
    """Two Services, one address, two ports."""
    type_file(lan, "apply", "002-configmap-auto-assign.yaml")
    lan.typed("create deploy nginx --image nginx --port 80")
    share = json.dumps({"metadata": {"annotations": {"metallb.universe.tf/allow-shared-ip": "web"}}})
    ports = {"nginx": 8080, "nginx-80": 80}
    for name, port in ports.items():
        command = f"expose deploy nginx --name {name} --port {port} --target-port 80 --type LoadBalancer"
        lan.typed(f"{command} --overrides '{share}'")
    assert {lan.address(f"default/{name}") for name in ports} == {"172.22.132.150"}
    for port in ports.values():
        lan.ask(f"http://172.22.132.150:{port}/", seconds=PODS_S)


# 003: custom resources, dual stack

BIG, SMALL = ip_network("192.168.10.0/24"), ip_network("172.16.12.64/30")


def a_pool_that_is_for_those_alone_who_name_it(lan: Lan) -> None:
    """100 Services without wishes get none of it; the one that names it does, and is told of the old prefix."""
    big, small = SEEDS / "003-big-pool.yaml", SEEDS / "003-small-pool.yaml"
    lan.typed(f"apply -f {big} -f {small}")
    lan.create(*(service(f"default/plain-{number}") for number in range(100)))
    until("100 addresses and one", lambda: len(lan.state("controller")["allocations"]) == 101, PODS_S)
    named = ip_address(lan.address("default/my-lb-service"))
    others = [ip_address(lan.address(f"default/plain-{number}")) for number in range(100)]
    assert named in SMALL
    assert len(set(others)) == 100
    assert [address for address in others if address not in BIG] == []
    old = "Service uses deprecated annotation metallb.universe.tf/address-pool"
    tells(lan, "default/my-lb-service", "deprecatedAnnotation", "metallb-controller", old, "Warning")


def the_small_pool_alone_serves_nobody_who_does_not_name_it(lan: Lan) -> None:
    """A Service without wishes waits."""
    lan.create(service("default/plain"))
    type_file(lan, "apply", "003-small-pool.yaml")
    assert ip_address(lan.address("default/my-lb-service")) in SMALL
    waiting = until("it waits", lambda: lan.state("controller")["waiting"].get("default/plain"))
    assert waiting["reason"] == "no_free_address"
    assert lan.addresses("default/plain") == []


def addresses_of_each_family(lan: Lan) -> None:
    """One pool with a /24, five addresses and an IPv6 /124; Services of one family, of the other, of both."""
    type_file(lan, "apply", "003-pools.yaml")
    lan.create(
        deployment("default/web", {"app": "web"}, 8080),
        service("default/both", ipFamilyPolicy="RequireDualStack", ipFamilies=["IPv4", "IPv6"]),
        service("default/six", ipFamilies=["IPv6"]),
        service("default/four"),
    )
    both = until("two addresses", lambda: lan.addresses("default/both"))
    given = [ip_address(text) for text in (*both, lan.address("default/six"), lan.address("default/four"))]
    assert [address.version for address in given] == [4, 6, 6, 4]
    pools = ip_network("192.168.10.0/24"), ip_network("fc00:f853:ccd:e799::/124")
    assert all(any(address in one for one in pools) for address in given)
    assert len(set(given)) == 4
    lan.ask(f"http://{lan.address('default/four')}/", seconds=PODS_S)


# 004: mini PCs


def exactly_the_address_that_is_pinned_and_another_node_when_the_first_goes(lan: Lan) -> None:
    """A pin in the middle of the range, two ports; both cables of its node are pulled."""
    lan.create({"kind": "Namespace", "metadata": {"name": "ingress"}})
    lan.create(
        pool("default", "192.168.88.40-192.168.88.55"),
        advertisement(),
        deployment("ingress/nginx-ingress", {"name": "nginx-ingress-microk8s"}, 80, 443, replicas=3),
    )
    type_file(lan, "apply", "004-pinned.yaml")
    address = lan.address("ingress/ingress")
    assert address == "192.168.88.44"
    owner = assert_announced(lan, "ingress/ingress", address)
    for port in (80, 443):
        lan.ask(f"http://{address}:{port}/", seconds=PODS_S)
    lan.lab.cut(owner, "both")
    try:
        other = lan.owner(address, beside=owner)
        lan.ask(f"http://{address}/")
        assert other != owner
    finally:
        lan.lab.mend(owner, "both")
    lan.settled()


def an_address_outside_every_range_stays_pending_and_says_why(lan: Lan) -> None:
    """The document's own example pins an address outside its own range."""
    lan.create({"kind": "Namespace", "metadata": {"name": "ingress"}})
    lan.create(pool("default", "192.168.88.201-192.168.88.254"), advertisement())
    type_file(lan, "apply", "004-pinned.yaml")
    why = 'Failed to allocate IP for "ingress/ingress": ["192.168.88.44"] is not allowed in config'
    tells(lan, "ingress/ingress", "AllocationFailed", "metallb-controller", f"{re.escape(why)}; .+", "Warning")
    assert lan.addresses("ingress/ingress") == []
    assert lan.state("controller")["waiting"]["ingress/ingress"]["reason"] == "address_in_no_pool"


PI, CLASS, SERVERS = "192.168.2.0/24", "10.10.95.0/24", "172.22.132.0/24"
DUAL, MINI = "192.168.10.0/24", "192.168.88.0/24"
# A namespace that a row makes takes a while to go on a real cluster: rows with the same one stand far from each other.
ROWS = (
    Row("000-cidr-apply", PI, first_address("000-configmap-cidr.yaml", "apply -f -"), ("kube-verify",)),
    Row("004-pinned", MINI, exactly_the_address_that_is_pinned_and_another_node_when_the_first_goes, ("ingress",)),
    Row("002-two-addresses", SERVERS, two_addresses_of_default_none_of_production),
    Row("000-range-expose", PI, first_address("000-configmap-range.yaml", EXPOSE), ("kube-verify",)),
    Row("001-namespace-goes", CLASS, a_namespace_goes_and_its_address_with_it, ("test-loadbalancer",)),
    Row("000-as-it-stands", PI, applied_as_it_stands, ("kube-verify",)),
    Row("004-outside", MINI, an_address_outside_every_range_stays_pending_and_says_why, ("ingress",)),
    Row("003-big-and-small", DUAL, a_pool_that_is_for_those_alone_who_name_it),
    Row("003-small-alone", DUAL, the_small_pool_alone_serves_nobody_who_does_not_name_it),
    Row("000-described", PI, described, ("kube-verify",), kubectl=True),
    Row("003-each-family", DUAL, addresses_of_each_family),
    Row("002-shared", SERVERS, one_address_shared_with_the_annotation_from_creation),
)
