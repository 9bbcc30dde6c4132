"""Who of those who wait is decided on again: nobody as long as nothing could help."""

from __future__ import annotations

from ipaddress import ip_address

from fakes.world import configured, pool, service
from pylb.controller.patience import Patience
from pylb.core.allocation import requests
from pylb.core.allocation.allocator import Decision
from pylb.core.allocation.ledger import Allocation, Ledger
from pylb.core.model import PoolName, ServiceKey

CONFIG = configured(pool("p", "10.0.0.0/24"))
PLAIN, BLOCKED = ServiceKey("default/plain"), ServiceKey("default/blocked")
WAITING = ({PLAIN: Decision(None)}, {BLOCKED: Decision(None, blockers=(ServiceKey("default/x"),))})


def give(ledger: Ledger, name: str, port: int) -> ServiceKey:
    one = service(name, port, annotations={"metallb.io/allow-shared-ip": "k"})
    ledger.assign(one.key, requests.use(one), Allocation((ip_address("10.0.0.1"),), PoolName("p")))
    return one.key


def test_nobody_is_asked_again_before_somebody_leaves() -> None:
    patience, ledger = Patience(), Ledger()
    assert patience.stirred(WAITING, ledger, (CONFIG,)) == {PLAIN, BLOCKED}
    first = give(ledger, "a", 80)
    assert patience.stirred(WAITING, ledger, (CONFIG,)) == set()
    give(ledger, "b", 81)  # others are in the way by now
    assert patience.stirred(WAITING, ledger, (CONFIG,)) == {BLOCKED}
    ledger.release(first)
    assert patience.stirred(WAITING, ledger, (CONFIG,)) == {PLAIN, BLOCKED}
    assert patience.stirred(WAITING, ledger, (CONFIG,)) == set()


def test_all_are_asked_again_for_another_configuration_and_after_an_end() -> None:
    patience, ledger = Patience(), Ledger()
    patience.stirred(WAITING, ledger, (CONFIG,))
    assert patience.stirred(WAITING, ledger, (configured(pool("p", "10.0.0.0/24")),)) == {PLAIN, BLOCKED}
    patience.end()
    assert patience.stirred(WAITING, ledger, (CONFIG,)) == {PLAIN, BLOCKED}


def test_who_uses_an_address_with_another_port_may_let_others_in() -> None:
    patience, ledger = Patience(), Ledger()
    give(ledger, "a", 80)
    patience.stirred(WAITING, ledger, (CONFIG,))
    give(ledger, "a", 81)
    assert patience.stirred(WAITING, ledger, (CONFIG,)) == {PLAIN, BLOCKED}
