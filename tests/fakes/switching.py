"""A lab's LAN is cut inside its switches, so that every carrier stays up; beats are filtered where all else passes; or a
share of all frames between nodes gets lost."""

from __future__ import annotations

from typing import Protocol

from pylb.core.explanation.checks import BEAT_PORT
from pylb.lab.client import Lab
from pylb.lab.network import LAN, LAN_BRIDGE, port

OTHER_BRIDGE = "lan1"  # what is cut off from the router and the client
FILTER, LOSSY, ONE_WAY, FROZEN = "beatless", "lossy", "oneway", "frozen"


class HasLab(Protocol):
    """What stands in a lab."""

    @property
    def lab(self) -> Lab: ...


def part(lan: HasLab, *nodes: str) -> None:
    """These nodes hear each other and nobody else; their links have a carrier still."""
    bridge = [
        f"link add {OTHER_BRIDGE} type bridge mcast_snooping 0 stp_state 0 forward_delay 0",
        f"link set {OTHER_BRIDGE} addrgenmode none",
        f"link set {OTHER_BRIDGE} up",
    ]
    run(lan, LAN, ["ip", "-batch", "-"], [*bridge, *(f"link set {port(node)} master {OTHER_BRIDGE}" for node in nodes)])


def join(lan: HasLab, *nodes: str) -> None:
    """All is one LAN again."""
    lines = [f"link set {port(node)} master {LAN_BRIDGE}" for node in nodes]
    run(lan, LAN, ["ip", "-batch", "-"], [*lines, f"link del {OTHER_BRIDGE}"])


def unplug(lan: HasLab, host: str) -> None:
    """Pull a host's LAN cable, the router's too."""
    run(lan, LAN, ["ip", "-batch", "-"], [f"link set {port(host)} down"])


def plug(lan: HasLab, host: str) -> None:
    """Plug it in again."""
    run(lan, LAN, ["ip", "-batch", "-"], [f"link set {port(host)} up"])


def block_beats(lan: HasLab, node: str, ways: tuple[str, ...] = ("input", "output")) -> None:
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


def pass_beats(lan: HasLab, node: str) -> None:
    """They do again."""
    run(lan, node, ["nft", "-f", "-"], [f"delete table inet {FILTER}"])


def lose_frames(lan: HasLab, percent: int) -> None:
    """Of all frames that the switch passes from a node to a node so many in a hundred are lost, each by itself."""
    between = f'iifname "{port("n*")}" oifname "{port("n*")}"'
    rules = [
        f"add table bridge {LOSSY}",
        f"add chain bridge {LOSSY} forward {{ type filter hook forward priority 0; }}",
        f"add rule bridge {LOSSY} forward {between} numgen random mod 100 < {percent} counter drop",
    ]
    run(lan, LAN, ["nft", "-f", "-"], rules)


def lost_frames(lan: HasLab) -> int:
    """How many were, so far."""
    done = lan.lab.exec(LAN, ["nft", "list", "table", "bridge", LOSSY])
    return int(done.stdout.partition("counter packets ")[2].split()[0])


def pass_frames(lan: HasLab) -> None:
    """None is lost any more."""
    run(lan, LAN, ["nft", "-f", "-"], [f"delete table bridge {LOSSY}"])


def block_way(lan: HasLab, node: str, way: str) -> None:
    """Nothing that a node sends (`output`) gets through the switch, or nothing that is sent to it (`input`)."""
    side = {"output": "iifname", "input": "oifname"}[way]
    rules = [
        f"add table bridge {ONE_WAY}",
        f"add chain bridge {ONE_WAY} forward {{ type filter hook forward priority 0; }}",
        f'add rule bridge {ONE_WAY} forward {side} "{port(node)}" drop',
    ]
    run(lan, LAN, ["nft", "-f", "-"], rules)


def pass_both_ways(lan: HasLab) -> None:
    """All does again."""
    run(lan, LAN, ["nft", "-f", "-"], [f"delete table bridge {ONE_WAY}"])


def freeze(lan: HasLab) -> None:
    """The switch forwards nothing at all; every carrier stays up."""
    rules = [
        f"add table bridge {FROZEN}",
        f"add chain bridge {FROZEN} forward {{ type filter hook forward priority 0; policy drop; }}",
    ]
    run(lan, LAN, ["nft", "-f", "-"], rules)


def thaw(lan: HasLab) -> None:
    """It does again."""
    run(lan, LAN, ["nft", "-f", "-"], [f"delete table bridge {FROZEN}"])


def run(lan: HasLab, host: str, argv: list[str], lines: list[str]) -> None:
    done = lan.lab.exec(host, argv, text="\n".join([*lines, ""]))
    assert done.returncode == 0, done.stderr


def estrange(lan: HasLab, *nodes: str) -> None:
    """These nodes do not hear each other at all, and all others hear each of them, as on a Wi-Fi that isolates stations."""
    run(lan, LAN, ["bridge", "-batch", "-"], [f"link set dev {port(node)} isolated on" for node in nodes])


def reconcile(lan: HasLab, *nodes: str) -> None:
    """They do again."""
    run(lan, LAN, ["bridge", "-batch", "-"], [f"link set dev {port(node)} isolated off" for node in nodes])
