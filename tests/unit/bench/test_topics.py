"""A topic that this machine cannot run is named, and is no failure; and what the cluster's topics make of what they saw."""

from __future__ import annotations

import math

import pytest

from bench import __main__, _cluster, cluster_failover, cluster_scale
from bench._metallb import sources
from bench.results import SKIPPED


@pytest.mark.parametrize(("code", "result", "told"), [(0, 0, ""), (SKIPPED, 0, "arp: SKIPPED"), (1, 1, "arp: broke")])
def test_what_becomes_of_a_topic(
    code: int, result: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(__main__, "run", lambda _topic: code)
    assert __main__.main(["arp"]) == result
    seen = capsys.readouterr()
    assert told in seen.out + seen.err


def test_a_machine_without_a_cluster_skips_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_cluster.os, "geteuid", lambda: 1000)
    with pytest.raises(SystemExit) as ended:
        _cluster.run_topic("cluster_scale", list)
    assert ended.value.code == SKIPPED
    assert "SKIP cluster_scale: the nodes of a real cluster need root" in capsys.readouterr().out


def test_a_cut_without_an_answer_is_a_miss() -> None:
    refer = sources(cluster_failover.RECORDED, {})
    [worst, *_] = cluster_failover.figures([(400.0, 350.0), (None, None)], refer, "")
    assert (worst.verdict, math.isnan(worst.value), worst.note) == ("MISS", True, "1 without an answer")
    [worst, median, _] = cluster_failover.figures([(400.0, 350.0), (500.0, 450.0)], refer, "")
    assert (worst.verdict, worst.value, median.value) == ("PASS", 500.0, 450.0)


def test_the_peer_of_the_same_run_needs_an_answer_to_every_cut() -> None:
    assert cluster_failover.medians([(400.0, 350.0), (None, 1.0)]) == {}
    assert cluster_failover.medians([(400.0, 350.0), (600.0, 450.0)])["worst"] == 600.0


def test_memory_is_held_against_metallbs_at_each_size() -> None:
    found = cluster_scale.Found(
        rss={"controller 20": [56.0], "follower 20": [40.0], "speaker 20": [60.0, 64.0]},
        made={1000: 3.0},
        addressed={1000: 4.0},
        own=5.0,
        writes=5.01,
        faults={"deleted": [0.1, 2.5], "killed": [0.5], "power": [10.0]},
    )
    made = {one.name: one for one in cluster_scale.figures(found, sources(cluster_scale.RECORDED, {}), "")}
    verdicts = {
        "real cluster: controller's RSS with 20 Services": "PASS",
        "real cluster: speaker's RSS with 20 Services, the largest": "MISS",
        "real cluster: speaker's RSS with 250 Services, the largest": "MISS",  # nothing was seen
        "real cluster: API writes for each of 1000 Services at once": "PASS",
    }
    assert {name: made[name].verdict for name in verdicts} == verdicts
    deleted = next(one for name, one in made.items() if "pod deleted" in name)
    assert (deleted.verdict, deleted.value) == ("MISS", 2.5)
    assert found.values()["served"] == 2.5
