"""Which Services' statuses show an address, and who waits until one of them does so no more. Pure.

The books are ahead of the API: an address that they have taken from one Service and given to another is still shown by
the first until that is written. Who is to get it is written after that, so that no moment, and no end of the process
between the two writes, leaves it with both.

What is asked about a Service is asked when it changes, not with each write of those that share its address: thousands may.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pylb.core.model import ServiceKey

GivesUp = Callable[[ServiceKey, str], bool]


class Shown:
    """The recorded addresses of all Services, the other way round."""

    def __init__(self, gives_up: GivesUp) -> None:
        """`gives_up` tells whether a Service is about to show an address no more."""
        self._gives_up = gives_up
        self._leavers: dict[str, set[ServiceKey]] = {}  # who shows an address, and was about to give it up
        self._waiting: dict[str, set[ServiceKey]] = {}

    def change(self, key: ServiceKey, before: Iterable[str], after: Iterable[str]) -> set[ServiceKey]:
        """A Service shows other addresses now; who waited for those that it shows no more."""
        kept = set(after)
        gone = set(before) - kept
        self._look(key, kept)
        for address in gone:
            self._discard(address, (key,))
        return self.wake(address for address in gone if not self._is_left_by_another(address, key))

    def look_again(self, key: ServiceKey, shown: Iterable[str]) -> set[ServiceKey]:
        """What a Service gives up of what it shows may be another by now; who waited for that has to look again."""
        addresses = [*shown]
        self._look(key, addresses)
        return self.wake(addresses)

    def step(self, key: ServiceKey, present: tuple[str, ...], target: tuple[str, ...]) -> tuple[str, ...] | None:
        """What a Service that shows `present` should show next on its way to `target`; None if it has to wait.

        While another is about to give up an address, whoever is to have that gives up what it has to, and no more:
        nobody waits with that, so that all get on, though they wait for each other.
        """
        late = [address for address in target if self._is_left_by_another(address, key)]
        if not late:
            return target
        for address in late:
            self._waiting.setdefault(address, set()).add(key)
        kept = tuple(address for address in present if address in target)
        return kept if kept != present else None

    def wake(self, addresses: Iterable[str]) -> set[ServiceKey]:
        """Who waited for any of these; they wait no more."""
        return {key for address in addresses for key in self._waiting.pop(address, ())}

    def _look(self, key: ServiceKey, addresses: Iterable[str]) -> None:
        for address in addresses:
            if self._gives_up(key, address):
                self._leavers.setdefault(address, set()).add(key)
            else:
                self._discard(address, (key,))

    def _discard(self, address: str, keys: Iterable[ServiceKey]) -> None:
        leavers = self._leavers.get(address)
        if leavers is not None:
            leavers.difference_update(keys)
            if not leavers:
                del self._leavers[address]

    def _is_left_by_another(self, address: str, key: ServiceKey) -> bool:
        """Whether another one still has to give it up. Who turns out not to is not asked again until it changes."""
        stay: list[ServiceKey] = []
        for other in self._leavers.get(address, ()):
            if other != key:
                if self._gives_up(other, address):
                    break
                stay.append(other)
        else:
            self._discard(address, stay)
            return False
        self._discard(address, stay)
        return True
