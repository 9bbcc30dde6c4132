"""From objects to lines: one for each recorded address."""

from __future__ import annotations

from itertools import pairwise

import pytest

from fakes.world import configured, endpoints, nodes, pool, service
from pylb.core.config.loader import EMPTY
from pylb.core.model import EndpointSlice, Service, ServiceKey
from pylb.core.ownership.election import Verdict
from pylb.core.ownership.lines import Lines, View, by_service
from pylb.core.reasons import Reason

WEB = ServiceKey("default/web")
ENDS = {WEB: endpoints("n1"), ServiceKey("default/other"): endpoints("n1")}
BOTH, ALIVE = nodes("n1", "n2"), frozenset({"n1", "n2"})
OLD = configured(pool("p", "10.0.0.0/24"))


def found(config: object, earlier: object = EMPTY, **fields: object) -> list:
    one = service("web", **{"ingress": ("10.0.0.1",), **fields})
    return Lines().update(View(config, BOTH, ALIVE, None, earlier), [one], ENDS)


def test_only_recorded_addresses_of_load_balancers_of_our_class_have_a_line() -> None:
    assert [str(line.address) for line in found(OLD)] == ["10.0.0.1"]
    for fields in ({"ingress": ()}, {"type": "ClusterIP"}, {"load_balancer_class": "x"}, {"ingress": ("what",)}):
        assert found(OLD, **fields) == []


def test_two_services_on_one_address_have_one_line() -> None:
    pair = [service(name, ingress=("10.0.0.1",)) for name in ("web", "other")]
    (line,) = Lines().update(View(OLD, BOTH, ALIVE), pair, ENDS)
    assert (line.services, line.pool) == (("default/other", "default/web"), "p")


def test_an_address_without_a_pool_goes_on_by_the_configuration_that_had_one() -> None:
    """It is the controller that takes it away; until then it is announced as before."""
    (line,) = found(configured(), OLD)
    assert (line.verdict.winner, line.pool) == (found(OLD)[0].verdict.winner, "p")
    (orphan,) = found(configured(), configured())
    assert (orphan.verdict.winner, orphan.verdict.reason) == (None, Reason.ADDRESS_IN_NO_POOL)


def test_endpoints_of_all_slices_count() -> None:
    slices = [EndpointSlice(f"default/s{n}", WEB, tuple(endpoints(f"n{n}"))) for n in (1, 2)]
    assert [endpoint.node for endpoint in by_service(slices)[WEB]] == ["n1", "n2"]


def test_what_is_remembered_never_differs_from_what_is_elected_anew() -> None:
    """Each step changes one thing that an election may depend on, and the last but one nothing."""
    lines, web, other = Lines(), service("web", ingress=("10.0.0.1",)), service("other", ingress=("10.0.0.2",))
    local = service("web", ingress=("10.0.0.1",), traffic_policy="Local")
    moved = {**ENDS, WEB: endpoints("n2")}
    steps = [
        (View(OLD, BOTH, ALIVE), [web, other], ENDS),
        (View(OLD, BOTH, ALIVE), [local, other], ENDS),
        (View(OLD, BOTH, ALIVE), [local, other], moved),
        (View(OLD, BOTH, frozenset({"n1"})), [local, other], moved),
        (View(OLD, nodes("n1", "n2", "n3"), ALIVE), [local, other], moved),
        (View(configured(), BOTH, ALIVE, None, OLD), [local, other], moved),
        (View(configured(), BOTH, ALIVE, None, configured()), [local, other], moved),
        (View(OLD, BOTH, ALIVE, "x"), [local, other], moved),
        (View(OLD, BOTH, ALIVE), [other], moved),
        (View(OLD, BOTH, ALIVE), [other], moved),
        (View(OLD, BOTH, ALIVE), [service("other", ingress=("10.0.0.3",))], {}),
    ]
    told = [lines.update(*step) for step in steps]
    assert told == [Lines().update(*step) for step in steps]
    same = [number for number, (one, after) in enumerate(pairwise(told)) if one == after]
    assert same == [len(steps) - 3]


def test_nobody_is_elected_again_for_a_change_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand Services that come one after the other are a thousand elections, not half a million."""
    counted: list[str] = []

    def elect(_config: object, one: Service, *_: object) -> Verdict:
        counted.append(one.key)
        return Verdict()

    monkeypatch.setattr("pylb.core.ownership.lines.elect", elect)
    lines, services = Lines(), [service(f"s{number}", ingress=(f"10.0.0.{number}",)) for number in range(9)]
    for count in range(10):
        ends = {one.key: endpoints("n1") for one in services[:count]}  # made anew each time, as from the slices
        lines.update(View(OLD, nodes("n1"), frozenset({"n1"})), services[:count], ends)
    assert counted == [one.key for one in services]
