"""A screen of the terminal UI as a small SVG: one text a line, one style a class, and nothing that differs between runs.

Textual's own picture names fonts of the web and changes with each release; this one holds what the screen says and the
colours of it, and is small enough to be kept for each screen in each size and dress.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator
from html import escape, unescape
from itertools import groupby
from pathlib import Path

from rich.segment import Segment
from rich.style import Style
from textual.app import App

from pylb.tui.app import PylbApp

FOLDER = Path(__file__).parents[1] / "data" / "tui"
WRITE = "PYLB_PICTURES"  # in the environment, with any value: pictures are written instead of compared
XMLNS = "http://www.w3.org/2000/svg"
CELL_WIDTH, CELL_HEIGHT, SIZE = 8.4, 18, 14  # of a monospaced font, in pixels


def draw(app: App[None] | PylbApp) -> str:
    """What the screen shows, as SVG."""
    background = app.screen.styles.background.hex
    lines = [list(_runs(strip)) for strip in app.screen._compositor.render_strips()]
    styles = list(dict.fromkeys(style for line in lines for _, style, _ in line))
    names = {style: f"s{number}" for number, style in enumerate(styles)}
    width, height = app.size.width * CELL_WIDTH, app.size.height * CELL_HEIGHT
    parts = [
        f'<svg xmlns="{XMLNS}" viewBox="0 0 {width:g} {height}" xml:space="preserve" font-family="monospace" font-size="{SIZE}">',
        "<style>text{white-space:pre}"
        + "".join(f".{names[style]}{{{style}}}" for style in styles if style)
        + "</style>",
        f'<rect width="100%" height="100%" fill="{background}"/>',
    ]
    for number, line in enumerate(lines):
        parts += _boxes(line, number, background)
        parts.append(_line(line, number, names))
    return "\n".join([*parts, "</svg>", ""])


def _runs(strip: list[Segment]) -> Iterator[tuple[str, str, str]]:
    """Texts of one look: the text, how it is written as CSS, and its background."""
    pieces = [(segment.text, *_css(segment.style or Style())) for segment in strip]
    for (css, ground), group in groupby(pieces, key=lambda one: one[1:]):
        yield "".join(text for text, _, _ in group), css, ground


def _css(style: Style) -> tuple[str, str]:
    front, ground = _hex(style.color), _hex(style.bgcolor)
    if style.reverse:
        front, ground = ground or "#000000", front or "#ffffff"
    told = [f"fill:{front}"] if front else []
    told += ["font-weight:bold"] * bool(style.bold) + ["opacity:.6"] * bool(style.dim)
    told += ["text-decoration:underline"] * bool(style.underline)
    return ";".join(told), ground


def _hex(colour: object) -> str:
    triplet = getattr(colour, "triplet", None)
    return triplet.hex if triplet is not None else getattr(colour, "name", "")


def _boxes(line: list[tuple[str, str, str]], number: int, background: str) -> Iterator[str]:
    column = 0
    for ground, group in groupby(line, key=lambda one: one[2]):
        width = sum(len(text) for text, _, _ in group)
        if ground and ground != background.lower():
            yield (
                f'<rect x="{column * CELL_WIDTH:g}" y="{number * CELL_HEIGHT}" width="{width * CELL_WIDTH:g}" '
                f'height="{CELL_HEIGHT}" fill="{ground}"/>'
            )
        column += width


def _line(line: list[tuple[str, str, str]], number: int, names: dict[str, str]) -> str:
    spans, column = [], 0
    for css, group in groupby(line, key=lambda one: one[1]):
        text = "".join(text for text, _, _ in group)
        for piece in re.finditer(r"\S+(?: \S+)*", text):  # each word at its place, whatever font is there
            x = (column + piece.start()) * CELL_WIDTH
            spans.append(f'<tspan x="{x:g}" class="{names[css]}">{escape(piece[0], quote=False)}</tspan>')
        column += len(text)
    return f'<text y="{number * CELL_HEIGHT + SIZE}">{"".join(spans)}</text>'


def text_of(svg: str) -> list[str]:
    """The lines of a picture without their looks, each piece where it stands."""
    found = []
    for line in svg.split("\n"):
        if line.startswith("<text "):
            shown = ""
            for x, text in re.findall(r'<tspan x="([^"]+)"[^>]*>([^<]*)</tspan>', line):
                shown = shown.ljust(round(float(x) / CELL_WIDTH)) + unescape(text)
            found.append(shown)
    return found


def compare(app: PylbApp, name: str) -> None:
    """Hold the screen against its picture, or write that."""
    path, drawn = FOLDER / f"{name}.svg", draw(app)
    if os.environ.get(WRITE):
        FOLDER.mkdir(parents=True, exist_ok=True)
        path.write_text(drawn, encoding="utf-8")
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    told = difflib.unified_diff(text_of(kept), text_of(drawn), f"{name}.svg", "screen", lineterm="", n=0)
    hint = f"{WRITE}=1 pytest tests/component/test_tui_pictures.py writes the pictures anew; look at them then"
    assert kept == drawn, "\n".join([*told, hint])
