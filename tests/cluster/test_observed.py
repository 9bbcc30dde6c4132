"""What MetalLB wrote on a real API server, case by case, against what pylb writes under the same stimuli.

Status, annotations, Events with their sources, status objects and who owns them are compared entry by entry; what may
differ stands in one table (`fakes.deviations`), and nothing else may. Counts of Events are only an upper limit.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from fakes import deviations, observed
from fakes.observing import Stage
from fakes.real import RealLan
from fakes.replays import SCENARIOS

SETTLED_S = 10.0  # until a case has come to what is expected
HOLD_S = 0.3  # in which nothing more may come
LOOK_EVERY_S = 0.05


@pytest.fixture(scope="module")
def stage(cluster: object) -> Iterator[Stage]:
    """The cluster; put back as it was, node labels too."""
    with RealLan(cluster) as lan:
        stage = Stage(lan)
        yield stage
        stage.end()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(stage: Stage, scenario: str) -> None:
    stage.reset()
    try:
        for case in SCENARIOS[scenario](stage):
            assert_as_expected(stage, case)
    finally:
        stage.include_all()


def assert_as_expected(stage: Stage, case: str) -> None:
    """The case comes to what is expected and stays so."""
    recorded = observed.case(case)
    expected = deviations.expected(case, observed.outcome(recorded, observed.old_pod))
    wanted = {**expected}
    watch = wanted.pop("watch", None)
    end, since = time.monotonic() + SETTLED_S, 0.0
    while True:
        now = time.monotonic()
        told = observed.comparable(stage.told(), recorded)
        differences = observed.differences(wanted, observed.outcome(told, stage.lan.runs_in))
        since = 0.0 if differences else since or now
        if since and now - since >= HOLD_S:
            break
        assert now < end, f"{case}:\n" + "\n".join(differences)
        time.sleep(LOOK_EVERY_S)
    assert watch is None or stage.watched() == watch
