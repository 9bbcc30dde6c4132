"""Whether the right to read a kind is missing, or the API server that says so has just started: pure."""

from __future__ import annotations

from dataclasses import dataclass

from pylb.kube.errors import ClusterError, Forbidden

BELIEVED_AFTER = 10.0  # s of nothing but refusals; an API server that starts may not know its roles yet


@dataclass(slots=True)
class Refusal:
    """What became of the requests of one kind that failed; times in seconds."""

    believed: bool = False
    _since: float | None = None

    def note(self, error: ClusterError, now: float) -> bool:
        """One failed; True once, when it is to be believed that the right is missing."""
        if not isinstance(error, Forbidden):
            self._since = None
            return False
        self._since = now if self._since is None else self._since
        before, self.believed = self.believed, self.believed or now >= self._since + BELIEVED_AFTER
        return self.believed and not before


def told(error: ClusterError) -> str:
    """What the log says of a failure."""
    if isinstance(error, Forbidden):
        return "this kind may not be read: `pylb doctor` tells which right is missing, and what gives it"
    return "the cluster does not answer as it should"
