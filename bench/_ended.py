"""What the end of a speaker did, whose node lives, and the figures that it gives. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench._metallb import metallb
from bench.report import Figure, worst_of

LATE_MS = 350.0  # that a request may take
SILENT = {"SIGKILL": metallb(6330.0), "SIGSTOP": metallb(6690.0)}  # the worst in which nobody answered ARP
MOVED = 1.0  # an end: MetalLB moves the address each time, and back


@dataclass(frozen=True, slots=True)
class Ended:
    """A speaker's process ended, or stood still, and came back; of a rollout each did, one after the other."""

    failed: int
    sent: int
    slowest: float = math.nan  # ms that an answered request took
    silent: float = math.nan  # ms in which nobody answered ARP
    errors: tuple[str, ...] = ()
    moved: bool = False  # another node's MAC was told, or the claim is another afterwards
    reset: bool = False  # the connection that lasted did not


def of_ends(how: str, ends: list[Ended], note: str = "") -> list[Figure]:
    """The figures of one way to end; nothing moves, so that a client has nothing to notice."""
    sent, failed = sum(one.sent for one in ends), sum(one.failed for one in ends)
    kinds = ", ".join(sorted({error for one in ends for error in one.errors}))
    value, moved = float(failed) if sent else math.nan, sum(one.moved for one in ends)
    return [
        Figure(f"{how}: requests failed", value, "", 0, sent, None, metallb(0), note=kinds or note),
        worst_of(f"{how}: slowest request", [one.slowest for one in ends], "ms", LATE_MS),
        Figure(f"{how}: addresses moved", moved, "", 0, len(ends), None, metallb(MOVED * len(ends))),
        Figure(f"{how}: established connections reset", sum(one.reset for one in ends), "", 0, len(ends)),
        worst_of(f"{how}: nobody answers ARP, worst", [one.silent for one in ends], "ms", None, SILENT.get(how)),
    ]
