"""Colours: a dark, a light and a sharp theme of our own, and the tones of `words` in whatever theme is chosen.

Colour is never the only sign: states are words. Under NO_COLOR tones are bold, dim or reverse.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style
from rich.text import Text
from textual.color import Color, ColorParseError
from textual.theme import Theme

from pylb.tui.words import Line, clean

ACTION = "pylb"  # in the meta of a style: what a click does; Textual underlines what has its own "@click"
DIM = "pylb-dim"  # the variable of a theme of ours that less important text has its colour from
MUTED = {True: "#7f8b9a", False: "#5c6570"}  # by whether the theme is dark
TRACK = {True: "#39434f", False: "#c3c9d1"}


def _theme(name: str, *, dark: bool, dim: str, **colours: str) -> Theme:
    """A theme of ours: `ground` and `ink`, `line` for frames, `cursor` under the row, `raised` under what is above it."""
    ground, ink, line, raised, brand = (colours[one] for one in ("ground", "ink", "line", "raised", "brand"))
    return Theme(
        name=name,
        dark=dark,
        primary=brand,
        secondary=brand,
        accent=colours["move"],
        success=colours["good"],
        warning=colours["warn"],
        error=colours["bad"],
        foreground=ink,
        background=ground,
        surface=ground,
        panel=raised,
        variables={
            "border": line,
            "border-blurred": line,
            "block-cursor-background": colours["cursor"],
            "block-cursor-foreground": ink,
            "block-cursor-text-style": "none",
            "block-cursor-blurred-background": raised,
            "block-cursor-blurred-foreground": ink,
            "block-cursor-blurred-text-style": "none",
            "block-hover-background": raised,
            "text-muted": dim,
            DIM: dim,
            "scrollbar": line,
            "scrollbar-hover": dim,
            "scrollbar-active": brand,
            "scrollbar-background": ground,
            "scrollbar-background-hover": ground,
            "scrollbar-background-active": ground,
            "input-cursor-background": brand,
            "input-selection-background": f"{brand} 30%",
        },
    )


PYLB_DARK = _theme(
    "pylb-dark",
    dark=True,
    dim=MUTED[True],
    ground="#10141a",
    ink="#c8d0da",
    line="#2c3542",
    cursor="#26303d",
    raised="#1c222b",
    brand="#7aa2d8",
    move="#c3a6e0",
    good="#86c08e",
    warn="#e0b36a",
    bad="#ea7b78",
)
PYLB_LIGHT = _theme(
    "pylb-light",
    dark=False,
    dim=MUTED[False],
    ground="#fafbfc",
    ink="#24292f",
    line="#c3cad3",
    cursor="#dde6f2",
    raised="#eceff3",
    brand="#1f5fa8",
    move="#7a3fa8",
    good="#1d7a36",
    warn="#8f5a00",
    bad="#b3261e",
)
PYLB_CONTRAST = _theme(
    "pylb-contrast",
    dark=True,
    dim="#d0d0d0",
    ground="#000000",
    ink="#ffffff",
    line="#ffffff",
    cursor="#00479e",
    raised="#1a1a1a",
    brand="#66d9ff",
    move="#ff9dff",
    good="#5cff5c",
    warn="#ffd93d",
    bad="#ff7a7a",
)
OWN = (PYLB_DARK, PYLB_LIGHT, PYLB_CONTRAST)
COLOURLESS = "ansi-dark"  # with NO_COLOR it is the one theme that sends no colour codes at all
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
    found["dim"] = Style(color=_rich(variables.get(DIM, MUTED[dark])))
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
    """A line with its tones as styles. Never markup, and no command to the terminal: a name in brackets stays what it is."""
    text = Text(no_wrap=True, overflow="ellipsis", end="")
    for span in line:
        style = known.get(span.tone)
        if span.action:
            style = (style or Style()) + Style(meta={ACTION: span.action})
        text.append(clean(span.text), style)
    return text
