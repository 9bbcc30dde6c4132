"""What is refused, in MetalLB's words, where in the object, and that it is told what mends it: a row for each rule."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.bgp_objects import Row, assert_refused, bgp, loaded, made, peer, row
from fakes.world import advertisement, pool

A = {"matchLabels": {"a": "b"}}
IS = {"matchExpressions": [{"key": "a", "operator": "Is"}]}


def of_pool(field: str, text: str, *addresses: str, name: str = "p", **spec: Any) -> Any:
    said = text if text.startswith(("spec", "CIDR")) else f"parsing address pool {name}: {text}"
    return row(field, said, pool(name, *(addresses or ("10.0.0.0/24",)), **spec))


def allocation(field: str, text: str, **spec: Any) -> Any:
    return of_pool(f"spec.serviceAllocation.{field}", text, serviceAllocation=spec)


POOLS = [
    of_pool("metadata.name", "missing pool name", name=""),
    row("spec.addresses", "parsing address pool p: pool has no prefixes defined", pool("p")),
    row("spec.addresses", "parsing address pool p: pool has no prefixes defined", made("IPAddressPool", "p")),
    of_pool(
        "spec.addresses[0]", 'invalid CIDR "10.0.0.300/24" in pool "p": "10.0.0.300/24" is not a CIDR', "10.0.0.300/24"
    ),
    of_pool(
        "spec.addresses[1]",
        'invalid CIDR "10.0.0.1" in pool "p": "10.0.0.1" has no prefix length',
        "10.1.0.0/24",
        "10.0.0.1",
    ),
    of_pool(
        "spec.addresses[0]",
        'invalid CIDR "10.0.0.9-10.0.0.2" in pool "p": invalid IP range "10.0.0.9-10.0.0.2": '
        'start IP "10.0.0.9" is after the end IP "10.0.0.2"',
        "10.0.0.9-10.0.0.2",
    ),
    of_pool(
        "spec.addresses[0]",
        'invalid CIDR "1.1.1.1-2001::1" in pool "p": invalid IP range "1.1.1.1-2001::1": '
        "start and end are of different families",
        "1.1.1.1-2001::1",
    ),
    of_pool(
        "spec.addresses[1]",
        'CIDR "10.0.0.7/32" in pool "p" overlaps with already defined CIDR "10.0.0.0/24"',
        "10.0.0.0/24",
        "10.0.0.7/32",
    ),
    row(
        "spec.addresses[0]",
        'CIDR "192.168.10.0/24" in pool "q" overlaps with already defined CIDR "192.168.0.0/16" of IPAddressPool '
        "metallb-system/p",
        pool("p", "192.168.0.0/16"),
        pool("q", "192.168.10.0/24"),
    ),
    row(
        "metadata.name",
        'duplicate definition of pool "p": also in IPAddressPool metallb-system/p',
        pool("p", "10.0.0.0/24"),
        pool("p", "10.1.0.0/24", ns="pylb-system"),
    ),
    allocation("namespaces[2]", "duplicate definition in namespaces field", namespaces=["a", "b", "a"]),
    allocation("namespaceSelectors[1]", 'duplicate definition of namespaceSelectors "a=b"', namespaceSelectors=[A, A]),
    allocation("serviceSelectors[1]", 'duplicate definition of serviceSelectors "a=b"', serviceSelectors=[A, A]),
    allocation(
        "namespaceSelectors[1]",
        'duplicate definition of namespaceSelectors "a in (x,y)"',  # equal after sorting values
        namespaceSelectors=[
            {"matchExpressions": [{"key": "a", "operator": "In", "values": values}]}
            for values in (["x", "y"], ["y", "x"])
        ],
    ),
    allocation(
        "serviceSelectors[0]",
        'duplicate definition of match expressions "a"',
        serviceSelectors=[{"matchExpressions": [{"key": "a", "operator": "Exists"}] * 2}],
    ),
    allocation(
        "serviceSelectors[0]",
        'duplicate definition of match expression value in label selector "x"',
        serviceSelectors=[{"matchExpressions": [{"key": "a", "operator": "In", "values": ["x", "x"]}]}],
    ),
    allocation(
        "serviceSelectors[0]",
        '"Is" is not a valid label selector operator (In, NotIn, Exists, DoesNotExist)',
        serviceSelectors=[IS],
    ),
    of_pool("spec.autoAssign", "spec.autoAssign in body must be of type boolean, not 'yes'", autoAssign="yes"),
]


def both(field: str, text: str, **spec: Any) -> list[Any]:
    """A row for each kind of advertisement."""
    return [row(field, text, advertisement("a", **spec)), row(field, text, bgp(**spec))]


ADVERTISEMENTS = [
    *both("spec.ipAddressPools[1]", 'duplicate definition of ipAddressPools "p"', ipAddressPools=["p", "p"]),
    *both(
        "spec.ipAddressPoolSelectors[1]",
        'duplicate definition of ipAddressPoolSelectors "a=b"',
        ipAddressPoolSelectors=[A, A],
    ),
    *both("spec.nodeSelectors[1]", 'duplicate definition of nodeSelectors "a=b"', nodeSelectors=[A, A]),
    *both("spec.serviceSelectors[1]", 'duplicate definition of serviceSelectors "a=b"', serviceSelectors=[A, A]),
    *both(
        "spec.nodeSelectors[0]",
        'failed to parse node selector for a: "Is" is not a valid label selector operator '
        "(In, NotIn, Exists, DoesNotExist)",
        nodeSelectors=[IS],
    ),
    *both(
        "spec.serviceSelectors[0]",
        'failed to parse service selector for a: "Is" is not a valid label selector operator '
        "(In, NotIn, Exists, DoesNotExist)",
        serviceSelectors=[IS],
    ),
    row(
        "spec.preferredNodeSelectors[0].preference",
        'failed to parse preferred node selectors for a: "Is" is not a valid label selector operator '
        "(In, NotIn, Exists, DoesNotExist)",
        advertisement("a", preferredNodeSelectors=[{"weight": 1, "preference": IS}]),
    ),
]


@pytest.mark.parametrize("case", [*POOLS, *ADVERTISEMENTS])
def test_it_is_refused_in_these_words_at_this_field(case: Row) -> None:
    assert_refused(case)


@pytest.mark.parametrize("case", ADVERTISEMENTS)
def test_an_advertisement_of_bgp_leaves_layer_2_as_it_is_wanted(case: Row) -> None:
    found = loaded(*case.objects)
    assert (found.layer2 is None) == any(one["kind"] == "L2Advertisement" for one in case.objects)


def test_all_problems_are_told_at_once() -> None:
    objects = (
        pool("a"),
        pool("b", "x", "y"),
        peer(myASN=0, holdTime="1s", peerPort="bgp"),
        bgp(communities=["1:x", "2:y"]),
    )
    assert [problem.field for problem in loaded(*objects).problems] == [
        *("spec.addresses", "spec.addresses[0]", "spec.addresses[1]"),
        *("spec.peerPort", "spec.myASN", "spec.holdTime"),
        *("spec.communities[0]", "spec.communities[1]"),
    ]


def test_what_has_no_shape_hides_nothing_beside_it() -> None:
    """Neither the items after it, which keep their numbers, nor a field whose name begins as its own does."""
    odd: Any = [5, "x", 6, "y"]
    objects = (pool("b", *odd), bgp(aggregationLength="long", aggregationLengthV6=200))
    assert [problem.field for problem in loaded(*objects).problems] == [
        *("spec.addresses[0]", "spec.addresses[2]", "spec.addresses[1]", "spec.addresses[3]"),
        *("spec.aggregationLength", "spec.aggregationLengthV6"),
    ]


def test_a_password_is_told_to_nobody() -> None:
    found = loaded(peer(password="sesame\n", myASN=0))
    assert "sesame" not in repr(found)
    right = loaded(peer(password="sesame"))
    assert right.config is not None
    assert right.config.peers["r"].password == "sesame"
    assert "sesame" not in repr(right)
