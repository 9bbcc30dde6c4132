"""A lab's LAN is cut inside its switches, so that every carrier stays up; and beats are filtered where all else passes."""

from __future__ import annotations

from fakes.lan import Lan
from pylb.core.checks import BEAT_PORT
from pylb.lab.network import LAN, LAN_BRIDGE, port

OTHER_BRIDGE = "lan1"  # what is cut off from the router and the client
FILTER = "beatless"


def part(lan: Lan, *nodes: str) -> None:
    """These nodes hear each other and nobody else; their links have a carrier still."""
    bridge = [
        f"link add {OTHER_BRIDGE} type bridge mcast_snooping 0 stp_state 0 forward_delay 0",
        f"link set {OTHER_BRIDGE} addrgenmode none",
        f"link set {OTHER_BRIDGE} up",
    ]
    run(lan, LAN, ["ip", "-batch", "-"], [*bridge, *(f"link set {port(node)} master {OTHER_BRIDGE}" for node in nodes)])


def join(lan: Lan, *nodes: str) -> None:
    """All is one LAN again."""
    lines = [f"link set {port(node)} master {LAN_BRIDGE}" for node in nodes]
    run(lan, LAN, ["ip", "-batch", "-"], [*lines, f"link del {OTHER_BRIDGE}"])


def unplug(lan: Lan, host: str) -> None:
    """Pull a host's LAN cable, the router's too."""
    run(lan, LAN, ["ip", "-batch", "-"], [f"link set {port(host)} down"])


def plug(lan: Lan, host: str) -> None:
    """Plug it in again."""
    run(lan, LAN, ["ip", "-batch", "-"], [f"link set {port(host)} up"])


def block_beats(lan: Lan, node: str, ways: tuple[str, ...] = ("input", "output")) -> None:
    """No beat leaves a node or reaches it, or one of the two."""
    rules = [
        f"add table inet {FILTER}",
        *(
            line
            for hook in ways
            for line in (
                f"add chain inet {FILTER} {hook} {{ type filter hook {hook} priority -300; }}",
                f"add rule inet {FILTER} {hook} udp dport {BEAT_PORT} drop",
            )
        ),
    ]
    run(lan, node, ["nft", "-f", "-"], rules)


def pass_beats(lan: Lan, node: str) -> None:
    """They do again."""
    run(lan, node, ["nft", "-f", "-"], [f"delete table inet {FILTER}"])


def run(lan: Lan, host: str, argv: list[str], lines: list[str]) -> None:
    done = lan.lab.exec(host, argv, text="\n".join([*lines, ""]))
    assert done.returncode == 0, done.stderr
