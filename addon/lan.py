"""The one way from the installer to the LAN: what this machine knows of it, and questions to all who are on it.

Where the machine is not on the LAN, or `ip` is not there, everything goes on and less is known; the caller says so.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pylb.addon.iproute import Machine, Neighbour, decode, decode_neighbours
from pylb.addon.sweep import Sweep, sweep
from pylb.core.ranges import Range

LIMIT_S = 5.0  # for one call of ip
_FOREIGN_TO_CHILDREN = ("PYTHONPATH", "LD_LIBRARY_PATH")  # the snap's own; they break programs of the host
_PATH_TAIL = ":/usr/sbin:/sbin"  # where Debian keeps ip, outside the PATH of people


class Lan(Protocol):
    """What a survey needs of the network."""

    def look(self) -> Machine:
        """What this machine knows; an empty one where it cannot tell."""

    def ask(self, span: Range) -> Sweep:
        """Who answers for the addresses of a range."""


@dataclass(frozen=True, slots=True)
class Here:
    """The network of this machine, by iproute2 and sockets."""

    environment: Mapping[str, str]

    def look(self) -> Machine:
        """See Lan."""
        routes = self._ip("-4", "route") + self._ip("-6", "route")
        return decode(self._ip("address"), routes, self._ip("neighbour"))

    def ask(self, span: Range) -> Sweep:
        """See Lan. Asked for are all addresses but this machine's own."""
        machine = self.look()
        home = machine.home(span.first)
        if home is None or span.last not in home[1]:
            return Sweep(obstacle="this machine is not on that network")
        interface, subnet = home
        mine = {own.ip for one in machine.interfaces for own in one.addresses}
        source = next(own.ip for own in interface.addresses if own.network == subnet)
        targets = [one for one in span.addresses() if one not in mine]
        return sweep(interface.name, source, targets, self._neighbours)

    def _neighbours(self) -> tuple[Neighbour, ...]:
        return decode_neighbours(self._ip("neighbour"))

    def _ip(self, *words: str) -> str:
        """The output of ip; nothing where it cannot be run."""
        program = shutil.which("ip", path=self.environment.get("PATH", "") + _PATH_TAIL)
        if program is None:
            return ""
        snap = self.environment.get("SNAP", "")
        foreign = () if snap and program.startswith(f"{snap}/") else _FOREIGN_TO_CHILDREN
        clean = {name: value for name, value in self.environment.items() if name not in foreign}
        try:
            done = subprocess.run(
                [program, "-j", *words], env=clean, capture_output=True, text=True, timeout=LIMIT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout if done.returncode == 0 else ""
