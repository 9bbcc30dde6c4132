"""What no Service can have, and what the API server will not record: said where people look, and no write in a loop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from fakes.cluster import JSON, advertisement, pool, service, until
from fakes.real import RealLan
from pylb.kube.errors import Invalid

GOOD, BAD = "10.77.0.208/28", ("127.0.0.0/30", "::ffff:10.77.0.208/124")
FIRST, SECOND = "10.77.0.208", "10.77.0.209"
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
STATUS = "/api/v1/namespaces/default/services/web/status"
EVENTS = "/api/v1/namespaces/default/events"
NAME, LABEL = "refuse-addresses", "refused"
LOOPED_S = 5.0  # in which a writer in a loop would have written again
REFUSED_S = 30.0  # until a new policy is in force
TEXT = "no address for this one"


@pytest.fixture
def lan(cluster: object) -> Iterator[RealLan]:
    with RealLan(cluster) as lan:
        lan.empty()
        yield lan
        lan.empty()


def policy() -> tuple[JSON, JSON]:
    """The API server itself answers a policy's no with 422, as it does what is invalid."""
    kind: dict[str, Any] = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": NAME}}
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["UPDATE"],
        "resources": ["services/status"],
    }
    has_none = f"!has(object.metadata.labels) || !('{LABEL}' in object.metadata.labels) || !has(object.status.loadBalancer.ingress)"
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": has_none, "message": TEXT, "reason": "Invalid"}],
    }
    binding = {"policyName": NAME, "validationActions": ["Deny"]}
    return (
        {**kind, "kind": "ValidatingAdmissionPolicy", "spec": spec},
        {**kind, "kind": "ValidatingAdmissionPolicyBinding", "spec": binding},
    )


@pytest.fixture
def refusing(lan: RealLan) -> Iterator[None]:
    """No Service with the label gets an address recorded, by anybody."""
    places = (POLICIES, POLICIES.replace("policies", "policybindings"))
    for place, body in zip(places, policy(), strict=True):
        lan.post_all(place, [body])
    try:
        probe = service("default/probe")
        probe["metadata"]["labels"] = {LABEL: "yes"}
        lan.create(probe)
        until("the policy is in force", lambda: is_refused(lan, "probe"), REFUSED_S)
        lan.remove(probe)
        yield
    finally:
        for place in reversed(places):
            lan.typed(f"delete {place.rpartition('/')[2]} {NAME} --ignore-not-found")


def is_refused(lan: RealLan, name: str) -> bool:
    body = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    try:
        lan.patch(STATUS.replace("web", name), body)
    except Invalid as error:
        return error.status == 422
    return False


def told(lan: RealLan, name: str, reason: str) -> list[JSON]:
    items = lan.get(EVENTS)["items"]
    return [one for one in items if one["involvedObject"]["name"] == name and one["reason"] == reason]


def test_a_pool_that_no_service_could_use_is_refused_by_name(lan: RealLan) -> None:
    lan.create(pool("good", GOOD), advertisement())
    lan.create(service("default/web"))
    until("it has an address", lambda: lan.addresses("default/web") == [FIRST])
    for text in BAD:
        lan.create(pool("bad", text))
        problems = until("it is refused", lambda: lan.state("controller")["config"]["problems"])
        assert [
            f'IPAddressPool metallb-system/bad: parsing address pool bad: invalid CIDR "{text}"' in one
            for one in problems
        ] == [True]
        lan.remove(pool("bad", text))
        until("it is good again", lambda: not lan.state("controller")["config"]["problems"])
    assert lan.addresses("default/web") == [FIRST]


def test_the_real_api_server_takes_what_pylb_refuses_and_no_mapped_address(lan: RealLan) -> None:
    """Why a pool of them is refused as it is read: nobody else would say a word."""
    lan.create(service("default/web"))

    def record(address: str) -> None:
        lan.patch(STATUS, {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}})

    for address in ("127.0.0.1", "169.254.1.1", "224.0.0.1", "0.0.0.0", "255.255.255.255", "::1", "fe80::1", "ff02::1"):
        record(address)
    with pytest.raises(Invalid):
        record("::ffff:10.77.0.208")


@pytest.mark.usefixtures("refusing")
def test_a_status_that_is_refused_is_given_back_said_and_left(lan: RealLan) -> None:
    lan.create(pool("good", GOOD), advertisement())
    web = service("default/web")
    web["metadata"]["labels"] = {LABEL: "yes"}
    lan.create(web)
    [event] = until("it is said", lambda: told(lan, "web", "AllocationFailed"))
    message = event["message"]
    assert message.startswith(f'Failed to allocate IP for "default/web": the API server refuses ["{FIRST}"]: ')
    assert TEXT in message
    failed = lan.state("controller")["waiting"]["default/web"]
    assert failed["reason"] == "no_address"
    lan.create(service("default/late"))
    until("another has the address", lambda: lan.addresses("default/late") == [FIRST])
    looked = time.monotonic()
    until("it would have looped", lambda: time.monotonic() > looked + LOOPED_S, 2 * LOOPED_S)
    [event] = told(lan, "web", "AllocationFailed")
    assert event.get("count", 1) == 1
    lan.patch("/api/v1/namespaces/default/services/web", {"metadata": {"labels": {LABEL: None}}})
    until("it has an address", lambda: lan.addresses("default/web") == [SECOND])


def test_a_nodes_own_address_is_given_to_nobody_and_the_pool_is_warned_of(lan: RealLan) -> None:
    addresses = [one for item in lan.get("/api/v1/nodes")["items"] for one in item["status"]["addresses"]]
    internal = [ip_address(one["address"]) for one in addresses if one["type"] == "InternalIP"]
    node = min(one for one in internal if one.version == 4)
    own = {one["address"] for one in addresses}
    free = next(str(node + more) for more in range(1, 9) if str(node + more) not in own)
    lan.create(pool("good", f"{node}-{node + 8}"), advertisement())
    lan.create(service("default/web"), service("default/pinned", loadBalancerIP=str(node)))
    until("it has the first that is no node's", lambda: lan.addresses("default/web") == [free])
    waiting = until("the pin waits", lambda: lan.state("controller")["waiting"].get("default/pinned"))
    assert waiting["reason"] == "node_address"
    events = "/api/v1/namespaces/metallb-system/events"
    until("it is said", lambda: [one for one in lan.get(events)["items"] if one["reason"] == "NodeAddress"])
