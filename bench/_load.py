"""Pools and Services by the thousand, and how long the controller's pure core takes to decide on them.

Times are of this process alone (`time.process_time`), so that a busy machine lengthens them less than a clock on the wall
would say.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv4Address

from pylb.controller.reconcile import Books
from pylb.core.config import loader as config
from pylb.core.config.loader import Config, Objects
from pylb.core.model import Port, Service, ServiceKey, service_key

FIRST = IPv4Address("10.80.0.0")
BLOCK = 2**16  # addresses: a /16, which all pools together are
SIX = "fd80::/112"
SHARING = "metallb.io/allow-shared-ip"
Json = dict[str, object]
Services = dict[ServiceKey, Service]


def pools(count: int, *, each: int = 0, dual: bool = False) -> list[Json]:
    """So many pools of one size, which together are a /16, or have so many addresses each, as JSON; all of them with
    IPv6 as well, if it is one."""
    size = each or BLOCK // count
    return [
        {
            "apiVersion": "metallb.io/v1beta1",
            "kind": "IPAddressPool",
            "metadata": {"name": f"pool-{number:03}", "namespace": "metallb-system"},
            "spec": {"addresses": [_span(number * size, size), *([SIX] if dual else [])]},
        }
        for number in range(count)
    ]


def _span(start: int, size: int) -> str:
    return f"{FIRST + start}-{FIRST + start + size - 1}"


def configured(raw: Sequence[Json]) -> Config:
    """The configuration of these pools."""
    loaded = config.load(Objects(list(raw)))
    if loaded.config is None:
        raise SystemExit(f"no configuration: {loaded.problems}")
    return loaded.config


def services(count: int, *, dual: bool = False) -> Services:
    """So many Services with one port."""
    one = Service(
        ServiceKey(""),
        cluster_ips=("10.96.0.7", "fd96::7") if dual else ("10.96.0.7",),
        family_policy="RequireDualStack" if dual else "SingleStack",
        ports=(Port("TCP", 80),),
    )
    keys = [service_key("default", f"one-{number:05}") for number in range(count)]
    return {key: replace(one, key=key, uid=f"uid-{key}") for key in keys}


def sharing(count: int, group: int) -> Services:
    """So many Services, of which each so many share an address, with a port of its own each."""
    return {
        key: replace(one, annotations={SHARING: f"key-{number // group}"}, ports=(Port("TCP", 1 + number % group),))
        for number, (key, one) in enumerate(services(count).items())
    }


def clashing(count: int) -> Services:
    """So many Services with one sharing key and one port: none of them can share with another."""
    return {key: replace(one, annotations={SHARING: "key"}) for key, one in services(count).items()}


def settled(configuration: Config, present: Services, at_once: int = 0) -> Books:
    """The books after all of them came, so many at once; all at once for 0."""
    books, keys = Books(), list(present)
    step = at_once or len(keys)
    for start in range(0, len(keys), step):
        books.settle(configuration, present, keys[start : start + step])
    return books


def seconds(what: Callable[[], object], runs: int) -> list[float]:
    """How long each of so many runs took, after the garbage of the one before is gone."""
    found = []
    for _ in range(runs):
        gc.collect()
        began = time.process_time()
        kept = what()
        found.append(time.process_time() - began)
        del kept
    return found


def one_more(configuration: Config, present: Services, more: Iterable[Service]) -> list[float]:
    """How long each of some more Services takes, one after the other, where all others have addresses."""
    books, known, found = settled(configuration, present), dict(present), []
    for one in more:
        known[one.key] = one
        began = time.process_time()
        books.settle(configuration, known, [one.key])
        found.append(time.process_time() - began)
    return found
