"""What people's own documents type, and what they see: each row of tests/data/seeds/README.md, on a LAN like theirs.

Rows on BGP and those marked (later) are left out. Commands are typed with the machine's kubectl; where it has none, the
same requests are made. Images become the lab's stand-ins.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import pytest

from fakes import lan as lans
from fakes.cluster import SEEDS, Told, advertisement, deployment, pool, service, until
from fakes.lan import Lan

SECRET = "create secret generic -n metallb-system memberlist --from-literal=secretkey=c2VjcmV0LW9mLXRoZS10ZXN0"
ASSIGNED = r'Assigned IP \[?"{}"\]?'  # v0.9 wrote it without brackets
ALL_PODS_WITHIN = 60  # requests
QUIET_S = 3.0  # until an address is not answered any more, once its Service is gone; a second on a machine at rest


@pytest.fixture(scope="module")
def shared(request: pytest.FixtureRequest) -> Iterator[Lan]:
    """The lab with the subnet of a row."""
    with lans.start(request.param) as lan:
        yield lan


@pytest.fixture
def lan(shared: Lan) -> Lan:
    """That lab, as new."""
    shared.empty()
    return shared


def on(subnet: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("shared", [subnet], indirect=True)


def type_file(lan: Lan, how: str, file: str) -> str:
    """Type `kubectl HOW -f -` with a seed on its input."""
    return lan.typed(f"{how} -f -", (SEEDS / file).read_text())


def has_told(told: list[Told], reason: str, component: str, pattern: str, kind: str = "Normal") -> bool:
    return any(
        (one.type, one.reason, one.component) == (kind, reason, component) and re.fullmatch(pattern, one.message)
        for one in told
    )


def assert_announced(lan: Lan, key: str, address: str) -> str:
    """The Service's Events as MetalLB's users know them; the node that announces it."""
    namespace, name = key.split("/")
    owner = lan.owner(address)
    announcing = f'announcing from node "{owner}" with protocol "layer2"'
    until(
        "both Events",
        lambda: (
            has_told(
                lan.told(namespace, name), "IPAllocated", "metallb-controller", ASSIGNED.format(re.escape(address))
            )
            and has_told(lan.told(namespace, name), "nodeAssigned", "metallb-speaker", re.escape(announcing))
        ),
    )
    return owner


def assert_all_pods_answer(lan: Lan, url: str, count: int) -> None:
    until("pods", lambda: sum(one["status"].get("readyReplicas") == count for one in deployments(lan)) == 1)
    lan.ask(url)
    seen: set[str] = set()
    for _ in range(ALL_PODS_WITHIN):
        seen |= set(lan.bodies(url, 1))
        if len(seen) == count:
            return
    pytest.fail(f"{ALL_PODS_WITHIN} requests saw {seen}")


def deployments(lan: Lan) -> list[dict[str, dict[str, int]]]:
    return list(lan.get("/apis/apps/v1/deployments")["items"])


# 000: a Pi homelab


@on("192.168.2.0/24")
@pytest.mark.parametrize(
    ("config", "way"),
    [
        ("000-configmap-cidr.yaml", "apply -f -"),
        (
            "000-configmap-range.yaml",
            "expose deployment kube-verify -n kube-verify --type=LoadBalancer --target-port=8080 --port=80",
        ),
    ],
)
def test_000_the_first_address_of_the_range(lan: Lan, config: str, way: str) -> None:
    """Idle before the ConfigMap, active after; first free address; Events; all three pods answer on port 80."""
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
    assert_all_pods_answer(lan, "http://192.168.2.128/", 3)


@on("192.168.2.0/24")
def test_000_the_whole_manifest_is_applied_as_it_stands(lan: Lan) -> None:
    type_file(lan, "apply", "000-configmap-cidr.yaml")
    type_file(lan, "apply", "000-kube-verify.yaml")
    assert lan.address("kube-verify/kube-verify") == "192.168.2.128"
    lan.ask("http://192.168.2.128/")


@on("192.168.2.0/24")
@pytest.mark.kubectl
def test_000_describe_service(lan: Lan) -> None:
    type_file(lan, "create", "000-configmap-cidr.yaml")
    type_file(lan, "apply", "000-kube-verify.yaml")
    owner = assert_announced(lan, "kube-verify/kube-verify", lan.address("kube-verify/kube-verify"))
    told = lan.typed("describe service kube-verify -n kube-verify")
    assert re.search(r"^LoadBalancer Ingress: +192\.168\.2\.128", told, re.MULTILINE)
    assert re.search(r"Normal +IPAllocated +\S+ +metallb-controller +" + ASSIGNED.format(r"192\.168\.2\.128"), told)
    said = f'announcing from node "{owner}" with protocol "layer2"'
    assert re.search(rf"Normal +nodeAssigned +\S+ +metallb-speaker +{said}", told)


# 001: a classroom


@on("10.10.95.0/24")
def test_001_a_namespace_goes_and_its_address_with_it(
    lan: Lan, record_property: pytest.RecordProperty, capsys: pytest.CaptureFixture[str]
) -> None:
    """Idle without ConfigMap, and says so; the first address; nothing answers soon after the Service's end."""
    lan.typed(SECRET)
    assert lan.state("controller")["config"] == {"stale": False, "problems": [], "pools": []}
    assert "no address pool is defined" in lan.lab.logs("controller").splitlines()[-1]
    type_file(lan, "apply", "001-configmap-range.yaml")
    lan.typed("create ns test-loadbalancer")
    lan.typed("create deploy desoapp --image=example.invalid/desoapp -n test-loadbalancer")
    lan.typed("expose deploy desoapp --type=LoadBalancer --port=80 -n test-loadbalancer")
    address = lan.address("test-loadbalancer/desoapp")
    assert address == "10.10.95.200"
    if lan.kubectl:
        assert re.search(rf"desoapp +LoadBalancer +\S+ +{address} +80:", lan.typed("get svc -n test-loadbalancer"))
    lan.owner(address)
    lan.ask(f"http://{address}/")
    place = "/api/v1/namespaces/test-loadbalancer"
    lan.typed("delete ns test-loadbalancer --wait=false")
    until("the Service is gone", lambda: lan.get(f"{place}/services/desoapp") is None)
    ended = time.monotonic()
    until("nobody answers for it", lambda: lan.owners(address, wait=0.05) == [], QUIET_S)
    quiet = time.monotonic() - ended
    record_property("seconds_to_silence", quiet)
    with capsys.disabled():
        print(f" [silent {quiet * 1000:.0f} ms after its Service's end]", end="")
    until("the namespace is gone", lambda: lan.get(place) is None)
    until("the address is free", lambda: lan.state("controller")["allocations"] == {})
    assert lan.owners(address) == []


# 002: seven servers


@on("172.22.132.0/24")
def test_002_two_addresses_of_default_none_of_production(lan: Lan) -> None:
    type_file(lan, "apply", "002-configmap-auto-assign.yaml")
    lan.typed("create deploy nginx --image nginx --port 80")
    lan.typed("expose deploy nginx --port 8080 --target-port 80 --type LoadBalancer")
    lan.typed("expose deploy nginx --name nginx-80 --port 80 --target-port 80 --type LoadBalancer")
    first, second = lan.address("default/nginx"), lan.address("default/nginx-80")
    assert (first, second) == ("172.22.132.150", "172.22.132.151")
    lan.ask(f"http://{first}:8080/")
    lan.ask(f"http://{second}:80/")


@on("172.22.132.0/24")
def test_002_one_address_shared_with_the_annotation_from_creation(lan: Lan) -> None:
    type_file(lan, "apply", "002-configmap-auto-assign.yaml")
    lan.typed("create deploy nginx --image nginx --port 80")
    share = json.dumps({"metadata": {"annotations": {"metallb.universe.tf/allow-shared-ip": "web"}}})
    ports = {"nginx": 8080, "nginx-80": 80}
    for name, port in ports.items():
        command = f"expose deploy nginx --name {name} --port {port} --target-port 80 --type LoadBalancer"
        lan.typed(f"{command} --overrides '{share}'")
    assert {lan.address(f"default/{name}") for name in ports} == {"172.22.132.150"}
    for port in ports.values():
        lan.ask(f"http://172.22.132.150:{port}/")


# 003: custom resources, dual stack

BIG, SMALL = ip_network("192.168.10.0/24"), ip_network("172.16.12.64/30")


@on("192.168.10.0/24")
def test_003_a_pool_that_is_for_those_alone_who_name_it(lan: Lan) -> None:
    big, small = SEEDS / "003-big-pool.yaml", SEEDS / "003-small-pool.yaml"
    lan.typed(f"apply -f {big} -f {small}")
    lan.create(*(service(f"default/plain-{number}") for number in range(100)))
    until("100 addresses and one", lambda: len(lan.state("controller")["allocations"]) == 101)
    named = ip_address(lan.address("default/my-lb-service"))
    others = [ip_address(lan.address(f"default/plain-{number}")) for number in range(100)]
    assert named in SMALL
    assert len(set(others)) == 100
    assert [address for address in others if address not in BIG] == []
    old = "Service uses deprecated annotation metallb.universe.tf/address-pool"
    until(
        "the old prefix is told",
        lambda: has_told(
            lan.told("default", "my-lb-service"), "deprecatedAnnotation", "metallb-controller", old, "Warning"
        ),
        30,
    )


@on("192.168.10.0/24")
def test_003_the_small_pool_alone_serves_nobody_who_does_not_name_it(lan: Lan) -> None:
    lan.create(service("default/plain"))
    type_file(lan, "apply", "003-small-pool.yaml")
    assert ip_address(lan.address("default/my-lb-service")) in SMALL
    waiting = until("it waits", lambda: lan.state("controller")["waiting"].get("default/plain"))
    assert waiting["reason"] == "no_free_address"
    assert lan.addresses("default/plain") == []


@on("192.168.10.0/24")
def test_003_addresses_of_each_family(lan: Lan) -> None:
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
    lan.ask(f"http://{lan.address('default/four')}/")


# 004: mini PCs


@on("192.168.88.0/24")
def test_004_exactly_the_address_that_is_pinned_and_another_node_when_the_first_goes(lan: Lan) -> None:
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
        lan.ask(f"http://{address}:{port}/")
    lan.lab.cut(owner, "both")
    try:
        other = lan.owner(address, beside=owner)
        lan.ask(f"http://{address}/")
        assert other != owner
    finally:
        lan.lab.mend(owner, "both")
    lan.settled()


@on("192.168.88.0/24")
def test_004_an_address_outside_every_range_stays_pending_and_says_why(lan: Lan) -> None:
    lan.create({"kind": "Namespace", "metadata": {"name": "ingress"}})
    lan.create(pool("default", "192.168.88.201-192.168.88.254"), advertisement())
    type_file(lan, "apply", "004-pinned.yaml")
    why = 'Failed to allocate IP for "ingress/ingress": ["192.168.88.44"] is not allowed in config'
    until(
        "the reason",
        lambda: has_told(
            lan.told("ingress", "ingress"), "AllocationFailed", "metallb-controller", re.escape(why), "Warning"
        ),
    )
    assert lan.addresses("ingress/ingress") == []
    assert lan.state("controller")["waiting"]["ingress/ingress"]["reason"] == "address_in_no_pool"
