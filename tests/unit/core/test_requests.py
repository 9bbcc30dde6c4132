"""Where a Service's pinned address is written, as it is shown and as fixes name it."""

from __future__ import annotations

import pytest

from pylb.core.allocation.requests import parse, pin_source
from pylb.core.model import Service, ServiceKey

NEW, OLD = "metallb.io/loadBalancerIPs", "metallb.universe.tf/loadBalancerIPs"


@pytest.mark.parametrize(
    ("annotations", "field", "source"),
    [
        ({}, "", ""),
        ({NEW: "10.0.0.1"}, "", NEW),
        ({OLD: "10.0.0.1"}, "", OLD),
        ({NEW: "10.0.0.1", OLD: "10.0.0.2"}, "", NEW),
        ({NEW: "", OLD: "10.0.0.2"}, "", ""),  # what is there wins, even when empty
        ({NEW: "", OLD: "10.0.0.2"}, "10.0.0.3", "spec.loadBalancerIP"),
        ({}, "10.0.0.3", "spec.loadBalancerIP"),
    ],
)
def test_the_source_of_a_pin_is_what_counts(annotations: dict[str, str], field: str, source: str) -> None:
    service = Service(ServiceKey("a/b"), annotations=annotations, load_balancer_ip=field, cluster_ips=("10.96.0.1",))
    assert pin_source(service) == source
    assert bool(getattr(parse(service), "addresses", ())) == bool(source)
