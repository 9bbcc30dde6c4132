"""Whether somebody else writes a Service's status, too, and for how long writing is left to him then. Pure.

A rival is seen when the recorded addresses turn into something that was neither decided nor written by pylb. Twice
within 10 s is a fight: pylb stops writing that Service, says so once, and tries again when nobody wrote it for 10 min.
That a status agrees with what was decided is never a rival's doing, whoever wrote it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pylb.core.model import LOAD_BALANCER, Service, ServiceKey

SEEN_WITHIN_S = 10.0  # two sightings within it are a fight
TIMES = 2
QUIET_S = 600.0  # that a Service is not written by pylb after a rival's last write
MAX_SENT = 4  # what was sent last, a Service: the API server may show it late
OURS = "pylb-controller"  # the field manager that the API server makes of the controller's user agent
UNNAMED = "somebody who left no name"

Ingress = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contest:
    """A Service that is left to a rival until a time; `wrote` is what the rival made of its addresses."""

    by: str
    wrote: Ingress
    until: float


class Rivals:
    """Who else writes the Services that a controller writes."""

    def __init__(self) -> None:
        self.contests: dict[ServiceKey, Contest] = {}
        self._sent: dict[ServiceKey, deque[Ingress]] = {}
        self._seen: dict[ServiceKey, deque[float]] = {}

    def sent(self, key: ServiceKey, ingress: Ingress) -> None:
        """A write of these addresses is sent."""
        self._sent.setdefault(key, deque(maxlen=MAX_SENT)).append(ingress)

    def observe(self, old: Service, new: Service, decided: Ingress, now: float) -> Contest | None:
        """A Service changed, for which `decided` was decided; the contest that begins with it, if one does."""
        if not self._is_foreign(old, new, decided):
            return None
        contest = Contest(writer(new), new.ingress, now + QUIET_S)
        if new.key in self.contests:
            self.contests[new.key] = replace(contest, by=_known(contest.by, self.contests[new.key].by))
            return None
        seen = self._seen.setdefault(new.key, deque(maxlen=TIMES))
        seen.append(now)
        if len(seen) < TIMES or now - seen[0] > SEEN_WITHIN_S:
            return None
        del self._seen[new.key]
        self.contests[new.key] = contest
        return contest

    def holds(self, key: ServiceKey) -> bool:
        """Whether the Service is left to a rival."""
        return key in self.contests

    def lapsed(self, now: float) -> list[ServiceKey]:
        """The Services that nobody else wrote for long: they are pylb's again."""
        over = [key for key, contest in self.contests.items() if contest.until <= now]
        for key in over:
            del self.contests[key]
        return over

    def forget(self, key: ServiceKey) -> None:
        """The Service is gone."""
        self.contests.pop(key, None)
        self._sent.pop(key, None)
        self._seen.pop(key, None)

    def _is_foreign(self, old: Service, new: Service, decided: Ingress) -> bool:
        if new.type != LOAD_BALANCER:  # the API server itself empties the status of others
            return False
        if new.ingress in (old.ingress, decided):
            return False
        if new.recorder:
            return new.recorder != OURS
        return new.ingress not in self._sent.get(new.key, ())  # removed, or an API server that keeps no names


def writer(service: Service) -> str:
    """Who made the recorded addresses what they are, as far as the API server knows it."""
    if service.recorder:
        return service.recorder
    return next((name for name in _others(service.status_managers)), UNNAMED)


def _others(names: Iterable[str]) -> Iterable[str]:
    return (name for name in names if name != OURS)


def _known(newer: str, older: str) -> str:
    return older if newer == UNNAMED else newer
