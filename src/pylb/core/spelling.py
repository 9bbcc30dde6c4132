"""Annotations of a Service that look like a wish and are none: MetalLB's and pylb's prefixes with a name that nobody reads,
such a name under a prefix that is misspelt, or pylb's own with a value that says nothing.

Which names are known stands in one table. Annotations of all others are nobody's business here.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from itertools import islice

from pylb.core.allocation import reserves
from pylb.core.allocation.requests import (
    ADDRESS_POOL,
    ALLOCATED_FROM,
    ALLOW_SHARED_IP,
    LOAD_BALANCER_IPS,
    OLD_PREFIX,
    PREFIX,
)
from pylb.core.allocation.reserves import REMEMBER
from pylb.core.model import LOAD_BALANCER, Service
from pylb.core.ownership import moves
from pylb.core.ownership.moves import FAILBACK, MOVE

OWN_PREFIX = "pylb.io/"
OWN = (FAILBACK, MOVE, REMEMBER)
PREFIXES = (PREFIX, OLD_PREFIX, OWN_PREFIX)
WISHES = (ADDRESS_POOL, LOAD_BALANCER_IPS, ALLOW_SHARED_IP)
STATUS = ALLOCATED_FROM.removeprefix(PREFIX)  # written by a controller, under the old prefix before MetalLB 0.15
KNOWN = frozenset((*OWN, *(prefix + name for prefix in (PREFIX, OLD_PREFIX) for name in (*WISHES, STATUS))))
ALIKE = 0.6  # of difflib's ratio: `adress-pool` has 0.96, `pool` 0.5
SAME = 0.8  # `metalb.io` has 0.95, `metallb.com` 0.86, `metallb.example.com` 0.55
MAX_NAMED = 3  # annotations of one Service that are told
_HOSTS = [prefix.rstrip("/") for prefix in PREFIXES]
_BY_LOWER = {key.partition("/")[2].lower(): key for key in (*(PREFIX + name for name in WISHES), *OWN)}


@dataclass(frozen=True, slots=True)
class Slip:
    """An annotation that is not known, and the key that was meant ("" where none is like it); or one whose value is not
    understood, and why."""

    key: str
    meant: str
    fault: str = ""

    def __str__(self) -> str:
        if self.fault:
            return f"annotation {self.key}: {self.fault}"
        if self.key == reserves.RESERVED:
            return f"annotation {self.key} says nothing of a Service: it is one of IPAddressPools"
        if self.meant:
            return f"annotation {self.key} is not known; did you mean {self.meant}?"
        return f"annotation {self.key} is not known: there are {', '.join(_BY_LOWER.values())}"


def slips(service: Service) -> tuple[Slip, ...]:
    """The first few annotations of a Service of type LoadBalancer that seem to be meant for pylb and are not known."""
    if service.type != LOAD_BALANCER:
        return ()
    annotations = service.annotations
    odd = sorted(key for key in annotations if key not in KNOWN and (key.startswith(PREFIXES) or _is_near(key)))
    told = [
        *(Slip(key, _meant(key)) for key in odd),
        *(Slip(key, key, why) for key, why in moves.faults(annotations).items()),
        *(Slip(key, key, why) for key, why in reserves.faults(annotations).items()),
    ]
    return tuple(islice(told, MAX_NAMED))


def _is_near(key: str) -> bool:
    """Whether it is a name that is known, under a prefix that is hardly another one (`metalb.io/address-pool`)."""
    prefix, _, name = key.partition("/")
    return name.lower() in _BY_LOWER and bool(difflib.get_close_matches(prefix.lower(), _HOSTS, n=1, cutoff=SAME))


def _meant(key: str) -> str:
    name = key.partition("/")[2].lower()
    found = difflib.get_close_matches(name, _BY_LOWER, n=1, cutoff=ALIKE)
    return _BY_LOWER[found[0]] if found else ""
