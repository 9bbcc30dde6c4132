"""What the outer process tells the supervisor: the lab to build, and the descriptors that it hands over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from pylb.lab.plan import Plan, plan

PARTS = ("controller", "speakers")  # what a lab can be started without
TENANT = "pylb.lab.cluster:Cluster"  # what runs on the machines of a lab


@dataclass(frozen=True, slots=True)
class Settings:
    """A lab as it was asked for; `bare` is a network and nothing in it.

    `tenant` is the class of what runs in it, as `module:Class`, and `options` are for that class alone.
    """

    name: str
    nodes: int
    subnet: str
    bare: bool = False
    without: tuple[str, ...] = ()
    tenant: str = TENANT
    options: Mapping[str, str] = field(default_factory=dict)
    second: str = ""

    @property
    def plan(self) -> Plan:
        return plan(self.name, self.nodes, self.subnet, self.second)


@dataclass(frozen=True, slots=True)
class Handles:
    """Descriptors made outside of all namespaces.

    `api` and `control` listen; `lifeline` reads end-of-file when the outer process is gone; one line about the start
    is written to `report`.
    """

    api: int
    control: int
    lifeline: int
    report: int


def encode(settings: Settings, handles: Handles) -> str:
    """Both as one word of a command line."""
    return json.dumps({"settings": asdict(settings), "handles": asdict(handles)})


def decode(word: str) -> tuple[Settings, Handles]:
    """What `encode` wrote."""
    raw = json.loads(word)
    settings = raw["settings"]
    return Settings(**{**settings, "without": tuple(settings["without"])}), Handles(**raw["handles"])
