"""The bar of keys at the bottom: what can be pressed here, as far as there is room. A click presses it."""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.binding import ActiveBinding, Binding
from textual.dom import DOMNode
from textual.keys import key_to_character
from textual.screen import Screen
from textual.widgets import Input

from pylb.tui.pages import frame
from pylb.tui.pages.frame import Shown
from pylb.tui.pages.legend import Entry
from pylb.tui.theme import Tones
from pylb.tui.widgets.board import Board

NAMES = {
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "slash": "/",
    "minus": "-",
    "plus": "+",
    "at": "@",
    "underscore": "_",
    "backslash": "\\",
}
ACTS = "act."  # what ids of keys begin with that change the cluster

TYPING = (Shown("enter", "Keep the filter", "focused.submit"), Shown("esc", "Show all", "screen.escape"))


class KeyBar(Board):
    """Shows the keys of the screen that it stands on."""

    def show_keys(self, width: int, tones: Tones) -> None:
        """Show as many keys as `width` cells have room for."""
        self.show([frame.key_bar(shown(self.screen), width)], tones)


def shown(screen: Screen[Any]) -> list[Shown]:
    """The keys that the bar names: the screen's own first, then those of tables, of all screens, and of the app.

    Where keys may change the cluster those that do come last but for help and quit: where there is room.
    """
    if isinstance(screen.focused, Input):
        return list(TYPING)
    found: dict[str, Shown] = {}
    acts: dict[str, Shown] = {}
    write = getattr(screen.app, "write", False)
    ranked = sorted(screen.active_bindings.values(), key=lambda one: _rank(one.node, one.binding))
    for active in ranked:
        binding = active.binding
        name = binding.id or binding.action
        group = acts if write and name.startswith(ACTS) else found
        if active.enabled and (binding.show or group is acts):
            key = Shown(key_name(binding.key), binding.description, f"{_place(active.node)}.{binding.action}")
            group.setdefault(name, key)
    told = list(found.values())
    return [*told[: -frame.KEPT_KEYS], *acts.values(), *told[-frame.KEPT_KEYS :]]


def _rank(node: DOMNode, binding: Binding) -> int:
    name = (binding.id or "").split(".")[0]
    return {"table": 1, "list": 2, "app": 3}.get(name, 0)


def _place(node: DOMNode) -> str:
    if isinstance(node, App):
        return "app"
    return "screen" if isinstance(node, Screen) else "focused"


def key_name(key: str) -> str:
    """A key as people write it: `/` for slash, `esc`, `ctrl+p`."""
    if key in NAMES or key == "space":
        return NAMES.get(key, key)
    character = key_to_character(key)
    return character if character is not None and character.isprintable() else key


def help_entries(screen: Screen[Any]) -> list[Entry]:
    """All commands that keys of this screen do, each once, with all its keys."""
    keys: dict[str, list[str]] = {}
    first: dict[str, ActiveBinding] = {}
    for active in sorted(screen.active_bindings.values(), key=lambda one: _rank(one.node, one.binding)):
        name = active.binding.id
        if name is not None and active.enabled:
            first.setdefault(name, active)
            keys.setdefault(name, []).append(key_name(active.binding.key))
    return [_entry(name, active, keys[name]) for name, active in first.items()]


def _entry(name: str, active: ActiveBinding, keys: list[str]) -> Entry:
    binding, group = active.binding, name.split(".")[0]
    return Entry(
        keys="  ".join(keys),
        label=binding.description,
        tells=binding.tooltip or binding.description,
        action=f"{_place(active.node)}.{binding.action}",
        group=group if group in ("table", "list", "page", "app", "extra") else "own",
    )
