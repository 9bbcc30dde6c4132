"""Allocation and memory on the real API server, through kubectl: many small cases at once, each in a namespace of its own.

A case has pools of its own, for its namespace alone, and phases: what is applied and deleted, and what its Services have
then. All cases go through a phase together. Before the last one the controllers are killed, and nothing may change.
In manifests and addresses `@` stands for the case's number.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from fakes.allocation_cases import CASES, SPACE, Phase, service
from fakes.cluster import OURS, until
from fakes.real import RealLan
from pylb.kube.errors import ClusterError

PHASES = 4
SETTLED_S = 20.0  # until a phase has come to what is expected
HOLD_S = 0.5  # in which nothing may change
LEADS_S = 60.0  # until a pod is made anew, and has the Lease
WRITTEN_S = 10.0  # until the memory is written
MEMORY = f"{OURS}/configmaps/pylb-memory"
Found = dict[tuple[int, str], list[str]]


@pytest.fixture(scope="module")
def lan(cluster: object) -> Iterator[RealLan]:
    """The cluster with a namespace for each case; put back as it was."""
    with RealLan(cluster) as lan:
        for number, _ in numbered():
            lan.typed(f"create namespace allocation-{number}")
        try:
            yield lan
        finally:
            lan.typed("-n metallb-system delete ipaddresspools --all")
            lan.empty()


def numbered() -> Iterator[tuple[int, tuple[Phase, ...]]]:
    return enumerate(CASES.values(), start=1)


def for_case(what: Any, number: int) -> Any:
    return json.loads(json.dumps(what).replace("@", str(number)))


@pytest.fixture(scope="module")
def outcomes(lan: RealLan) -> dict[int, Found]:
    """What all Services of all cases had, by phase."""
    found = {}
    for index in range(PHASES):
        if index == PHASES - 1:
            gone = [f"{SPACE}/{name} ".replace("@", str(one)) for one, name in deleted(index - 1)]
            until("the memory is written", lambda gone=gone: all(key in remembered(lan) for key in gone), WRITTEN_S)
            before = seen(lan)
            lan.typed("-n pylb-system delete pods -l app.kubernetes.io/component=controller --grace-period=0 --force")
            until("another one leads", lambda: leads(lan), LEADS_S)
            assert seen(lan) == before
        play(lan, index)
        found[index] = settled(lan, expected(index))
    return found


def leads(lan: RealLan) -> bool:
    """Whether a controller has taken up what all of them have."""
    with contextlib.suppress(ClusterError):
        return bool(lan.pods("controller") and lan.state("controller")["allocations"])
    return False


def remembered(lan: RealLan) -> str:
    return str(((lan.get(MEMORY) or {}).get("data") or {}).get("addresses", ""))


def deleted(index: int) -> list[tuple[int, str]]:
    """The Services that are deleted in a phase; all of these are to be remembered."""
    return [(number, name) for number, phases in numbered() for one in phases[index : index + 1] for name in one.delete]


def play(lan: RealLan, index: int) -> None:
    """Apply and delete all of a phase, with one command for each."""
    items, gone = [], []
    for number, phases in numbered():
        for phase in phases[index : index + 1]:
            items += for_case(phase.apply, number)
            gone += [(number, for_case(name, number)) for name in phase.delete]
    for number, name in gone:
        kind, _, pool_name = name.rpartition("/")
        where = (
            f"-n metallb-system delete {kind} {pool_name}" if kind else f"-n allocation-{number} delete service {name}"
        )
        lan.typed(where)
    pools_first = sorted(items, key=lambda item: item["kind"])
    if items:
        lan.typed("apply -f -", json.dumps({"apiVersion": "v1", "kind": "List", "items": pools_first}))


def expected(index: int) -> Found:
    """What the Services should have: of a case without such a phase, as in its last one."""
    found: Found = {}
    for number, phases in numbered():
        phase = phases[min(index, len(phases) - 1)]
        found.update({(number, name): for_case(given, number) for name, given in phase.expected.items()})
    return found


def seen(lan: RealLan) -> Found:
    found: Found = {}
    for item in lan.get("/api/v1/services")["items"]:
        space, _, number = item["metadata"]["namespace"].partition("-")
        if space == "allocation":
            entries = item["status"].get("loadBalancer", {}).get("ingress") or ()
            found[int(number), item["metadata"]["name"]] = [entry["ip"] for entry in entries]
    return found


def settled(lan: RealLan, wanted: Found) -> Found:
    """What they have, as soon as it is what is wanted and stays so; else what they have in the end."""
    end, since = time.monotonic() + SETTLED_S, 0.0
    while True:
        found, now = seen(lan), time.monotonic()
        since = (since or now) if found == wanted else 0.0
        if (since and now - since >= HOLD_S) or now > end:
            return found
        time.sleep(0.1)


@pytest.mark.parametrize("case", CASES)
def test_case(outcomes: dict[int, Found], case: str) -> None:
    number = list(CASES).index(case) + 1
    for index, found in outcomes.items():
        wanted = {key: given for key, given in expected(index).items() if key[0] == number}
        assert {key: given for key, given in found.items() if key[0] == number} == wanted, f"phase {index + 1}"


def test_what_is_not_ours_is_left_alone(lan: RealLan, outcomes: dict[int, Found]) -> None:
    number = list(CASES).index("externalIPs and NodePorts are left alone") + 1
    spec = lan.get(f"/api/v1/namespaces/allocation-{number}/services/a")["spec"]
    assert spec["externalIPs"] == [f"10.250.0.{number}"]
    assert spec["ports"][0]["nodePort"]


def test_who_deletes_the_memory_wants_all_forgotten(lan: RealLan, outcomes: dict[int, Found]) -> None:
    """And what is remembered later stands in a new one."""
    number = list(CASES).index("memory") + 1
    services = f"/api/v1/namespaces/allocation-{number}/services"
    lan.typed(f"-n allocation-{number} delete service a")
    until("it is written", lambda: f"allocation-{number}/a 10.78.{number}.0 " in remembered(lan), WRITTEN_S)
    lan.typed("-n pylb-system delete configmap pylb-memory")
    time.sleep(HOLD_S)
    lan.typed("apply -f -", json.dumps(for_case(service("c"), number)))
    first = f"10.78.{number}.0"
    until("it has the first", lambda: addresses(lan, f"{services}/c") == [first])
    lan.typed(f"-n allocation-{number} delete service c")
    until("a new one", lambda: f"allocation-{number}/c {first} " in remembered(lan), WRITTEN_S)


def test_what_somebody_writes_into_the_memory_counts(lan: RealLan, outcomes: dict[int, Found]) -> None:
    """As a backup that is restored; lines that say nothing are left out."""
    number = list(CASES).index("memory") + 1
    wanted = f"10.78.{number}.3"
    text = f"nonsense\nallocation-{number}/d {wanted} {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\n"
    lan.patch(MEMORY, {"data": {"addresses": text}})
    time.sleep(HOLD_S)
    lan.typed("apply -f -", json.dumps(for_case(service("d"), number)))
    until("it has it", lambda: addresses(lan, f"/api/v1/namespaces/allocation-{number}/services/d") == [wanted])


def addresses(lan: RealLan, path: str) -> list[str]:
    entries = (lan.get(path) or {}).get("status", {}).get("loadBalancer", {}).get("ingress") or ()
    return [entry["ip"] for entry in entries]
