"""The program in the pods' images, alone, on loopback: it listens where it is told to, and tells who asks."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.request import urlopen

import pytest

from cluster import client

LIMIT_S = 5.0
POLL_S = 0.02
TALK_S = 0.5  # for one answer on loopback
INTERFACES6 = Path("/proc/net/if_inet6")
HAS_IPV6 = INTERFACES6.exists() and " lo\n" in INTERFACES6.read_text()


class Orders(ThreadingHTTPServer):
    """What stand-ins ask; `order` is its answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.order: dict[str, Any] = {"pod": "", "ports": []}
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/stand-in/ports"


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        orders = cast(Orders, self.server)
        orders.asked.append(self.path)
        body = json.dumps(orders.order).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def orders() -> Iterator[Orders]:
    server = Orders()
    thread = threading.Thread(target=server.serve_forever, args=(POLL_S,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def stand_in(url: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [str(client.programs() / "pod"), *arguments]
    with subprocess.Popen(command, env={"PYLB_STAND_IN": url}, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def until(what: str, check: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not check():
        assert time.monotonic() < end, f"not within {LIMIT_S} s: {what}"
        time.sleep(POLL_S)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def by_tcp(host: str, port: int) -> str:
    """The body, or "" where nothing listens."""
    try:
        with urlopen(f"http://{host}:{port}/any/path", timeout=TALK_S) as reply:
            return str(reply.read().decode())
    except OSError:
        return ""


def by_udp(host: str, port: int, words: bytes) -> bytes:
    """The answer of exactly the address that was asked, or b"" where none comes."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(TALK_S)
        try:
            one.connect((host, port))  # the kernel drops what comes from elsewhere
            one.send(words)
            return one.recv(2048)
        except OSError:
            return b""


def on(*ports: tuple[str, int]) -> list[dict[str, object]]:
    return [{"protocol": protocol, "number": number} for protocol, number in ports]


def test_it_answers_on_the_ports_that_it_is_told_and_no_others(orders: Orders) -> None:
    """Both protocols, both families; without a namespace it goes by its host name."""
    port, other = free_port(), free_port()
    orders.order = {"pod": "", "ports": on(("TCP", port))}
    with stand_in(orders.url, "nginx", "-g", "daemon off;"):
        until("an answer", lambda: by_tcp("127.0.0.1", port) == f"{socket.gethostname()} from 127.0.0.1\n")
        orders.order = {"pod": "shop/web-0", "ports": on(("TCP", port), ("UDP", port), ("TCP", other))}
        until("the second port", lambda: by_tcp("127.0.0.1", other) == "shop/web-0 from 127.0.0.1\n")
        assert by_udp("127.0.0.1", port, b"hello") == b"shop/web-0 from 127.0.0.1\nhello"
        if HAS_IPV6:
            assert by_tcp("[::1]", port) == "shop/web-0 from ::1\n"
            assert by_udp("::1", port, b"hello") == b"shop/web-0 from ::1\nhello"
        orders.order = {"pod": "shop/web-0", "ports": on(("TCP", other))}
        until("the first port closed", lambda: by_tcp("127.0.0.1", port) == "")
        until("and for UDP", lambda: by_udp("127.0.0.1", port, b"hello") == b"")
        assert by_tcp("127.0.0.1", other) == "shop/web-0 from 127.0.0.1\n"
    assert all(path.startswith("/stand-in/ports?address=") for path in orders.asked)


def test_an_answer_by_udp_comes_from_the_address_that_was_asked(orders: Orders) -> None:
    """A pod on its node's network has several; and at most 512 bytes are the asker's own."""
    port = free_port()
    orders.order = {"pod": "a/b", "ports": on(("UDP", port))}
    with stand_in(orders.url):
        until("an answer", lambda: by_udp("127.0.0.1", port, b"x") != b"")
        assert by_udp("127.1.2.3", port, b"y" * 600) == b"a/b from 127.0.0.1\n" + b"y" * 512


def test_it_goes_on_as_before_while_nobody_tells(orders: Orders) -> None:
    port = free_port()
    orders.order = {"pod": "a/b", "ports": on(("TCP", port))}
    with stand_in(orders.url):
        until("an answer", lambda: by_tcp("127.0.0.1", port) != "")
        orders.order = {"ports": "no list"}
        asked = len(orders.asked)
        until("two more questions", lambda: len(orders.asked) > asked + 1)
        assert by_tcp("127.0.0.1", port) == "a/b from 127.0.0.1\n"


@pytest.mark.parametrize("linger_ms", [0, 700])
def test_it_lingers_as_long_as_it_is_told(orders: Orders, linger_ms: int) -> None:
    """Told to end it still serves; an order that comes then changes nothing."""
    port = free_port()
    orders.order = {"pod": "a/b", "ports": on(("TCP", port)), "linger_ms": linger_ms}
    with stand_in(orders.url) as process:
        until("an answer", lambda: by_tcp("127.0.0.1", port) != "")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        orders.order = {"pod": "a/b", "ports": []}
        if linger_ms:
            assert by_tcp("127.0.0.1", port) == "a/b from 127.0.0.1\n"
        assert process.wait(LIMIT_S) == 0
        assert time.monotonic() - began >= linger_ms / 1000


def test_a_port_that_is_taken_is_opened_once_it_is_free(orders: Orders) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port, other = taken.getsockname()[1], free_port()
        orders.order = {"pod": "a/b", "ports": on(("TCP", port), ("TCP", other))}
        with stand_in(orders.url):
            until("an answer on the other", lambda: by_tcp("127.0.0.1", other) != "")
            taken.close()
            until("an answer on this one", lambda: by_tcp("127.0.0.1", port) != "")


def test_pause_ends_when_told() -> None:
    with subprocess.Popen([client.programs() / "pod", "pause"], env={}) as process:
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(TALK_S)
            process.terminate()
            assert process.wait(LIMIT_S) == 0
        finally:
            process.kill()


@pytest.mark.parametrize(("arguments", "given"), [(("nginx",), {}), (("stand-in",), {"PYLB_STAND_IN": "nowhere"})])
def test_what_it_does_not_understand_it_says(arguments: tuple[str, ...], given: dict[str, str]) -> None:
    done = subprocess.run(
        [client.programs() / "pod", *arguments], env=given, capture_output=True, check=False, timeout=LIMIT_S
    )
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
