"""tmp"""

from __future__ import annotations
from typing import Any


class Cluster:
    port = 0

    def __init__(self, *a: Any) -> None: ...
