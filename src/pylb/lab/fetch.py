"""One HTTP request on a new connection, told as JSON: `python fetch.py URL SECONDS`.

For use on a lab's host, where curl need not be; imports nothing of pylb, so it starts within 30 ms. HTTP/1.0, GET, plain.
"""

from __future__ import annotations

import json
import socket
import sys
import time

BODY_LIMIT = 1 << 20  # bytes of an answer that are read


def split(url: str) -> tuple[str, int, str]:
    """Host, port and path of an http URL; ValueError for another."""
    scheme, mark, rest = url.partition("://")
    if scheme != "http" or not mark:
        raise ValueError(f"{url}: not an http URL")
    place, _, path = rest.partition("/")
    host, colon, port = place.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = place, "80"
    return host.strip("[]"), int(port), f"/{path}"


def fetch(url: str, limit: float) -> dict[str, object]:
    """Status, body and duration of a request that may take `limit` seconds in all; status 0 and the error without."""
    host, port, path = split(url)
    began = time.monotonic()
    try:
        data = _exchange((host, port), f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode(), began + limit)
        head, _, body = data.partition(b"\r\n\r\n")
        status, error = int(head.split(b" ", 2)[1]), ""
    except (OSError, IndexError, ValueError) as trouble:
        status, body, error = 0, b"", f"{type(trouble).__name__}: {trouble}"
    took = round((time.monotonic() - began) * 1000, 3)
    return {"status": status, "body": body.decode(errors="replace"), "ms": took, "error": error}


def _exchange(place: tuple[str, int], request: bytes, end: float) -> bytes:
    data = b""
    with socket.create_connection(place, max(0.001, end - time.monotonic())) as link:
        link.sendall(request)
        while len(data) < BODY_LIMIT:
            link.settimeout(max(0.001, end - time.monotonic()))
            chunk = link.recv(65536)
            if not chunk:
                break
            data += chunk
    return data


if __name__ == "__main__":
    print(json.dumps(fetch(sys.argv[1], float(sys.argv[2]))))
