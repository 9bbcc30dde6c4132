"""What /metrics of a speaker says of moves, stand-ins and questions; the page of the docs names all of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fakes import exposed
from pylb.core.model import NodeName, service_key
from pylb.core.ownership.arbiter import Arbiter
from pylb.core.ownership.claims import Cause, Claim
from pylb.core.ownership.effects import StoodIn, Took
from pylb.core.ownership.election import Verdict
from pylb.core.ownership.lines import Line
from pylb.core.ownership.questions import Subject
from pylb.core.ownership.seats import Held, Seat
from pylb.core.ranges import parse_address
from pylb.kube.client import Client
from pylb.kube.credentials import Credentials
from pylb.runtime.eventlog import EventLog
from pylb.runtime.log import Logger
from pylb.runtime.metrics import Registry
from pylb.speaker import metrics
from pylb.speaker.announcer import Announcer
from pylb.speaker.app import Speaker
from pylb.speaker.keyring import Keyring
from pylb.speaker.settings import Settings

N1, N2 = NodeName("n1"), NodeName("n2")
IP = parse_address("192.0.2.1")
LINE = Line(IP, (), Verdict())
PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


@pytest.fixture
async def speaker() -> AsyncIterator[Speaker]:
    made = Speaker(
        Settings(N1),
        Client(Credentials("http://127.0.0.1:1", "test")),
        Keyring(b"a secret"),
        EventLog(),
        Logger("test"),
    )
    yield made
    made._links.close()


def told(speaker: Speaker) -> dict[str, str]:
    """Each series with its value."""
    registry = Registry()
    metrics.register(registry, speaker)
    lines = (line for line in registry.render().splitlines() if not line.startswith("#"))
    return dict(line.rsplit(" ", 1) for line in lines)


async def test_moves_by_cause_and_what_a_lost_owner_cost(speaker: Speaker) -> None:
    assert told(speaker)['pylb_moves_total{cause="node_gone"}'] == "0", "there from the start, for rates"
    for cause, silent in ((Cause.GONE, 0.42), (Cause.NOT_ELIGIBLE, None)):
        speaker.journal.take(Took(LINE, Claim(N1, 2), N2, cause, silent), 0.01, 1.0)
    found = told(speaker)
    assert found['pylb_moves_total{cause="node_gone"}'] == found['pylb_moves_total{cause="no_longer_eligible"}'] == "1"
    assert found['pylb_move_detection_seconds_bucket{le="0.4"}'] == "0"
    assert found['pylb_move_detection_seconds_bucket{le="0.5"}'] == "1"
    assert (found["pylb_move_detection_seconds_count"], found["pylb_move_detection_seconds_sum"]) == ("1", "0.42")
    assert found["pylb_move_takeover_seconds_sum"] == "0.43"


async def test_stand_ins_and_claims_without_a_witness(speaker: Speaker) -> None:
    speaker.journal.stand_in(StoodIn(IP, N2), 0.0)
    speaker.arbiter.seats[IP] = Seat(LINE, mine=Held(Claim(N1, 1, provisional=True), 0.0))
    found = told(speaker)
    names = ("pylb_stand_ins_total", "pylb_standing_in", "pylb_claims_provisional", "pylb_history_lost_total")
    assert [found[name] for name in names] == ["1", "1", "1", "0"]


async def test_questions_by_what_they_are_about(speaker: Speaker) -> None:
    speaker.prober.counts.asked[Subject.ADDRESS] += 3
    speaker.prober.counts.answered[Subject.ADDRESS] += 2
    found = told(speaker)
    assert found['pylb_questions_total{about="address",what="asked"}'] == "3"
    assert found['pylb_questions_total{about="address",what="answered"}'] == "2"


async def test_the_page_of_the_docs_names_each_metric_of_a_speaker(speaker: Speaker) -> None:
    registry = Registry()
    metrics.register(registry, speaker)
    made = set(re.findall(r"^# TYPE (\w+)", registry.render(), re.MULTILINE))
    named = set(re.findall(r"^\| `(\w+)", PAGE.read_text().partition("## Controller")[0], re.MULTILINE))
    assert made == named


async def test_all_that_metallbs_speaker_has_is_there(speaker: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, type and labels, but for what stands in the table of differences."""
    wanted = {name: found for name, found in exposed.observed("speaker").items() if name not in exposed.DIFFERENCES}
    assert len(wanted) >= 8
    counts = speaker.announcer.counts
    for counter in (counts.requests, counts.responses, counts.gratuitous):
        counter[IP] += 1
    line = Line(IP, (service_key("default", "web"),), Verdict())
    monkeypatch.setattr(Announcer, "placements", property(lambda _: {IP: ("eth0",)}))
    monkeypatch.setattr(Arbiter, "owned", property(lambda _: {IP: line}))
    registry = Registry()
    metrics.register(registry, speaker)
    ours = exposed.families(registry.render())
    assert {name: ours.get(name) for name in wanted} == wanted
