"""The owner of an address is lost: another node answers for it, the client is served again, and nobody answers twice.
Its speaker alone is lost: another answers in its place, and nothing moves.

Each way of losing it once. Speed is not asserted beyond its order of magnitude; the figures are printed.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from fakes import lan as lans
from fakes import takeovers
from fakes.cluster import deployment, service, until
from fakes.lan import Lan
from fakes.takeovers import PATIENT_MS, SANE_S

ADDRESS, URL = "10.77.0.200", "http://10.77.0.200/"
FROZEN_S = 1.5  # three times the deadline
Say = Callable[[str], None]


@pytest.fixture(scope="module")
def shared() -> Iterator[Lan]:
    """A lab, with a Service that three pods on three nodes serve."""
    with lans.start("10.77.0.0/24") as lan:
        lan.front(ADDRESS, "10.77.0.128/25", "fd77::100/120")
        yield lan


@pytest.fixture
def lan(shared: Lan) -> Lan:
    """The same with everything well: all speakers hear each other, and all pods serve."""
    shared.settled()
    path = "/apis/apps/v1/namespaces/default/deployments/web"
    until("all pods serve", lambda: shared.get(path)["status"].get("readyReplicas") == 3)
    until("all pods answer", lambda: len(set(shared.bodies(URL, 9)) & pods(shared)) == 3)
    return shared


def pods(lan: Lan) -> set[str]:
    return {pod["metadata"]["name"] for pod in lan.get("/api/v1/namespaces/default/pods")["items"]}


Fault = Callable[[Lan, str], None]
FAULTS: dict[str, tuple[Fault, Fault]] = {
    "the LAN cable": (lambda lan, node: lan.lab.cut(node), lambda lan, node: lan.lab.mend(node)),
    "both cables": (lambda lan, node: lan.lab.cut(node, "both"), lambda lan, node: lan.lab.mend(node, "both")),
    "the power": (lambda lan, node: lan.lab.power(node, False), lambda lan, node: lan.lab.power(node, True)),
}


@pytest.mark.parametrize(("lose", "heal"), FAULTS.values(), ids=FAULTS)
def test_the_node_is_lost_and_comes_back(lan: Lan, say: Say, lose: Fault, heal: Fault) -> None:
    """Another node takes the address over and keeps it: the one that comes back does not say a word about it."""
    owner = lan.owner(ADDRESS)
    say(str(takeovers.lose(lan, ADDRESS, lambda: lose(lan, owner), lambda: heal(lan, owner))))


ENDS: dict[str, tuple[str, str]] = {"stopped in order": ("stop", "start"), "killed": ("kill", "start")}


@pytest.mark.parametrize(("away", "back"), ENDS.values(), ids=ENDS)
def test_the_speaker_ends_and_its_node_lives(lan: Lan, say: Say, away: str, back: str) -> None:
    """Another answers with its node's MAC until it is back: nothing moves, and no connection breaks."""
    owner = lan.owner(ADDRESS)
    say(
        str(
            takeovers.hand_over(
                lan, ADDRESS, lambda: lan.lab.speaker(away, owner), lambda: lan.lab.speaker(back, owner)
            )
        )
    )


def test_the_speaker_stands_still_and_goes_on(lan: Lan, say: Say) -> None:
    """The questions that queued up meanwhile are not answered, and it is the owner still."""
    owner = lan.owner(ADDRESS)

    def thaw() -> None:
        until("it was frozen for long", lambda: time.time() > frozen + FROZEN_S)
        lan.lab.speaker("thaw", owner)

    frozen = time.time()
    say(str(takeovers.hand_over(lan, ADDRESS, lambda: lan.lab.speaker("freeze", owner), thaw)))


def test_a_long_connection_lasts_while_speakers_end_one_after_the_other(lan: Lan) -> None:
    """A rollout: no address moves, so that what tracks the connections stays where it is."""
    owner = lan.claims(ADDRESS)
    with lan.probe(URL, PATIENT_MS) as probe, lan.asker(ADDRESS) as asker, lan.talk(ADDRESS, 80) as talk:
        for node in lan.nodes:
            lan.lab.speaker("stop", node)
            lan.lab.speaker("start", node)
            lan.settled()
            until("nobody stands in any more", lambda: not lan.standing(ADDRESS))
        asker.stop()
        assert probe.failed() == 0
        assert talk.lasts()
    [node] = owner
    assert takeovers.told_by(asker) == {lan.mac(node)}
    assert lan.claims(ADDRESS) == owner


def test_it_is_taken_over_while_the_api_server_is_away(lan: Lan, say: Say) -> None:
    owner = lan.owner(ADDRESS)
    api = lan.lab.status()["processes"]["api"]["pid"]
    with lan.probe(URL) as probe:
        os.kill(api, signal.SIGSTOP)
        try:
            cut = time.time()
            lan.lab.cut(owner)
            outage = probe.wait_outage(cut, SANE_S)
            other = lan.owner(ADDRESS, beside=owner)
        finally:
            os.kill(api, signal.SIGCONT)
            lan.lab.mend(owner)
    say(f"{owner} to {other}, answered after {outage * 1000:.0f} ms")
    lan.settled()
    lan.ask(URL)
    assert list(lan.claims(ADDRESS)) == [other]


def test_an_address_of_ipv6_is_given_and_not_announced_and_the_log_says_why(lan: Lan) -> None:
    """The same Service's address of IPv4 is answered meanwhile."""
    body = service("default/both", ipFamilyPolicy="RequireDualStack", ipFamilies=["IPv4", "IPv6"])
    lan.create(body)
    try:
        four, six = until("both addresses", lambda: lan.addresses("default/both"))
        assert six == "fd77::100"

        def logged() -> list[str]:
            words = f"address={six} reason=family_not_announced"
            return [node for node in lan.nodes if words in lan.lab.logs(f"speaker-{node}")]

        [node] = until("the reason", logged)
        told = {one["address"]: one for one in lan.state(f"speaker-{node}")["addresses"]}
        assert (told[six]["mine"], told[six]["reason"], told[six]["interfaces"]) == (False, "family_not_announced", [])
        assert lan.owner(four) == node
        lan.ask(f"http://{four}/")
    finally:
        lan.remove(body)


def test_policy_local_is_announced_where_a_pod_is_and_keeps_the_clients_address(lan: Lan) -> None:
    """From the only node with a pod, whatever the rank; from another as soon as the pod is there instead."""
    address = "10.77.0.210"
    body = service("default/local", loadBalancerIP=address, externalTrafficPolicy="Local", selector={"app": "local"})
    homes = {node: deployment(f"default/on-{node}", {"app": "local"}, 8080, nodeName=node) for node in lan.nodes}
    lan.create(body)
    try:
        for node in lan.nodes:
            lan.create(homes[node])
            until(f"{node} answers for it", lambda node=node: lan.owners(address) == [node])
            until("a pod answers", lambda node=node: lan.ask(f"http://{address}/").startswith(f"on-{node}-"))
            assert lan.ask(f"http://{address}/").endswith(f" from {lan.lab.hosts['client']['lan']}")
            lan.remove(homes[node])
        until("nobody answers for it", lambda: lan.owners(address) == [])
    finally:
        lan.remove(body, *homes.values())
