"""How the screen is to be: what flags and the file of settings say. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Options:
    """What a user asked for; empty where nothing was."""

    theme: str = ""
    mouse: bool = True
    ascii_only: bool = False
    write: bool = False  # keys may change the cluster
    keys: Mapping[str, str] = field(default_factory=dict)  # keys, parted by commas, by a binding's id
