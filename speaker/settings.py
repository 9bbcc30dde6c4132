"""What a speaker is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass

from pylb.core.model import NodeName
from pylb.core.places import OWN_NAMESPACE

HTTP_PORT = 7472  # MetalLB's metrics port up to v0.15
BEAT_PORT = 7946  # MetalLB's memberlist port: firewall rules for it go on to fit


@dataclass(frozen=True, slots=True)
class Settings:
    """The flags of `pylb speaker`."""

    node: NodeName
    namespace: str = OWN_NAMESPACE
    pod: str = ""
    bind: str = ""  # where HTTP is served; "" is everywhere
    port: int = HTTP_PORT
    beat_port: int = BEAT_PORT
    load_balancer_class: str | None = None
    key_file: str = ""  # where the secret comes from, and is looked for again; "": nowhere
    token_file: str = ""  # where the token does
    token: str | None = None  # what readers of /metrics, /state and /events show; None: nobody may
