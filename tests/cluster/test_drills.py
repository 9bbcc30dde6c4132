"""The lab's drills on a real cluster: nobody notices what does not concern the LAN, and what does ends with one owner.

The plain losses are in test_takeover, bad days of the API server in test_bad_days.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from cluster import pylb_on, steady
from cluster.scenes import Scene
from cluster.steady import Steady
from fakes import partings, switching, takeovers
from fakes.cluster import service, until
from fakes.real import COMPONENT, RealLan
from fakes.takeovers import ONE_OWNER_S, SANE_S, watch
from pylb.addon.names import NAMESPACE

STANDS_STILL_S = 1.0
FILTERED_S = 3.0
MINUTE_S = 60.0
FLAPS, OUT_S = 10, 0.6
WITHOUT_SPEAKERS_S = 20.0  # until all of them run again, and one answers
SPEAKS = "pylb speaker --node"
Say = Callable[[str], None]


def test_a_cable_flaps_and_then_all_speakers_pods_are_deleted(scene: Scene, lan: RealLan, say: Say) -> None:
    """The address leaves the node once at most, for good. Nobody is left to stand in then, nor to remember who flapped:
    whom the API names is the owner again, though another is the first in line."""
    key, address = scene.announced(
        scene.spare
    )  # the first of all drills: no node that was lost thrice in a minute owns
    with lan.asker(address) as asker:
        for _ in range(FLAPS):
            lan.lab.cut(scene.spare)
            watch(OUT_S)
            lan.lab.mend(scene.spare)
            watch(OUT_S)
        steady.at_rest(lan)
        watch(ONE_OWNER_S)
        asker.stop()
    [heir] = lan.claims(address)
    answers = asker.answers()
    moved = next(at for at, mac in answers if mac == lan.mac(heir))
    say(f"{scene.spare} to {heir}, disputed for {asker.longest_dispute() * 1000:.0f} ms")
    assert heir != scene.spare
    assert takeovers.told_by(asker, moved + ONE_OWNER_S) == {lan.mac(heir)}
    assert asker.longest_dispute() < ONE_OWNER_S
    lan.ask(f"http://{address}/")
    delete_all(lan, address, heir, say)
    lan.remove(service(key))


def delete_all(lan: RealLan, address: str, owner: str, say: Say) -> None:
    """Delete all speakers' pods at once."""
    with lan.asker(address) as asker, lan.listener() as listener:
        deleted = time.time()
        pylb_on.check(lan.lab, "-n", NAMESPACE, "delete", "pod", "-l", f"{COMPONENT}=speaker", "--wait=false")
        until("all are new", lambda: len(fresh(lan, deleted)) == len(lan.nodes), WITHOUT_SPEAKERS_S)
        steady.at_rest(lan)
        until("it is answered for", lambda: lan.owners(address) == [owner], WITHOUT_SPEAKERS_S)
        watch(ONE_OWNER_S)
        asker.stop()
        listener.stop()
    say(f"{owner} stayed, ARP silent for {asker.silence() * 1000:.0f} ms")
    assert takeovers.told_by(asker) == {lan.mac(owner)}
    assert takeovers.spoken_by(listener, address) <= {lan.mac(owner)}
    assert list(lan.claims(address)) == [owner]
    lan.ask(f"http://{address}/")


def fresh(lan: RealLan, since: float) -> list[str]:
    """The speakers' pods that are younger than a time, by a second at most."""
    made = {pod["metadata"]["name"]: steady.unix(pod["metadata"]["creationTimestamp"]) for pod in lan.pods("speaker")}
    return [name for name, at in made.items() if at > since - 1]


def test_the_owners_speaker_stands_still_for_a_second(scene: Scene, lan: RealLan, say: Say) -> None:
    """Another answers with its node's MAC: nobody notices, and it is the owner still."""
    key, address = scene.announced(scene.spare)
    before = lan.claims(address)
    with lan.forgetful_client(address), Steady(lan, address) as watched:
        with steady.standing_still(lan, scene.spare, SPEAKS):
            until("another stands in", lambda: lan.standing(address, but=scene.spare))
            watch(STANDS_STILL_S)
        steady.at_rest(lan)
        until("nobody stands in any more", lambda: not lan.standing(address))
        say(f"ARP silent for {watched.silence() * 1000:.0f} ms")
        watched.assert_unnoticed()
        watched.assert_alive()
    assert lan.claims(address) == before
    lan.remove(service(key))


def test_beats_are_filtered_at_the_owner(scene: Scene, lan: RealLan) -> None:
    """A firewall, say: its node and its addresses answer, so it owns them."""
    key, address = scene.announced(scene.spare)
    before = lan.claims(address)
    with Steady(lan, address) as watched:
        switching.block_beats(lan, scene.spare)
        try:
            heard = lambda: lan.state(f"speaker-{scene.spare}")["members"]
            until("it hears nobody", lambda: not any(member["alive"] for member in heard()))
            watch(FILTERED_S)
        finally:
            switching.pass_beats(lan, scene.spare)
        steady.at_rest(lan)
        watched.assert_unnoticed()
        watched.assert_alive()
    assert lan.claims(address) == before
    lan.remove(service(key))


def test_the_owner_is_cut_off_with_its_carrier_up(scene: Scene, lan: RealLan, say: Say) -> None:
    """Two others reach the gateway: one takes over, and keeps it when all is one LAN again."""
    key, address = scene.announced(scene.spare)
    found = partings.split(lan, address, [scene.spare])
    say(str(found))
    assert found.after != scene.spare
    assert found.meanwhile == [found.after]
    lan.remove(service(key))


def test_two_others_are_cut_off(scene: Scene, lan: RealLan, say: Say) -> None:
    """They have no witness: whoever has the gateway keeps the address."""
    key, address = scene.announced(scene.spare)
    found = partings.split(lan, address, [node for node in lan.nodes if node != scene.spare])
    say(str(found))
    assert found.after == found.before == scene.spare
    assert found.meanwhile == [scene.spare]
    lan.remove(service(key))


def test_the_owner_does_not_reach_the_api_server_for_a_minute(scene: Scene, lan: RealLan, say: Say) -> None:
    """What it owns stays. A new address of which it is the first in line goes to the next, as it knows nothing of it."""
    address, before = scene.address, lan.claims(scene.address)
    with Steady(lan, address, pods_stay=False) as watched:
        cut = time.time()
        lan.lab.cut(scene.owner, "management")
        try:
            other = scene.owned_by(scene.owner, 1)
            key = scene.make(loadBalancerIP=other)
            until("it has its address", lambda: lan.addresses(key) == [other])
            given = time.time()
            heir = lan.owner(other, beside=scene.owner)
            took = time.time() - given
            until("a minute is over", lambda: time.time() > cut + MINUTE_S, MINUTE_S)
        finally:
            lan.lab.mend(scene.owner, "management")
        steady.at_rest(lan)
        watch(ONE_OWNER_S)
        watched.assert_unnoticed()
    say(f"a new address went to {heir} after {took:.1f} s")
    assert lan.claims(address) == before
    assert list(lan.claims(other)) == [heir], "and stays there"
    assert took < SANE_S
    lan.remove(service(key))
