"""What is found in a cluster beside pylb, whether it stops an installation, and what is to be typed about it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pylb.addon.detection import DROP_IN, SERVICELB_LABEL, Weight, detect, strays
from pylb.addon.inventory import take
from pylb.addon.metallb import NOWHERE
from pylb.addon.names import POOL
from pylb.core.ranges import parse

JSON = dict[str, Any]


def workload(kind: str, name: str, namespace: str, image: str, **env: str) -> JSON:
    container = {"image": image, "env": [{"name": key, "value": value} for key, value in env.items()]}
    spec: JSON = {"containers": [container]}
    return {
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec if kind == "Pod" else {"template": {"spec": spec}},
    }


def k3s(*words: str) -> JSON:
    metadata = {"name": words[0], "annotations": {"k3s.io/node-args": json.dumps(words)}}
    return {"kind": "Node", "metadata": metadata, "status": {}}


def config(name: str, **data: str) -> JSON:
    return {"kind": "ConfigMap", "metadata": {"name": name, "namespace": "kube-system"}, "data": data}


METALLB = workload("DaemonSet", "speaker", "metallb-system", "quay.io/metallb/speaker:v0.15.3")
VIP = ("ghcr.io/kube-vip/kube-vip:v0.8.0",)
SVCLB = {"kind": "DaemonSet", "metadata": {"name": "svclb-traefik-1", "labels": {SERVICELB_LABEL: "traefik"}}}
IPVS = 'mode: "ipvs"\nipvs:\n  strictARP: false\n'

FOUND: list[tuple[str, list[JSON], list[str], list[tuple[str, str]]]] = [
    ("nothing", [workload("Deployment", "web", "default", "nginx")], [], []),
    ("ourselves", [workload("DaemonSet", "pylb-speaker", "pylb-system", "mirror/metallb/pylb")], [], []),
    ("MetalLB", [METALLB], [], [("stop", "metallb")]),
    ("kube-vip for Services", [workload("DaemonSet", "kube-vip-ds", "kube-system", *VIP, svc_enable="true")], [],
     [("stop", "kube-vip")]),
    ("kube-vip of a class", [workload("Pod", "kube-vip-n1", "kube-system", *VIP, svc_enable="true", lb_class_name="x")],
     [], []),
    ("kube-vip for the control plane", [workload("Pod", "kube-vip-n1", "kube-system", *VIP, svc_enable="false")], [], []),
    ("ServiceLB by a server's arguments", [k3s("server", "--write-kubeconfig-mode", "644")], [], [("warn", "servicelb")]),
    ("ServiceLB by its DaemonSets", [SVCLB], [], [("warn", "servicelb")]),
    ("k3s without ServiceLB", [k3s("server", "--disable", "traefik,servicelb"), k3s("agent")], [], []),
    ("k3s without ServiceLB, twice", [k3s("server", "--disable", "traefik", "--disable", "servicelb")], [], []),
    ("k3s without a cloud controller", [k3s("server", "--disable-cloud-controller")], [], []),
    ("Cilium's pools", [{"kind": "CiliumLoadBalancerIPPool", "metadata": {"name": "p"}}], [], [("warn", "cilium")]),
    ("PureLB", [workload("Deployment", "allocator", "purelb", "purelb/allocator")], [], [("warn", "purelb")]),
    ("OpenELB", [workload("Deployment", "m", "openelb-system", "kubesphere/openelb")], [], [("warn", "openelb")]),
    ("IPVS", [config("kube-proxy", **{"config.conf": IPVS})], [], [("warn", "ipvs")]),
    ("IPVS with strictARP", [config("kube-proxy", **{"config.conf": IPVS.replace("false", "true")})], [], []),
    ("iptables", [config("kube-proxy", **{"config.conf": 'mode: ""\nipvs:\n  strictARP: false\n'})], [], []),
    ("IPVS by a flag", [], ["--proxy-mode=ipvs\n"], [("warn", "ipvs")]),
    ("IPVS by flags", [], ["--proxy-mode=ipvs\n--ipvs-strict-arp=true"], []),
    ("IPVS on k3s", [k3s("agent", "--kube-proxy-arg", "proxy-mode=ipvs")], [], [("warn", "ipvs")]),
    ("several", [SVCLB, METALLB], [], [("stop", "metallb"), ("warn", "servicelb")]),
]  # fmt: skip


@pytest.mark.parametrize(("objects", "settings", "found"), [row[1:] for row in FOUND], ids=[row[0] for row in FOUND])
def test_what_is_found(objects: list[JSON], settings: list[str], found: list[tuple[str, str]]) -> None:
    findings = detect(objects, take(objects, settings), settings)
    assert [(one.weight.value, one.what) for one in findings] == found
    for one in findings:
        assert one.text
        assert one.text.isprintable()
        assert one.fix or one.weight is Weight.WARN


def test_servicelb_is_told_with_the_file_and_the_line_to_add() -> None:
    objects = [k3s("server", "--disable", "traefik")]
    (finding,) = detect(objects, take(objects))
    text = "\n".join(finding.fix)
    assert DROP_IN in text
    assert "disable+:\n    - servicelb" in text
    assert "--disable servicelb" in text  # a command line replaces what files say


def test_a_metallb_that_runs_is_taken_over_and_one_that_was_is_only_mentioned() -> None:
    (finding,) = detect([METALLB], take([METALLB]))
    assert "add --takeover" in finding.fix[0]
    stopped = workload("DaemonSet", "speaker", "metallb-system", "quay.io/metallb/speaker:v0.15.3")
    stopped["spec"]["template"]["spec"]["nodeSelector"] = {NOWHERE: "true"}
    deployment = workload("Deployment", "controller", "metallb-system", "quay.io/metallb/controller:v0.15.3")
    deployment["spec"]["replicas"] = 0
    (finding,) = detect([stopped, deployment], take([stopped]))
    assert (finding.weight, finding.what) == (Weight.NOTE, "metallb")
    deployment["spec"]["replicas"] = 1
    (finding,) = detect([stopped, deployment], take([stopped]))
    assert finding.weight is Weight.STOP
    assert "deployment/controller" in finding.text
    assert "daemonset/speaker" not in finding.text


def test_services_whose_address_the_range_does_not_hold() -> None:
    def service(name: str, address: str) -> JSON:
        status = {"loadBalancer": {"ingress": [{"ip": address}]}}
        return {"kind": "Service", "metadata": {"name": name, "namespace": "default"}, "status": status}

    def pool(name: str, *addresses: str) -> JSON:
        metadata = {"name": name, "namespace": "metallb-system"}
        return {"kind": "IPAddressPool", "metadata": metadata, "spec": {"addresses": list(addresses)}}

    told = [{"type": "InternalIP", "address": "10.0.0.20"}]
    node = {"kind": "Node", "metadata": {"name": "n"}, "status": {"addresses": told}}
    objects = [
        node,
        pool("other", "10.0.9.0/28"),
        pool("default-addresspool", "10.0.0.100-10.0.0.109"),
        service("in", "10.0.0.240"),
        service("in-another-pool", "10.0.9.3"),
        service("of-servicelb", "10.0.0.20"),
        service("out", "10.0.0.99"),
        service("of-the-old-range", "10.0.0.100"),
    ]
    (finding,) = strays(take(objects), [parse("10.0.0.240/28")])
    assert "default/out (10.0.0.99), default/of-the-old-range (10.0.0.100)" in finding.text
    assert strays(take(objects), [parse("10.0.0.0/24")]) == []


def test_pools_where_pylb_does_not_look_are_named_and_do_not_count() -> None:
    def pool(namespace: str) -> JSON:
        metadata = {"name": POOL, "namespace": namespace}
        return {"kind": "IPAddressPool", "metadata": metadata, "spec": {"addresses": ["10.0.0.1/32"]}}

    objects = [pool("metallb"), pool("pylb-system")]
    inventory = take(objects)
    assert inventory.own_pool is not None
    assert [one.namespace for one in inventory.pools] == ["pylb-system"]
    [finding] = detect(objects, inventory)
    assert f"not these: ipaddresspool/{POOL} in metallb" in finding.text
    assert detect(objects[1:], inventory) == []
