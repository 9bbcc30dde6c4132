"""What concerns all Services: no controller, drained nodes, one namespace alone, a filter that keeps nothing."""

from __future__ import annotations

from dataclasses import replace

from fakes import tui_source as fake
from fakes import world
from pylb.core.model import Node, NodeName
from pylb.tui import document, gauges, printed, rows, summary
from pylb.tui.facts import ConfigSeen, ControllerHeard, ControllerSilent, Kind, Listed, ObjectChanged, Seat
from pylb.tui.objects import PoolUse
from pylb.tui.state import State
from pylb.tui.store import fold_all
from pylb.tui.words import ASCII, plain

NOW = fake.NOW
HOMELAB = fold_all(State(), fake.homelab())
DUAL = world.pool("dual", "10.0.0.0/30", "fd00::/64", autoAssign=False)


def test_a_cluster_without_a_controller_is_not_well() -> None:
    """No Service of it gets an address: the header and `status` say so, with what to look at."""
    state = fold_all(HOMELAB, [fake.without_controller()])
    well = tuple(row for row in rows.services(state, NOW) if row.word.name == "OK")
    assert "controller none" in plain(summary.standing(state, well, NOW, 100))
    assert "ctl none" in plain(summary.standing(state, well, NOW, 80))
    assert "all well" not in plain(summary.standing(state, well, NOW, 100))
    told = list(printed.report(state, NOW))
    assert "no controller is ready: no Service gets an address: kubectl -n pylb-system get pods -o wide" in told
    made = document.whole(state, NOW, "api", well)
    assert [one["command"] for one in made["cautions"]] == ["kubectl -n pylb-system get pods -o wide"]
    assert document.whole(HOMELAB, NOW, "api", well)["cautions"] == []
    assert (made["ok"], document.has_problems((), state, NOW), document.has_problems((), HOMELAB, NOW)) == (
        False,
        True,
        False,
    )


def test_a_controller_that_hangs_is_told() -> None:
    """Its pod is ready and it does not answer any more: nobody gives addresses, perhaps for long."""
    hangs = [
        ControllerHeard(NOW - 60, {}, Seat(fake.CONTROLLER, leads=True, writes=True)),
        ControllerSilent(NOW - 40, fake.CONTROLLER, "no answer within 1.5 s"),
    ]
    state = fold_all(HOMELAB, hangs)
    told = list(printed.report(state, NOW))
    assert (
        "pylb-controller-x does not answer and may hang: no answer within 1.5 s: "
        "kubectl -n pylb-system get pods -o wide" in told
    )
    assert "controller silent" in plain(summary.standing(state, (), NOW, 100))
    assert document.has_problems((), state, NOW)


def test_who_may_not_see_pods_is_told_nothing_of_controllers() -> None:
    state = fold_all(HOMELAB, [fake.without_controller(), Listed(Kind.POD, available=False, denied="no")])
    assert "controller" not in plain(summary.standing(state, (), NOW, 100))


def test_drained_nodes_are_told_with_the_way_back() -> None:
    gone = [ObjectChanged(Kind.NODE, name, Node(NodeName(name), drained=True)) for name in ("rpi3", "rpi1")]
    state = fold_all(HOMELAB, gone)
    assert "drained 2" in plain(summary.standing(state, (), NOW, 100))
    assert "drn 2" in plain(summary.standing(state, (), NOW, 80))
    told = list(printed.report(state, NOW))
    assert "drained, and announcing nothing new: rpi1, rpi3: pylb undrain rpi1" in told


def test_a_filter_that_keeps_nothing_says_so() -> None:
    told = list(printed.report(HOMELAB, NOW, "st:flap"))[-1]
    assert told == "the filter 'st:flap' does not keep any of the 13 rows: without --filter all are shown"


def test_a_namespace_without_services_is_named() -> None:
    state = fold_all(State(), [Listed(Kind.SERVICE, scope="web"), ConfigSeen(world.configured(*fake.POOLS))])
    told = list(printed.report(state, NOW))[-1]
    assert told == "no Service of type LoadBalancer in the namespace web: without -n those of all namespaces are shown"
    assert document.whole(state, NOW, "api", ())["namespace"] == "web"


def test_pools_are_counted_whole_where_one_namespace_is_seen() -> None:
    """What other namespaces use is not seen: the controller's count stands in the pool's status."""
    state = fold_all(
        State(),
        [
            ConfigSeen(world.configured(world.pool("lan", "192.168.1.240-192.168.1.249"), DUAL)),
            Listed(Kind.SERVICE, scope="a"),
            fake.change("a", "pinned", "192.168.1.241", fake.SPEC),
            ObjectChanged(Kind.POOL, "metallb-system/lan", PoolUse("lan", 9, 0, 1, 0)),
        ],
    )
    dual, lan = gauges.pools(state)
    assert (lan.used, lan.pinned, lan.share, lan.tone) == (9, None, "90%", "warn")
    assert (dual.used, dual.share, dual.full) == (None, "?", False)
    drawn = [plain(line) for line in gauges.lines((dual, lan), 96, 4, ASCII)]
    assert " ?/" in drawn[0]
    assert "9/10   90%   pinned ?" in drawn[1]
    assert [pool["used"] for _, pool in document.pools(state)] == [None, 9]


def test_the_header_counts_the_services_that_are_shown() -> None:
    """One of another load balancer's class has no row: it is counted apart."""
    theirs = replace(fake.service("x", "theirs"), load_balancer_class="example.com/other")
    ours = replace(fake.service("x", "ours", "192.168.1.249"), load_balancer_class="pylb.io/lb")
    state = fold_all(HOMELAB, [ObjectChanged(Kind.SERVICE, one.key, one) for one in (theirs, ours)])
    found = rows.services(state, NOW)
    told = plain(summary.standing(state, found, NOW, 100))
    assert "services 14 " in told
    assert told.endswith("of another class 1")
    assert document.whole(state, NOW, "api", found)["counts"]["services"] == 14


def test_warnings_of_the_configuration_are_told_and_are_no_problem() -> None:
    state = fold_all(HOMELAB, [ConfigSeen(HOMELAB.config, (), ("IPAddressPool a: spec.x: is no field",))])
    assert "configuration: IPAddressPool a: spec.x: is no field" in list(printed.report(state, NOW))
    whole = document.whole(state, NOW, "x", ())
    assert (whole["warnings"], whole["problems"], whole["ok"]) == (["IPAddressPool a: spec.x: is no field"], [], True)
