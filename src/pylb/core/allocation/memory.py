"""Which addresses Services had that are gone, so that one that comes again under its name gets its own back. Pure.

Whether a Service may have a remembered address is decided in `core.allocation.allocator`. Here is what is remembered, for how long,
and how it is written: one line for each Service, which people can read and edit. What is no such line is left out.

Ages are counted by a wall clock, since they outlast processes, and wall clocks jump: a step longer than MAX_STEP, or one
back, ages nothing. So time in which nobody looked, as while a cluster is off, is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from itertools import takewhile
from typing import NamedTuple

from pylb.core.errors import ParseError
from pylb.core.model import Address, ServiceKey, service_key, split_key
from pylb.core.places import OWN_NAMESPACE
from pylb.core.ranges import parse_address

NAMESPACE, NAME = OWN_NAMESPACE, "pylb-memory"  # of the ConfigMap
KEY, SEEN = "addresses", "seen"  # in its data: the lines, and when they were looked at last
DAY = 86_400.0  # s
KEPT_S = 30 * DAY  # s for which a Service that is gone is remembered
MAX_STEP = 2 * DAY  # s between two looks that count as time; a longer one is a clock that jumped, or a cluster off
STAMP_S = DAY  # s after which the time of the last look is worth a write of its own
MAX_KEPT = 5_000  # Services
MAX_BYTES = 600_000  # of the lines together; a ConfigMap may have 1 MiB
MAX_LINE = 256  # characters; two names of 63 and an address of each family need 207
MAX_READ = 20_000  # lines of a text that somebody else wrote
MAX_ADDRESSES = 2  # of one Service
MAX_NAME = 63  # characters of a namespace or a Service (RFC 1035)
MAX_AT = 253_402_300_799.0  # Unix seconds: the end of the year 9999, the last that has a date
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"  # RFC 3339, UTC


class Entry(NamedTuple):
    """What a Service had, and when it was gone, in Unix seconds."""

    addresses: tuple[Address, ...]
    gone: float


class Memory:
    """Services that are gone, the first to go first, and who remembers an address."""

    def __init__(self, entries: Mapping[ServiceKey, Entry] | None = None, seen: float = 0.0) -> None:
        """`seen` is when these were looked at last, in Unix seconds; no entry is younger than that."""
        self.seen = seen
        self.changes = 0  # counts up with each entry that comes or goes
        self.forgets = 0  # with each that goes: what it kept may be anybody's
        self._entries: dict[ServiceKey, Entry] = {}
        self._keys: dict[Address, set[ServiceKey]] = {}
        given = [(key, Entry(one.addresses, min(one.gone, seen))) for key, one in (entries or {}).items()]
        for key, one in sorted(given, key=lambda item: (item[1].gone, item[0]))[-MAX_KEPT:]:
            self._put(key, one)

    @property
    def entries(self) -> Mapping[ServiceKey, Entry]:
        """All of them, the first to go first."""
        return self._entries

    def addresses(self, key: ServiceKey) -> tuple[Address, ...]:
        """What the Service of this name had; () where nothing is known."""
        found = self._entries.get(key)
        return found.addresses if found else ()

    def gone(self, address: Address) -> float | None:
        """When the last one that had the address was gone; None where nobody remembers it."""
        return max((self._entries[key].gone for key in self._keys.get(address, ())), default=None)

    def remember(self, key: ServiceKey, addresses: Iterable[Address]) -> None:
        """A Service is gone that had these; told at the time of the last look. The oldest entry makes room."""
        self.forget(key)
        while len(self._entries) >= MAX_KEPT:
            self.forget(next(iter(self._entries)))
        kept = tuple(addresses)[:MAX_ADDRESSES]
        if kept:
            self._put(key, Entry(kept, self.seen))

    def forget(self, key: ServiceKey) -> bool:
        """It is there again, or was gone for too long; whether it was known."""
        found = self._entries.pop(key, None)
        self.changes += found is not None
        self.forgets += found is not None
        for address in found.addresses if found else ():
            keys = self._keys[address]
            keys.discard(key)
            if not keys:
                del self._keys[address]
        return found is not None

    def look(self, now: float) -> None:
        """It is `now`, in Unix seconds: forget whoever is gone for KEPT_S."""
        step = now - self.seen
        if not 0 <= step <= MAX_STEP:  # all keep their age
            self._entries = {key: Entry(one.addresses, one.gone + step) for key, one in self._entries.items()}
        self.seen = now
        for key, _ in list(takewhile(lambda item: now - item[1].gone >= KEPT_S, self._entries.items())):
            self.forget(key)

    def _put(self, key: ServiceKey, entry: Entry) -> None:
        self.changes += 1
        self._entries[key] = entry
        for address in entry.addresses:
            self._keys.setdefault(address, set()).add(key)


NOTHING = Memory()  # of those who have none; nobody adds to it


def gather(allocations: Mapping[ServiceKey, Iterable[Address]], now: float) -> Memory:
    """What to write down of Services that are there, so that another cluster gives them the same addresses."""
    return Memory({key: Entry(tuple(found)[:MAX_ADDRESSES], now) for key, found in allocations.items() if found}, now)


def render(memory: Memory) -> dict[str, str]:
    """The `data` of the ConfigMap: a line `NAMESPACE/NAME ADDRESS[,ADDRESS] TIME` for each Service, the first to go first.

    TIME is when it was gone. What has no room in MAX_BYTES is left out, the oldest first.
    """
    lines: list[str] = []
    size = 0
    for line in reversed([_line(key, entry) for key, entry in memory.entries.items()]):
        size += len(line) + 1
        if size > MAX_BYTES:
            break
        lines.append(line)
    return {KEY: "".join(f"{line}\n" for line in reversed(lines)), SEEN: _written(memory.seen)}


def parse(data: Mapping[str, object]) -> Memory:
    """What the `data` of a ConfigMap remembers, whatever it is; of two lines of one Service the last counts.

    Without a readable time of the last look it is the one of the youngest entry.
    """
    text = data.get(KEY)
    lines = text.split("\n", MAX_READ)[:MAX_READ] if isinstance(text, str) else []
    entries = dict(_read_all(lines))
    try:
        seen = _time(data.get(SEEN))
    except ParseError:
        seen = max((entry.gone for entry in entries.values()), default=0.0)
    return Memory(entries, seen)


def _line(key: ServiceKey, entry: Entry) -> str:
    return f"{key} {','.join(map(str, entry.addresses))} {_written(entry.gone)}"


def _written(at: float) -> str:
    return datetime.fromtimestamp(min(max(at, 0.0), MAX_AT), timezone.utc).strftime(TIME_FORMAT)


def _read_all(lines: Iterable[str]) -> Iterator[tuple[ServiceKey, Entry]]:
    for line in lines:
        try:
            yield _read(line)
        except ParseError:
            continue


def _read(line: str) -> tuple[ServiceKey, Entry]:
    words = line.split()
    if len(line) > MAX_LINE or len(words) != 3:
        raise ParseError("no line of a Service")
    namespace, name = split_key(ServiceKey(words[0]))
    addresses = tuple(parse_address(text) for text in words[1].split(","))
    if not (_is_name(namespace) and _is_name(name)) or len(addresses) > MAX_ADDRESSES:
        raise ParseError("no Service, or too many addresses")
    if len({address.version for address in addresses}) < len(addresses):
        raise ParseError("two addresses of one family")
    return service_key(namespace, name), Entry(addresses, _time(words[2]))


def _is_name(text: str) -> bool:
    plain = text.replace("-", "")
    return 0 < len(text) <= MAX_NAME and plain.isascii() and plain.isalnum()


def _time(text: object) -> float:
    if not isinstance(text, str):
        raise ParseError("no time")
    try:
        return max(0.0, datetime.strptime(text.strip(), TIME_FORMAT).replace(tzinfo=timezone.utc).timestamp())
    except ValueError:
        raise ParseError(f'"{text[:MAX_LINE]}" is no time') from None
