"""What users do to Services and pools while a controller lives and dies: turns, each of several requests at once."""

from __future__ import annotations

from typing import Any, NamedTuple

from fakes.cluster import pool, service
from fakes.oracle import PIN, POOL, SHARE
from pylb.core.allocation.reserves import REMEMBER

SERVICES = "/api/v1/namespaces/default/services"
POOLS = "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools"
LOW, SIX = "10.0.0.0-10.0.0.7", "fd00::/125"


class Do(NamedTuple):
    """One request of a user's."""

    method: str
    path: str
    body: Any = None


def _create(name: str, *ports: int, pin: str = "", pool_name: str = "", key: str = "", **spec: Any) -> Do:
    notes = {PIN: pin, POOL: pool_name, SHARE: key}
    return Do(
        "POST", SERVICES, service(f"default/{name}", *ports, annotations={k: v for k, v in notes.items() if v}, **spec)
    )


def _delete(name: str) -> Do:
    return Do("DELETE", f"{SERVICES}/{name}")


def _note(name: str, **notes: str | None) -> Do:
    known = {"pin": PIN, "pool": POOL, "key": SHARE}
    return Do("PATCH", f"{SERVICES}/{name}", {"metadata": {"annotations": {known[k]: v for k, v in notes.items()}}})


def _turn_into(name: str, kind: str) -> Do:
    return Do("PATCH", f"{SERVICES}/{name}", {"spec": {"type": kind}})


def _range(name: str, *addresses: str) -> Do:
    return Do("PATCH", f"{POOLS}/{name}", {"spec": {"addresses": list(addresses)}})


BEFORE = (  # any controller lives
    _range("p", LOW, SIX),
    Do("PATCH", f"{POOLS}/p", {"metadata": {"annotations": {REMEMBER: None}}}),
    Do("POST", POOLS, pool("q", "10.1.0.0/30", remember=True, autoAssign=False)),
)

TURNS: tuple[tuple[Do, ...], ...] = (
    (
        _create("plain"),
        _create("short"),
        _create("one", 80, pin="10.0.0.3", key="k"),
        _create("other", 443, pin="10.0.0.3", key="k"),
        _create("both", ipFamilyPolicy="RequireDualStack"),
        _create("either", ipFamilyPolicy="PreferDualStack"),
        _create("pinned", pin="10.0.0.7"),
        _create("named", pool_name="q"),
    ),
    (
        _delete("short"),
        _create("clash", 80, pin="10.0.0.3", key="k"),  # waits
        _note("pinned", pin="10.0.0.6"),
        _create("heir", pin="10.0.0.7"),
        _create("late"),
        _create("hopeless", pin="10.9.9.9"),  # waits
    ),
    (
        _range("p", "10.0.0.0-10.0.0.6", SIX),  # takes heir's
        Do("POST", POOLS, pool("r", "10.2.0.0/31", remember=True)),
        _turn_into("plain", "ClusterIP"),
        _delete("one"),  # makes room for clash
        Do("DELETE", f"{POOLS}/q"),  # named waits
    ),
    (
        _turn_into("plain", "LoadBalancer"),
        _range("p", LOW, SIX),
        _note("pinned", pin="10.0.0.7"),  # the two swap
        _note("heir", pin="10.0.0.6"),
        Do("POST", POOLS, pool("q", "10.1.0.2/31", remember=True, autoAssign=False)),
        _delete("both"),
        _create("both", ipFamilyPolicy="RequireDualStack"),
    ),
    (
        _note("heir", pin="10.0.0.7"),  # a ring of three addresses, of which two Services share one
        _note("pinned", pin="10.0.0.3"),
        _note("other", pin="10.0.0.6"),
        _note("clash", pin="10.0.0.6"),
    ),
    (
        _note("heir", pin="10.0.0.6"),  # and back
        _note("pinned", pin="10.0.0.7"),
        _note("other", pin="10.0.0.3"),
        _note("clash", pin="10.0.0.3"),
        _note("either", pool="r"),
        Do("DELETE", f"{POOLS}/p"),
    ),
    (
        Do("POST", POOLS, pool("s", LOW, SIX, remember=True)),
        _note("hopeless", pin=None),
        _note("either", pool=None),
    ),
)
