"""What became of an owner whose beats do not come: the table of evidence, and the questions that fill it. Pure.

A node and its speaker are two things: the node's kernel carries the traffic, its speaker only says where the address is.
So silence alone moves nothing. `TABLE` is what decides; the documentation prints it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pylb.core.ownership.claims import Cause

ASK_AGAIN = 0.06  # s between two questions while a node is suspected
ASK_SELDOM, URGENT = 1.0, 5.0  # s between two questions once nothing has answered for so many s
PORT_WAIT = 0.4  # s that a connection to the kubelet's port may take; a firewall says nothing
PORT_AGAIN = 0.2  # s between two of them
STAND_IN = 30.0  # s that others stand in for a speaker that is gone while its node serves
STAND_IN_MUTE = 5.0  # s where the kubelet is silent: an access point may answer for a dead station
NEVER = float("-inf")


class Port(str, Enum):
    """What the kubelet's port (10250, from the Node) said."""

    ACCEPTS = "accepts"
    REFUSES = "refuses"
    SILENT = "silent"


class Verdict(str, Enum):
    """What to do about an owner."""

    ALIVE = "alive"
    OWNS = "owns"  # its beats do not arrive, but it answers for the address
    SERVES = "serves"  # its speaker is gone, its node serves
    STOPPED = "stopped"  # its node is up, but Kubernetes is not
    MUTE = "mute"  # something answers for the node
    GONE = "gone"
    OPEN = "open"  # too early to tell


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; None: whatever it is."""

    listed: bool
    owns: bool | None
    node: bool | None
    port: Port | None
    verdict: Verdict
    then: str
    limit: float | None = None  # s that it is stood in for
    cause: Cause | None = None  # of the take-over that follows

    def fits(self, listed: bool, owns: bool, node: bool, port: Port | None) -> bool:
        """Whether the signs are these."""
        wanted = ((self.listed, listed), (self.owns, owns), (self.node, node), (self.port, port))
        return all(want is None or want == found for want, found in wanted)


TABLE = (
    Row(True, None, None, None, Verdict.ALIVE, "alive; lost beats are counted"),
    Row(False, True, None, None, Verdict.OWNS, "it owns; the path of the beats is broken"),
    Row(
        False,
        False,
        True,
        Port.ACCEPTS,
        Verdict.SERVES,
        "the speaker is gone, the node serves: stand in, then take over",
        STAND_IN,
        Cause.SPEAKERLESS,
    ),
    Row(
        False,
        False,
        True,
        Port.REFUSES,
        Verdict.STOPPED,
        "Kubernetes stops, or the node boots: take over at once",
        0.0,
        Cause.STOPPED,
    ),
    Row(
        False,
        False,
        True,
        Port.SILENT,
        Verdict.MUTE,
        "a firewall, or an access point that answers for a dead station: stand in, then take over",
        STAND_IN_MUTE,
        Cause.UNREACHABLE,
    ),
    Row(False, False, False, None, Verdict.GONE, "the node is gone: take over", None, Cause.GONE),
)


@dataclass(slots=True)
class Suspicion:
    """What was asked about one silent owner on one link, and what it answered; times in seconds."""

    since: float
    silent_since: float  # its last beat, or another node's word of one
    asked: float = NEVER
    wanted: float = NEVER  # when an address last depended on what became of it
    owns: float = NEVER  # when it last answered for one of its addresses
    node: float = NEVER  # when its own address last answered
    port: Port = Port.SILENT
    port_first: float = NEVER  # when its port was asked first, and last
    port_asked: float = NEVER
    port_answered: float = NEVER
    alone_since: float | None = None  # since when it has been a node without a speaker
    mute_since: float | None = None  # and since when, lately, its kubelet has said nothing
    judged: float | None = None  # since when it is to be replaced
    open_since: float | None = None  # since when, of this silence, a third party has been reached

    @property
    def sign(self) -> float:
        """When it last gave any sign on this link."""
        return max(self.silent_since, self.owns, self.node)

    @property
    def may_stand_in(self) -> bool:
        """Whether its kernel has answered: to answer with its MAC is harmless then, and needs no deadline."""
        return self.node > self.silent_since

    def is_due(self, now: float) -> bool:
        """Whether to ask (again): often, and now and then once nothing at all has answered for long."""
        return now >= self.due(now)

    def due(self, now: float) -> float:
        """When to ask (again)."""
        return self.asked + (ASK_AGAIN if self.is_urgent(now) else ASK_SELDOM)

    def is_urgent(self, now: float) -> bool:
        """Whether much depends on an answer: it has given a sign not long ago."""
        return now < max(self.since, self.sign) + URGENT

    def ask_port(self, now: float) -> bool:
        """Whether to ask the kubelet's port now."""
        if now < self.port_asked + PORT_AGAIN:
            return False
        self.port_asked = now
        self.port_first = now if self.port_first == NEVER else self.port_first
        return True

    def judge(self, deadline: float, now: float) -> Row | None:
        """The line of the table that fits now; None while it is too early to tell. An answer counts for `deadline`."""
        owns, node = now < self.owns + deadline, now < self.node + deadline
        if not owns and not node and now < self.sign + deadline:
            return None
        port = self.port if now < self.port_answered + PORT_WAIT + PORT_AGAIN else Port.SILENT
        if node and not owns and port is Port.SILENT and now < self.port_first + PORT_WAIT:
            return None
        return next(row for row in TABLE if row.fits(False, owns, node, port))

    def is_over(self, row: Row, now: float) -> bool:
        """Whether it is time to replace it, by this line of the table."""
        if row.verdict is not Verdict.MUTE:
            self.mute_since = None
        if row.cause is None:
            self.alone_since = None
            return False
        if row.limit is None:
            return True
        self.alone_since = now if self.alone_since is None else self.alone_since
        if row.verdict is Verdict.MUTE and self.mute_since is None:
            self.mute_since = now
        since = self.alone_since if self.mute_since is None else max(self.mute_since, self.alone_since)
        return now >= min(since + row.limit, self.alone_since + STAND_IN)
