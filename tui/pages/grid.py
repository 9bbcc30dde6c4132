"""The grid of addresses that `map` draws: places, rows of sixteen, and where a cursor may go in them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pylb.tui.rows import PINNED, ServiceRow, Word

SIGNS = {"P": "info", "A": "good", ".": "dim", "N": "dim", "x": "dim"}
ODD = {Word.CONF: "!", Word.FLAP: "!", Word.RIVL: "!", Word.NOAN: "?", Word.DEGR: "?"}
MANY = 9  # as many as one digit says


@dataclass(frozen=True, slots=True)
class Place:
    """One address of a pool, and who has it."""

    address: str
    pool: str
    rows: tuple[ServiceRow, ...] = ()
    node: str = ""  # whose own address it is: no Service gets it
    buggy: bool = False  # .0 or .255 of a pool that avoids them

    @property
    def sign(self) -> str:
        """Two characters: what it is used for, and what is odd about it."""
        if not self.rows:
            return "NN" if self.node else "xx" if self.buggy else ".."
        first = "P" if any(row.how == PINNED for row in self.rows) else "A"
        word = min(row.word for row in self.rows)
        odd = ODD.get(word)
        return first + (odd or (str(min(len(self.rows), MANY)) if len(self.rows) > 1 else first))

    @property
    def tone(self) -> str:
        """How worrying it is."""
        if self.sign[1] in "!?":
            return "bad" if self.sign[1] == "!" else "warn"
        return SIGNS[self.sign[0]]


@dataclass(frozen=True, slots=True)
class Run:
    """A row of places, or, without any, a line of text in their stead."""

    label: str
    places: tuple[Place | None, ...] = ()
    tone: str = "dim"


@dataclass(frozen=True, slots=True)
class Grid:
    """All runs, from top to bottom."""

    runs: tuple[Run, ...]

    def find(self, address: str) -> tuple[int, int] | None:
        """Row and column of an address."""
        for line, run in enumerate(self.runs):
            for column, place in enumerate(run.places):
                if place is not None and place.address == address:
                    return line, column
        return None

    def first(self) -> Place | None:
        """Where the cursor begins: at the first address that is used, else at the first."""
        places = [place for run in self.runs for place in run.places if place is not None]
        return next((place for place in places if place.rows), places[0] if places else None)

    def moved(self, address: str, down: int, right: int) -> Place | None:
        """The place that the cursor comes to from an address; the nearest of the row that it enters."""
        at = self.find(address)
        if at is None:
            return self.first()
        line, column = at
        if right:
            flat = [place for run in self.runs for place in run.places if place is not None]
            index = next(i for i, place in enumerate(flat) if place.address == address)
            return flat[min(max(index + right, 0), len(flat) - 1)]
        step, left, found = (1 if down > 0 else -1), abs(down), self.runs[line].places[column]
        while left and 0 <= line + step < len(self.runs):
            line += step
            near = [(abs(c - column), place) for c, place in enumerate(self.runs[line].places) if place is not None]
            if near:
                left, found = left - 1, min(near, key=lambda one: one[0])[1]
        return found
