"""What a cluster's owner may take from pylb by mistake, and give back: rights, its service accounts, its kinds. The data
plane never notices, nothing crashes or asks too often, and no address is lost."""

from __future__ import annotations

import time
from collections.abc import Callable

from cluster import pylb_on, scenes, steady
from cluster.scenes import FRONT, Scene
from cluster.steady import Steady
from fakes.cluster import JSON, is_ready, service, until
from fakes.real import RealLan
from pylb.addon.names import CONTROLLER, NAMESPACE, SPEAKER
from pylb.addon.render import Settings, render, to_yaml

TAKEN_S = 2.0  # that rights, or kinds, are gone
LOGGED_S = 5.0  # until a refusal is in the log
FORBIDDEN, UNAUTHORIZED = 403, "authentication_attempts"
KINDS = 14  # of requests that a daemon makes
ABSENT_S = 5.0  # between two looks for a kind that does not exist, at most (kube.collection)
USED = ("ipaddresspools", "l2advertisements", "servicel2statuses", "configurationstates")
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
Say = Callable[[str], None]


def manifests(*kinds: str) -> list[JSON]:
    """pylb's own objects of these kinds."""
    return [item for item in render(Settings("unused", "unused")) if item["kind"] in kinds]


def delete(lan: RealLan, *objects: JSON) -> None:
    pylb_on.check(lan.lab, "delete", "--wait=false", "-f", "-", text=to_yaml(objects))


def test_rights_are_taken_and_given_back(scene: Scene, lan: RealLan, say: Say) -> None:
    """The API server starts again meanwhile: else whoever watches would not be asked for his rights."""
    bindings = manifests("ClusterRoleBinding", "RoleBinding")
    with Steady(lan, scene.address) as watched:
        delete(lan, *bindings)
        scene.restart_api()
        key = scene.make()
        taken = time.time()
        until("it lasts", lambda: time.time() > taken + TAKEN_S)
        assert lan.addresses(key) == []
        pylb_on.apply(lan.lab, to_yaml(bindings))
        given = time.monotonic()
        until("the new Service has an address", lambda: lan.addresses(key), scenes.LATE_S)
        took = time.monotonic() - given
        say(f"a new address {took:.2f} s after")
        until("everybody was refused", lambda: refused(lan, watched.began) == set(steady.lives(lan)), LOGGED_S)
        watched.assert_unnoticed()
        watched.assert_alive()
        watched.assert_calm()
    assert took < scenes.GIVEN_S
    lan.remove(service(key))


def refused(lan: RealLan, since: float) -> set[str]:
    """The pods that were told that they have no right."""
    return {steady.pod_of(one) for one in steady.asked(lan, since) if steady.code(one) == FORBIDDEN}


def test_kinds_are_deleted_and_applied_again(scene: Scene, lan: RealLan, say: Say) -> None:
    """Whoever starts meanwhile has never seen a pool, and takes no address away either."""
    definitions = [one for one in manifests("CustomResourceDefinition") if one["spec"]["names"]["plural"] in USED]
    key = scene.make()
    given = until("it has an address", lambda: lan.addresses(key))
    with Steady(lan, scene.address) as watched:
        delete(lan, *definitions)
        until("they are gone", lambda: not any(lan.get(f"{DEFINITIONS}/{name(one)}") for one in definitions))
        gone = time.monotonic()
        until("it lasts", lambda: time.monotonic() > gone + TAKEN_S)
        watched.assert_alive()
        names = [name(pod) for pod in (*lan.pods("controller"), *lan.pods(f"speaker-{scene.spare}"))]
        wanted = len(steady.daemons(lan))
        pylb_on.check(lan.lab, "-n", NAMESPACE, "delete", "pod", *names)
        all_live = lambda: len(found := steady.daemons(lan)) == wanted and all(map(lives, found))
        until("all of them live", all_live, steady.AT_REST_S)
        assert not all(map(is_ready, steady.daemons(lan))), "kinds that nobody knows are no good configuration"
        assert (lan.addresses(FRONT), lan.addresses(key)) == ([scene.address], given)
        pylb_on.apply(lan.lab, to_yaml(definitions))
        pylb_on.check(lan.lab, "wait", "--for=condition=Established", "crd", *map(name, definitions), "--timeout=20s")
        lan.create(*scenes.configuration())
        began = time.monotonic()
        took = scene.served_anew()
        until("all speakers know the pool", lambda: all(knows(lan, node) for node in lan.nodes), 2 * ABSENT_S)
        known = time.monotonic() - began
        say(f"a new address after {took:.2f} s, known to all after {known:.2f} s")
        assert (lan.addresses(FRONT), lan.addresses(key)) == ([scene.address], given)
        watched.assert_unnoticed()
        watched.assert_calm()
        assert steady.crashes(lan) == {}
    assert took < ABSENT_S + scenes.GIVEN_S
    lan.remove(service(key))


def lives(pod: JSON) -> bool:
    """Whether its containers have started, ready or not."""
    statuses = pod["status"].get("containerStatuses") or ()
    return bool(statuses) and all(one.get("started") for one in statuses)


def name(item: JSON) -> str:
    return str(item["metadata"]["name"])


def knows(lan: RealLan, node: str) -> bool:
    """Whether a speaker has the pool."""
    return "metallb_k8s_client_config_loaded_bool 1\n" in lan.read(f"speaker-{node}", "metrics").decode()


def test_the_service_accounts_are_deleted_and_made_again(scene: Scene, lan: RealLan, say: Say) -> None:
    """Kubernetes gives pods that run no token of the new accounts: pylb goes on without the API until it is restarted.

    While it is, no new connection fails either, of a client that asks for the address all the time. The API server
    starts again after the deletion, since it takes a token that it has seen for 10 s more, and a watch for ever.
    """
    accounts = manifests("ServiceAccount")
    try:
        with Steady(lan, scene.address) as watched:
            delete(lan, *accounts)
            scene.restart_api()
            until("tokens are refused", lambda: failures(lan), LOGGED_S)
            pylb_on.apply(lan.lab, to_yaml(accounts))
            since, began = failures(lan), time.monotonic()
            key = scene.make()
            until("it lasts", lambda: time.monotonic() > began + TAKEN_S)
            rate = (failures(lan) - since) / (time.monotonic() - began)
            watched.assert_unnoticed()
            watched.assert_alive()
            assert rate < steady.IN_WINDOW / steady.WINDOW_S * KINDS * len(steady.daemons(lan))
    finally:
        pylb_on.apply(lan.lab, to_yaml(accounts))
        told = restarted(scene)
    until("the new Service has an address", lambda: lan.addresses(key), scenes.LATE_S)
    say(f"{rate:.1f} refusals a second; restarted in {told}")
    assert lan.addresses(FRONT) == [scene.address]
    lan.remove(service(key))


def restarted(scene: Scene) -> str:
    """Restart all of pylb, the speakers one after the other, unnoticed; figures."""
    lan, workloads = scene.lan, (f"deployment/{CONTROLLER}", f"daemonset/{SPEAKER}")
    with lan.forgetful_client(scene.address), Steady(lan, scene.address) as watched:
        pylb_on.check(lan.lab, "-n", NAMESPACE, "rollout", "restart", *workloads)
        for workload in workloads:
            pylb_on.rollout(lan.lab, workload)
        steady.at_rest(lan)
        took = time.time() - watched.began
        watched.assert_unnoticed()
    return f"{took:.0f} s, ARP silent for {watched.silence() * 1000:.0f} ms"


def failures(lan: RealLan) -> float:
    """How many requests came with a token that the API server does not know."""
    lines = lan.text("/metrics").decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(f'{UNAUTHORIZED}{{result="error"'))
