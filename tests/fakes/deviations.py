"""Where pylb deliberately says otherwise than MetalLB did: one table, each row by the moment that ADR 8 names.

A row turns what was observed into what is expected. A row that changes nothing in a case that it names is wrong, and so
is one whose moment the ADR does not list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from fakes import observed
from fakes.observed import ADVICE, TIMES, Outcome

Change = Callable[[Outcome], Outcome]
INVALID = ("invalid-overlap", "invalid-overlap-new-service", "invalid-recovered")


class Row(NamedTuple):
    """A deviation: the first cell of its row in ADR 8, what it does to an outcome, and in which cases.

    Without cases it is for every case in which it changes something; it must be one at least.
    """

    moment: str
    change: Change
    cases: tuple[str, ...] = ()


def renamed(pattern: str, new: str) -> Change:
    """Other paths."""
    return lambda found: {re.sub(pattern, new, path): value for path, value in found.items()}


def without(pattern: str) -> Change:
    """Nothing at paths that begin so."""
    return lambda found: {path: value for path, value in found.items() if not re.match(pattern, path)}


def instead(pattern: str, new: Any) -> Change:
    """Another value at paths that are so."""
    return lambda found: {path: new if re.fullmatch(pattern, path) else value for path, value in found.items()}


def told(kind: str, name: str, type_: str, text: str) -> Change:
    """One more Event of the controller; the text is reason and message."""
    component, ours = "metallb-controller", kind == "Service"
    about = {
        "apiVersion": "v1" if ours else "metallb.io/v1beta1",
        "kind": kind,
        "name": name,
        "namespace": "default" if ours else "metallb-system",
    }
    event = {
        "about": about,
        "type": type_,
        "source": {"component": component},
        "reportingComponent": component,
        "reportingInstance": "",
        TIMES: 1,
    }
    return lambda found: {**found, f"event/{kind}/{name}/{text}": event}


def rewritten(pattern: str, old: str, new: str) -> Change:
    """Another text within what is said at paths that begin so."""

    def change(found: Outcome) -> Outcome:
        return {
            path: json.loads(json.dumps(value).replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1]))
            if re.match(pattern, path)
            else value
            for path, value in found.items()
        }

    return change


def as_in(case: str, pattern: str) -> Change:
    """What was observed in another case, at paths that begin so."""
    there = observed.outcome(observed.case(case), observed.old_pod)
    return lambda found: {**found, **{path: value for path, value in there.items() if re.match(pattern, path)}}


def noted(path: str, key: str, value: str) -> Change:
    """One more annotation."""
    return lambda found: {**found, path: {**found.get(path, {}), key: value}}


def both(*changes: Change) -> Change:
    """One after the other."""

    def change(found: Outcome) -> Outcome:
        for one in changes:
            found = one(found)
        return found

    return change


CLEARED = 'ClearAssignment: current IP for "default/web" not allowed by config, will attempt for new IP assignment: '
OVERLAP = 'CIDR "10.77.0.105/32" in pool "q" overlaps with already defined CIDR "10.77.0.104/30"'
BACKWARDS = (
    'parsing address pool q: invalid CIDR "10.77.0.200-10.77.0.150" in pool "q": invalid IP range '
    '"10.77.0.200-10.77.0.150": start IP "10.77.0.200" is after the end IP "10.77.0.150"'
)

THEIRS = " of IPAddressPool metallb-system/p"


def refused(why: str) -> Change:
    """The offending object is told so, and named where the states tell of it."""
    named = f"{why} (IPAddressPool metallb-system/q)"
    return both(
        told("IPAddressPool", "q", "Warning", f"ConfigurationError: configuration error: {why}; {ADVICE}"),
        rewritten("configuration/", why, named),
    )


ROWS = (
    Row(
        "the last pool is deleted",
        both(
            told("Service", "web", "Normal", f'{CLEARED}["10.77.0.100"] is not allowed in config'),
            told(
                "Service",
                "web",
                "Warning",
                'AllocationFailed: Failed to allocate IP for "default/web": no address pool is defined',
            ),
        ),
        ("pool-deleted",),
    ),
    Row("a configuration is invalid", refused(OVERLAP), INVALID),
    Row("a configuration is invalid", refused(BACKWARDS), ("invalid-range",)),
    Row(
        "two pools overlap",
        both(
            renamed(f"{re.escape(OVERLAP)}(; {ADVICE})$", OVERLAP + THEIRS + r"\1"),
            rewritten("configuration/", OVERLAP, OVERLAP + THEIRS),
        ),
        INVALID,
    ),
    Row(
        "the advertisement names an interface that the owner lacks",
        without("event/Service/web/nodeAssigned"),
        ("interface-missing",),
    ),
    Row(
        "an additional address cannot be given",
        without("event/Service/web/AdditionalAssignFailed"),
        ("dual-prefer-v4-pool",),
    ),
    Row(
        "somebody asks for another address, or another pool, that cannot be given",
        both(
            as_in("normal", "service/default/web/status|l2/|pool/p/status"),
            noted("service/default/web/annotations", "metallb.io/ip-allocated-from-pool", "p"),
        ),
        ("pin-change-out-of-pool",),
    ),
    Row("a Service waits", renamed("^(event/.*/AllocationFailed: .*)$", rf"\1; {ADVICE}")),
    Row("an IPv6 address", without("event/Service/web/nodeAssigned|l2/"), ("single-v6",)),
    Row(
        "a node comes back, or may have addresses again",
        both(rewritten("l2/default/web on n3", "n3", "n1"), renamed("^l2/default/web on n3", "l2/default/web on n1")),
        ("node-excluded-undone",),
    ),
    Row("status objects", instead("(l2|configuration)/.*/namespace", "pylb-system")),
    Row("the name of a ServiceL2Status", instead("l2/.*/name", "fixed")),
    Row(
        "what a ServiceL2Status goes with",
        instead("l2/.*/owners", [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "pylb-speaker"}]),
    ),
    Row("who writes", renamed("/written by controller:", "/written by pylb-controller:")),
)


def expected(case: str, observed: Outcome) -> Outcome:
    """What pylb says where MetalLB said `observed`."""
    return both(*(row.change for row in ROWS if not row.cases or case in row.cases))(observed)
