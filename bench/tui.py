"""The terminal UI: how fast it is there, how fast it follows, what it needs in memory and while nothing happens.

    python -m bench.tui [--only start|memory|keys|calm]

`pylb tui` runs on a terminal of 120 by 40 against an API server on loopback (`_listed`), with three speakers and a
controller that answer. "On the screen" is the last byte of what was written: what a terminal makes of it is its own matter.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import results
from bench._listed import address_of, name_of
from bench._processes import memory, processor
from bench._program import busy, say
from bench._requests import percentile
from bench._served import ROOT, Served, replayed, served
from bench._terminal import Terminal
from bench.report import Figure, median_of, worst_of
from pylb.tui.pages.catalogue import PAGES
from pylb.tui.pages.overview import SERVICES

FEW, MANY, MOST = 250, 2_000, 10_000  # Services
STARTS, REPLAYS = 10, 5
RECORDING = ROOT / "tests" / "data" / "tui" / "failover.jsonl"
START_S, KEY_MS, FOLD_MS, CHANGE_MS = 0.6, 50.0, 50.0, 300.0
FEW_MIB, PLUGIN_MIB, MOST_MIB = 60.0, 85.0, 90.0
IDLE_PERCENT, OFFLINE_PERCENT = 0.3, 4.0
CALM_S = 130.0  # s after the last change: the clock alone goes on, and all is drawn anew each 15 s
MEASURE_S = 30.0
SETTLE_S = 12.0  # s until all lists are read, and what that took is given back
STEPS, PAGES_DOWN, ROUNDS, CHANGES = 60, 30, 2, 20
PAUSE_S = 0.05  # between two keys
SHARE = 0.95
TABLES = (" POOLS ", " SERVICES ", " EVENTS ", "NAMESPACE")  # headings of the first frame
_REMARK = re.compile(r"web/(service-\d+) 10\.")  # below the table, on the row under the cursor


# From exec to the first frame


def starts(folder: Path, note: str) -> Iterator[Figure]:
    """How soon there is something to see."""
    with served(folder, FEW) as api:
        frames, rows = [], []
        for _ in range(STARTS):
            with api.screen() as screen:
                frames.append(screen.shows(*TABLES) - screen.began)
                rows.append(screen.shows(f"SERVICES {FEW}", name_of(1)) - screen.began)
        played, told = [], []
        for _ in range(REPLAYS):
            with replayed(RECORDING, api.environment()) as screen:
                played.append(screen.shows(*TABLES) - screen.began)
                told.append(screen.shows("homeassistant") - screen.began)
    yield median_of("tui, exec -> first frame with its tables, median", frames, "s", START_S, note=note)
    yield worst_of("tui, exec -> first frame with its tables, worst", frames, "s", START_S, note=note)
    yield median_of(f"tui, exec -> the rows of {FEW} Services, median", rows, "s", None)
    yield worst_of("tui --replay, exec -> first frame with its tables, worst", played, "s", START_S, note=note)
    yield median_of("tui --replay, exec -> its first rows, median", told, "s", None)


# Memory


def memories(folder: Path) -> Iterator[Figure]:
    """What it needs for few Services with a program for tokens, and for very many."""
    with served(folder / "few", FEW) as api:
        yield _rss(f"tui, {FEW} Services, token from a program: RSS", api.screen(api.with_plugin()), FEW, PLUGIN_MIB)
    with served(folder / "most", MOST) as api:
        yield _rss(f"tui, {MOST} Services: RSS", api.screen(), MOST, MOST_MIB)


def _rss(name: str, terminal: Terminal, count: int, target: float) -> Figure:
    with terminal as screen:
        screen.shows(f"SERVICES {count}")
        screen.rest(SETTLE_S)
        return Figure(name, memory(screen.process.pid)[0], "MiB", target)


# Keys, and changes of the cluster


def keys(folder: Path, note: str) -> Iterator[Figure]:
    """How soon what a key does is on the screen, among many Services; and a change of one of them."""
    read, write = os.pipe()
    with served(folder, MANY) as api, api.watched_screen(write) as screen:
        os.close(write)
        screen.shows(f"SERVICES {MANY}", name_of(1))
        screen.rest(2.0)
        found = {name: list(way(screen)) for name, way in WAYS.items()}
        changes, folds = _changes(api, screen, read)
    os.close(read)
    everything = [ms for some in found.values() for ms in some]
    name = f"tui, {MANY} Services"
    yield _share(f"{name}, key -> on the screen, 95 %", everything, note)
    for key, some in found.items():
        yield _share(f"{name}, {key} -> on the screen, 95 %", some, "", None)
    yield worst_of(f"{name}, change in the API -> on the screen, worst", changes, "ms", CHANGE_MS, note=note)
    yield median_of(f"{name}, change in the API -> on the screen, median", changes, "ms", None)
    yield worst_of(f"{name}, one changed row: fold -> written, worst", folds, "ms", FOLD_MS, note=note)
    yield median_of(f"{name}, one changed row: fold -> written, median", folds, "ms", None)


def _share(name: str, some: list[float], note: str, target: float | None = KEY_MS) -> Figure:
    return Figure(name, percentile(some, SHARE), "ms", target, len(some), max(some, default=None), note=note)


def _pressed(screen: Terminal, key: str, check: Callable[[str], bool]) -> float:
    """Press a key; the ms until what is written is so. Then it is still for a moment."""
    time.sleep(PAUSE_S)
    pressed = screen.press(key)
    return (screen.until(f"what {key!r} does", check) - pressed) * 1000


def _says(text: str) -> Callable[[str], bool]:
    return lambda shown: text in shown


def _is_about_another_than(service: str) -> Callable[[str], bool]:
    return lambda shown: any(one != service for one in _REMARK.findall(shown))


def _moves(key: str, times: int) -> Callable[[Terminal], Iterator[float]]:
    """Each time the cursor goes to another row, which the remark below the table is about then."""

    def way(screen: Terminal) -> Iterator[float]:
        on = name_of(0)
        for _ in range(times):
            yield _pressed(screen, key, _is_about_another_than(on))
            on = _REMARK.findall(screen.text)[-1]

    return way


def _sorts(screen: Terminal) -> Iterator[float]:
    """Through all orders, and each once the other way round."""
    for order in SERVICES.orders[1:] * ROUNDS:
        if order is SERVICES.orders[1]:
            screen.press("g")
            screen.rest(0.3)
        yield _pressed(screen, "o", _says(f"by {order.name}"))
        if order is SERVICES.orders[-1]:
            yield _pressed(screen, "O", _says("reversed"))
            screen.press("o")
            screen.rest(0.5)


def _switches(screen: Terminal) -> Iterator[float]:
    """To each screen and back to the first; the first time each is made."""
    for page in (*PAGES[1:], PAGES[0]) * ROUNDS:
        yield _pressed(screen, page.digit, _says(f"[{page.digit} {page.name}]"))
        screen.rest(0.3)


WAYS = {"j": _moves("j", STEPS), "page down": _moves("\x1b[6~", PAGES_DOWN), "o": _sorts, "1 to 7": _switches}


def _changes(api: Served, screen: Terminal, read: int) -> tuple[list[float], list[float]]:
    """Pin and unpin Services on the screen: ms from the API server, and from the fold, to the last byte."""
    screen.press("g")
    screen.rest(1.0)
    whole, folded = [], []
    for number in range(2, 2 + CHANGES):
        time.sleep(0.3)
        screen.forget()
        told = api.tell(f"pin {number}")
        at = screen.shows(name_of(number), address_of(number), "pinned")
        folds = [float(line) for line in os.read(read, 1 << 20).split()]
        whole.append((at - told) * 1000)
        folded.append((at - max(moment for moment in folds if told < moment < at)) * 1000)
    return whole, folded


# While nothing happens


def calm(api: Served, screen: Terminal, note: str) -> Iterator[Figure]:
    """What it needs while nothing happens, and then without an API server."""
    name = f"tui, {FEW} Services"
    yield Figure(f"{name}: RSS", memory(screen.process.pid)[0], "MiB", FEW_MIB)
    screen.rest(max(0.0, CALM_S - (time.monotonic() - screen.began)))
    say(f"idle for {MEASURE_S:.0f} s")
    yield Figure(f"{name}, nothing changes: processor time", _used(screen), "% of a core", IDLE_PERCENT, note=note)
    api.end()
    screen.rest(5.0)
    say(f"offline for {MEASURE_S:.0f} s")
    yield Figure(f"{name}, offline: processor time", _used(screen), "% of a core", OFFLINE_PERCENT, note=note)


def _used(screen: Terminal) -> float:
    before, began = processor(screen.process.pid), time.monotonic()
    screen.rest(MEASURE_S)
    return 100 * (processor(screen.process.pid) - before) / (time.monotonic() - began)


def measure(folder: Path, only: str | None) -> Iterator[Figure]:
    """The parts that are asked for; the one that has to wait waits while the others run."""
    note = busy()
    if only in (None, "start"):
        yield from starts(folder / "starts", note)
    with served(folder / "calm", FEW) as api, api.screen() as screen:
        if only in (None, "memory"):
            (folder / "memory").mkdir()
            yield from memories(folder / "memory")
        if only in (None, "keys"):
            yield from keys(folder / "keys", note)
        if only in (None, "calm"):
            yield from calm(api, screen, note)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["start", "memory", "keys", "calm"], help="a part; nothing is written then")
    only = parser.parse_args().only
    with tempfile.TemporaryDirectory() as folder:
        results.publish("tui", measure(Path(folder), only), whole=only is None)


if __name__ == "__main__":
    main()
