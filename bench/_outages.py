"""What the loss of an owner's node did to the client, and the figures that it gives. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench._metallb import metallb
from bench._requests import percentile
from bench.report import Figure, Reference, median_of, worst_of

AFTER = 60.0  # s in which the share of failed requests is taken
MEDIAN_MS, WORST_MS = 500.0, 800.0  # from a pulled cable to the first answer
SPREAD_MS = 100.0  # from the first to the last of many addresses
LATE_SHOWN = 5
DEAD, SLACK = 100 / 3, 0.5  # % of the requests: one pod's of three, and what is not worth a word
SURVIVING, EVERY_NODE = "surviving", "everynode"  # layouts: where the pods are
NAMES = {"cable": "cable pulled", "power": "power lost"}
GAP_MEDIAN = {"cable": metallb(5450.0)}  # of lost power only the range was recorded
GAP_WORST = {"cable": metallb(6740.0), "power": metallb(6900.0)}
ANNOUNCED = {"cable": metallb(5420.0)}
SPREAD, LAST = metallb(215.0), metallb(6780.0)
GAP_SHARE = metallb(100 * 5.45 / AFTER)  # of its median gap


@dataclass(frozen=True, slots=True)
class Cut:
    """One node lost. Times in ms since the order to cut it off was given, which is before it was carried out."""

    detected: float | None  # silence of the old owner when it was found to be lost, as its successor told
    announced: float | None  # another node's MAC was first told
    answered: float | None  # the first answer to a request that began after the loss
    share: dict[str, float] = field(default_factory=dict)  # layout -> how many in a hundred failed in the minute after
    late: tuple[str, ...] = ()  # each request of the surviving layout that failed after the first answer, and when
    returned: bool = False  # it said a word about the address after its return


def of_cuts(how: str, cuts: list[Cut], note: str) -> list[Figure]:
    """The figures of all nodes that were lost in one way."""
    lost, gap = NAMES[how], f"{NAMES[how]} -> first answer"
    answered = [cut.answered for cut in cuts if cut.answered is not None]
    detected = [cut.detected for cut in cuts if cut.detected is not None]
    announced = [cut.announced for cut in cuts if cut.announced is not None]
    untold = len(cuts) - len(detected)
    told = f"{untold} not told as lost by silence" if untold else ""
    spoke = sum(cut.returned for cut in cuts)
    return [
        worst_of(f"{gap}, worst", answered, "ms", WORST_MS, GAP_WORST.get(how), note),
        median_of(f"{gap}, median", answered, "ms", MEDIAN_MS, GAP_MEDIAN.get(how)),
        Figure(f"{gap}, p90", percentile(answered, 0.9), "ms", None, len(answered)),
        Figure(f"{lost}, no answer while it was watched", len(cuts) - len(answered), "", 0, len(cuts), listed=False),
        median_of(f"{lost}: last sign of the owner -> detected", detected, "ms", None, note=told),
        median_of(f"{lost} -> ARP of another node", announced, "ms", None, ANNOUNCED.get(how)),
        Figure(
            f"{lost}, and back: two MACs for one address after it", spoke, "", 0, len(cuts), None, metallb(len(cuts))
        ),
        *of_shares(cuts),
    ]


def of_shares(cuts: list[Cut]) -> list[Figure]:
    """Of those that were watched for a minute; nothing where none was."""
    shares = {layout: [cut.share[layout] for cut in cuts if cut.share] for layout in (SURVIVING, EVERY_NODE)}
    late = [one for cut in cuts for one in cut.late]
    if not shares[SURVIVING]:
        return []
    target = 100 * WORST_MS / 1000 / AFTER
    return [
        worst_of("requests failed in 60 s, pods on surviving nodes", shares[SURVIVING], "%", target, GAP_SHARE),
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


@dataclass(frozen=True, slots=True)
class Many:
    """A node with many addresses lost: ms from the order to the first that another announces, and to the last."""

    first: float
    last: float


def of_many(count: int, found: list[Many]) -> list[Figure]:
    """From the first to the last of the addresses of one lost node that another announces."""
    name = f"{count} addresses of a lost node"
    spreads = [one.last - one.first for one in found]
    return [
        worst_of(f"{name}: first announced elsewhere -> last, worst", spreads, "ms", SPREAD_MS, SPREAD),
        median_of(f"{name}: first announced elsewhere -> last, median", spreads, "ms", None, metallb(122.0)),
        median_of(f"{name}: cable pulled -> last announced", [one.last for one in found], "ms", None, LAST),
    ]
