"""The help: keys, and what the words on the screen mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from pylb.tui.columns import TONES
from pylb.tui.rows import Word
from pylb.tui.seams import Extra
from pylb.tui.theme import Tones
from pylb.tui.widgets.board import Board
from pylb.tui.words import Line, Span

KEYS = (
    ("j k  arrows  g G", "move"),
    ("/", "filter: text, ns: pool: node: ip: st:, ! for not"),
    ("esc", "clear the filter"),
    ("c", "copy the address"),
    ("space", "pause the view; nothing is lost meanwhile"),
    ("r", "try the API server now"),
    ("ctrl+p", "commands: theme, screenshot"),
    ("q  ctrl+q  ctrl+c", "quit"),
)
MEANINGS = {
    Word.CONF: "two nodes announce it, or a stranger's MAC answers",
    Word.RIVL: "somebody else writes its status, too: stop one of the two",
    Word.PEND: "no address yet; the line below the table says why",
    Word.NOAN: "an address that no node announces",
    Word.FLAP: "went from node to node three times within a minute",
    Word.DEGR: "announced by a node that is not well",
    Word.HELP: "its node's speaker is away, another answers for it",
    Word.MOVE: "went to another node less than a minute ago",
    Word.OK: "announced by one node",
}
NOTES = (
    ("pinned", "by spec.loadBalancerIP or annotation loadBalancerIPs"),
    ("", "under metallb.io/ or the older metallb.universe.tf/"),
    ("*2", "two Services share the address"),
    ("n2 for n1", "n2 answers for n1 with its MAC; n1* where it is too long"),
    ("NODE ?", "cannot be told; n1? is a guess from an old event"),
)
KEY_WIDTH = 18


class Help(ModalScreen[None]):
    """Closes with any of its keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,q,enter", "dismiss", "Close", show=False, id="help.close")
    ]

    def __init__(self, extras: Sequence[Extra], tones: Tones) -> None:
        super().__init__()
        self._extras = extras
        self._tones = tones

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="panel help") as box:
            box.border_title = "HELP"
            box.border_subtitle = "esc closes"
            yield Board()

    def on_mount(self) -> None:
        lines = [_entry(key, text) for key, text in KEYS]
        for extra in self._extras:
            lines += [(), (Span(extra.title, "dim"),), *(_entry(key.key, key.label) for key in extra.keys)]
        lines += [(), *(_entry(word.name, text, TONES[word]) for word, text in MEANINGS.items())]
        lines += [(), *(_entry(key, text) for key, text in NOTES)]
        self.query_one(Board).show(lines, self._tones)


def _entry(key: str, text: str, tone: str = "info") -> Line:
    return (Span(f"{key:<{KEY_WIDTH}}", tone), Span(text))
