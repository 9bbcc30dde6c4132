"""What the faults of an owner did to the client, and the figures that they give. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from bench._metallb import metallb
from bench._requests import percentile
from bench.report import Figure, Reference, median_of, worst_of

AFTER = 60.0  # s in which the share of failed requests is taken
TARGET_MS = 900.0
LATE_SHOWN = 5
DEAD, SLACK = 100 / 3, 0.5  # % of the requests: one pod's of three, and what is not worth a word
SURVIVING, EVERY_NODE = "surviving", "everynode"  # layouts: where the pods are
GAP_MEDIAN, GAP_WORST, ANNOUNCED, SILENT = (metallb(ms) for ms in (5450.0, 6740.0, 5420.0, 5810.0))
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
    """A speaker's process ended while its node lived."""

    failed: int
    sent: int
    silent: float = math.nan  # ms in which nobody answered ARP
    restart_failed: int = 0  # requests that failed when the speaker was started again
    errors: tuple[str, ...] = ()
    moved: bool = False  # another node answered afterwards: else nothing was tested


def _told(ends: list[Ended]) -> str:
    """How often the address moved, and how requests failed."""
    kinds = sorted({error for one in ends for error in one.errors})
    return ", ".join([f"the address moved in {sum(one.moved for one in ends)} of {len(ends)}", *kinds])


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
        worst_of("cable pulled -> first answer, worst", answered, "ms", TARGET_MS, GAP_WORST, note),
        Figure("cables pulled without an answer while it was watched", never, "", 0, len(cuts)),
        median_of("cable pulled -> first answer, median", answered, "ms", TARGET_MS, GAP_MEDIAN),
        Figure("cable pulled -> first answer, p90", percentile(answered, 0.9), "ms", None, len(answered)),
        median_of("last sign of the lost owner -> detected", detected, "ms", None, note=told),
        median_of("cable pulled -> gratuitous ARP of another node", announced, "ms", None, ANNOUNCED),
        worst_of(
            "requests failed in 60 s, pods on surviving nodes",
            shares[SURVIVING],
            "%",
            100 * TARGET_MS / 1000 / AFTER,
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


def of_stops(stops: list[Ended]) -> list[Figure]:
    """The figures of orderly ends."""
    again = sum(stop.restart_failed for stop in stops)
    return [
        _failed("SIGTERM of the speaker: new connections failed", stops),
        Figure("speaker started again: new connections failed", again, "", None, len(stops)),
    ]


def of_kills(kills: list[Ended]) -> list[Figure]:
    """The figures of sudden ends."""
    silent = [kill.silent for kill in kills]
    return [
        _failed("SIGKILL of the speaker, node alive: requests failed", kills),
        worst_of("SIGKILL of the speaker: nobody answers ARP, worst", silent, "ms", None, SILENT),
    ]


def _failed(name: str, ends: list[Ended]) -> Figure:
    sent, failed = sum(one.sent for one in ends), sum(one.failed for one in ends)
    value = float(failed) if all(one.moved for one in ends) else math.nan  # nothing moved: nothing was measured
    return Figure(name, value, "", 0, sent, None, metallb(0), note=_told(ends))
