"""Bad input: each gets its reason where its owner looks for it, and changes nothing else.

The owner of a Service or of a piece of configuration looks at the Events about it; whoever runs the cluster looks at
the controller's log and at `/state`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from fakes import served
from fakes.bgp_objects import made
from fakes.cluster import JSON, advertisement, config_map, pool, service, until
from fakes.served import Served
from pylb.kube.errors import Invalid

pytestmark = pytest.mark.xdist_group("bad_input")  # one API server and one controller for all of them

RANGE, KEPT = "192.0.2.0/24", "192.0.2.77"
METALLB = "/apis/metallb.io/v1beta1/namespaces/metallb-system"
AGE_S = 1.1  # objects tell their age in whole seconds
OLD_POOL = "address-pools:\n- name: old\n  protocol: layer2\n  addresses: [198.51.100.0/28]\n"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A pool, and a Service that has an address of it."""
    with served.api(tmp_path_factory.mktemp("cluster")) as cluster, cluster.controller():
        cluster.create(pool("good", RANGE), advertisement())
        cluster.create(service("default/kept", loadBalancerIP=KEPT))
        assert cluster.address("default/kept") == KEPT
        yield cluster


@pytest.fixture
def cluster(good: Served) -> Iterator[Served]:
    """The same, and what a test leaves of it must be the same again."""
    before = good.state("controller")
    assert before["config"] == {"stale": False, "partial": False, "problems": [], "pools": ["good"]}
    yield good
    until("everything is as before", lambda: good.state("controller") == before)


# Configuration


class Bad(NamedTuple):
    """A piece of configuration, and the words by which its owner finds what is wrong."""

    body: JSON
    words: str


OVERLAP = 'CIDR "192.0.2.128/26" in pool "second" overlaps with already defined CIDR "192.0.2.0/24"'
REFUSED = {
    "reversed range": Bad(pool("bad", "10.9.9.20-10.9.9.10"), 'start IP "10.9.9.20" is after the end IP "10.9.9.10"'),
    "overlapping pools": Bad(pool("second", "192.0.2.128/26"), OVERLAP),
    "overlap in itself": Bad(pool("bad", "10.9.9.0/24", "10.9.9.7/32"), "overlaps with already defined CIDR"),
    "no range": Bad(pool("bad", "nonsense"), '"nonsense" is not an IP address'),
    "two families": Bad(pool("bad", "10.9.9.1-fd00::1"), "start and end are of different families"),
    "no addresses": Bad(pool("bad"), "parsing address pool bad: pool has no prefixes defined"),
    "selector": Bad(
        advertisement("bad", nodeSelectors=[{"matchExpressions": [{"key": "a", "operator": "Nonsense"}]}]), "Nonsense"
    ),
    "a router without an AS": Bad(
        made("BGPPeer", "bad", "v1beta2", myASN=64512, peerAddress="192.0.2.1"), "parsing peer bad missing peer ASN"
    ),
    "a length that no pool has room for": Bad(
        made("BGPAdvertisement", "bad", aggregationLength=16), "more specific than the aggregation length"
    ),
    "a community that is none": Bad(
        made("Community", "bad", communities=[{"name": "x", "value": "1:70000"}]), "invalid community value"
    ),
    "garbage": Bad(config_map("address-pools: [}\n\t- %"), "data.config is not YAML"),
    "no mapping": Bad(config_map("just some words"), "a mapping with address-pools is expected"),
    "unknown key": Bad(config_map(OLD_POOL + "adress-pools: []\n"), 'unknown key "adress-pools"'),
    "unknown key of a pool": Bad(config_map(OLD_POOL + "  adresses: []\n"), 'unknown key "adresses"'),
    "unknown protocol": Bad(config_map(OLD_POOL.replace("layer2", "layer3")), 'unknown protocol "layer3"'),
    "the name of another": Bad(config_map(OLD_POOL.replace("old", "good")), 'duplicate definition of pool "good"'),
}


def assert_last_good_stays(cluster: Served) -> None:
    """What a Service has it keeps, and a new one is served."""
    state = cluster.state("controller")
    assert state["config"]["pools"] == ["good"]
    assert state["config"]["stale"] is True
    assert cluster.metrics("controller")["metallb_k8s_client_config_stale_bool"] == 1
    cluster.create(service("default/new"))
    assert cluster.address("default/new") == "192.0.2.0"
    assert cluster.addresses("default/kept") == [KEPT]
    cluster.remove(service("default/new"))


@pytest.mark.parametrize("bad", REFUSED.values(), ids=REFUSED)
def test_configuration(cluster: Served, bad: Bad) -> None:
    """Told on the very object, in the log and in /state; the last good one stays; all is well when it is gone."""
    seen = len(cluster.logged())
    kind, meta = bad.body["kind"], bad.body["metadata"]
    try:
        cluster.create(bad.body)
        until("the problem", lambda: any(bad.words in one for one in cluster.state("controller")["config"]["problems"]))
        [problem] = cluster.state("controller")["config"]["problems"]
        assert f"{meta['namespace']}/{meta['name']}" in problem
        told = until("the Event", lambda: cluster.told(meta["namespace"], meta["name"], kind))
        assert [(one.type, one.reason, one.component) for one in told][-1] == (
            *("Warning", "ConfigurationError"),
            "metallb-controller",
        )
        assert any(bad.words in one.message for one in told)
        until("the log", lambda: "config_rejected" in cluster.logged()[seen:])
        assert_last_good_stays(cluster)
    finally:
        cluster.remove(bad.body)
    until("the log", lambda: "config_loaded" in cluster.logged()[seen:])


def test_a_good_pool_that_becomes_bad_stays_as_it_was(cluster: Served) -> None:
    try:
        cluster.patch(f"{METALLB}/ipaddresspools/good", {"spec": {"addresses": ["192.0.2.9-192.0.2.1"]}})
        until("the problem", lambda: cluster.state("controller")["config"]["problems"])
        assert_last_good_stays(cluster)
    finally:
        cluster.patch(f"{METALLB}/ipaddresspools/good", {"spec": {"addresses": [RANGE]}})


@pytest.mark.parametrize("spec", [{}, {"addresses": "10.9.9.0/24"}, {"addresses": [1]}])
def test_what_the_definition_refuses_never_comes_to_be(cluster: Served, spec: JSON) -> None:
    body = {**pool("bad"), "spec": spec}
    with pytest.raises(Invalid, match=r"spec\.addresses"):
        cluster.create(body)


# Services


class Wish(NamedTuple):
    """What a Service asks for, and what it is told."""

    spec: JSON
    annotations: dict[str, str]
    reason: str
    words: str


def wish(reason: str, words: str, *, pins: str = "", pool: str = "", share: str = "", **spec: Any) -> Wish:
    given = {"loadBalancerIPs": pins, "address-pool": pool, "allow-shared-ip": share}
    return Wish(spec, {f"metallb.io/{name}": value for name, value in given.items() if value}, reason, words)


OUTSIDE = "10.200.0.1"
WISHES = {
    "a pool that is not": wish("pool_not_found", 'unknown pool "nowhere"', pool="nowhere"),
    "no address": wish("invalid_request", 'invalid metallb.io/loadBalancerIPs: "nonsense"', pins="nonsense"),
    "half an address": wish("invalid_request", 'invalid metallb.io/loadBalancerIPs: "192.0.2.9,"', pins="192.0.2.9,"),
    "both ways of pinning": wish(
        *("invalid_request", "service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP"),
        pins="192.0.2.8",
        loadBalancerIP="192.0.2.8",
    ),
    "outside every pool": wish("address_in_no_pool", f'["{OUTSIDE}"] is not allowed in config', loadBalancerIP=OUTSIDE),
    "outside, annotated": wish("address_in_no_pool", f'["{OUTSIDE}"] is not allowed in config', pins=OUTSIDE),
    "the other family": wish(
        "family_mismatch", '["fd00::9"] does not match the ipFamily of the service', pins="fd00::9"
    ),
    "two of one family": wish("invalid_request", "has the same family", pins="192.0.2.8,192.0.2.9"),
    "another's": wish("address_in_use", "address also in use by default/kept", pins=KEPT),
    "another's, shared alone": wish("address_in_use", "address also in use by default/kept", pins=KEPT, share="mine"),
}


@pytest.mark.parametrize("asked", WISHES.values(), ids=WISHES)
def test_service(cluster: Served, asked: Wish) -> None:
    """It stays pending and says why; nobody else notices."""
    body = service("default/asks", annotations=asked.annotations, **asked.spec)
    seen = len(cluster.logged())
    uids = {event["metadata"]["uid"] for event in events(cluster)}
    try:
        cluster.create(body)
        message = until("an Event", lambda: [one for one in events(cluster) if one["metadata"]["uid"] not in uids])[0]
        assert (message["type"], message["reason"]) == ("Warning", "AllocationFailed")
        assert asked.words in message["message"]
        waiting = cluster.state("controller")["waiting"]["default/asks"]
        assert waiting["reason"] == asked.reason
        assert asked.words in waiting["text"]
        assert cluster.metrics("controller")[f'pylb_services_pending{{reason="{asked.reason}"}}'] == 1
        assert f"reason={asked.reason}" in cluster.logged()[seen:]
        assert cluster.addresses("default/asks") == []
        assert cluster.addresses("default/kept") == [KEPT]
    finally:
        cluster.remove(body)


def events(cluster: Served) -> list[JSON]:
    found: list[JSON] = cluster.get("/api/v1/namespaces/default/events")["items"]
    return [event for event in found if event["involvedObject"]["name"] == "asks"]


def test_a_service_whose_wish_turns_into_nonsense_keeps_what_it_has(cluster: Served) -> None:
    path = "/api/v1/namespaces/default/services/kept"
    pin = "metallb.io/loadBalancerIPs"
    words = f"invalid requested loadbalancer IPs: service can not have both {pin} and svc.Spec.LoadBalancerIP"
    try:
        cluster.patch(path, {"metadata": {"annotations": {pin: "nonsense"}}})
        told = until("the Event", lambda: [one for one in cluster.told("default", "kept") if one.type == "Warning"])
        assert [one[:3] for one in told] == [("Warning", "LoadBalancerFailed", "metallb-controller")]
        assert told[0].message.startswith(f"{words}; "), "what would help stands behind MetalLB's words"
        assert cluster.addresses("default/kept") == [KEPT]
    finally:
        cluster.patch(path, {"metadata": {"annotations": {pin: None}}})


# A controller that starts with it


def test_a_controller_that_finds_a_bad_configuration_takes_no_address_away(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """It never had a good one: it goes by what is valid, and leaves alone what the rest would tell of."""
    second, broken = pool("another", "192.0.2.128/26"), pool("broken", "198.51.100.0/24", autoAssign=False)
    spoilt = {"spec": {"addresses": ["198.51.100.9-198.51.100.1"]}}
    with served.api(tmp_path_factory.mktemp("restart")) as cluster:
        cluster.create(pool("good", RANGE), broken, advertisement(), service("default/kept"))
        cluster.create(service("default/dark", loadBalancerIP="198.51.100.7"))
        with cluster.controller():
            assert cluster.address("default/kept") == "192.0.2.0"
            assert cluster.address("default/dark") == "198.51.100.7"
        time.sleep(AGE_S)
        cluster.create(second)
        cluster.patch(f"{METALLB}/ipaddresspools/broken", spoilt)
        with cluster.controller():
            until("the problems", lambda: len(cluster.state("controller")["config"]["problems"]) == 2)
            assert cluster.state("controller")["config"]["pools"] == ["good"], "the older of the two that overlap"
            assert cluster.state("controller")["config"]["partial"]
            assert not cluster.is_ready()
            cluster.create(service("default/new"), service("default/wants", loadBalancerIP="198.51.100.8"))
            assert cluster.address("default/new") == "192.0.2.1"
            until("its owner is told", lambda: "ConfigurationError" in reasons(cluster, "dark"))
            until("who waits is told", lambda: "ConfigurationError" in reasons(cluster, "wants"))
            assert cluster.addresses("default/kept") == ["192.0.2.0"]
            assert cluster.addresses("default/dark") == ["198.51.100.7"]
            cluster.patch(f"{METALLB}/ipaddresspools/broken", {"spec": broken["spec"]})
            cluster.remove(second)
            assert cluster.address("default/wants") == "198.51.100.8"
            until("it is ready", lambda: cluster.is_ready())
            assert cluster.addresses("default/kept") == ["192.0.2.0"]
            assert cluster.addresses("default/dark") == ["198.51.100.7"]
            assert reasons(cluster, "kept") == ["IPAllocated"]


def reasons(cluster: Served, name: str) -> list[str]:
    """Of the Events about a Service."""
    return [one.reason for one in cluster.told("default", name)]
