"""Requests: who waits comes first, what each asks for is told in few words, and the checks and fixes are the evaluator's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes import tui_source as fake
from pylb.core import events
from pylb.core.explanation.findings import Fix, Mark, Question, Row
from pylb.core.model import Service, ServiceKey
from pylb.tui import words
from pylb.tui.facts import Fact, Kind, Listed
from pylb.tui.pages import chain, detail, requests
from pylb.tui.pages.listing import Query, pick
from pylb.tui.pages.look import Look
from pylb.tui.rows import Word
from pylb.tui.state import State
from pylb.tui.store import fold_all

NEW, OLD = "metallb.io/", "metallb.universe.tf/"


def look(*facts: Fact, size: tuple[int, int] = (100, 30)) -> Look:
    return Look(fold_all(State(), (*fake.homelab(), *facts)), fake.NOW, *size, words.UNICODE)


def test_who_waits_comes_first_and_who_asks_for_nothing_and_has_it_is_not_there() -> None:
    found = requests.rows(look())
    assert [row.key for row in found[:2]] == ["media/jellyfin-b", "web/blog"]
    assert {row.word for row in found[:2]} == {Word.PEND}
    assert Word.PEND not in {row.word for row in found[2:]}
    assert "media/jellyfin" not in {row.key for row in found}


def service(spec_ip: str = "", **annotations: str) -> Service:
    keys = {"ips": NEW + "loadBalancerIPs", "old": OLD + "loadBalancerIPs", "pool": NEW + "address-pool"}
    keys["share"] = NEW + "allow-shared-ip"
    given = {keys[name]: value for name, value in annotations.items()}
    return Service(
        ServiceKey("web/[x]"), annotations=given, cluster_ips=("10.96.0.7", "fd00::7"), load_balancer_ip=spec_ip
    )


@pytest.mark.parametrize(
    ("asking", "wants", "source"),
    [
        (service(ips="192.0.2.7"), "192.0.2.7", "metallb.io"),
        (service(old="192.0.2.7"), "192.0.2.7", "universe.tf"),
        (service("192.0.2.8", share="dns"), "192.0.2.8 share", "spec"),
        (service(pool="iot"), "any of iot", "pool"),
        (service(share="dns"), "any IPv4 and IPv6 share", ""),
        (replace(service(), cluster_ips=("None",)), "any", ""),
    ],
)
def test_what_a_service_asks_for(asking: Service, wants: str, source: str) -> None:
    assert (requests.wants(asking), requests.asked_for(asking)) == (wants, source)


def test_the_reason_of_one_that_waits_is_what_its_checks_found() -> None:
    seen = look(fake.without_controller())
    row = requests.rows(seen)[0]
    checks = requests.chain(seen, row)
    assert row.why in {check.text for check in checks if check.mark is Mark.FAIL}
    assert requests.title(row) == "WHY IS media/jellyfin-b PENDING?  2m since it was made"
    assert requests.chain(seen, None) == ()


def test_with_one_namespace_alone_it_says_that_others_may_have_what_is_free() -> None:
    """`pylb explain` is whole; the screens say that they are not, and name it."""
    seen = look(Listed(Kind.SERVICE, scope="web"))
    row = next(one for one in requests.rows(seen) if one.key == "web/blog")
    for checks in (requests.chain(seen, row), detail.checks(seen, row.key)):
        (hint,) = (one for one in checks if one.check == "namespaces")
        assert "only web is seen" in hint.text
        assert hint.fixes[0].command == "pylb explain web/blog"
    assert all(one.check != "namespaces" for one in requests.chain(look(), row))


def test_only_so_many_are_explained_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MAX_EXPLAINED", 0)
    assert requests.rows(look())[0].why == fake.CLASH


def test_fixes_are_those_of_what_is_not_well() -> None:
    fixes = [Fix("a", "one"), Fix("b"), Fix("c")]
    found = [
        Row(Question.ALLOCATED, "class", Mark.PASS, "", (fixes[2],)),
        Row(Question.ALLOCATED, "free", Mark.FAIL, "", (fixes[0],)),
        Row(Question.ALLOCATED, "share", Mark.HINT, "", (fixes[1],)),
    ]
    assert requests.fixes(found) == (fixes[0], fixes[1])
    told = [words.plain(line) for line in requests.commands(requests.fixes(found), 40, words.ASCII)]
    assert told == ["fix 1  a", "       one", "fix 2  b"]


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_every_line_and_cell_fits(width: int) -> None:
    seen = look(size=(width, 30))
    found = requests.rows(seen)
    columns = requests.REQUESTS.columns(seen, width - 3, found)
    assert sum(column.width + 1 for column in columns) <= width - 3
    for row in found:
        cells = requests.REQUESTS.cells(row, columns, seen.glyphs)
        assert all(len(cell.text) <= column.width for cell, column in zip(cells, columns, strict=True))
        lines = chain.lines(requests.chain(seen, row), width, seen.glyphs)
        assert lines
        assert all(len(words.plain(line)) <= width for line in lines)


def test_the_filter_finds_what_is_wanted() -> None:
    found = requests.rows(look())
    assert [row.key for row in pick(requests.REQUESTS, found, Query("from:spec ip:.240"))] == ["ingress/nginx"]
    assert [row.key for row in pick(requests.REQUESTS, found, Query("st:pend ns:web"))] == ["web/blog"]


def test_a_wait_begins_when_the_service_was_made_not_when_the_controller_began() -> None:
    told = events.Pending(fake.NOW - 3, "web/old", "no_free_address", "none is free")
    made = fake.change("web", "old", created=fake.NOW - 7200)
    row = next(row for row in requests.rows(look(made, told)) if row.key == "web/old")
    assert (row.since, row.lost) == (fake.NOW - 7200, False)
    assert requests.title(row) == "WHY IS web/old PENDING?  2h00 since it was made"


def test_the_wait_of_one_that_had_an_address_begins_when_it_lost_it() -> None:
    gone = events.Released(fake.NOW - 60, "web/old", ("192.168.1.250",), "pool_gone")
    told = events.Pending(fake.NOW - 3, "web/old", "no_free_address", "none is free")
    row = next(
        row
        for row in requests.rows(look(fake.change("web", "old", created=fake.NOW - 7200), gone, told))
        if row.key == "web/old"
    )
    assert (row.since, row.lost) == (fake.NOW - 60, True)
    assert requests.title(row).endswith("since it lost its address")
