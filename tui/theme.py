"""Colours: one calm dark theme of our own, and the tones of `words` in whatever theme is chosen.

Colour is never the only sign: states are words. Under NO_COLOR tones are bold, dim or reverse.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style
from rich.text import Text
from textual.color import Color, ColorParseError
from textual.theme import Theme

from pylb.tui.words import Line

PYLB_DARK = Theme(
    name="pylb-dark",
    dark=True,
    primary="#7aa2d8",
    secondary="#8fb8b0",
    accent="#c3a6e0",
    foreground="#c8d0da",
    background="#10141a",
    surface="#151a21",
    panel="#1c222b",
    success="#86c08e",
    warning="#e0b36a",
    error="#ea7b78",
    variables={
        "border": "#2c3542",
        "border-blurred": "#2c3542",
        "block-cursor-background": "#26303d",
        "block-cursor-foreground": "#e8edf3",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#1f2731",
        "block-cursor-blurred-foreground": "#c8d0da",
        "block-cursor-blurred-text-style": "none",
        "block-hover-background": "#1a2029",
        "footer-background": "#10141a",
        "footer-key-foreground": "#7aa2d8",
        "footer-description-foreground": "#8b96a5",
        "scrollbar": "#2c3542",
        "scrollbar-hover": "#3d4959",
        "scrollbar-active": "#7aa2d8",
        "scrollbar-background": "#10141a",
        "scrollbar-background-hover": "#10141a",
        "scrollbar-background-active": "#10141a",
        "input-cursor-background": "#7aa2d8",
        "input-selection-background": "#7aa2d8 30%",
    },
)
COLOURLESS = "ansi-dark"  # with NO_COLOR it is the one theme that sends no colour codes at all
MUTED = {True: "#7f8b9a", False: "#67707c"}  # by whether the theme is dark
TRACK = {True: "#39434f", False: "#c3c9d1"}
_ROLES = {"good": "success", "bad": "error", "warn": "warning", "info": "primary", "move": "accent"}
_WITHOUT_COLOUR: Mapping[str, Style] = {
    "bad": Style(bold=True, reverse=True),
    "warn": Style(bold=True),
    "move": Style(bold=True),
    "strong": Style(bold=True),
    "brand": Style(bold=True),
    "dim": Style(dim=True),
    "track": Style(dim=True),
}
Tones = Mapping[str, Style]


def tones(variables: Mapping[str, str], dark: bool, colourless: bool) -> Tones:
    """The style of each tone in a theme."""
    if colourless:
        return _WITHOUT_COLOUR
    found = {tone: Style(color=_rich(variables.get(role, ""))) for tone, role in _ROLES.items()}
    found["dim"] = Style(color=_rich(MUTED[dark]))
    found["track"] = Style(color=TRACK[dark])
    found["strong"] = Style(bold=True)
    found["brand"] = Style(color=_rich(variables.get("primary", "")), bold=True)
    return found


def _rich(text: str) -> str | None:
    """A colour of a theme as Rich names it; None for one that Rich has no name for."""
    try:
        colour = Color.parse(text)
    except ColorParseError:
        return None
    rich_colour = colour.rich_color
    return rich_colour.name


def paint(line: Line, known: Tones) -> Text:
    """A line with its tones as styles. Never markup: a name in brackets stays what it is."""
    text = Text(no_wrap=True, overflow="ellipsis", end="")
    for span in line:
        text.append(span.text, known.get(span.tone))
    return text
