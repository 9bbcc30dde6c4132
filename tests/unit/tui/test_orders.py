"""Orders: each says what it means, what to type for it, and what it needs; or why it makes no sense."""

from __future__ import annotations

import pytest

from fakes import tui_source as fake
from pylb.core.model import Node, NodeName
from pylb.tui import words
from pylb.tui.facts import Kind, ObjectChanged
from pylb.tui.pages import orders
from pylb.tui.pages.look import Look
from pylb.tui.pages.orders import Order, Right
from pylb.tui.seams import Selection
from pylb.tui.state import State
from pylb.tui.store import fold_all

GRAFANA = Selection("monitoring", "grafana", "192.168.1.244", "rpi3")
NGINX = Selection("ingress", "nginx", "192.168.1.240", "rpi1")  # spec.loadBalancerIP
PIHOLE = Selection("dns", "pihole-tcp", "192.168.1.246", "rpi1")  # the older annotation
NOTHING = Selection()


def look(*drained: str) -> Look:
    nodes = [ObjectChanged(Kind.NODE, name, Node(NodeName(name), drained=name in drained)) for name in fake.NODES]
    return Look(fold_all(State(), [*fake.homelab(), *nodes]), fake.NOW, 100, 30, words.ASCII)


def order(found: Order | str) -> Order:
    assert isinstance(found, Order), found
    return found


def test_a_pin_is_an_annotation() -> None:
    made = order(orders.pin(look(), GRAFANA, " 192.168.1.244 "))
    assert made.command == (
        "kubectl -n monitoring annotate service grafana metallb.io/loadBalancerIPs=192.168.1.244 --overwrite"
    )
    assert made.patch == {"metadata": {"annotations": {"metallb.io/loadBalancerIPs": "192.168.1.244"}}}
    assert made.path == "/api/v1/namespaces/monitoring/services/grafana"
    assert made.right == Right("patch", "services", "monitoring")
    assert "keeps 192.168.1.244" in made.tells[0]
    assert "gives up 192.168.1.244" in order(orders.pin(look(), GRAFANA, "192.168.1.250")).tells[0]


@pytest.mark.parametrize(
    ("selection", "typed", "why"),
    [
        (NOTHING, "192.168.1.250", "choose a Service"),
        (GRAFANA, "192.168.1.300", "is no IP address"),
        (GRAFANA, "10.1.1.1", "is in no pool"),
        (NGINX, "192.168.1.250", "pinned already, by spec.loadBalancerIP"),
    ],
)
def test_a_pin_that_makes_no_sense(selection: Selection, typed: str, why: str) -> None:
    assert why in str(orders.pin(look(), selection, typed))


def test_an_unpin_ends_the_request_where_it_is_written() -> None:
    field = order(orders.unpin(look(), NGINX))
    assert field.patch == {"spec": {"loadBalancerIP": None}}
    assert (
        field.command
        == """kubectl -n ingress patch service nginx --type merge -p '{"spec": {"loadBalancerIP": null}}'"""
    )
    old = order(orders.unpin(look(), PIHOLE))
    assert old.patch == {"metadata": {"annotations": {"metallb.universe.tf/loadBalancerIPs": None}}}
    assert old.command == "kubectl -n dns annotate service pihole-tcp metallb.universe.tf/loadBalancerIPs-"
    assert "It keeps 192.168.1.246" in old.tells[0]
    assert "is not pinned" in str(orders.unpin(look(), GRAFANA))
    assert "choose" in str(orders.unpin(look(), NOTHING))


def test_a_move_names_both_nodes_and_what_it_costs() -> None:
    made = order(orders.move(look(), GRAFANA, "rpi1"))
    assert made.arguments == ("move", "192.168.1.244", "rpi1")
    assert made.command == "pylb move 192.168.1.244 rpi1"
    assert "rpi3 to rpi1" in made.tells[0]
    assert "reset" in made.tells[1]
    assert made.right == Right("patch", "services", "monitoring")


@pytest.mark.parametrize(
    ("selection", "node", "why"),
    [
        (NOTHING, "rpi1", "choose an address"),
        (GRAFANA, "rpi9", "is no node: there are rpi1, rpi2, rpi3, rpi4"),
        (GRAFANA, "rpi3", "announces 192.168.1.244 already"),
        (GRAFANA, "rpi4", "may not have it"),
    ],
)
def test_a_move_that_makes_no_sense(selection: Selection, node: str, why: str) -> None:
    assert why in str(orders.move(look(), selection, node))


def test_a_drain_tells_what_goes_where_and_a_drained_node_is_undrained() -> None:
    made = order(orders.drain(look(), "rpi3"))
    assert made.arguments == ("drain", "rpi3")
    assert made.right == Right("patch", "nodes")
    assert any("192.168.1.244" in line and "rpi" in line for line in made.tells)
    assert "pylb undrain rpi3" in made.tells[-1]
    back = order(orders.drain(look("rpi3"), "rpi3"))
    assert back.arguments == ("undrain", "rpi3")
    assert "choose a node" in str(orders.drain(look(), ""))
    assert "is not drained" in str(orders.undrain(look(), "rpi1"))


def test_a_drain_of_a_node_without_addresses_says_so() -> None:
    assert "announces nothing" in order(orders.drain(look(), "rpi4")).tells[0]


def test_rebalance_wants_something_that_is_announced() -> None:
    assert order(orders.rebalance(look())).arguments == ("rebalance",)
    assert orders.rebalance(Look(State(), fake.NOW, 100, 30, words.ASCII)) == "nothing is announced"
