"""The user's file of settings, `tui.yaml`: theme, mouse, ascii and keys. What is wrong in it is told with its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from yaml.reader import ReaderError

FILE = "tui.yaml"
MAX_BYTES = 65_536
FIELDS = ("theme", "mouse", "ascii", "keys")
SAMPLE = "a setting is a line such as theme: pylb-light"
BOOL = "tag:yaml.org,2002:bool"
YES, NO = ("true", "yes", "on"), ("false", "no", "off")


class PreferencesError(Exception):
    """The file cannot be used; the text names it, the line, and what would be right."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the file says; None and "" where it says nothing. `lines` are where each setting, and each key, stands."""

    theme: str = ""
    mouse: bool | None = None
    ascii_only: bool | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)


def load(path: Path) -> Preferences:
    """Read the file; nothing is asked for where there is none. Raises PreferencesError."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return Preferences()
    except OSError as error:
        raise PreferencesError(f"{path} cannot be read: {error.strerror}") from error
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise PreferencesError(f"{path} line {line}: this is no text in UTF-8: write the file anew") from error
    if len(raw) > MAX_BYTES:
        raise PreferencesError(f"{path} is larger than {MAX_BYTES} bytes")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise PreferencesError(f"{path} line {line}: this is no YAML ({error.problem}): {SAMPLE}") from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise PreferencesError(f"{path} line {line}: a character that no text has: take it out") from error
    except RecursionError as error:
        raise PreferencesError(f"{path}: brackets within brackets without end: {SAMPLE}") from error
    return Preferences() if node is None else _read(_Place(path), node)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where something is wrong."""

    path: Path

    def wrong(self, node: yaml.Node, text: str) -> PreferencesError:
        return PreferencesError(f"{self.path} line {node.start_mark.line + 1}: {text}")


def _read(place: _Place, node: yaml.Node) -> Preferences:
    found = dict(_entries(place, node, "the file"))
    for name, (key, _) in found.items():
        if name not in FIELDS:
            raise place.wrong(key, f"{name!r} is no setting; there are {', '.join(FIELDS)}")
    keys = dict(_entries(place, found["keys"][1], "keys")) if "keys" in found else {}
    return Preferences(
        theme=_text(place, found["theme"][1], "theme") if "theme" in found else "",
        mouse=_switch(place, found["mouse"][1], "mouse") if "mouse" in found else None,
        ascii_only=_switch(place, found["ascii"][1], "ascii") if "ascii" in found else None,
        keys={name: _text(place, value, name) for name, (_, value) in keys.items()},
        lines={name: key.start_mark.line + 1 for name, (key, _) in (*found.items(), *keys.items())},
    )


def _entries(place: _Place, node: yaml.Node, what: str) -> Iterator[tuple[str, tuple[yaml.Node, yaml.Node]]]:
    if not isinstance(node, yaml.MappingNode):
        sample = "lines below it such as  app.pause: p" if what == "keys" else "lines such as  theme: pylb-light"
        raise place.wrong(node, f"{what} must have {sample}")
    seen = set()
    for key, value in node.value:
        name = _text(place, key, "a name")
        if name in seen:
            raise place.wrong(key, f"{name!r} stands there twice: take one of them out")
        seen.add(name)
        yield name, (key, value)


def _text(place: _Place, node: yaml.Node, what: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise place.wrong(node, f"{what} must be one value, and is several")
    return str(node.value)


def _switch(place: _Place, node: yaml.Node, what: str) -> bool:
    text = _text(place, node, what).lower()
    if node.tag != BOOL or text not in (*YES, *NO):
        raise place.wrong(node, f"{what}: {text!r} is neither true nor false")
    return text in YES


def checked_keys(path: Path, said: Preferences) -> dict[str, str]:
    """The keys as Textual takes them. Raises PreferencesError for an id or a key that is none, and for a clash."""
    from pylb.tui import keymap  # all screens: only who has such a file pays for it

    known, found = keymap.known(), {}
    for name, typed in said.keys.items():
        where = f"{path} line {said.lines[name]}"
        if name not in known:
            near = sorted(one for one in known if one.split(".")[0] == name.split(".")[0]) or sorted(known)
            raise PreferencesError(f"{where}: {name!r} is no command; there are {', '.join(near)}")
        keys = [keymap.normal(key) for key in (typed.split(",") if len(typed) > 1 else [typed])]
        if "" in keys:
            raise PreferencesError(f"{where}: {typed!r} is no key; such are p, ctrl+p, f5, slash, space")
        found[name] = ",".join(keys)
    clash = next(keymap.clashes(found), "")
    if clash:
        raise PreferencesError(f"{path}: {clash}: give one of them another key")
    return found
