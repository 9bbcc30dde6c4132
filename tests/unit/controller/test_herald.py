"""What is told on the objects of a configuration: all that is wrong with each at once, once, and what is odd else."""

from __future__ import annotations

from typing import Any

import pytest

from pylb.controller.herald import Herald
from pylb.core.config.loader import Config, Problem
from pylb.core.model import ObjectRef
from pylb.core.notices import Notice

POOL, ROUTER = ObjectRef("IPAddressPool", "m", "p"), ObjectRef("BGPPeer", "m", "r")
FIRST, SECOND = (
    Problem(POOL, "spec.addresses[0]", "one", "mend one"),
    Problem(POOL, "spec.addresses[1]", "two", "mend two"),
)
ODD = Problem(ROUTER, "spec", "odd", "nothing")


class Told:
    """Stands for a configuration, the stream, the recorder and the log."""

    def __init__(self) -> None:
        self.problems: tuple[Problem, ...] = ()
        self.warnings: tuple[Problem, ...] = ()
        self.current = Config()
        self.notices: list[tuple[ObjectRef, Notice]] = []

    def record(self, ref: ObjectRef, notice: Notice) -> None:
        self.notices.append((ref, notice))

    def add(self, raw: Any) -> None: ...

    def info(self, text: str, **fields: Any) -> None: ...


@pytest.mark.parametrize("again", [False, True])
def test_all_that_is_wrong_with_an_object_is_told_in_one_event(again: bool) -> None:
    told: Any = Told()
    herald = Herald(told, told, told)
    told.problems, told.warnings = (FIRST, SECOND), (ODD,)
    for _ in range(1 + again):
        herald.configuration(told)
    assert dict(told.notices) == {
        POOL: Notice("Warning", "ConfigurationError", "configuration error: one; mend one\ntwo; mend two"),
        ROUTER: Notice("Warning", "ConfigurationWarning", "odd; nothing"),
    }
    assert len(told.notices) == 2
    told.problems = (FIRST,)
    herald.configuration(told)
    assert told.notices[2:] == [(POOL, Notice("Warning", "ConfigurationError", "configuration error: one; mend one"))]
