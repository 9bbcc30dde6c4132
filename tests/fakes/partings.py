"""A LAN falls into two parts and is one again: who owned an address before, who owns it after, who was heard of meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fakes import switching, takeovers
from fakes.lan import Lan
from fakes.takeovers import ONE_OWNER_S, watch

APART_S = 4.5  # longer than a node without a witness waits (3 s)
DECIDED_S = 4.0  # of that, until the part with the router has an owner
AFTER_S = ONE_OWNER_S + 0.5  # that is watched once all hear each other again


@dataclass(frozen=True, slots=True)
class Parting:
    """An address's owners before and after, and the nodes that the router heard of last while the LAN was apart."""

    before: str
    after: str
    meanwhile: list[str]
    disputed: float  # s in which two answered after the heal

    def __str__(self) -> str:
        return f"{self.before}, then {self.after}; two answered for {self.disputed * 1000:.0f} ms"


def split(lan: Lan, address: str, away: Sequence[str]) -> Parting:
    """Cut nodes off from the router, all carriers up, and join all again: after the heal's first second one node alone
    is heard, and the clients are served."""
    return parted(lan, address, lambda: switching.part(lan, *away), lambda: switching.join(lan, *away))


def parted(lan: Lan, address: str, part: Callable[[], None], join: Callable[[], None]) -> Parting:
    """The same, parted and joined by other means."""
    owner = lan.owner(address)
    with lan.asker(address) as asker, lan.listener() as listener:
        part()
        try:
            began = time.time()
            watch(APART_S)
        finally:
            healed = time.time()
            join()
        lan.settled()
        watch(AFTER_S)
        asker.stop()
        listener.stop()
    [after] = lan.claims(address)
    assert takeovers.told_by(asker, healed + ONE_OWNER_S) == {lan.mac(after)}
    assert takeovers.spoken_by(listener, address, healed + ONE_OWNER_S) <= {lan.mac(after)}
    disputed = asker.longest_dispute()
    assert disputed < ONE_OWNER_S, f"two answered for {disputed:.2f} s"
    lan.ask(f"http://{address}/")
    macs = {mac for at, mac in asker.answers() if began + DECIDED_S < at < healed}
    return Parting(owner, after, [node for node in lan.nodes if lan.mac(node) in macs], disputed)
