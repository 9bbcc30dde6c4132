"""How an audit log is read, and what a grant covers."""

from __future__ import annotations

import json

from fakes.audit import Grant, Use, grants, uses


def line(user: str, verb: str, **what: str) -> str:
    event = {
        "user": {"username": user},
        "verb": verb,
        "objectRef": what,
        "responseStatus": {"code": 200},
        "requestReceivedTimestamp": "2026-11-21T05:00:00.000000Z",
    }
    return json.dumps(event) + "\n"


OURS = "system:serviceaccount:pylb-system:pylb-speaker"
READ = Use("pylb-speaker", "a", "", "pods/log", "get", "b", 200, "2026-11-21T05:00:00.000000Z")


def test_uses_are_those_of_our_accounts_in_whole_lines() -> None:
    lines = [
        line(OURS, "get", resource="pods", subresource="log", namespace="a", name="b"),
        line("system:serviceaccount:kube-system:other", "get", resource="pods"),
        line(OURS, "list", resource="pods").rstrip("\n"),
    ]
    assert list(uses(lines)) == [READ]


def test_a_grant_covers_its_verb_in_its_place_for_its_name() -> None:
    fitting = [Grant("pylb-speaker", place, "", "pods/log", "get", name) for place in ("", "a") for name in ("", "b")]
    others = [
        fitting[0]._replace(account="pylb-controller"),
        fitting[0]._replace(group="apps"),
        fitting[0]._replace(resource="pods"),
        fitting[0]._replace(verb="list"),
        fitting[0]._replace(namespace="c"),
        fitting[0]._replace(name="c"),
    ]
    assert [grant.covers(READ) for grant in fitting] == [True] * 4
    assert [grant.covers(READ) for grant in others] == [False] * 6


def test_rules_become_grants_one_by_one() -> None:
    rule = {"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["get", "list"]}
    narrow = {"apiGroups": ["x"], "resources": ["y"], "verbs": ["get"], "resourceNames": ["z"]}
    found = list(grants("a", [rule], {"n": [narrow]}))
    assert found == [
        *(Grant("a", "", "", resource, verb) for resource in ("pods", "nodes") for verb in ("get", "list")),
        Grant("a", "n", "x", "y", "get", "z"),
    ]
