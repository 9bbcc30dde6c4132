"""Who uses an address, and whether one more Service fits beside them. It knows no addresses and no pools.

What has to be counted for that is counted as Services come and go: thousands may share one address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from pylb.core.allocation.requests import Use
from pylb.core.model import Port, ServiceKey

Kind = tuple[str, str]  # a sharing key, and what must be equal under traffic policy Local
NOBODY: Mapping[ServiceKey, Use] = MappingProxyType({})


class Tenants:
    """The Services that use one address."""

    __slots__ = ("_kinds", "_ports", "users")

    def __init__(self) -> None:
        self.users: dict[ServiceKey, Use] = {}
        self._kinds: Counter[Kind] | None = None  # of those that share; None while none does
        self._ports: Counter[Port] | None = None

    def add(self, key: ServiceKey, use: Use) -> None:
        """A Service uses it that did not."""
        self.users[key] = use
        if use.sharing:
            if self._kinds is None or self._ports is None:
                self._kinds, self._ports = Counter(), Counter()
            self._kinds[use.sharing, use.backend] += 1
            self._ports.update(use.ports)

    def remove(self, key: ServiceKey) -> Use:
        """A Service uses it no more; KeyError if it did not."""
        use = self.users.pop(key)
        if use.sharing and self._kinds is not None and self._ports is not None:
            self._kinds[use.sharing, use.backend] -= 1
            self._ports.subtract(use.ports)
            if not +self._kinds:
                self._kinds = self._ports = None
        return use

    def shares(self, key: ServiceKey, use: Use) -> bool:
        """Whether all but the Service itself share with such a use, whatever the ports."""
        own = self.users.get(key)
        others = len(self.users) - (own is not None)
        if not others:
            return True
        if not use.sharing or self._kinds is None:
            return False
        kind = use.sharing, use.backend
        mine = own is not None and (own.sharing, own.backend) == kind
        return self._kinds[kind] - mine == others

    def clash(self, key: ServiceKey, port: Port) -> bool:
        """Whether another one of those who share has the port."""
        if self._ports is None:
            return False
        own = self.users.get(key)
        return self._ports[port] > (own is not None and bool(own.sharing) and port in own.ports)

    def fits(self, key: ServiceKey, use: Use) -> bool:
        """Whether the Service may use it beside the others (MetalLB's `checkSharing`)."""
        if not self.shares(key, use):
            return False
        return len(self.users) == (key in self.users) or not any(self.clash(key, port) for port in use.ports)
