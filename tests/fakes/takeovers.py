"""An address changes hands, watched by a client that asks it and from the LAN: what is done, what has to be, and figures."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from fakes.clocks import Probe
from fakes.cluster import until
from fakes.lan import Lan

SANE_S = 5.0  # MetalLB needs 5 to 7
TWO_BEATS_S = 0.3  # in which two nodes may answer during a hand-over; a beat each 100 ms, and a busy machine
LOST_S = 1.05  # a kernel that asks in vain for a neighbour does so each second: it has just asked, and will wait
WATCHED_S = 2.0  # after the heal: listening again and taking back are over
LOST = 1  # requests: with nothing wrong at all, the first packet of one in 17,000 was seen to be lost
CUT = 2  # requests a hand-over: under way as the address goes, and as it comes back
Act = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Loss:
    """A node was lost and came back; seconds."""

    owner: str
    other: str
    outage: float  # from the loss to the first answer
    dispute: float  # in which several answered

    def __str__(self) -> str:
        times = f"answered after {self.outage * 1000:.0f} ms, dispute {self.dispute * 1000:.0f} ms"
        return f"{self.owner} to {self.other}, {times}"


@dataclass(frozen=True, slots=True)
class HandOver:
    """A speaker left in order and came back; seconds."""

    owner: str
    other: str
    failed: int
    asked: int
    silent: float  # in which nobody answered ARP

    def __str__(self) -> str:
        told = f"{self.failed} of {self.asked} failed, ARP silent for {self.silent * 1000:.0f} ms"
        return f"{self.owner} to {self.other}, {told}"


def lose(
    lan: Lan, address: str, away: Act, back: Act, *, meanwhile: Act | None = None, settled: Act | None = None
) -> Loss:
    """The owner is lost and comes back: another node takes over, alone until then, and nobody disputes it for long.

    `meanwhile` is done while the node is lost, and `settled` waits until all is well again.
    """
    owner = lan.owner(address)
    with lan.probe(f"http://{address}/") as probe, lan.asker(address) as asker:
        lost = time.time()
        away()
        try:
            outage = probe.wait_outage(lost, SANE_S)
            other = lan.owner(address, beside=owner)
            until("it was lost for long", lambda: time.time() > lost + LOST_S)
            if meanwhile is not None:
                meanwhile()
        finally:
            healed = time.time()
            back()
        (settled or lan.settled)()
        calm = time.time()
        until("it was watched", lambda: time.time() > calm + WATCHED_S)
        probe.wait_steady(calm)
        asker.stop()
    lan.owner(address)
    macs = {mac for at, mac in asker.answers() if lost + outage < at < healed}
    assert macs == {lan.mac(other)}, f"who answered meanwhile: {macs}"
    dispute = asker.longest_dispute()
    assert dispute <= TWO_BEATS_S, f"disputed for {dispute:.2f} s"
    moves = [mac for mac, _ in itertools.groupby(asker.answers(), key=lambda one: one[1])]
    assert len(set(moves)) <= 2, "a third node had it"
    return Loss(owner, other, outage, dispute)


def hand_over(lan: Lan, address: str, leave: Act, back: Act, *, settled: Act | None = None) -> HandOver:
    """The owner's speaker leaves in order and comes back: no new connection fails, of a client that asks for the address
    all the time, as one does that comes anew."""
    owner = lan.owner(address)
    url = f"http://{address}/"
    with lan.forgetful_client(address), lan.probe(url) as probe, lan.asker(address) as asker:
        began = time.time()
        leave()
        try:
            other = lan.owner(address, beside=owner)
            probe.wait_steady(began)
        finally:
            back()
        returned = time.time()
        (settled or lan.settled)()
        probe.wait_steady(returned)
        asker.stop()
        failed = failures(probe, began)
    silent = max(later - earlier for (earlier, _), (later, _) in itertools.pairwise(asker.answers()))
    served(failed)
    dispute = asker.longest_dispute()
    assert dispute <= 2 * TWO_BEATS_S, f"a leaving speaker answers on purpose until the others do: {dispute:.2f} s"
    return HandOver(owner, other, len(failed), len(probe.requests()), silent)


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
