"""What was seen of an address on the wire, from one host: who answered for it, and whether its ports took a connection.

It says what was seen and from where; what follows from that is decided in `core.explanation.explain`. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from pylb.core.model import Port
from pylb.core.words import Word


class Answer(Word):
    """What a connection to a port came to."""

    OPEN = "open"
    REFUSED = "refused"
    SILENT = "silent"
    UNTRIED = "untried"  # it is no TCP port


@dataclass(frozen=True, slots=True)
class Vantage:
    """Where was looked from."""

    host: str
    interface: str = ""  # that the address is behind; "" where it is not known
    gateway: str = ""  # the address is not on this link, but behind that router
    node: str = ""  # the cluster's node that this host is
    obstacle: str = ""  # why the neighbour could not be asked for


@dataclass(frozen=True, slots=True)
class WireSeen:
    """One look at an address. `macs` answered, first heard first; `at` is Unix seconds, `took` seconds.

    Where it is not `confirmed`, the one MAC is who answered some time ago and has not answered again.
    """

    at: float
    address: str
    vantage: Vantage
    macs: tuple[str, ...] = ()
    answers: tuple[tuple[Port, Answer], ...] = ()
    took: float = 0.0
    confirmed: bool = True
