"""`python -m pylb.embedded`: the embedded API server as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import ssl
import sys
from ipaddress import ip_network
from pathlib import Path

from pylb.embedded.server import EXTERNAL, INSTANT, Options, serve

USAGE_ERROR, FAILED = 2, 1


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and int(port) < 65_536):
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def _socket(text: str) -> socket.socket:
    try:
        sock = socket.socket(fileno=int(text))
        sock.getsockname()
    except (ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of an open socket: {error}") from None
    return sock


def _token(text: str) -> str:
    try:
        token = Path(text).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"the token file {text} cannot be read: {error}") from None
    if not token:
        raise argparse.ArgumentTypeError(f"the token file {text} is empty: write a long random word into it")
    return token


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a network: {error}") from None


def parser() -> argparse.ArgumentParser:
    """The command line."""
    own = Options()
    found = argparse.ArgumentParser(prog="python -m pylb.embedded", description="A small Kubernetes API server.")
    add = found.add_argument
    add("--listen", type=_address, action="append", default=[], metavar="HOST:PORT")
    add("--listen-fd", type=_socket, action="append", default=[], metavar="N", help="a socket that is bound already")
    add("--token-file", type=_token, metavar="FILE", help="who asks must know the token in it")
    add("--tls-cert", default="", metavar="FILE", help="serve TLS (kubectl sends its token over TLS alone)")
    add("--tls-key", default="", metavar="FILE")
    add("--kubelet", choices=(INSTANT, EXTERNAL), default=own.kubelet)
    add("--node-grace", type=_seconds, default=own.node_grace, metavar="SECONDS")
    add("--pod-grace", type=_seconds, default=own.pod_grace, metavar="SECONDS")
    add("--service-network", type=_network, action="append", metavar="CIDR", help="one a family; first is the default")
    add("--pod-network", type=_network, default=own.pod_networks[0], metavar="CIDR", help="addresses of instant pods")
    return found


def options(arguments: argparse.Namespace) -> Options:
    """The options that a command line asks for."""
    return Options(
        listen=tuple(arguments.listen),
        sockets=tuple(arguments.listen_fd),
        token=arguments.token_file or "",
        tls_cert=arguments.tls_cert,
        tls_key=arguments.tls_key,
        kubelet=arguments.kubelet,
        node_grace=arguments.node_grace,
        pod_grace=arguments.pod_grace,
        service_networks=tuple(arguments.service_network or Options().service_networks),
        pod_networks=(arguments.pod_network,),
    )


async def run(wanted: Options) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve(wanted) as server:
        print(json.dumps({"serving": server.url, "addresses": server.addresses}), flush=True)
        await stop.wait()


def main() -> int:
    """Run the server; 2 for input that cannot be used."""
    found = parser()
    arguments = found.parse_args()
    if not arguments.listen and not arguments.listen_fd:
        found.error("nothing to listen on: give --listen HOST:PORT or --listen-fd N")
    if bool(arguments.tls_cert) != bool(arguments.tls_key):
        found.error("--tls-cert and --tls-key belong together")
    try:
        asyncio.run(run(options(arguments)))
    except (OSError, ssl.SSLError) as error:
        print(f"python -m pylb.embedded: cannot serve: {error}", file=sys.stderr)
        return USAGE_ERROR
    return 0


if __name__ == "__main__":
    sys.exit(main())
