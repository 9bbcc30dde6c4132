"""Rows as CSV, JSON and YAML, and the names of files that they are written to. Pure.

YAML is written here by hand: its plain scalars where they are beyond doubt, and JSON, which YAML contains, elsewhere.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

Record = Mapping[str, Any]
ENDINGS = ("csv", "json")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*\Z")  # no blank, colon, comma or sign that YAML could mean something by
_WORDS = frozenset(
    {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"}
)  # not text, to some reader


def file_name(listing: str, now: float, ending: str) -> str:
    """`pylb-services-20261120-140322.csv`, in UTC."""
    try:
        stamp = datetime.fromtimestamp(now, timezone.utc).strftime("%Y%m%d-%H%M%S")
    except (OverflowError, OSError, ValueError):
        stamp = "undated"
    return f"pylb-{listing}-{stamp}.{ending}"


def written(records: Sequence[Record], ending: str) -> str:
    """The records as the text of a file of that ending: csv or json."""
    return csv_text(records) if ending == "csv" else json_text(list(records)) + "\n"


def csv_text(records: Sequence[Record]) -> str:
    """RFC 4180 with a heading; what is a list stands in one field, parted by blanks."""
    names = list(dict.fromkeys(name for record in records for name in record))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(names)
    for record in records:
        writer.writerow([_field(record.get(name)) for name in names])
    return out.getvalue()


def _field(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    return json.dumps(value) if isinstance(value, (dict, bool)) else str(value)


def json_text(value: Any) -> str:
    """A record, or several, as JSON for people."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=list)


def yaml_text(value: Any) -> str:
    """A record, or several, as YAML 1.2 (and 1.1)."""
    return "\n".join(_yaml(value, "")) + "\n"


def _yaml(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        for name, entry in value.items():
            yield from _entry(f"{indent}{_scalar(str(name))}:", entry, indent + "  ")
    elif isinstance(value, (list, tuple)) and value:
        for entry in value:
            yield from _entry(f"{indent}-", entry, indent + "  ")
    else:
        yield indent + _scalar(value)


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, (Mapping, list, tuple)) and value:
        yield head
        yield from _yaml(value, indent)
    else:
        yield f"{head} {_scalar(value)}"


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value if _PLAIN.match(value) and value.lower() not in _WORDS else _quoted(value)
    if isinstance(value, float):
        mantissa, sign, exponent = repr(value).partition("e")
        return mantissa + ("" if "." in mantissa or not sign else ".0") + sign + exponent  # YAML 1.1 wants the point
    return json.dumps(value, ensure_ascii=False, default=list)


def _quoted(text: str) -> str:
    """A text in quotes, of characters that YAML takes as they are."""
    known = json.dumps(text, ensure_ascii=False)
    return "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in known)
