"""Nodes: speakers above, addresses by nodes below; `S` shows what the loss of a node would do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from pylb.tui.pages import legend, matrix, nodes
from pylb.tui.pages.listing import Listing
from pylb.tui.pages.look import Look
from pylb.tui.pages.loss import simulate
from pylb.tui.pages.matrix import MATRIX, MatrixRow
from pylb.tui.pages.nodes import SPEAKERS, NodeRow
from pylb.tui.pages.places import LEGEND
from pylb.tui.screens.loss import LossScreen
from pylb.tui.screens.page import PageScreen
from pylb.tui.widgets.pane import FRAME, Pane
from pylb.tui.widgets.toasts import say
from pylb.tui.words import Line


class NodesScreen(PageScreen):
    """Speakers, and addresses by nodes."""

    page = "nodes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("S", "lose", "Simulate loss", id="nodes.lose", tooltip="what the loss of the node would do"),
        Binding("greater_than_sign", "scroll_nodes(1)", "More nodes", show=False, id="nodes.right"),
        Binding("less_than_sign", "scroll_nodes(-1)", "Nodes before", show=False, id="nodes.left"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._first = 0  # of the nodes whose columns are shown

    def body(self) -> ComposeResult:
        yield Pane(SPEAKERS, classes="speakers")
        yield Pane(MATRIX, classes="matrix")

    @property
    def speakers(self) -> Pane[NodeRow]:
        """The table of speakers."""
        return self.query_one(".speakers", Pane)

    @property
    def addresses(self) -> Pane[MatrixRow]:
        """The table of addresses."""
        return self.query_one(".matrix", Pane)

    @property
    def legend(self) -> Sequence[Line]:
        return [legend.entry(sign, text, tone) for sign, text, tone in LEGEND]

    def draw(self, look: Look) -> None:
        tones = self.app_frame.tones
        rows = matrix.matrix(look)
        found = nodes.speakers(look, rows)
        self.addresses.listing = self._listing(look)
        self.speakers.styles.height = nodes.height(look, found)
        self.speakers.show(found, look, tones, text=self.filter)
        self.addresses.show(rows, look, tones, text=self.filter)

    def _listing(self, look: Look) -> Listing[MatrixRow]:
        """The table of addresses, with as many nodes as fit."""
        many, _ = matrix.room_for(look, look.width - FRAME)
        total = len(matrix.names(look))
        self._first = max(0, min(self._first, total - many))
        return matrix.matrix_from(self._first, many, total)

    def action_scroll_nodes(self, by: int) -> None:
        """Show the columns of other nodes."""
        self._first = max(self._first + by, 0)
        self.app_frame.redraw()

    def action_open(self) -> None:
        """Detail of an address's Service; of a speaker, what it announces."""
        node = self.selection.node
        if self.pane is self.speakers and node:
            self.set_filter(f"node:{node}")
        else:
            super().action_open()

    def action_lose(self) -> None:
        """Show what the loss of the node under the cursor would do."""
        node = self.selection.node
        if self.look is None or not node:
            say(self.app, "choose a node, or an address that one announces")
            return
        alive = [name for name in matrix.names(self.look) if name not in self.look.evidence.silent]
        self.app.push_screen(
            LossScreen(simulate(matrix.matrix(self.look), node, alive), self.look, self.app_frame.tones)
        )
