"""The owner of an address is lost: another node answers for it, the client is served again, and nobody answers twice.

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
from fakes.cluster import advertisement, deployment, pool, service, until
from fakes.lan import Lan
from fakes.takeovers import SANE_S, TWO_BEATS_S, WATCHED_S

ADDRESS, URL = "10.77.0.200", "http://10.77.0.200/"
FROZEN_S = 1.5  # three times the deadline
LISTENS_S = 0.2  # at least, before a speaker that was held up answers: two beats of each of the others
Say = Callable[[str], None]


@pytest.fixture(scope="module")
def shared() -> Iterator[Lan]:
    """A lab, with a Service that three pods on three nodes serve."""
    with lans.start("10.77.0.0/24") as lan:
        lan.create(
            pool("good", "10.77.0.128/25", "fd77::100/120"),
            advertisement(),
            deployment("default/web", {"app": "web"}, 8080, replicas=3),
            service("default/front", loadBalancerIP=ADDRESS),
        )
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


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Print a figure beside the test's name."""

    def tell(text: str) -> None:
        with capsys.disabled():
            print(f" [{text}]", end="", flush=True)

    return tell


Fault = Callable[[Lan, str], None]
FAULTS: dict[str, tuple[Fault, Fault]] = {
    "the LAN cable": (lambda lan, node: lan.lab.cut(node), lambda lan, node: lan.lab.mend(node)),
    "both cables": (lambda lan, node: lan.lab.cut(node, "both"), lambda lan, node: lan.lab.mend(node, "both")),
    "the power": (lambda lan, node: lan.lab.power(node, False), lambda lan, node: lan.lab.power(node, True)),
}


@pytest.mark.parametrize(("lose", "heal"), FAULTS.values(), ids=FAULTS)
def test_the_node_is_lost_and_comes_back(lan: Lan, say: Say, lose: Fault, heal: Fault) -> None:
    """Another node takes the address over; at the heal two nodes answer for the blink of a hand-over at most."""
    owner = lan.owner(ADDRESS)
    say(str(takeovers.lose(lan, ADDRESS, lambda: lose(lan, owner), lambda: heal(lan, owner))))


def test_the_speaker_is_killed(lan: Lan, say: Say) -> None:
    """Its node goes on carrying what it is sent: requests fail while nobody tells where the address is, at most."""
    owner = lan.owner(ADDRESS)
    with lan.probe(URL) as probe, lan.asker(ADDRESS) as asker:
        killed = time.time()
        lan.lab.speaker("kill", owner)
        try:
            other = lan.owner(ADDRESS, beside=owner)
            after = next(at for at, mac in asker.answers() if mac == lan.mac(other)) - killed
            probe.wait_steady(killed + after)
        finally:
            lan.lab.speaker("start", owner)
        lan.settled()
        say(f"{owner} to {other} after {after * 1000:.0f} ms, {probe.failed()} requests failed")
    assert after < SANE_S


def test_the_speaker_is_stopped_in_order(lan: Lan, say: Say) -> None:
    owner = lan.owner(ADDRESS)
    stop, start = (lambda: lan.lab.speaker("stop", owner)), (lambda: lan.lab.speaker("start", owner))
    say(str(takeovers.hand_over(lan, ADDRESS, stop, start)))


def test_a_speaker_that_thaws_does_not_answer_for_what_another_owns(lan: Lan, say: Say) -> None:
    """Questions that queued up meanwhile are not answered, and it listens before it takes the address back."""
    owner = lan.owner(ADDRESS)
    with lan.asker(ADDRESS) as asker:
        frozen = time.time()
        lan.lab.speaker("freeze", owner)
        try:
            other = lan.owner(ADDRESS, beside=owner)
            until("it was frozen for long", lambda: time.time() > frozen + FROZEN_S)
        finally:
            thawed = time.time()
            lan.lab.speaker("thaw", owner)
        lan.settled()
        until("it was watched", lambda: time.time() > thawed + WATCHED_S)
        asker.stop()
    lan.owner(ADDRESS)
    answers = asker.answers()
    moved = next(at for at, mac in answers if mac == lan.mac(other)) - frozen
    first = min(at for at, mac in answers if mac == lan.mac(owner) and at > frozen + moved) - thawed
    overlap = max(0.0, max(at for at, mac in answers if mac == lan.mac(other)) - thawed - first)
    say(f"{owner} to {other} after {moved * 1000:.0f} ms, back {first * 1000:.0f} ms after the thaw")
    assert moved < SANE_S
    assert first > LISTENS_S
    assert overlap <= TWO_BEATS_S
    assert asker.longest_dispute() <= TWO_BEATS_S


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
