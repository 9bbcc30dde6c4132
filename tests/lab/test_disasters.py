"""Disasters on real packets: what of a node, of its speaker or of the LAN is lost, and who answers for its addresses.

The plain losses are played in test_takeover.py. Speed is not asserted beyond its order of magnitude; figures are printed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from fakes import lan as lans
from fakes import switching, takeovers
from fakes.cluster import JSON, advertisement, deployment, pool, service, until
from fakes.lan import Lan
from fakes.takeovers import ONE_OWNER_S, SANE_S, TWO_BEATS_S, WATCHED_S

ADDRESS, URL = "10.79.0.200", "http://10.79.0.200/"
APART_S = 5.0  # a LAN in two parts: longer than a node without a witness waits (3 s)
FILTERED_S = 3.0
FLAPS, OUT_S = 10, 0.6
MANY = [f"10.79.0.{last}" for last in range(130, 180)]
ADVERTISEMENTS = "/apis/metallb.io/v1beta1/namespaces/metallb-system/l2advertisements"
PODS = "/apis/apps/v1/namespaces/default/deployments/web"
Say = Callable[[str], None]


@pytest.fixture(scope="module")
def shared() -> Iterator[Lan]:
    """A lab, with a Service that three pods on three nodes serve."""
    with lans.start("10.79.0.0/24") as lan:
        lan.create(
            pool("good", "10.79.0.128/25"),
            advertisement(),
            deployment("default/web", {"app": "web"}, 8080, replicas=3),
            service("default/front", loadBalancerIP=ADDRESS),
        )
        yield lan


@pytest.fixture
def lan(shared: Lan) -> Lan:
    """The same with everything well: all speakers hear each other and agree, and all pods serve."""
    shared.settled()
    until("nobody stands in", lambda: not shared.standing(ADDRESS))
    shared.claims(ADDRESS)
    until("all pods serve", lambda: shared.get(PODS)["status"].get("readyReplicas") == 3)
    shared.ask(URL)
    return shared


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Print a figure beside the test's name."""

    def tell(text: str) -> None:
        with capsys.disabled():
            print(f" [{text}]", end="", flush=True)

    return tell


def sleep(seconds: float) -> None:
    began = time.monotonic()
    until("time passes", lambda: time.monotonic() > began + seconds, seconds + 1)


def unmoved(lan: Lan, act: Callable[[], object], undo: Callable[[], object], seconds: float) -> None:
    """Nothing moves and no request fails while something is so for some seconds, nor after it."""
    before = lan.claims(ADDRESS)
    [owner] = before
    with lan.probe(URL) as probe, lan.asker(ADDRESS) as asker, lan.listener() as listener:
        act()
        try:
            sleep(seconds)
        finally:
            undo()
        lan.settled()
        sleep(WATCHED_S)
        asker.stop()
        listener.stop()
        assert probe.failed() == 0
    assert takeovers.told_by(asker) == {lan.mac(owner)}
    assert takeovers.spoken_by(listener, ADDRESS) <= {lan.mac(owner)}
    assert asker.silence() < takeovers.SILENT_S
    assert lan.claims(ADDRESS) == before


# A node, and what runs on it


def test_kubernetes_and_the_speaker_end_while_the_kernel_lives(lan: Lan, say: Say) -> None:
    """The kubelet's port refuses: another takes over at once, and keeps the address."""
    owner = lan.owner(ADDRESS)
    with lan.asker(ADDRESS) as asker:
        lan.lab.kubelet("stop", owner)
        try:
            killed = time.time()
            lan.lab.speaker("kill", owner)
            other = lan.owner(ADDRESS, beside=owner)
            lan.ask(URL)
        finally:
            lan.lab.kubelet("start", owner)
            lan.lab.speaker("start", owner)
        lan.settled()
        sleep(WATCHED_S)
        asker.stop()
    after = next(at for at, mac in asker.answers() if mac == lan.mac(other)) - killed
    say(f"{owner} to {other} after {after * 1000:.0f} ms")
    assert after < SANE_S
    assert takeovers.told_by(asker, killed + after + TWO_BEATS_S) == {lan.mac(other)}
    assert list(lan.claims(ADDRESS)) == [other]


def test_a_kubelet_that_ends_moves_nothing(lan: Lan) -> None:
    owner = lan.owner(ADDRESS)
    unmoved(lan, lambda: lan.lab.kubelet("stop", owner), lambda: lan.lab.kubelet("start", owner), FILTERED_S)


def test_all_speakers_are_killed_and_started_again(lan: Lan, say: Say) -> None:
    """Whoever the API names as the owner is the owner again."""
    owner = lan.owner(ADDRESS)
    with lan.asker(ADDRESS) as asker, lan.listener() as listener:
        for node in lan.nodes:
            lan.lab.speaker("kill", node)
        starts = [threading.Thread(target=lan.lab.speaker, args=("start", node)) for node in lan.nodes]
        for start in starts:
            start.start()
        for start in starts:
            start.join()
        lan.settled()
        until("it is answered for", lambda: lan.owners(ADDRESS) == [owner])
        sleep(WATCHED_S)
        asker.stop()
        listener.stop()
    say(f"{owner} stayed, ARP silent for {asker.silence() * 1000:.0f} ms")
    assert takeovers.told_by(asker) == {lan.mac(owner)}
    assert takeovers.spoken_by(listener, ADDRESS) <= {lan.mac(owner)}
    assert list(lan.claims(ADDRESS)) == [owner]
    lan.ask(URL)


def test_two_nodes_are_lost_one_after_the_other(lan: Lan, say: Say) -> None:
    first = lan.owner(ADDRESS)
    with lan.probe(URL) as probe:
        began = time.time()
        lan.lab.cut(first)
        try:
            gap = probe.wait_outage(began, SANE_S)
            second = lan.owner(ADDRESS, beside=first)
            again = time.time()
            lan.lab.cut(second)
            other = probe.wait_outage(again, SANE_S)
            third = until("the third has it", lambda: lan.owners(ADDRESS))
        finally:
            lan.lab.mend(first)
            lan.lab.mend(second)
        lan.settled()
        sleep(WATCHED_S)
    say(f"{first}, {second}, {third}: answered after {gap * 1000:.0f} and {other * 1000:.0f} ms")
    assert set(lan.nodes) - {first, second} == set(third)
    assert list(lan.claims(ADDRESS)) == third


# The LAN


def test_beats_are_filtered_at_the_owner_and_the_lan_is_well(lan: Lan) -> None:
    """Its node and its addresses answer: it owns them."""
    owner = lan.owner(ADDRESS)
    unmoved(lan, lambda: switching.block_beats(lan, owner), lambda: switching.pass_beats(lan, owner), FILTERED_S)


def test_beats_are_filtered_everywhere_and_the_lan_is_well(lan: Lan) -> None:
    def block() -> None:
        for node in lan.nodes:
            switching.block_beats(lan, node)

    def let_pass() -> None:
        for node in lan.nodes:
            switching.pass_beats(lan, node)

    unmoved(lan, block, let_pass, FILTERED_S)


def test_a_cable_flaps(lan: Lan, say: Say) -> None:
    """The address leaves the node once at most, for good."""
    owner = lan.owner(ADDRESS)
    with lan.asker(ADDRESS) as asker:
        for _ in range(FLAPS):
            lan.lab.cut(owner)
            sleep(OUT_S)
            lan.lab.mend(owner)
            sleep(OUT_S)
        lan.settled()
        sleep(WATCHED_S)
        asker.stop()
    [other] = lan.claims(ADDRESS)
    answers = asker.answers()
    moved = next(at for at, mac in answers if mac == lan.mac(other))
    say(f"{owner} to {other}, disputed for {asker.longest_dispute() * 1000:.0f} ms")
    assert other != owner
    assert takeovers.told_by(asker, moved) == {lan.mac(other)}
    lan.ask(URL)


def test_the_cable_of_another_node_flaps_and_nothing_moves(lan: Lan) -> None:
    owner = lan.owner(ADDRESS)
    flapping = next(node for node in lan.nodes if node != owner)

    def flap() -> None:
        for _ in range(FLAPS):
            lan.lab.cut(flapping)
            sleep(OUT_S / 2)
            lan.lab.mend(flapping)
            sleep(OUT_S / 2)

    before = lan.claims(ADDRESS)
    with lan.asker(ADDRESS) as asker:
        flap()
        lan.settled()
        sleep(WATCHED_S)
        asker.stop()
    assert takeovers.told_by(asker) == {lan.mac(owner)}
    assert lan.claims(ADDRESS) == before


# A LAN in two parts: inside its switches, so that each carrier stays up and the API is reached


def split(lan: Lan, away: list[str], say: Say) -> tuple[str, str, set[str]]:
    """Cut nodes off from the router, and join all again: who owned before, who owns after it, and which MACs the router
    heard of while the LAN was apart. After the heal's first second one node alone is heard."""
    owner = lan.owner(ADDRESS)
    with lan.asker(ADDRESS) as asker, lan.listener() as listener:
        switching.part(lan, *away)
        try:
            parted = time.time()
            sleep(APART_S)
        finally:
            healed = time.time()
            switching.join(lan, *away)
        lan.settled()
        sleep(WATCHED_S)
        asker.stop()
        listener.stop()
    [after] = lan.claims(ADDRESS)
    assert takeovers.told_by(asker, healed + ONE_OWNER_S) == {lan.mac(after)}
    assert takeovers.spoken_by(listener, ADDRESS, healed + ONE_OWNER_S) <= {lan.mac(after)}
    dispute = asker.longest_dispute()
    say(f"{owner}, then {after}; two answered for {dispute * 1000:.0f} ms")
    assert dispute < ONE_OWNER_S
    lan.ask(URL)
    macs = {mac for at, mac in asker.answers() if parted + SANE_S - 1 < at < healed}
    return owner, after, macs


def test_the_owner_is_cut_off_with_its_carrier_up(lan: Lan, say: Say) -> None:
    """The two that reach the gateway take over; the one that was alone gains nothing at the heal."""
    owner, after, meanwhile = split(lan, [lan.owner(ADDRESS)], say)
    assert after != owner
    assert meanwhile == {lan.mac(after)}


def test_two_others_are_cut_off_and_the_owner_has_the_gateway(lan: Lan, say: Say) -> None:
    """They have nothing to show for it: whoever kept its witness keeps the address."""
    owner, after, meanwhile = split(lan, [node for node in lan.nodes if node != lan.owner(ADDRESS)], say)
    assert after == owner
    assert meanwhile == {lan.mac(owner)}


def test_the_owner_is_cut_off_with_another_and_the_third_has_the_gateway(lan: Lan, say: Say) -> None:
    """The third serves the clients, and goes on with it."""
    owner = lan.owner(ADDRESS)
    other, third = (node for node in lan.nodes if node != owner)
    _, after, meanwhile = split(lan, [owner, other], say)
    assert after == third
    assert meanwhile == {lan.mac(third)}


def test_another_node_is_cut_off_and_nothing_moves(lan: Lan, say: Say) -> None:
    before = lan.claims(ADDRESS)
    owner, after, meanwhile = split(lan, [next(node for node in lan.nodes if node != lan.owner(ADDRESS))], say)
    assert after == owner
    assert meanwhile == {lan.mac(owner)}
    assert lan.claims(ADDRESS) == before


# Many addresses


def only(*nodes: str) -> list[JSON]:
    """The node selectors that choose these nodes."""
    return [{"matchLabels": {"kubernetes.io/hostname": node}} for node in nodes]


@pytest.fixture
def loaded(lan: Lan) -> Iterator[str]:
    """A node that owns MANY addresses, which all nodes might own: they stay where they were first."""
    node = lan.nodes[0]
    services = [service(f"default/many-{number}", loadBalancerIP=address) for number, address in enumerate(MANY)]
    lan.patch(f"{ADVERTISEMENTS}/all", {"spec": {"nodeSelectors": only(node)}})
    lan.create(*services)
    until("one node answers for all", lambda: held(lan, node) == set(MANY))
    lan.patch(f"{ADVERTISEMENTS}/all", {"spec": {"nodeSelectors": []}})
    until("all nodes may", lambda: all(len(lan.view(one, MANY[-1])["candidates"]) == 3 for one in lan.nodes))
    yield node
    lan.remove(*services)


def held(lan: Lan, node: str) -> set[str]:
    """Those of MANY for which a node alone answers."""
    return {address for address, macs in lan.lab.arp("router", *MANY).items() if set(macs) == {lan.mac(node)}}


def test_a_node_with_many_addresses_is_lost(lan: Lan, loaded: str, say: Say) -> None:
    """All of them are taken over at once, and stay."""
    assert held(lan, loaded) == set(MANY), "none moved when others might have them"
    with lan.listener() as listener:
        cut = time.time()
        lan.lab.cut(loaded)
        try:
            until("others answer for all", lambda: all(_elsewhere(lan, loaded)))
        finally:
            mended = time.time()
            lan.lab.mend(loaded)
        lan.settled()
        sleep(WATCHED_S)
        listener.stop()
    frames = [frame for frame in listener.frames() if frame["ip"] in MANY and frame["mac"] != lan.mac(loaded)]
    first = [min(frame["at"] for frame in frames if frame["ip"] == address) - cut for address in MANY]
    say(f"announced elsewhere after {min(first) * 1000:.0f} to {max(first) * 1000:.0f} ms")
    assert max(first) < SANE_S
    assert held(lan, loaded) == set()
    for address in MANY:
        assert lan.mac(loaded) not in takeovers.spoken_by(listener, address, mended)


def test_the_speaker_of_a_node_with_many_addresses_is_killed(lan: Lan, loaded: str) -> None:
    """Others answer for all in its place."""
    with lan.listener() as listener:
        lan.lab.speaker("kill", loaded)
        try:
            until(
                "it is stood in for",
                lambda: all(lan.standing(address, but=loaded) for address in MANY[:: len(MANY) - 1]),
            )
            until("all are answered for", lambda: held(lan, loaded) == set(MANY))
        finally:
            lan.lab.speaker("start", loaded)
        lan.settled()
        until("nobody stands in any more", lambda: not lan.standing(MANY[-1]))
        assert held(lan, loaded) == set(MANY)
        listener.stop()
    for address in MANY:
        assert takeovers.spoken_by(listener, address) <= {lan.mac(loaded)}


def _elsewhere(lan: Lan, node: str) -> list[bool]:
    """Whether each of MANY is answered for by one other node."""
    return [len(set(macs)) == 1 and set(macs) != {lan.mac(node)} for macs in lan.lab.arp("router", *MANY).values()]
