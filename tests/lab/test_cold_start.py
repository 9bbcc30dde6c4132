"""All speakers start again at once, with and without the API server: nobody is left who could tell who owned what."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from fakes import takeovers
from fakes.cluster import until
from fakes.lan import Lan
from fakes.takeovers import SANE_S, WATCHED_S, watch

ADDRESS, URL = "10.79.0.200", "http://10.79.0.200/"
BLIND_S = 2.0  # without the API: a speaker that starts listens for less
L2_STATUSES = "/apis/metallb.io/v1beta1/servicel2statuses"
Say = Callable[[str], None]


def test_all_speakers_are_killed_and_started_again(lan: Lan, say: Say) -> None:
    """Whoever the API names as the owner is the owner again, the first in line or not."""
    owner = not_first(lan)
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
        watch(WATCHED_S)
        asker.stop()
        listener.stop()
    say(f"{owner} stayed, ARP silent for {asker.silence() * 1000:.0f} ms")
    assert takeovers.told_by(asker) == {lan.mac(owner)}
    assert takeovers.spoken_by(listener, ADDRESS) <= {lan.mac(owner)}
    assert list(lan.claims(ADDRESS)) == [owner]
    lan.ask(URL)


def test_all_speakers_start_again_while_the_api_server_is_out_of_reach(lan: Lan, say: Say) -> None:
    """Nobody is left who knew: nothing is answered, and nothing wrong, until the API server tells who owned what, be it
    the first in line or not. Then its owner answers."""
    second = not_first(lan)
    reach = [threading.Thread(target=lan.lab.mend, args=(node, "management")) for node in lan.nodes]
    with lan.asker(ADDRESS) as asker, lan.listener() as listener:
        for node in lan.nodes:
            lan.lab.cut(node, "management")
        try:
            for node in lan.nodes:
                lan.lab.speaker("kill", node)
                lan.lab.speaker("start", node)
            blind = time.time()
            watch(BLIND_S)
        finally:
            back = time.time()
            for one in reach:
                one.start()
            for one in reach:
                one.join()
        until("it is answered for", lambda: [at for at, _ in asker.answers() if at > back])
        lan.settled()
        watch(WATCHED_S)
        asker.stop()
        listener.stop()
    after = next(at for at, _ in asker.answers() if at > back) - back
    say(f"{second} answered {after * 1000:.0f} ms after the API was reached")
    assert [at for at, _ in asker.answers() if blind < at < back] == [], "nobody knew, and somebody answered"
    assert takeovers.told_by(asker) == {lan.mac(second)}
    assert takeovers.spoken_by(listener, ADDRESS) <= {lan.mac(second)}
    assert list(lan.claims(ADDRESS)) == [second]
    assert after < SANE_S
    lan.ask(URL)


def not_first(lan: Lan) -> str:
    """The owner, which is not the first in line: such a one was lost once."""
    owner = lan.owner(ADDRESS)
    if (lan.view(owner, ADDRESS) or {})["candidates"][0] == owner:
        lan.lab.cut(owner)
        lan.owner(ADDRESS, beside=owner)
        lan.lab.mend(owner)
        lan.settled()
    [second] = lan.claims(ADDRESS)
    recorded = f"default/front is recorded as {second}'s"
    until(recorded, lambda: second in recorded_of(lan, "front"))
    return second


def recorded_of(lan: Lan, name: str) -> list[str]:
    """The nodes that the API names as those that announce a Service."""
    found = lan.get(L2_STATUSES)["items"]
    told = [one.get("status") or {} for one in found]
    return [one["node"] for one in told if one.get("serviceName") == name]
