"""Asks an address all the time, and tells as JSON lines when it answers and when it does not.

`python -m pylb.lab.probe URL`, on a lab's client. A request each 20 ms on a new connection, 250 ms for each; they do
not wait for each other. It ends, with a summary, after `--seconds` or on SIGTERM and SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import time
from collections.abc import Callable

from pylb.lab.fetch import split
from pylb.lab.tally import Result, Tally

EVERY_MS, LIMIT_MS = 20.0, 250.0
FLYING_MAX = 1000  # requests under way at a time
BODY_LIMIT = 1 << 16
SHOWN = 200  # characters of an answer that are told


async def ask(url: str, number: int, limit: float) -> Result:
    """One request, `limit` seconds at most in all."""
    at, began = time.time(), time.monotonic()
    try:
        text, ok = await asyncio.wait_for(_exchange(*split(url)), limit), True
    except (OSError, asyncio.TimeoutError, EOFError, ValueError) as error:
        text, ok = type(error).__name__, False
    return Result(number, at, round((time.monotonic() - began) * 1000, 3), ok, text)


async def _exchange(host: str, port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        status = head.split(b" ", 2)[1]
        if not status.startswith(b"2"):
            raise ValueError(f"status {status!r}")
        body = await reader.read(BODY_LIMIT)
    finally:
        writer.close()
    return body.decode(errors="replace").strip()[:SHOWN]


async def probe(
    url: str, tell: Callable[[dict[str, object]], None], stop: asyncio.Event, every: float, limit: float, each: bool
) -> None:
    """Ask until `stop`, then tell the summary; times in seconds."""
    tally, flying = Tally(), set[asyncio.Task[None]]()
    loop = asyncio.get_running_loop()

    async def one(number: int) -> None:
        result = await ask(url, number, limit)
        if each:
            tell({"kind": "request", "at": result.at, "ms": result.ms, "ok": result.ok, "text": result.text})
        for line in tally.add(result):
            tell(line)

    began, number = loop.time(), 0
    while not stop.is_set():
        if len(flying) < FLYING_MAX:
            task = asyncio.ensure_future(one(number))
            flying.add(task)
            task.add_done_callback(flying.discard)
            number += 1
        began = max(began + every, loop.time() - every)  # after a stall: on from here, no burst
        try:
            await asyncio.wait_for(stop.wait(), max(0.0, began - loop.time()))
        except asyncio.TimeoutError:
            continue
    await asyncio.gather(*flying)
    tell(tally.summary())


def _print(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


async def run(arguments: argparse.Namespace) -> None:
    """Probe as a command line says."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if arguments.seconds:
        loop.call_later(arguments.seconds, stop.set)
    every, limit = arguments.every_ms / 1000, arguments.limit_ms / 1000
    await probe(arguments.url, _print, stop, every, limit, arguments.each)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m pylb.lab.probe", description="Ask an address all the time.")
    parser.add_argument("url")
    parser.add_argument("--every-ms", type=float, default=EVERY_MS)
    parser.add_argument("--limit-ms", type=float, default=LIMIT_MS)
    parser.add_argument("--seconds", type=float, default=0.0, help="how long; without, until SIGTERM")
    parser.add_argument("--each", action="store_true", help="tell of every request")
    arguments = parser.parse_args()
    try:
        split(arguments.url)
    except ValueError as error:
        parser.error(str(error))
    asyncio.run(run(arguments))


if __name__ == "__main__":
    main()
