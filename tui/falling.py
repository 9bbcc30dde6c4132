"""How the screen ends where a defect of ours ends it: the terminal is told in one line, the log has the rest."""

from __future__ import annotations

import logging

from textual.app import App

BROKE = "the screen broke, which is a defect of pylb; what happened stands in {log}"


class Falling(App[None]):
    """An app that prints no traceback: Textual's own has the values of all variables in it, and tokens are among them."""

    def _fatal_error(self) -> None:
        logging.getLogger(__name__).critical("the screen broke", exc_info=self._exception)
        self._close_messages_no_wait()
