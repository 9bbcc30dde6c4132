"""A mapping of the old ConfigMap, read key by key: what is wrong is complained about and read as absent, so that all of it
is told at once.

Scalars come as the texts that stand in the YAML, or as YAML's values: `hold-time: 0`, `name: 10` and `communities:
[64512:1]` mean texts where MetalLB's types are texts. Pure.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any, final

from pylb.core import fields
from pylb.core.config.objects import Problem
from pylb.core.model import ObjectRef

JSON = Mapping[str, Any]
MAX_PROBLEMS = 20  # told of one ConfigMap; who has mended them learns of the next
MAX_ENTRIES = 1000  # of one list that are read
MAX_SHOWN = 60  # characters of a text in a message
ALIKE = 0.6  # of difflib's ratio: `bfdProfile` and `bfd-profile` have 0.86
BOOLEANS = {  # YAML 1.1, as MetalLB's reader took it
    **dict.fromkeys(("true", "yes", "on", "y"), True),
    **dict.fromkeys(("false", "no", "off", "n"), False),
}
_NUMBER = re.compile(r"[0-9]{1,10}")


@final
class Complaints:
    """What is wrong with one ConfigMap: the first MAX_PROBLEMS."""

    def __init__(self, ref: ObjectRef) -> None:
        self._ref = ref
        self._problems: list[Problem] = []
        self.count = 0  # of all, told or not

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(self._problems)

    @property
    def full(self) -> bool:
        """Whether no more are told."""
        return len(self._problems) >= MAX_PROBLEMS

    def add(self, place: str, text: str) -> None:
        """Complain about a place in the document, such as `peers[0].hold-time`."""
        self.count += 1
        if not self.full:
            self._problems.append(Problem(self._ref, place, text))


@final
class Section:
    """One mapping: `place` is where it stands, `what` how people call it."""

    def __init__(self, raw: object, place: str, what: str, keys: frozenset[str], complaints: Complaints) -> None:
        self.place, self.what, self.complaints = place, what, complaints
        self._raw: Mapping[Any, Any] = {}
        self._before = complaints.count
        if isinstance(raw, Mapping):
            self._raw = raw
            self._check(keys)
        elif raw is not None:
            complaints.add(place, f"{what} is a mapping, not {fields.shown(raw)}")

    @property
    def sound(self) -> bool:
        """Whether nothing was complained about since it was begun."""
        return self.complaints.count == self._before

    def complain(self, key: str, text: str) -> None:
        """Something is wrong with one of its keys."""
        self.complaints.add(f"{self.place}.{key}" if self.place else key, f"{self.what}: {text}" if self.what else text)

    def lacks(self, key: str) -> bool:
        """Whether a key is absent, or says nothing."""
        return self._raw.get(key) in (None, "")

    def require(self, key: str) -> None:
        """Complain where a key is absent, or says nothing."""
        if self.lacks(key):
            self.complain(key, f"it has no {key}")

    def text(self, key: str) -> str:
        """A text; an absent one is empty."""
        raw = self._raw.get(key)
        if isinstance(raw, (Mapping, list)):
            self.complain(key, f"{key} is a text, not {fields.shown(raw)}")
            return ""
        return "" if raw is None else _plain(raw)

    def number(self, key: str) -> int | None:
        """A whole number from 0 on; None where it is absent."""
        raw = self._raw.get(key)
        if raw is None:
            return None
        if not isinstance(raw, (bool, Mapping, list)) and _NUMBER.fullmatch(str(raw)):
            return int(str(raw))
        self.complain(key, f"{key} is a number, not {fields.shown(raw)}")
        return None

    def flag(self, key: str) -> bool | None:
        """True or false; None where it is absent."""
        raw = self._raw.get(key)
        known = raw if isinstance(raw, bool) else BOOLEANS.get(raw.lower()) if isinstance(raw, str) else None
        if raw is not None and known is None:
            self.complain(key, f"{key} is true or false, not {fields.shown(raw)}")
        return known

    def texts(self, key: str) -> list[str]:
        """A list of texts; an absent one is empty."""
        raw = self._raw.get(key)
        if raw is None:
            return []
        if not isinstance(raw, list) or any(item is None or isinstance(item, (Mapping, list)) for item in raw):
            self.complain(key, f"{key} is a list of texts, not {fields.shown(raw)}")
            return []
        return [_plain(item) for item in raw[: MAX_ENTRIES + 1]]  # one too many, for whoever refuses so many

    def table(self, key: str) -> dict[str, str]:
        """A mapping of texts; an absent one is empty."""
        raw = self._raw.get(key)
        if raw is None:
            return {}
        if not isinstance(raw, Mapping) or any(isinstance(item, (Mapping, list)) for item in raw.values()):
            self.complain(key, f"{key} is a mapping of texts, not {fields.shown(raw)}")
            return {}
        return {_plain(name): "" if item is None else _plain(item) for name, item in raw.items()}

    def sections(self, key: str, what: str, keys: frozenset[str]) -> Iterator[Section]:
        """The mappings of a list, in order, until there is nothing more to tell; `what` is one of them."""
        raw = self._raw.get(key)
        place = f"{self.place}.{key}" if self.place else key
        if not raw:
            return
        if not isinstance(raw, list):
            self.complaints.add(place, f"{key} is a list, not {fields.shown(raw)}")
            return
        if len(raw) > MAX_ENTRIES:
            self.complaints.add(place, f"{key} has {len(raw)} entries: {MAX_ENTRIES} are read at most")
        for number, entry in enumerate(raw[:MAX_ENTRIES]):
            if self.complaints.full:
                return
            section = Section(entry, f"{place}[{number}]", self._called(what, number + 1, entry), keys, self.complaints)
            if entry is None or isinstance(entry, Mapping):
                yield section

    def _called(self, what: str, number: int, raw: object) -> str:
        name = raw.get("name") if isinstance(raw, Mapping) else None
        called = f"{what} #{number}" if name in (None, "") else f'{what} "{short(name)}"'
        return f"{called} of {self.what}" if self.what else called

    def _check(self, keys: frozenset[str]) -> None:
        """Complain about keys that are not known."""
        for key in self._raw:
            if key not in keys:
                if self.complaints.full:
                    return
                self._unknown(short(key), keys)

    def _unknown(self, key: str, keys: frozenset[str]) -> None:
        alike = difflib.get_close_matches(key.lower(), sorted(keys), n=1, cutoff=ALIKE)
        meant = f"did you mean {alike[0]}? " if alike else ""
        where = self.what or "the configuration"
        place = f"{self.place}.{key}" if self.place else key
        known = ", ".join(sorted(keys))
        self.complaints.add(place, f'unknown key "{key}" in {where}: {meant}known are {known}')


def _plain(raw: object) -> str:
    """A scalar as it stands in the YAML, as far as YAML's value tells."""
    return str(raw).lower() if isinstance(raw, bool) else str(raw)


def short(raw: object) -> str:
    """A scalar, as a message may quote it."""
    text = _plain(raw) if isinstance(raw, (str, bool, int, float)) else fields.shown(raw)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."
