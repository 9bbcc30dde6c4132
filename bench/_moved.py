"""What a move on purpose did to the clients of an address, and the figures that it gives. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench._metallb import metallb
from bench._requests import Request, failures
from bench.report import Figure, median_of, worst_of

LATE_MS = 100.0  # for a request on a new connection
CUT = ConnectionResetError.__name__  # it was established as the address moved, and what tracked it stayed behind
BOTH = metallb(320.0)  # ms, the longest that two answered after a speaker was terminated, which is its orderly move


@dataclass(frozen=True, slots=True)
class Moved:
    """One move. Times in ms."""

    asked: tuple[Request, ...]  # each on a new connection
    sent: tuple[Request, ...]  # datagrams
    took: float  # from the order to the first frame of the new owner
    reset: bool  # the connection that lasted did not
    both: float = math.nan  # in which two answered ARP
    silent: float = math.nan  # in which nobody did

    @property
    def refused(self) -> list[Request]:
        """The requests that failed otherwise than by a reset of what was established already."""
        return [one for one in failures(self.asked) if one.text != CUT]

    @property
    def resets(self) -> int:
        """The established connections that were reset."""
        return len(failures(self.asked)) - len(self.refused) + self.reset

    @property
    def slowest(self) -> float:
        """ms that an answered request took."""
        return max((one.ms for one in self.asked if one.ok), default=math.nan)


def of_moves(name: str, moves: Sequence[Moved], note: str = "") -> list[Figure]:
    """The figures of one way to move."""
    refused = [one for move in moves for one in move.refused]
    lost = [one for move in moves for one in failures(move.sent)]
    asked, sent = (sum(len(each) for each in rows) for rows in ([m.asked for m in moves], [m.sent for m in moves]))
    return [
        Figure(f"{name}: new connections refused", _count(refused, asked), "", 0, asked, note=_kinds(refused) or note),
        worst_of(f"{name}: slowest request on a new connection", [one.slowest for one in moves], "ms", LATE_MS),
        Figure(f"{name}: UDP datagrams lost", _count(lost, sent), "", 0, sent, note=_kinds(lost)),
        Figure(f"{name}: established connections reset", sum(one.resets for one in moves), "", None, len(moves)),
        median_of(f"{name}: order -> announced by the new owner", [one.took for one in moves], "ms", None),
        worst_of(f"{name}: two answer ARP, worst", [one.both for one in moves], "ms", None, BOTH),
        worst_of(f"{name}: nobody answers ARP, worst", [one.silent for one in moves], "ms", None),
    ]


def _count(failed: Sequence[Request], of: int) -> float:
    return float(len(failed)) if of else math.nan


def _kinds(failed: Iterable[Request]) -> str:
    return ", ".join(sorted({one.text for one in failed}))
