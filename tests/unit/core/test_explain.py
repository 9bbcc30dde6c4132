"""What is said of a Service's address: the chain of the allocation, what helps, and who gives addresses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fakes.explaining import IP, LAN, N1, WEB, case, scene, told
from fakes.world import pool, service
from pylb.core.explanation import explain, findings
from pylb.core.explanation.findings import Fix, Mark, Question, Row
from pylb.core.explanation.scene import Case, Controllers, Scene
from pylb.core.model import Service
from pylb.core.ranges import parse_address


def failure(where: Scene, one: Service, *others: Service) -> Row:
    """The row that says why a Service gets nothing."""
    rows = explain.allocated(where, Case(one), {other.key: other for other in others})
    return next(row for row in rows if row.mark is Mark.FAIL)


def test_all_is_well() -> None:
    rows = explain.explain(scene(WEB), case())
    assert findings.worst(rows) is Mark.UNKNOWN
    assert [row.question for row in rows if row.mark is Mark.UNKNOWN] == [Question.ANSWERED]
    assert findings.first_trouble(rows) is None
    assert told(scene(WEB), case(), Question.ALLOCATED) == [
        ("class", "PASS", "no loadBalancerClass: pylb serves it"),
        ("family", "PASS", "IPv4, SingleStack"),
        ("request", "PASS", "it asks for any address"),
        ("pool", "PASS", "lan may give it one"),
        ("address", "PASS", "it has 10.0.0.1 of pool lan"),
        ("controller", "PASS", "pylb-controller-a leads"),
        ("configuration", "PASS", "1 pool, no problem"),
    ]


CAM = service("cam", 8554, ingress=(IP,))


def test_an_address_that_somebody_else_has() -> None:
    """The whole picture: how far it came, who is in the way, and what helps, as one types it."""
    wants = service("blog", load_balancer_ip=IP)
    found = failure(scene(CAM), wants, CAM)
    assert found.check == "free"
    assert found.text.endswith("also in use by default/cam (default/cam has TCP/8554: no clash of ports)")
    share = (
        "kubectl -n default annotate service blog metallb.io/allow-shared-ip=shared --overwrite\n"
        "kubectl -n default annotate service cam metallb.io/allow-shared-ip=shared --overwrite"
    )
    other = 'kubectl -n default patch service blog --type merge -p \'{"spec": {"loadBalancerIP": "10.0.0.2"}}\''
    none = 'kubectl -n default patch service blog --type merge -p \'{"spec": {"loadBalancerIP": null}}\''
    assert found.fixes[:3] == (
        Fix("share the address with default/cam: it gets 10.0.0.1 of lan", share),
        Fix("ask for 10.0.0.2: it gets 10.0.0.2 of lan", other),
        Fix("leave the address to pylb: it may get 10.0.0.2 of lan", none),
    )
    assert "same metallb.io/allow-shared-ip" in found.fixes[3].text


@pytest.mark.parametrize(
    ("one", "check", "text"),
    [
        (service("a", load_balancer_class="x"), "class", "the Service's loadBalancerClass is not pylb's"),
        (service("a", cluster_ips=("None",)), "family", "no cluster IP"),
        (service("a", family_policy="RequireDualStack"), "family", "requires dual stack"),
        (service("a", load_balancer_ip="fd00::1"), "family", "does not match the ipFamily"),
        (service("a", load_balancer_ip="nonsense"), "request", 'invalid spec.loadBalancerIP: "nonsense"'),
        (
            service("a", load_balancer_ip=IP, annotations={"metallb.io/loadBalancerIPs": IP}),
            "request",
            "can not have both",
        ),
        (service("a", load_balancer_ip="10.9.9.9"), "pool", "is not allowed in config"),
        (service("a", annotations={"metallb.io/address-pool": "nova"}), "pool", 'unknown pool "nova"'),
        (service("a", annotations={"metallb.io/address-pool": "shut"}), "selectors", "pool shut not compatible"),
        (
            service("a", annotations={"metallb.io/address-pool": "full"}),
            "free",
            "full: 1 of 1 IPv4 addresses are in use",
        ),
        (service("a", v6=True), "free", "full: it has no IPv6 addresses; lan: it has no IPv6 addresses"),
        (
            service("a", load_balancer_ip=IP, annotations={"metallb.io/address-pool": "full"}),
            "pool and address",
            "is not compatible with requested address pool full",
        ),
    ],
)
def test_why_it_waits(one: Service, check: str, text: str) -> None:
    full = pool("full", "10.0.1.0/32", autoAssign=False)
    shut = pool("shut", "10.0.2.0/30", serviceAllocation={"namespaces": ["elsewhere"]})
    has = service("has", ingress=("10.0.1.0",), annotations={"metallb.io/address-pool": "full"})
    found = failure(scene(has, pools=(LAN, full, shut)), one, has)
    assert found.check == check
    assert text in found.text


def test_a_port_and_a_key_that_do_not_fit() -> None:
    key = {"metallb.io/allow-shared-ip": "k"}
    has = service("has", 80, ingress=(IP,), annotations=key)
    assert failure(scene(has), service("a", 80, load_balancer_ip=IP, annotations=key), has).check == "ports"
    other = service("a", 81, load_balancer_ip=IP, annotations={"metallb.io/allow-shared-ip": "l"})
    found = failure(scene(has), other, has)
    assert found.check == "share"
    assert "metallb.io/allow-shared-ip=k" in found.fixes[0].command


def test_a_nodes_own_address() -> None:
    where = scene(taken={parse_address(IP): N1})
    assert failure(where, service("a", load_balancer_ip=IP)).check == "node"


@pytest.mark.parametrize(
    ("change", "check", "mark", "text"),
    [
        ({"config": None}, "configuration", "UNKNOWN", "the pools may not be read here"),
        (
            {"config": None, "problems": ("x overlaps y",)},
            "configuration",
            "FAIL",
            "it is invalid, and the last good one",
        ),
        ({"problems": ("x overlaps y",)}, "configuration", "WARN", "it is invalid, and the last good one"),
        ({"controllers": Controllers()}, "controller", "UNKNOWN", "whether a controller runs may not be seen here"),
        (
            {"controllers": Controllers(known=True)},
            "controller",
            "WARN",
            "no controller is ready: nobody gives addresses",
        ),
        ({"controllers": Controllers(True, ("c",))}, "controller", "PASS", "c runs; who leads is not told"),
        (
            {"controllers": Controllers(True, ("c",), silent="timed out")},
            "controller",
            "WARN",
            "c runs by its pod, and does not answer: timed out; it may hang",
        ),
        (
            {"controllers": Controllers(True, ("c",), "", "no controller leads")},
            "controller",
            "WARN",
            "no controller leads",
        ),
    ],
)
def test_who_gives_addresses_and_by_what(change: dict[str, Any], check: str, mark: str, text: str) -> None:
    rows = told(replace(scene(WEB), **change), case(), Question.ALLOCATED)
    assert [(row[1], text in row[2]) for row in rows if row[0] == check] == [(mark, True)]


def test_without_a_controller_only_what_waits_is_in_trouble() -> None:
    where = replace(scene(), controllers=Controllers(known=True))
    assert failure(where, service("a")).check == "controller"
    assert findings.worst(explain.allocated(where, Case(WEB))) is Mark.WARN


def test_what_it_has_and_would_have() -> None:
    waits = service("a")
    rows = told(scene(), Case(waits, told="later"), Question.ALLOCATED)
    assert (
        "address",
        "WARN",
        "it has none yet, and nothing stands against 10.0.0.1; the controller said: later",
    ) in rows
    loses = service("a", ingress=("10.9.9.9",), load_balancer_ip="10.9.9.9")
    rows = told(scene(), Case(loses), Question.ALLOCATED)
    assert ("address", "WARN", "it has 10.9.9.9, and is to lose it") in rows
    rival = told(scene(WEB), case(rival="k3s"), Question.ALLOCATED)
    assert ("writer", "FAIL", '"k3s" writes its status, too, and pylb leaves it alone') in rival
    slip = service("a", annotations={"metallb.io/adress-pool": "lan"})
    assert any(row[:2] == ("spelling", "WARN") for row in told(scene(), Case(slip), Question.ALLOCATED))


def test_another_load_balancers_service_is_told_of_once() -> None:
    rows = explain.explain(scene(), Case(service("a", load_balancer_class="x", ingress=(IP,))))
    assert {row.question for row in rows} == {Question.ALLOCATED}


def test_a_service_of_ipv6_is_told_of_pools_that_have_it() -> None:
    """LAN has IPv4 alone; an address of the other family is to be replaced, and both are named."""
    where = scene(pools=(LAN, pool("six", "fd00::/120")))
    rows = told(where, Case(service("a", v6=True)), Question.ALLOCATED)
    assert ("pool", "PASS", "six may give it one") in rows
    assert ("pool", "PASS", "lan, six may give it one") in told(
        where, Case(service("a", dual=True, family_policy="PreferDualStack")), Question.ALLOCATED
    )
    other = told(where, Case(service("a", v6=True, ingress=(IP,))), Question.ALLOCATED)
    assert [text for check, _, text in other if check == "address"] == [f"it has {IP}, and is to have fd00::"]


def test_what_is_not_pylbs_is_shown_as_such() -> None:
    """externalIPs and node ports are kube-proxy's: no address of a pool, and no trouble."""
    other = replace(WEB, external_ips=("192.0.2.9",), node_ports=(30080,))
    hints = [row for row in explain.allocated(scene(WEB), Case(other)) if row.check == "not pylb's"]
    assert [row.mark for row in hints] == [Mark.HINT, Mark.HINT]
    assert "192.0.2.9 (spec.externalIPs)" in hints[0].text
    assert "node port 30080" in hints[1].text
