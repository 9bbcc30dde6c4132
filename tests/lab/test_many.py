"""A node with many addresses: they go, or stay, as one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from fakes import takeovers
from fakes.cluster import JSON, service, until
from fakes.lan import Lan
from fakes.takeovers import SANE_S, WATCHED_S, watch

MANY = [f"10.79.0.{last}" for last in range(130, 180)]
ADVERTISEMENTS = "/apis/metallb.io/v1beta1/namespaces/metallb-system/l2advertisements"
Say = Callable[[str], None]


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
        watch(WATCHED_S)
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
