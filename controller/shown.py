"""Which Services' statuses show an address, and who waits until one of them does so no more. Pure.

The books are ahead of the API: an address that they have taken from one Service and given to another is still shown by
the first until that is written. Who is to get it is written after that, so that no moment, and no end of the process
between the two writes, leaves it with both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pylb.core.model import ServiceKey


class Shown:
    """The recorded addresses of all Services, the other way round."""

    def __init__(self) -> None:
        self._by: dict[str, set[ServiceKey]] = {}
        self._waiting: dict[str, set[ServiceKey]] = {}

    def change(self, key: ServiceKey, before: Iterable[str], after: Iterable[str]) -> set[ServiceKey]:
        """A Service shows other addresses now; who waited for those that it shows no more."""
        gone = set(before) - set(after)
        for address in after:
            self._by.setdefault(address, set()).add(key)
        for address in gone:
            users = self._by.get(address, set())
            users.discard(key)
            if not users:
                self._by.pop(address, None)
        return self.wake(gone)

    def step(
        self,
        key: ServiceKey,
        present: tuple[str, ...],
        target: tuple[str, ...],
        gives_up: Callable[[ServiceKey, str], bool],
    ) -> tuple[str, ...] | None:
        """What a Service that shows `present` should show next on its way to `target`; None if it has to wait.

        `gives_up` tells whether a Service is about to show an address no more. While one does, whoever is to have that
        address gives up what it has to, and no more: nobody waits with that, so that all get on, though they wait for
        each other.
        """
        late = [one for one in target if any(gives_up(other, one) for other in self.others(key, one))]
        if not late:
            return target
        for address in late:
            self.wait(key, address)
        kept = tuple(address for address in present if address in target)
        return kept if kept != present else None

    def others(self, key: ServiceKey, address: str) -> set[ServiceKey]:
        """The other Services that show an address."""
        return self._by.get(address, set()) - {key}

    def wait(self, key: ServiceKey, address: str) -> None:
        """A Service is to show an address once another one does not."""
        self._waiting.setdefault(address, set()).add(key)

    def wake(self, addresses: Iterable[str]) -> set[ServiceKey]:
        """Who waited for any of these; they wait no more."""
        return {key for address in addresses for key in self._waiting.pop(address, ())}
