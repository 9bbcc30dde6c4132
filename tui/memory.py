"""What the screen remembers from one run to the next: theme, screen, orders. Lost without harm.

A file that cannot be read is left aside, with a note; one that cannot be written is no reason to stop.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pylb.runtime import files
from pylb.tui.pages.catalogue import BY_KEY

FILE = "tui.json"
MAX_BYTES = 65_536
MAX_ORDERS = 100
MAX_NAME = 100  # characters of a theme's or an order's name

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is remembered."""

    theme: str = ""
    page: str = ""
    orders: Mapping[str, tuple[str, bool]] = field(default_factory=dict)  # by listing: the order's name, and reversed


class Memory:
    """What was kept, and a place to keep more; without a path it lasts as long as the app."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.kept, self.note = _load(path) if path is not None else (Kept(), "")

    def keep(self, **changes: Any) -> None:
        """Remember fields of `Kept` from now on."""
        kept = replace(self.kept, **changes)
        if kept == self.kept:
            return
        self.kept = kept
        if self._path is not None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                files.write(self._path, json.dumps(asdict(kept), indent=2) + "\n")
            except OSError as error:
                _log.warning("%s cannot be written: %s", self._path, error)

    def keep_order(self, listing: str, order: str, *, reverse: bool) -> None:
        """Remember how a table is sorted."""
        orders = {**self.kept.orders, listing: (order, reverse)}
        self.keep(orders=dict(list(orders.items())[-MAX_ORDERS:]))


def _load(path: Path) -> tuple[Kept, str]:
    """What a file holds, and a note where it holds nothing of use."""
    try:
        with path.open("rb") as file:
            return _decode(json.loads(file.read(MAX_BYTES))), ""
    except FileNotFoundError:
        return Kept(), ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        _log.warning("%s: %r", path, error)
        return Kept(), f"left aside, since it cannot be read: {path} ({type(error).__name__})"


def _decode(raw: Any) -> Kept:
    orders = {_name(listing): (_name(order), reverse is True) for listing, (order, reverse) in raw["orders"].items()}
    page = _name(raw["page"])
    return Kept(_name(raw["theme"]), page if page in BY_KEY else "", dict(list(orders.items())[:MAX_ORDERS]))


def _name(raw: Any) -> str:
    if not isinstance(raw, str) or len(raw) > MAX_NAME:
        raise TypeError(f"{raw!r} is no name")
    return raw
