"""How a defect of ours is told: in one line, on the terminal or on the screen that goes on; the log has the rest."""

from __future__ import annotations

import logging

from textual.app import App
from textual.worker import Worker, WorkerState

from pylb.tui.widgets.toasts import say

BROKE = "the screen broke, which is a defect of pylb; what happened stands in {log}"
KEY_BROKE = "that did not work, which is a defect of pylb ({why}); the log has more"


class Falling(App[None]):
    """An app that prints no traceback: Textual's own has the values of all variables in it, and tokens are among them."""

    def _fatal_error(self) -> None:
        logging.getLogger(__name__).critical("the screen broke", exc_info=self._exception)
        self._close_messages_no_wait()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """What was to be done beside the drawing broke: it is not left without an answer, and the screen goes on."""
        if event.state is WorkerState.ERROR:
            logging.getLogger(__name__).error("a key broke", exc_info=event.worker.error)
            say(self, KEY_BROKE.format(why=event.worker.error), severity="error")
