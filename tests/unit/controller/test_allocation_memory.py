"""Who comes again under its name gets its old address back, while it is free; and what a pool reserves is not given unasked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fakes.allocating import Play
from fakes.world import configured, pool, service
from pylb.core.allocation.allocator import decide
from pylb.core.allocation.ledger import Ledger
from pylb.core.allocation.memory import Memory
from pylb.core.model import NodeName
from pylb.core.ranges import parse_address

PIN, SHARE, POOL = "metallb.io/loadBalancerIPs", "metallb.io/allow-shared-ip", "metallb.io/address-pool"
REMEMBER, RESERVED = "pylb.io/remember", "pylb.io/reserved"
P, Q = pool("p", "10.0.0.0/30"), pool("q", "10.0.1.0/30")
BOTH = pool("p", "10.0.0.0/30", "fd00::/126")


def saying(raw: dict[str, Any], **annotations: str) -> dict[str, Any]:
    """The pool, with annotations of ours."""
    meta = {**raw["metadata"], "annotations": {f"pylb.io/{key}": text for key, text in annotations.items()}}
    return {**raw, "metadata": meta}


def two(*pools: dict[str, Any]) -> Play:
    """a has .0 and b has .1, of p."""
    return Play(*(pools or (P,))).put(service("a")).put(service("b"))


def note(key: str, value: str) -> dict[str, Any]:
    return {"annotations": {key: value}}


ROWS: dict[str, tuple[Callable[[], Play], dict[str, list[str]]]] = {
    "it gets its own back": (lambda: two().drop("a").put(service("a")), {"b": ["10.0.0.1"], "a": ["10.0.0.0"]}),
    "in any order of arrival": (
        lambda: two().drop("a", "b").put(service("b")).put(service("a")),
        {"b": ["10.0.0.1"], "a": ["10.0.0.0"]},
    ),
    "also after a restart": (
        lambda: two().drop("a").restart().put(service("c")).put(service("a")),
        {"b": ["10.0.0.1"], "c": ["10.0.0.2"], "a": ["10.0.0.0"]},
    ),
    "others are given what nobody had lately": (
        lambda: two().drop("a").put(service("c")),
        {"b": ["10.0.0.1"], "c": ["10.0.0.2"]},
    ),
    "and what somebody had, if there is nothing else, the longest gone first": (
        lambda: two(pool("p", "10.0.0.0/31")).drop("b").wait(1).drop("a").put(service("c")),
        {"c": ["10.0.0.1"]},
    ),
    "counted from the last that had it": (
        lambda: (
            two(pool("p", "10.0.0.0/31"))
            .drop("a")
            .wait(1)
            .drop("b")
            .wait(1)
            .put(service("x", **note(PIN, "10.0.0.0")))
            .drop("x")
            .put(service("c"))
        ),
        {"c": ["10.0.0.1"]},
    ),
    "when all pools are made anew, all have their own again": (
        lambda: two().drop("a").put(service("c"), service("a")).pools().put(service("d")).pools(P),
        {"a": ["10.0.0.0"], "b": ["10.0.0.1"], "c": ["10.0.0.2"], "d": ["10.0.0.3"]},
    ),
    "whoever came first": (
        lambda: Play(P).put(service("c")).put(service("b")).put(service("a")).pools().pools(P),
        {"c": ["10.0.0.0"], "b": ["10.0.0.1"], "a": ["10.0.0.2"]},
    ),
    "then who comes back is given another": (
        lambda: two(pool("p", "10.0.0.0/31")).drop("b").put(service("c"), service("b")),
        {"a": ["10.0.0.0"], "c": [], "b": ["10.0.0.1"]},
    ),
    "who comes first has it": (
        lambda: two(pool("p", "10.0.0.0/31")).drop("b").put(service("c")).put(service("b")),
        {"a": ["10.0.0.0"], "c": ["10.0.0.1"], "b": []},
    ),
    "both families": (
        lambda: (
            Play(BOTH)
            .put(service("x"), service("y", v6=True))
            .put(service("z", dual=True, family_policy="RequireDualStack"))
            .drop("x", "y", "z")
            .put(service("z", dual=True, family_policy="RequireDualStack"))
        ),
        {"z": ["10.0.0.1", "fd00::1"]},
    ),
    "one family of the two": (
        lambda: (
            Play(BOTH)
            .put(service("x"), service("y", v6=True))
            .put(service("z", dual=True, family_policy="RequireDualStack"))
            .drop("x", "z")
            .put(service("z"))
        ),
        {"y": ["fd00::"], "z": ["10.0.0.1"]},
    ),
    "who comes back comes before who comes with it": (
        lambda: two(pool("p", "10.0.0.0/31")).drop("b").put(service("0"), service("b")),
        {"a": ["10.0.0.0"], "0": [], "b": ["10.0.0.1"]},
    ),
    "and before who cannot have its own, and so on down the line": (
        lambda: (
            two()
            .put(service("c"))
            .put(service("d"))
            .drop("b", "c", "d")
            .put(service("z", load_balancer_ip="10.0.0.1"), service("b"), service("c"), service("d"))
        ),
        {"a": ["10.0.0.0"], "z": ["10.0.0.1"], "b": [], "c": ["10.0.0.2"], "d": ["10.0.0.3"]},
    ),
    "the last that had it before who had it earlier": (
        lambda: (
            two(pool("p", "10.0.0.0/31")).drop("b").wait(1).put(service("z")).drop("z").put(service("b"), service("z"))
        ),
        {"a": ["10.0.0.0"], "b": [], "z": ["10.0.0.1"]},
    ),
    "also before who would move to what it had": (
        lambda: (
            two(P, pool("q", "10.0.1.0/32", autoAssign=False))
            .put(service("w", **note(POOL, "q")))
            .drop("w")
            .put(service("a", **note(POOL, "q")), service("w", **note(POOL, "q")))
        ),
        {"a": ["10.0.0.0"], "b": ["10.0.0.1"], "w": ["10.0.1.0"]},
    ),
    "a type that is another for a while": (
        lambda: two().put(service("a", type="ClusterIP")).put(service("c")).put(service("a")),
        {"a": ["10.0.0.0"], "b": ["10.0.0.1"], "c": ["10.0.0.2"]},
    ),
    "after 29 days": (lambda: two().drop("a").wait(29).put(service("c")), {"b": ["10.0.0.1"], "c": ["10.0.0.2"]}),
    "not after 30": (lambda: two().drop("a").wait(30).put(service("c")), {"b": ["10.0.0.1"], "c": ["10.0.0.0"]}),
    "a pin comes first": (
        lambda: two().drop("a").put(service("a", load_balancer_ip="10.0.0.3")),
        {"b": ["10.0.0.1"], "a": ["10.0.0.3"]},
    ),
    "a pinned address is remembered, too": (
        lambda: Play(P).put(service("a", load_balancer_ip="10.0.0.3")).drop("a").put(service("a")),
        {"a": ["10.0.0.3"]},
    ),
    "somebody else's pin comes first": (
        lambda: two().drop("a").put(service("c", load_balancer_ip="10.0.0.0")).put(service("a")),
        {"b": ["10.0.0.1"], "c": ["10.0.0.0"], "a": ["10.0.0.2"]},
    ),
    "address-pool comes first": (
        lambda: two(P, Q).drop("a").put(service("a", **note(POOL, "q"))),
        {"b": ["10.0.0.1"], "a": ["10.0.1.0"]},
    ),
    "serviceAllocation comes first": (
        lambda: two().drop("a").pools(P, pool("z", "10.9.0.0/30", serviceAllocation={"priority": 1})).put(service("a")),
        {"b": ["10.0.0.1"], "a": ["10.9.0.0"]},
    ),
    "autoAssign comes first": (
        lambda: two().drop("a").pools(pool("p", "10.0.0.0/30", autoAssign=False), Q).put(service("a")),
        {"b": ["10.0.0.1"], "a": ["10.0.1.0"]},
    ),
    "a pool that comes earlier by name does not": (
        lambda: two().drop("a").pools(P, pool("a", "10.9.0.0/30")).put(service("a")),
        {"b": ["10.0.0.1"], "a": ["10.0.0.0"]},
    ),
    "among those who shared": (
        lambda: (
            Play(P)
            .put(service("x"))
            .put(service("a", 80, **note(SHARE, "k")), service("b", 81, **note(SHARE, "k")))
            .drop("x", "b")
            .put(service("b", 81, **note(SHARE, "k")))
        ),
        {"a": ["10.0.0.1"], "b": ["10.0.0.1"]},
    ),
    "but who asks to share comes to those who do": (
        lambda: (
            two().drop("a", "b").put(service("a", 80, **note(SHARE, "k"))).put(service("b", 81, **note(SHARE, "k")))
        ),
        {"a": ["10.0.0.0"], "b": ["10.0.0.0"]},
    ),
    "and has its own where it does not fit beside them": (
        lambda: (
            two().drop("a", "b").put(service("a", 80, **note(SHARE, "k"))).put(service("b", 80, **note(SHARE, "k")))
        ),
        {"a": ["10.0.0.0"], "b": ["10.0.0.1"]},
    ),
    "not where others share it otherwise by now": (
        lambda: two().drop("a").put(service("c", **note(SHARE, "k"), load_balancer_ip="10.0.0.0")).put(service("a")),
        {"b": ["10.0.0.1"], "c": ["10.0.0.0"], "a": ["10.0.0.2"]},
    ),
    "a Service that wants no memory leaves none": (
        lambda: Play(P).put(service("a", **note(REMEMBER, "false"))).drop("a").put(service("c")),
        {"c": ["10.0.0.0"]},
    ),
    "and gets none": (
        lambda: (
            Play(P)
            .put(service("x", **note(REMEMBER, "false")))
            .put(service("a"))
            .drop("x", "a")
            .put(service("a", **note(REMEMBER, "false")))
        ),
        {"a": ["10.0.0.0"]},
    ),
    "a misspelt wish is none": (
        lambda: two().drop("a").put(service("a", **note(REMEMBER, "off"))),
        {"b": ["10.0.0.1"], "a": ["10.0.0.0"]},
    ),
    "a pool that remembers nothing": (
        lambda: two(saying(P, remember="false")).drop("a").put(service("c")),
        {"b": ["10.0.0.1"], "c": ["10.0.0.0"]},
    ),
    "a pool that remembers nothing any more": (
        lambda: two().drop("a").pools(saying(P, remember="false")).put(service("c")),
        {"b": ["10.0.0.1"], "c": ["10.0.0.0"]},
    ),
    "nor does it give anything back": (
        lambda: (
            Play(P)
            .put(service("x"))
            .put(service("a"))
            .drop("x", "a")
            .pools(saying(P, remember="false"))
            .put(service("a"))
        ),
        {"a": ["10.0.0.0"]},
    ),
    "reserved: not given unasked": (
        lambda: Play(saying(P, reserved="10.0.0.0-10.0.0.2")).put(service("a"), service("b")),
        {"a": ["10.0.0.3"], "b": []},
    ),
    "reserved: given to who asks": (
        lambda: Play(saying(P, reserved="10.0.0.0/30")).put(service("a", load_balancer_ip="10.0.0.2")),
        {"a": ["10.0.0.2"]},
    ),
    "reserved: the pool's name is no asking": (
        lambda: Play(saying(P, reserved="10.0.0.0, 10.0.0.1 10.0.0.2/31")).put(service("a", **note(POOL, "p"))),
        {"a": []},
    ),
    "reserved: nor is a sharing key": (
        lambda: Play(saying(P, reserved="10.0.0.0")).put(
            service("a", 80, load_balancer_ip="10.0.0.0", **note(SHARE, "k")), service("b", 81, **note(SHARE, "k"))
        ),
        {"a": ["10.0.0.0"], "b": ["10.0.0.1"]},
    ),
    "reserved: who has it keeps it": (
        lambda: two().pools(saying(P, reserved="10.0.0.0/31")),
        {"a": ["10.0.0.0"], "b": ["10.0.0.1"]},
    ),
    "reserved: who had it does not get it back": (
        lambda: two().pools(saying(P, reserved="10.0.0.0/31")).drop("a").put(service("a")),
        {"b": ["10.0.0.1"], "a": ["10.0.0.2"]},
    ),
    "reserved: no second address of it": (
        lambda: Play(saying(BOTH, reserved="fd00::/126")).put(service("a", dual=True, family_policy="PreferDualStack")),
        {"a": ["10.0.0.0"]},
    ),
}


@pytest.mark.parametrize("rule", ROWS)
def test_rule(rule: str) -> None:
    play, expected = ROWS[rule]
    played = play()
    assert played.all == expected
    assert played.restart(remember=False).all == expected, "what is recorded stays, whatever is remembered"


def test_a_misspelt_wish_is_told() -> None:
    played = Play(P).put(service("a", **note(REMEMBER, "off")))
    [notice] = [one for one in played.told["a"] if one.reason == "UnknownAnnotation"]
    assert notice.message == 'annotation pylb.io/remember: "off" is none of true, false'


def test_what_is_a_nodes_own_by_now_does_not_come_back() -> None:
    found = Memory()
    found.remember(service("a").key, (parse_address("10.0.0.1"),))
    own = {parse_address("10.0.0.1"): NodeName("n1")}
    config = configured(P)
    given = [decide(config, Ledger(), service("a"), None, taken, found).allocation for taken in ({}, own)]
    assert [str(one.addresses[0]) for one in given if one] == ["10.0.0.1", "10.0.0.0"]


def test_nobody_is_both_here_and_remembered() -> None:
    played = two().drop("a").put(service("a"))
    assert dict(played.books.recollection.memory.entries) == {}


def test_who_waits_is_remembered_still() -> None:
    played = two(pool("p", "10.0.0.0/31")).drop("b").put(service("c")).put(service("b")).drop("c")
    assert played.has("b") == ["10.0.0.1"]
    assert list(played.books.recollection.memory.entries) == ["default/c"]
