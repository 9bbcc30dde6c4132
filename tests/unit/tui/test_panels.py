"""Pools, events, the lines at the top, the columns, and the plain report: text that fits where it stands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes import tui_source as fake
from fakes import world
from pylb.core import events
from pylb.tui import columns, gauges, news, printed, rows, summary, words
from pylb.tui.facts import ConfigSeen, Fact, Kind, Note, ObjectChanged, Offline, Online, Snapshot, SpeakerHeard
from pylb.tui.state import State
from pylb.tui.store import fold_all
from pylb.tui.words import ASCII, UNICODE, plain

NOW = fake.NOW
HOMELAB = fold_all(State(), fake.homelab())
DUAL = world.pool("dual", "10.0.0.0/30", "fd00::/64", autoAssign=False)


def test_pools_count_what_services_have() -> None:
    state = fold_all(
        State(),
        [
            ConfigSeen(world.configured(world.pool("lan", "192.168.1.240-192.168.1.250"), DUAL)),
            fake.change("a", "pinned", "192.168.1.241", fake.SPEC),
            fake.change("a", "auto", "192.168.1.242"),
            fake.change("b", "shares", "192.168.1.242"),
            fake.change("b", "six", "fd00::5"),
            fake.change("b", "elsewhere", "8.8.8.8"),
        ],
    )
    dual, lan = gauges.pools(state)
    assert (lan.used, lan.total, lan.pinned, lan.auto, lan.share) == (2, 11, 1, True, "18%")
    assert (dual.used, dual.total, dual.auto) == (1, 4 + 2**64, False)
    assert dual.ranges == "10.0.0.0/30, fd00::/64"


@pytest.mark.parametrize(("used", "tone", "share"), [(0, "info", "0%"), (7, "warn", "87%"), (8, "bad", "full")])
def test_a_filling_pool_worries(used: int, tone: str, share: str) -> None:
    gauge = gauges.Gauge("p", "", True, used, 8, 0, True)
    assert (gauge.tone, gauge.share) == (tone, share)


@pytest.mark.parametrize("width", [60, 76, 89, 90, 96, 136])
@pytest.mark.parametrize("limit", [1, 2, 4])
@pytest.mark.parametrize("glyphs", [ASCII, UNICODE])
def test_pools_fit(width: int, limit: int, glyphs: words.Glyphs) -> None:
    big = world.pool("a-pool-with-a-very-long-name", "fd00:1234:5678:9abc:def0::/65", "10.1.0.0/16")
    state = fold_all(HOMELAB, [ConfigSeen(world.configured(big, DUAL, *fake.POOLS))])
    lines = gauges.lines(gauges.pools(state), width, limit, glyphs)
    assert len(lines) <= limit
    assert all(len(plain(line)) <= width for line in lines)


def test_pools_that_do_not_fit_are_counted() -> None:
    found = gauges.pools(HOMELAB)
    assert plain(gauges.lines(found, 96, 2, ASCII)[-1]) == "and 3 more"
    assert plain(gauges.lines((*found, *found), 76, 2, ASCII)[-1]) == "and 6 more"


@pytest.mark.parametrize("terminal", [60, 80, 99, 100, 119, 120, 139, 140, 200])
def test_columns_fit(terminal: int) -> None:
    inner = terminal - 3
    plan = columns.layout(terminal, inner)
    assert sum(column.width + columns.GAP for column in plan) <= inner
    long = replace(rows.services(HOMELAB, NOW)[0], name="n" * 63, namespace="s" * 63, node="k" * 63, address="f" * 39)
    for row in (*rows.services(HOMELAB, NOW), long):
        cells = columns.cells(row, plan, UNICODE)
        assert all(len(cell.text) <= column.width for cell, column in zip(cells, plan, strict=True))


@pytest.mark.parametrize(
    ("terminal", "longest", "width"),
    [
        (100, 0, 9),
        (100, 9, 9),
        (120, 14, 14),
        (139, 14, 14),
        (139, 300, columns.POOL_MAX),
        (200, 17, 17),
        (200, 300, columns.POOL_MAX),
    ],
)
def test_the_pools_column_is_as_wide_as_it_needs(terminal: int, longest: int, width: int) -> None:
    """Up to a bound, and only from what the flexible column can spare."""
    plan = columns.layout(terminal, terminal - 3, longest)
    assert next(column.width for column in plan if column.key == "pool") == width


@pytest.mark.parametrize("terminal", [60, 80, 99, 100, 105, 119, 120, 139, 140, 145, 200])
@pytest.mark.parametrize("longest", [0, 9, 10, 24, 300])
def test_a_long_pool_takes_no_room_that_is_needed(terminal: int, longest: int) -> None:
    plan = columns.layout(terminal, terminal - 3, longest)
    assert sum(column.width + columns.GAP for column in plan) <= terminal - 3
    flexible = plan[-1] if terminal >= columns.WHY_FROM else plan[2] if terminal >= columns.FOLDED_BELOW else plan[1]
    before = {column.key: column.width for column in columns.layout(terminal, terminal - 3)}[flexible.key]
    assert flexible.width >= min(columns.KEEP[flexible.key], before)


def test_a_long_pool_does_not_break_the_printed_table() -> None:
    facts = [
        ConfigSeen(world.configured(world.pool("p" * 253, "192.168.1.240/28"))),
        fake.change("a", "b", "192.168.1.241"),
    ]
    lines = list(printed.report(fold_all(State(), facts), NOW))
    assert f"  {'p' * (columns.POOL_MAX - 1)}~  auto" in lines[-1]


def test_a_shared_address_keeps_its_mark() -> None:
    row = replace(rows.services(HOMELAB, NOW)[0], address="fd00:1111:2222:3333:4444:5555:6666:7777", shared=2)
    cell = next(cell for cell in columns.cells(row, columns.layout(80, 77), ASCII) if "fd00" in cell.text)
    assert cell.text.endswith("~ *2")


def said(*facts: Fact) -> list[tuple[str, str, str]]:
    return [(one.tag, one.subject, one.text) for one in news.latest(fold_all(State(), facts))]


def test_news_are_newest_first() -> None:
    times = [one.at for one in news.latest(HOMELAB)]
    assert times == sorted(times, reverse=True)


def test_what_two_speakers_tell_is_said_once() -> None:
    down = events.MemberDown(NOW, "n3", "n1", "silent", 500.0)
    assert said(down, replace(down, at=NOW + 0.1, seen_by="n2")) == [
        ("DOWN", "n3", "its speaker: not heard any more, last sign 500 ms before (told by n1)")
    ]


def test_a_kubernetes_event_is_left_out_where_the_stream_says_it() -> None:
    taken = events.Claimed(NOW, "10.0.0.1", "n1", ("a/b",))
    note = Note(NOW + 1, "a/b", False, "nodeAssigned", 'announcing from node "n1"')
    assert len(said(taken, ObjectChanged(Kind.NOTE, "x", note))) == 1
    assert len(said(taken, ObjectChanged(Kind.NOTE, "x", replace(note, service="a/c")))) == 2
    assert len(said(taken, ObjectChanged(Kind.NOTE, "x", replace(note, at=NOW + 60)))) == 2


def test_a_speaker_that_is_cut_off_is_not_believed() -> None:
    """n3 loses its cable: it takes n1 and n2 for gone and what they hold for its own, until they hear it again."""
    cut = [
        events.MemberDown(NOW, "n3", "n1", "silent", 500.0),
        events.MemberDown(NOW, "n3", "n2", "silent", 500.0),
        events.MemberDown(NOW, "n1", "n3", "silent", 500.0),
        events.MemberDown(NOW, "n2", "n3", "silent", 500.0),
        events.Moved(NOW + 0.1, "10.0.0.1", "n1", "n3", (), "silent"),
        events.Moved(NOW + 0.1, "10.0.0.2", "n3", "n1", (), "silent"),
    ]
    found = said(*cut)
    assert [tag for tag, _, _ in found] == ["MOVE", "MOVE", "DOWN", "CUT"]
    assert found[0] == ("MOVE", "10.0.0.1", "n1 -> n3: not heard any more; but n3 is cut off")
    assert found[1] == ("MOVE", "10.0.0.2", "n3 -> n1: not heard any more")
    assert found[3][1] == "n3"
    healed = said(*cut, events.MemberUp(NOW + 2, "n3", "n1"), events.Moved(NOW + 2, "10.0.0.2", "n1", "n3", (), "x"))
    assert healed[0][2] == "n1 -> n3: x" or healed[1][2] == "n1 -> n3: x"


def test_every_kind_of_event_has_its_line() -> None:
    state = fold_all(HOMELAB, [events.Released(NOW, "a/b", ("10.0.0.1",), "service_deleted")])
    state = fold_all(state, [events.Withdrawn(NOW, "10.0.0.1", "n1", "no_endpoint"), events.MemberUp(NOW, "n1", "n2")])
    state = fold_all(state, [events.ConfigRejected(NOW, ("overlap",), "controller")])
    state = fold_all(state, [events.Allocated(NOW, "a/b", ("10.0.0.1",), "p")])
    found = news.latest(state)
    assert {one.tag for one in found} == {"ADDR", "FREE", "PEND", "HOLD", "MOVE", "STOP", "UP", "DOWN", "CONF", "CFG"}
    assert all(len(plain(news.line(one, width, ASCII))) <= width for one in found for width in (40, 80, 100))


def test_freshness_ages_from_green_to_red() -> None:
    state = fold_all(State(), [Online(NOW)])
    tones = [summary.freshness(state, NOW + age, ASCII)[0].tone for age in (0, 9.9, 10, 29, 30)]
    assert tones == ["good", "good", "warn", "warn", "bad"]
    assert plain(summary.freshness(state, NOW + 3, ASCII)) == "* LIVE 3s"
    assert plain(summary.freshness(State(), NOW, ASCII)) == "connecting"
    assert plain(summary.freshness(state, NOW, ASCII, paused=12)) == "PAUSED +12 changes"


def test_offline_counts_down() -> None:
    state = fold_all(State(), [Online(NOW), Offline(NOW + 1, "refused", NOW + 9)])
    assert plain(summary.offline(state, NOW + 8.5)).startswith(
        "OFFLINE 7s  next try in 1s (r now)  what you see is of "
    )
    assert "trying now" in plain(summary.offline(state, NOW + 9.5))
    assert summary.offline(fold_all(state, [Online(NOW + 10)]), NOW + 10) == ()


def test_standing_says_what_is_wrong() -> None:
    found = rows.services(HOMELAB, NOW)
    assert plain(summary.standing(HOMELAB, found, NOW, 100)) == (
        "speakers 3/4 rpi4 silent   services 13   conflict 1   pending 2   unannounced 1   moved 1"
    )
    assert plain(summary.standing(HOMELAB, found, NOW, 80)) == (
        "spk 3/4 !rpi4   svc 13   CONF 1   PEND 2   NOAN 1   MOVE 1"
    )
    assert plain(summary.standing(State(), (), NOW, 100)) == "speakers -   services 0"
    well = [row for row in found if row.word is rows.Word.OK]
    assert plain(summary.standing(HOMELAB, well, NOW, 100)).endswith("all well")


def test_problems_of_the_configuration_are_seen_from_each_side() -> None:
    assert summary.problems(fold_all(State(), [ConfigSeen(None, ("own",))])) == ("own",)
    rejected = events.ConfigRejected(NOW, ("told",), "controller")
    assert summary.problems(fold_all(State(), [rejected])) == ("told",)
    assert summary.problems(fold_all(State(), [rejected, events.ConfigLoaded(NOW, (), "controller")])) == ()
    stale = SpeakerHeard(NOW, Snapshot("n1", stale=True, problems=("stale",)))
    assert summary.problems(fold_all(State(), [stale])) == ("stale",)


def test_report_is_ascii_and_whole() -> None:
    lines = list(printed.report(HOMELAB, NOW))
    text = "\n".join(lines)
    assert text.isascii()
    assert "which rpi2 hears no speaker tell of, answers for it too" in text
    assert sum("/" in line and line[:4].strip().isupper() for line in lines) >= 13
    assert printed.has_problems(rows.services(HOMELAB, NOW), HOMELAB, NOW)
    assert not printed.has_problems((), State(), NOW)
    assert list(printed.report(State(), NOW))[-1] == "no Service of type LoadBalancer"


def test_an_invalid_configuration_is_told_with_what_is_in_force() -> None:
    rejected = fold_all(State(), [SpeakerHeard(NOW, Snapshot("n1", stale=True, problems=("IPAddressPool n/p: bad",)))])
    lines = list(printed.report(rejected, NOW))
    assert "configuration invalid" in lines[0]
    assert lines[1:3] == ["configuration invalid: IPAddressPool n/p: bad", printed.IN_FORCE]
    assert not any("configuration invalid" in line for line in printed.report(HOMELAB, NOW))
