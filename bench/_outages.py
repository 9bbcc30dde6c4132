"""What the faults of an owner did to the client, and the figures that they give. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from bench._metallb import metallb
from bench._requests import percentile
from bench.report import Figure, Reference, median_of, worst_of

AFTER = 60.0  # s in which the share of failed requests is taken
MEDIAN_MS, WORST_MS = 500.0, 800.0  # from a pulled cable to the first answer
LATE_MS = 350.0  # that a request may take while a speaker ends
SPREAD_MS = 100.0  # from the first to the last of many addresses
LATE_SHOWN = 5
DEAD, SLACK = 100 / 3, 0.5  # % of the requests: one pod's of three, and what is not worth a word
SURVIVING, EVERY_NODE = "surviving", "everynode"  # layouts: where the pods are
GAP_MEDIAN, GAP_WORST, ANNOUNCED, SPREAD = (metallb(ms) for ms in (5450.0, 6740.0, 5420.0, 215.0))
SILENT = {
    "SIGKILL": metallb(6330.0),
    "SIGSTOP": metallb(6690.0),
}  # the worst; its client knew the way, and failed in none
GAP_SHARE = metallb(100 * 5.45 / AFTER)  # of its median gap


@dataclass(frozen=True, slots=True)
class Cut:
    """One cable pulled. Times in ms since the order to pull it was given, which is before it was carried out."""

    detected: float | None  # silence of the old owner when it was found to be lost, as its successor told
    announced: float | None  # another node's gratuitous ARP reached the client
    answered: float | None  # the first answer to a request that began after the cut
    share: dict[str, float] = field(default_factory=dict)  # layout -> how many in a hundred failed in the minute after
    late: tuple[str, ...] = ()  # each request of the surviving layout that failed after the first answer, and when


@dataclass(frozen=True, slots=True)
class Ended:
    """A speaker's process ended, or stood still, and came back, while its node lived."""

    failed: int
    sent: int
    slowest: float = math.nan  # ms that an answered request took
    silent: float = math.nan  # ms in which nobody answered ARP
    errors: tuple[str, ...] = ()
    moved: bool = False  # another node's MAC was told, or another node owns the address afterwards
    reset: bool = False  # the connection that lasted did not


def of_cuts(cuts: list[Cut], note: str) -> list[Figure]:
    """The figures of all cables."""
    answered = [cut.answered for cut in cuts if cut.answered is not None]
    never = len(cuts) - len(answered)
    detected = [cut.detected for cut in cuts if cut.detected is not None]
    announced = [cut.announced for cut in cuts if cut.announced is not None]
    untold = len(cuts) - len(detected)
    told = f"{untold} not told as lost by silence" if untold else ""
    shares = {layout: [cut.share[layout] for cut in cuts if cut.share] for layout in (SURVIVING, EVERY_NODE)}
    late = [one for cut in cuts for one in cut.late]
    return [
        worst_of("cable pulled -> first answer, worst", answered, "ms", WORST_MS, GAP_WORST, note),
        Figure("cables pulled without an answer while it was watched", never, "", 0, len(cuts)),
        median_of("cable pulled -> first answer, median", answered, "ms", MEDIAN_MS, GAP_MEDIAN),
        Figure("cable pulled -> first answer, p90", percentile(answered, 0.9), "ms", None, len(answered)),
        median_of("last sign of the lost owner -> detected", detected, "ms", None, note=told),
        median_of("cable pulled -> gratuitous ARP of another node", announced, "ms", None, ANNOUNCED),
        worst_of(
            "requests failed in 60 s, pods on surviving nodes",
            shares[SURVIVING],
            "%",
            100 * WORST_MS / 1000 / AFTER,
            GAP_SHARE,
        ),
        Figure(
            "of these, after the first answer",
            len(late),
            "",
            None,
            len(shares[SURVIVING]),
            note=", ".join(late[:LATE_SHOWN]),
        ),
        worst_of(
            "requests failed in 60 s, one of three pods on the dead node",
            shares[EVERY_NODE],
            "%",
            None,
            Reference("sent to the dead pod by whatever balances", DEAD),
            _reused(shares),
        ),
    ]


def _reused(shares: dict[str, list[float]]) -> str:
    """A word on what fails beyond the dead pod's part and the gap."""
    more = max(shares[EVERY_NODE], default=0.0) - max(shares[SURVIVING], default=0.0) - DEAD
    return f"{more:.1f} more: ports used anew, which conntrack sends to the dead pod for 120 s" if more > SLACK else ""


def of_ends(how: str, ends: list[Ended]) -> list[Figure]:
    """The figures of a speaker that ends in one way; nothing moves, so that a client has nothing to notice. MetalLB moves
    the address each time."""
    sent, failed = sum(one.sent for one in ends), sum(one.failed for one in ends)
    kinds = ", ".join(sorted({error for one in ends for error in one.errors}))
    value = float(failed) if sent else math.nan
    name = f"{how} of the speaker, node alive"
    return [
        Figure(f"{name}: requests failed", value, "", 0, sent, None, metallb(0), note=kinds),
        worst_of(f"{name}: slowest request", [one.slowest for one in ends], "ms", LATE_MS),
        Figure(f"{name}: addresses moved", sum(one.moved for one in ends), "", 0, len(ends), None, metallb(len(ends))),
        Figure(f"{name}: established connections reset", sum(one.reset for one in ends), "", 0, len(ends)),
        worst_of(f"{name}: nobody answers ARP, worst", [one.silent for one in ends], "ms", None, SILENT.get(how)),
    ]


def of_many(count: int, spreads: list[float]) -> list[Figure]:
    """From the first to the last of the addresses of one lost node that another announces."""
    name = f"{count} addresses of a lost node: first announced elsewhere -> last, worst"
    return [worst_of(name, spreads, "ms", SPREAD_MS, SPREAD)]
