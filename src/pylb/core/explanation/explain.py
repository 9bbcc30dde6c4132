"""All that is to say of one Service: has it an address, is a pod ready, may a node announce it, does one, who answers.

Detail, Requests, `pylb explain` and the doctor print these rows. They decide nothing of their own: the allocator and the
election, which the controller and the speakers go by, are asked. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pylb.core.explanation import pending, reach
from pylb.core.explanation.findings import Row
from pylb.core.explanation.scene import Case, Scene
from pylb.core.model import Service, ServiceKey

NOBODY: Mapping[ServiceKey, Service] = MappingProxyType({})


def allocated(scene: Scene, case: Case, services: Mapping[ServiceKey, Service] = NOBODY) -> tuple[Row, ...]:
    """The rows of the first question alone; `services` are all that are known, for those in the way."""
    return pending.allocation(scene, case, services)


def explain(scene: Scene, case: Case, services: Mapping[ServiceKey, Service] = NOBODY) -> tuple[Row, ...]:
    """The rows of all five questions, in order. What is another load balancer's is told of in the first alone."""
    first = allocated(scene, case, services)
    foreign = case.service.load_balancer_class != scene.load_balancer_class and not case.announcing
    if foreign:
        return first
    return (
        *first,
        *reach.endpoints(scene, case),
        *reach.election(scene, case),
        *reach.announcement(scene, case),
        *reach.answers(scene, case),
    )
