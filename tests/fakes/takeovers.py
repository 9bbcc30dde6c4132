"""An address changes hands, or just does not: what is done, what has to be seen by a client and on the LAN, and figures."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from fakes.clocks import Asker, Listener, Probe
from fakes.cluster import until
from fakes.lan import Lan

SANE_S = 5.0  # MetalLB needs 5 to 7
SILENT_S = 1.0  # in which nobody answers ARP while a speaker falls silent and another stands in
TWO_BEATS_S = 0.3  # in which two nodes may answer during a hand-over; a beat each 100 ms, and a busy machine
ONE_OWNER_S = 1.0  # after a heal, in which two nodes may answer
LOST_S = 1.05  # a kernel that asks in vain for a neighbour does so each second: it has just asked, and will wait
WATCHED_S = 2.0  # after the heal: listening again is over, and so would be taking back
PATIENT_MS = 1500.0  # for a request: a kernel that has just asked in vain for a neighbour waits for a second
LOST = 1  # requests: with nothing wrong at all, the first packet of one in 17,000 was seen to be lost
CUT = 2  # requests a hand-over: under way as the address goes, and as it comes back
Act = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Loss:
    """A node was lost and came back; seconds."""

    owner: str
    other: str
    outage: float  # from the loss to the first answer

    def __str__(self) -> str:
        return f"{self.owner} to {self.other}, answered after {self.outage * 1000:.0f} ms"


@dataclass(frozen=True, slots=True)
class HandOver:
    """A speaker was away and came back, and nothing moved; seconds."""

    owner: str
    by: str  # who stood in
    failed: int
    asked: int
    silent: float  # in which nobody answered ARP

    def __str__(self) -> str:
        told = f"{self.failed} of {self.asked} failed, ARP silent for {self.silent * 1000:.0f} ms"
        return f"{self.owner}, {self.by} stood in, {told}"


def lose(
    lan: Lan, address: str, away: Act, back: Act, *, meanwhile: Act | None = None, settled: Act | None = None
) -> Loss:
    """The owner is lost and comes back: another node takes over, and keeps the address; the one that was lost says not a
    word about it any more.

    `meanwhile` is done while the node is lost, and `settled` waits until all is well again.
    """
    owner = lan.owner(address)
    with lan.probe(f"http://{address}/") as probe, lan.asker(address) as asker, lan.listener(address) as listener:
        lost = time.time()
        away()
        try:
            outage = probe.wait_outage(lost, SANE_S)
            other = lan.owner(address, beside=owner)
            until("it was lost for long", lambda: time.time() > lost + LOST_S)
            if meanwhile is not None:
                meanwhile()
        finally:
            back()
        (settled or lan.settled)()
        calm = time.time()
        watch(WATCHED_S)
        probe.wait_steady(calm)
        asker.stop()
        listener.stop()
    assert lan.owner(address) == other, "it moved back"
    assert told_by(asker, lost + outage) == {lan.mac(other, address)}
    assert spoken_by(listener, address, lost + outage) <= {lan.mac(other, address)}
    return Loss(owner, other, outage)


def hand_over(lan: Lan, address: str, leave: Act, back: Act, *, settled: Act | None = None) -> HandOver:
    """The owner's speaker goes while its node lives, in order or not, and comes back: another stands in, nothing moves,
    and no request fails, of a client that asks for the address all the time as one does that comes anew."""
    owner, before = lan.owner(address), lan.claims(address)
    assert set(before) == {owner}, f"who claims {address}: {before}"
    url = f"http://{address}/"
    with (
        lan.forgetful_client(address),
        lan.probe(url, PATIENT_MS) as probe,
        lan.asker(address) as asker,
        lan.listener(address) as listener,
    ):
        began = time.time()
        leave()
        try:
            by = until("another stands in", lambda: lan.standing(address, but=owner))
            watch(WATCHED_S)
        finally:
            back()
        (settled or lan.settled)()
        until("nobody stands in any more", lambda: not lan.standing(address))
        watch(WATCHED_S)
        probe.stop()
        asker.stop()
        listener.stop()
    failed = failures(probe, began)
    assert len(failed) <= LOST, f"requests failed, seconds after the start: {failed}"
    assert told_by(asker) == {lan.mac(owner, address)}
    assert spoken_by(listener, address) <= {lan.mac(owner, address)}
    silent = asker.silence()
    assert silent < SILENT_S, f"nobody answered ARP for {silent:.2f} s"
    after = lan.claims(address)
    assert after == before, f"owner and term were {before}, are {after}"
    return HandOver(owner, " and ".join(by), len(failed), len(probe.requests()), silent)


def unmoved(lan: Lan, address: str, act: Act, undo: Act, seconds: float) -> None:
    """Nothing moves and no request fails while something is so for some seconds, nor after it."""
    owner, before = lan.owner(address), lan.claims(address)
    url = f"http://{address}/"
    with lan.probe(url, PATIENT_MS) as probe, lan.asker(address) as asker, lan.listener(address) as listener:
        act()
        try:
            watch(seconds)
        finally:
            undo()
        lan.settled()
        watch(WATCHED_S)
        asker.stop()
        listener.stop()
        assert probe.failed() == 0
    assert told_by(asker) == {lan.mac(owner, address)}
    assert spoken_by(listener, address) <= {lan.mac(owner, address)}
    assert asker.silence() < SILENT_S, f"nobody answered ARP for {asker.silence():.2f} s"
    after = lan.claims(address)
    assert after == before, f"owner and term were {before}, are {after}"


def watch(seconds: float) -> None:
    """Let some seconds pass."""
    end = time.monotonic() + seconds
    until("it was watched", lambda: time.monotonic() > end, seconds + 1)


def told_by(asker: Asker, since: float = 0.0) -> set[str]:
    """The MACs that were answered since a time."""
    return {mac for at, mac in asker.answers() if at > since}


def spoken_by(listener: Listener, address: str, since: float = 0.0) -> set[str]:
    """The MACs that frames which reached the router since a time gave for an address: announcements and answers."""
    return {frame["mac"] for frame in listener.frames() if frame["ip"] == address and frame["at"] > since}


def failures(probe: Probe, since: float) -> list[tuple[float, str]]:
    """When, in seconds after a time, which of the probe's requests failed, and how."""
    failed = [one for one in probe.told() if one["kind"] == "request" and not one["ok"]]
    return sorted((round(one["at"] - since, 2), one["text"]) for one in failed)


def served(failed: list[tuple[float, str]], moves: int = 1) -> None:
    """No new connection failed in so many hand-overs. One that stood already is cut by a move, since what tracks it is on
    the old node: such a reset may meet the requests that were under way, and no more."""
    refused = [one for one in failed if one[1] != ConnectionResetError.__name__]
    assert len(refused) <= LOST, f"requests failed, seconds after the start: {refused}"
    assert len(failed) - len(refused) <= CUT * moves, f"requests cut, seconds after the start: {failed}"
