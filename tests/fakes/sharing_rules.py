"""Rules of allocation that are about other Services: who shares, who waits, whose Service it is; as `fakes.allocation_rules`."""

from __future__ import annotations

from collections.abc import Callable

from fakes.allocating import Play
from fakes.allocation_rules import LOCAL, ONE, Expected, P, of

ROWS: dict[str, tuple[Callable[[], Play], Expected]] = {
    "sharing: the lowest that is free or may be shared": (
        lambda: Play(P).put(of("a", PIN="10.0.0.3", SHARE="k"), of("b", 81, SHARE="k")),
        {"a": ["10.0.0.3"], "b": ["10.0.0.0"]},
    ),
    "sharing: the old prefix, too": (
        lambda: Play(P).put(of("a", SHARE="k"), of("b", 81, OLD_SHARE="k")),
        {"a": ["10.0.0.0"], "b": ["10.0.0.0"]},
    ),
    "sharing: ports clash by protocol and number": (
        lambda: Play(ONE).put(of("a", SHARE="k"), of("b", by="UDP", SHARE="k"), of("c", by="SCTP", SHARE="k")),
        {"a": ["10.0.0.1"], "b": ["10.0.0.1"], "c": ["10.0.0.1"]},
    ),
    "sharing: one port of many is enough to clash": (
        lambda: Play(ONE).put(of("a", 80, 443, SHARE="k"), of("b", 443, 8443, SHARE="k")),
        {"a": ["10.0.0.1"], "b": []},
    ),
    "sharing: SCTP clashes with SCTP": (
        lambda: Play(ONE).put(of("a", by="SCTP", SHARE="k"), of("b", by="SCTP", SHARE="k")),
        {"a": ["10.0.0.1"], "b": []},
    ),
    "sharing: under Local the selectors have to be equal": (
        lambda: Play(ONE).put(
            of("a", SHARE="k", **LOCAL),
            of("b", 81, SHARE="k", **LOCAL),
            of("c", 82, SHARE="k", traffic_policy="Local", selector={"app": "b"}),
        ),
        {"a": ["10.0.0.1"], "b": ["10.0.0.1"], "c": []},
    ),
    "sharing: an empty key shares with nobody": (
        lambda: Play(ONE).put(of("a", SHARE=""), of("b", 81, SHARE="")),
        {"a": ["10.0.0.1"], "b": []},
    ),
    "reprocessing: what one frees another gets": (
        lambda: Play(ONE).put(of("a"), of("b")).drop("a"),
        {"b": ["10.0.0.1"]},
    ),
    "reprocessing: a changed key lets another in": (
        lambda: Play(ONE).put(of("a", SHARE="k"), of("b", 81, SHARE="l")).put(of("a", SHARE="l")),
        {"a": ["10.0.0.1"], "b": ["10.0.0.1"]},
    ),
    "class: another one is not served": (lambda: Play(P).put(of("a", load_balancer_class="x")), {"a": []}),
    "class: the one that is served, to the letter": (
        lambda: Play(P, load_balancer_class="x").put(
            of("a", load_balancer_class="x"), of("b", load_balancer_class="X"), of("c")
        ),
        {"a": ["10.0.0.0"], "b": [], "c": []},
    ),
    "class: an address of somebody else is left alone": (
        lambda: Play(P).put(of("a", load_balancer_class="x", ingress=("10.0.0.0",)), of("b")),
        {"a": ["10.0.0.0"], "b": ["10.0.0.0"]},
    ),
}
