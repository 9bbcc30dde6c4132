"""What is found out about a Service: rows of one shape, each an answer to a part of one of five questions.

Who asks is the screen, `pylb explain` and the doctor; who answers is `core.explanation.explain`. Pure.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pylb.core.model import Service
from pylb.core.words import Word


class Question(Word):
    """What people want to know of a Service, in the order in which one thing needs the other."""

    ALLOCATED = "allocated"
    ENDPOINTS = "endpoints"
    ELECTED = "elected"
    ANNOUNCED = "announced"
    ANSWERED = "answered"

    @property
    def text(self) -> str:
        """The question as people ask it."""
        return _TEXTS[self]


_TEXTS = {
    Question.ALLOCATED: "Has it an address?",
    Question.ENDPOINTS: "Is a pod ready behind it?",
    Question.ELECTED: "May a node announce it?",
    Question.ANNOUNCED: "Does one?",
    Question.ANSWERED: "Is it answered on the wire?",
}


class Mark(Word):
    """How a check came out, best first. UNKNOWN: what it needs could not be seen; HINT: nothing is wrong with it."""

    PASS = "PASS"  # noqa: S105 - no password
    HINT = "HINT"
    UNKNOWN = "UNKNOWN"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Fix:
    """What helps, and what to type for it; a command may be of several lines, and is empty where there is none."""

    text: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One check, how it came out, what was seen, and what helps."""

    question: Question
    check: str
    mark: Mark
    text: str
    fixes: tuple[Fix, ...] = ()


def worst(rows: Iterable[Row]) -> Mark:
    """The gravest mark; PASS where there is no row."""
    return max((row.mark for row in rows), key=list(Mark).index, default=Mark.PASS)


def first_trouble(rows: Iterable[Row]) -> Row | None:
    """The row that a short answer names: the first failure, else the first warning."""
    found = list(rows)
    for mark in (Mark.FAIL, Mark.WARN):
        hit = next((row for row in found if row.mark is mark), None)
        if hit is not None:
            return hit
    return None


def documents(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The rows as JSON objects."""
    return [
        {
            "question": row.question.value,
            "check": row.check,
            "verdict": row.mark.value,
            "seen": row.text,
            "fixes": [{"text": fix.text, "command": fix.command or None} for fix in row.fixes],
        }
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Shell:
    """Commands about one Service, written so that a shell takes them whatever the names are."""

    kubectl: str = "kubectl"

    def annotate(self, service: Service, key: str, value: str | None) -> str:
        """Sets an annotation, or takes it away."""
        change = f"{key}-" if value is None else f"{key}={value}"
        overwrite = "" if value is None else " --overwrite"
        return f"{self._on(service, 'annotate')} {shlex.quote(change)}{overwrite}"

    def patch(self, service: Service, spec: dict[str, Any]) -> str:
        """Changes fields of the spec; None takes one away."""
        body = shlex.quote(json.dumps({"spec": spec}))
        return f"{self._on(service, 'patch')} --type merge -p {body}"

    def pods(self, service: Service) -> str:
        """Lists the pods that a Service selects."""
        labels = ",".join(f"{key}={value}" for key, value in sorted(service.selector.items()))
        return f"{self.kubectl} -n {shlex.quote(service.namespace)} get pods -o wide -l {shlex.quote(labels)}"

    def slices(self, service: Service) -> str:
        """Lists a Service's EndpointSlices."""
        label = shlex.quote(f"kubernetes.io/service-name={service.name}")
        return f"{self.kubectl} -n {shlex.quote(service.namespace)} get endpointslices -l {label}"

    def edit(self, kind: str, namespace: str, name: str) -> str:
        """Opens an object in an editor."""
        where = f" -n {shlex.quote(namespace)}" if namespace else ""
        return f"{self.kubectl}{where} edit {shlex.quote(kind.lower())} {shlex.quote(name)}"

    def on(self, words: str, *names: str) -> str:
        """A command that ends in names."""
        return " ".join((self.kubectl, words, *map(shlex.quote, names)))

    def _on(self, service: Service, verb: str) -> str:
        return f"{self.kubectl} -n {shlex.quote(service.namespace)} {verb} service {shlex.quote(service.name)}"
