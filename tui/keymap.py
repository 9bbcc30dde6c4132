"""All keys of all screens, by the ids of their bindings, and what is wrong with a wish for others.

Every binding of a class in `screens`, `widgets` and `app` has an id, `screen.verb`: that is what a user's file names.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module

from textual.binding import Binding
from textual.keys import Keys, _character_to_key

from pylb.tui import screens, widgets
from pylb.tui.pages.catalogue import BY_KEY

SHARED = ("app", "page", "list", "table")  # the first words of ids that hold on every screen
OF_TABLES = ("list", "table")
MODIFIERS = ("ctrl+", "shift+", "alt+", "super+")
_NAMED = frozenset({*(key.value for key in Keys), *(_character_to_key(chr(code)) for code in range(32, 127))})


@dataclass(frozen=True, slots=True)
class Known:
    """A binding: its keys as they are without a user's file, and what it does."""

    id: str
    keys: tuple[str, ...]
    tells: str


def known() -> dict[str, Known]:
    """All bindings by id. Imports all screens."""
    return {one.id: one for module in _modules() for one in of_module(module)}


def _modules() -> Iterator[str]:
    for package in (screens, widgets):
        for found in pkgutil.iter_modules(package.__path__):
            yield f"{package.__name__}.{found.name}"
    yield "pylb.tui.app"


def of_module(name: str) -> Iterator[Known]:
    """The bindings of the classes of a module. TypeError for one without an id."""
    for thing in vars(import_module(name)).values():
        if isinstance(thing, type) and thing.__module__ == name:
            for binding in vars(thing).get("BINDINGS", ()):
                if not isinstance(binding, Binding) or not binding.id:
                    raise TypeError(f"{name}.{thing.__name__}: the binding {binding!r} has no id")
                keys = tuple(key.strip() for key in binding.key.split(","))
                yield Known(binding.id, keys, binding.tooltip or binding.description)


def normal(key: str) -> str:
    """A key as Textual names it: `slash` for `/`, `ctrl+p`; "" for what is no key."""
    if len(key) == 1:
        return _character_to_key(key)
    key = key.strip()
    bare = key
    for modifier in MODIFIERS:
        bare = bare.removeprefix(modifier)
    return key if bare in _NAMED else ""


def clashes(wishes: Mapping[str, str]) -> Iterator[str]:
    """Pairs of bindings that would be done by one key on one screen.

    A screen may have a key of tables for itself, where it has none; whoever moves a key there is told.
    """
    everything = known()
    keys = {name: wishes[name].split(",") if name in wishes else one.keys for name, one in everything.items()}
    for scope in sorted({_scope(name) for name in everything} - set(SHARED)):
        groups = {scope, *SHARED} if scope in BY_KEY else {scope}
        taken: dict[str, str] = {}
        for name in sorted(name for name in keys if _scope(name) in groups):
            for key in keys[name]:
                other = taken.setdefault(key, name)
                meant = {_scope(name), _scope(other)} & set(OF_TABLES) and key in everything[name].keys
                if other != name and not (meant and key in everything[other].keys):
                    yield f"{key} would be both {other} and {name}"


def _scope(name: str) -> str:
    return name.split(".")[0]
