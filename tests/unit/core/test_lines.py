"""From objects to lines: one for each recorded address."""

from __future__ import annotations

from fakes.world import configured, endpoints, nodes, pool, service
from pylb.core.config import EMPTY
from pylb.core.lines import by_service, lines
from pylb.core.model import EndpointSlice, ServiceKey
from pylb.core.reasons import Reason

WEB = ServiceKey("default/web")
ENDS = {WEB: endpoints("n1"), ServiceKey("default/other"): endpoints("n1")}
OLD = configured(pool("p", "10.0.0.0/24"))


def found(config: object, earlier: object = EMPTY, **fields: object) -> list:
    one = service("web", **{"ingress": ("10.0.0.1",), **fields})
    return lines(config, [one], ENDS, nodes("n1", "n2"), {"n1", "n2"}, None, earlier)


def test_only_recorded_addresses_of_load_balancers_of_our_class_have_a_line() -> None:
    assert [str(line.address) for line in found(OLD)] == ["10.0.0.1"]
    for fields in ({"ingress": ()}, {"type": "ClusterIP"}, {"load_balancer_class": "x"}, {"ingress": ("what",)}):
        assert found(OLD, **fields) == []


def test_two_services_on_one_address_have_one_line() -> None:
    pair = [service(name, ingress=("10.0.0.1",)) for name in ("web", "other")]
    (line,) = lines(OLD, pair, ENDS, nodes("n1", "n2"), {"n1", "n2"})
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
