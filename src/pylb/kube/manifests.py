"""Manifest files as people write them, YAML or JSON, with the line of every field. It reads text, and judges nothing.

The text is cut at lines of `---` first, as kubectl does, so that one document that is no YAML leaves the others
readable. Values are built from the parser's events: the C composer ends the process on a text that is nested deeply.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pylb.core.fields import shown
from pylb.core.manifest import Finding, Manifest, Place, Severity
from pylb.core.misplaced import suspect
from pylb.kube.placed import Flaw, build

STDIN = "-"
MAX_BYTES = 4 << 20  # of a file; the API server takes 3 MiB a request
MAX_DOCUMENTS = 10_000  # of a file
_SEPARATOR = re.compile(r"---\s*(#.*)?$")
_PAIR = re.compile(r"\\\\|(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Read:
    """What stands in a file: objects, and what cannot be read."""

    manifests: tuple[Manifest, ...] = ()
    findings: tuple[Finding, ...] = ()


class Unreadable(Exception):
    """A file is not there, or nobody lets us read it."""


def load(name: str) -> bytes:
    """A file's content, or that of standard input (`-`): a byte more than is read at most, so that what is too large is
    told as such. Raises Unreadable."""
    try:
        if name == STDIN:
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(name).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise Unreadable(f"{name} cannot be read: {why}") from None


def read(source: str, content: bytes) -> Read:
    """The objects of a file, and a finding for each document that is none; whatever the bytes."""
    text = _decode(content)
    if isinstance(text, Flaw):
        return Read(findings=(_finding(source, text),))
    if not text.strip():
        return Read(findings=(_nothing(source, "the file is empty"),))
    manifests: list[Manifest] = []
    findings: list[Finding] = []
    for number, (first, chunk) in enumerate(_documents(text)):
        if number == MAX_DOCUMENTS:
            findings.append(_finding(source, Flaw(first + 1, f"more than {MAX_DOCUMENTS} documents: cut the file")))
            break
        _read(source, first, chunk, manifests, findings)
    if not manifests and not findings:
        findings.append(_nothing(source, "no object stands in it"))
    return Read(tuple(manifests), tuple(findings))


def read_block(text: str, offset: int) -> tuple[dict[str, Any], Place] | None:
    """The mapping of a text inside of a manifest, whose first line is `offset` + 1 of the file; None if it is none."""
    try:
        value, place, _ = next(build(text, offset), (None, Place(offset + 1), []))
    except yaml.YAMLError:
        return None
    return (value, place) if isinstance(value, dict) else None


def _decode(content: bytes) -> str | Flaw:
    if len(content) > MAX_BYTES:
        return Flaw(1, f"the file is larger than {MAX_BYTES >> 20} MiB, and is not read", "cut it into several")
    if content.startswith(_UTF16):
        return Flaw(1, "the file is UTF-16, which kubectl does not take", "save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Flaw(content.count(b"\n", 0, error.start) + 1, "no text in UTF-8: is it a manifest?")
    if "\0" in text:
        return Flaw(text.count("\n", 0, text.index("\0")) + 1, "a NUL byte, which no text has: is it a manifest?")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _documents(text: str) -> Iterator[tuple[int, str]]:
    """The documents, each with the number of lines before it."""
    start, lines = 0, text.split("\n")
    for number, line in enumerate(lines):
        if _SEPARATOR.match(line):
            yield from _objects(start, "\n".join(lines[start:number]))
            start = number + 1
    yield from _objects(start, "\n".join(lines[start:]))


def _objects(first: int, text: str) -> Iterator[tuple[int, str]]:
    """A document of YAML, or objects of JSON one after the other."""
    decoder, position = json.JSONDecoder(), 0
    while text.startswith("{", position := _after_blanks(text, position)):
        try:
            _, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):  # then it is YAML, or neither
            break
        yield first + text.count("\n", 0, position), _PAIR.sub(_joined, text[position:end])
        position = end
    if text[position:].strip():
        blank = text.rfind("\n", 0, position) + 1
        yield first + text.count("\n", 0, blank), text[blank:] if position else text


def _joined(found: re.Match[str]) -> str:
    """JSON writes what is beyond 16 bits as a pair of halves, which YAML does not know."""
    return str(json.loads(f'"{found[0]}"')) if found[1] else found[0]


def _after_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _read(source: str, first: int, chunk: str, manifests: list[Manifest], findings: list[Finding]) -> None:
    try:
        for value, place, flaws in build(chunk, first):
            findings += (_finding(source, flaw, value) for flaw in flaws)
            if isinstance(value, Mapping):
                manifests.append(Manifest(source, value, place))
            elif value is not None:
                text = f"an object is expected, with apiVersion and kind, not {shown(value)}"
                findings.append(_finding(source, Flaw(place.line, text)))
    except yaml.YAMLError as error:
        findings.append(_finding(source, _flaw(error, first, chunk)))


def _finding(source: str, flaw: Flaw, value: Any = None) -> Finding:
    about = Manifest(source, value, Place(flaw.line)).ref if isinstance(value, Mapping) else None
    return Finding(source, flaw.line, Severity.FAIL, flaw.text, flaw.fix, flaw.field, about)


def _nothing(source: str, text: str) -> Finding:
    """Beside other files kubectl passes it over."""
    return Finding(source, 1, Severity.HINT, text)


def _flaw(error: yaml.YAMLError, first: int, chunk: str) -> Flaw:
    """What is wrong, on the line that people have to change."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "no YAML"
    position = getattr(error, "position", None)
    at = mark.line if mark is not None else chunk.count("\n", 0, position) if isinstance(position, int) else 0
    at = min(at, chunk.rstrip().count("\n"))  # the end of a text is beyond its last line
    found = suspect(chunk.split("\n"), at)
    if found is None:
        chart = (
            "a template of a chart has to be rendered first: helm template … | pylb check -" if "{{" in chunk else ""
        )
        return Flaw(first + at + 1, f"no YAML: {problem}", chart)
    seen = "" if found.line == at else f" (YAML's own message: line {first + at + 1}, {problem})"
    text = re.sub(r"\(line (\d+)\)", lambda hit: f"(line {first + int(hit[1])})", found.text)
    return Flaw(first + found.line + 1, text + seen, found.fix)
