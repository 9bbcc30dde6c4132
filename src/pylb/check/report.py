"""What was looked at and found, for people and for programs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pylb.core.manifest import Finding, Severity
from pylb.core.printable import printable
from pylb.core.several import count, some

SCHEMA = "pylb-check/1"


@dataclass(frozen=True, slots=True)
class Examined:
    """What was looked at, and what was found."""

    files: int
    objects: int
    passed_over: Mapping[str, int]  # kinds that are not looked at, and how many objects
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing fails."""
        return all(finding.severity is not Severity.FAIL for finding in self.findings)


def lines(examined: Examined) -> Iterator[str]:
    """One line a finding, what helps below it, and a summary."""
    for finding in examined.findings:
        yield printable(f"{finding.source}:{finding.line}: {finding.severity}: {_about(finding)}{finding.text}")
        if finding.fix:
            yield printable(f"    fix: {finding.fix}")
    yield printable(_summary(examined))


def _about(finding: Finding) -> str:
    words = [str(finding.ref) if finding.ref is not None and finding.ref.kind else "", finding.field]
    told = " ".join(word for word in words if word)
    return f"{told}: " if told else ""


def _summary(examined: Examined) -> str:
    looked = f"{count(examined.files, 'file')}, {count(examined.objects, 'object')} looked at"
    if examined.passed_over:
        kinds = some(f"{number} {kind}" for kind, number in examined.passed_over.items())
        looked += f", passed over: {kinds}"
    failures, hints = (_number(examined, severity) for severity in (Severity.FAIL, Severity.HINT))
    return f"{looked}: {count(failures, 'failure')}, {count(hints, 'hint')}"


def _number(examined: Examined, severity: Severity) -> int:
    return sum(finding.severity is severity for finding in examined.findings)


def document(examined: Examined) -> dict[str, Any]:
    """The same as a JSON object; docs/check.md tells its keys."""
    return {
        "schema": SCHEMA,
        "ok": examined.ok,
        "files": examined.files,
        "objects": examined.objects,
        "passed_over": dict(examined.passed_over),
        "findings": [_document(finding) for finding in examined.findings],
    }


def _document(finding: Finding) -> dict[str, Any]:
    ref = finding.ref
    known = ref is not None and ref.kind
    about = {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name} if ref is not None and known else None
    return {
        "file": finding.source,
        "line": finding.line,
        "severity": finding.severity.value,
        "object": about,
        "field": finding.field,
        "text": finding.text,
        "fix": finding.fix or None,
    }
