"""Two that install at the same time: the keys are made once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from pylb.addon import steps
from pylb.addon.cluster import ClusterFault
from pylb.addon.names import READER_SECRET, SPEAKERS_SECRET

JSON = dict[str, Any]
WANTED = [{"kind": "Secret", "metadata": {"name": name}} for name in (SPEAKERS_SECRET, READER_SECRET)]


class Contested:
    """A cluster that has no Secrets when it is asked first; `rival` makes some of them just before us."""

    def __init__(self, rival: Sequence[JSON]) -> None:
        self._rival, self.there = rival, list[JSON]()

    def find(self, names: Sequence[str], namespace: str | None = None) -> list[JSON]:
        return list(self.there)

    def create(self, objects: Iterable[JSON]) -> None:
        self.there += self._rival
        raise ClusterFault("kubectl create: already exists")


def test_keys_that_somebody_else_made_meanwhile_are_kept() -> None:
    told: list[str] = []
    steps._keys(Contested(WANTED), WANTED, told.append)  # type: ignore[arg-type]  # what is asked for keys
    assert told == ["  the speakers' keys (kept)"]


def test_keys_that_could_not_be_made_are_an_error() -> None:
    with pytest.raises(ClusterFault, match="already exists"):
        steps._keys(Contested(WANTED[:1]), WANTED, str)  # type: ignore[arg-type]  # what is asked for keys
