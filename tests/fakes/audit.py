"""What accounts asked of an API server, by its audit log, against what roles grant them. Pure; lines in, values out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

ACCOUNT = "system:serviceaccount:pylb-system:"
FORBIDDEN = 403
Rules = Sequence[Mapping[str, Any]]


class Use(NamedTuple):
    """One request for a resource."""

    account: str
    namespace: str
    group: str
    resource: str  # with its subresource
    verb: str
    name: str
    code: int
    at: str  # RFC 3339, UTC


class Grant(NamedTuple):
    """One verb on one resource, for an account; everywhere, or in a namespace, or for an object of one name there."""

    account: str
    namespace: str  # "" for everywhere
    group: str
    resource: str
    verb: str
    name: str = ""  # "" for all

    def covers(self, use: Use) -> bool:
        """Whether it allows a request."""
        same = (self.account, self.group, self.resource, self.verb) == (use.account, use.group, use.resource, use.verb)
        return same and self.namespace in ("", use.namespace) and self.name in ("", use.name)

    def __str__(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.account}: {self.verb} {self.resource}{' ' + self.name if self.name else ''}{where}"


def uses(lines: Iterable[str]) -> Iterator[Use]:
    """The requests for resources that accounts of ours made; a line that is not complete yet is left out."""
    for line in lines:
        if not line.endswith("\n"):
            continue
        event = json.loads(line)
        user = event["user"]["username"]
        what = event.get("objectRef")
        if what is None or not user.startswith(ACCOUNT):
            continue
        sub = what.get("subresource")
        yield Use(
            account=user.removeprefix(ACCOUNT),
            namespace=what.get("namespace", ""),
            group=what.get("apiGroup", ""),
            resource=f"{what['resource']}/{sub}" if sub else what["resource"],
            verb=event["verb"],
            name=what.get("name", ""),
            code=event.get("responseStatus", {}).get("code", 0),
            at=event["requestReceivedTimestamp"],
        )


def grants(account: str, everywhere: Rules, inside: Mapping[str, Rules]) -> Iterator[Grant]:
    """What an account may do, one verb at a time, by its cluster role and by its roles in namespaces."""
    for namespace, rules in {"": everywhere, **inside}.items():
        for rule in rules:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for verb in rule["verbs"]:
                        for name in rule.get("resourceNames", [""]):
                            yield Grant(account, namespace, group, resource, verb, name)
