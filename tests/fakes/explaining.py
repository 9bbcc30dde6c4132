"""A cluster of two nodes where all is well, for tests of what is explained of a Service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fakes.world import configured, namespace, nodes, pool, service
from pylb.core.explanation import explain
from pylb.core.explanation.findings import Question
from pylb.core.explanation.scene import Announcing, Case, Controllers, Scene, ledger_of
from pylb.core.model import Endpoint, NodeName, Service

IP = "10.0.0.1"
N1, N2 = NodeName("n1"), NodeName("n2")
LAN = pool("lan", "10.0.0.0/29", avoidBuggyIPs=True)
WEB = service("web", ingress=(IP,), selector={"app": "web"})
HELD = {IP: Announcing(("n1",), known=True)}
READY = (Endpoint(N1, servable=True), Endpoint(N2, servable=True))
GIVERS = Controllers(known=True, ready=("pylb-controller-a",), leader="pylb-controller-a")


def scene(*others: Service, pools: Sequence[dict[str, Any]] = (LAN,), **fields: Any) -> Scene:
    """A cluster of two nodes whose speakers are heard, with these Services in it."""
    adverts = fields.pop("adverts", None)
    config = configured(*pools, adverts=adverts, namespaces=[namespace("default")])
    made = Scene(
        config=config, ledger=ledger_of(config, others), nodes=nodes("n1", "n2"), alive={N1, N2}, controllers=GIVERS
    )
    return replace(made, **fields)


def told(where: Scene, case: Case, question: Question, *others: Service) -> list[tuple[str, str, str]]:
    """(check, mark, text) of the rows of one question."""
    rows = explain.explain(where, case, {one.key: one for one in others})
    return [(row.check, row.mark.value, row.text) for row in rows if row.question is question]


def case(one: Service = WEB, **fields: Any) -> Case:
    return Case(one, **{"endpoints": READY, "announcing": HELD, **fields})
