"""The programs that run in a lab, as data: command lines, the namespace of each, and where it answers.

This is the one place that knows them; parts of pylb are started by command line and never imported.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from pylb.lab.network import LAN
from pylb.lab.objects import CONTROL_PLANE, LEASE_SECONDS
from pylb.lab.plan import PODS, SERVICES, Host, Plan

SPEAKER_PORT, CONTROLLER_PORT = 7472, 7473
_PYTHON = (sys.executable, "-m")


@dataclass(frozen=True, slots=True)
class Files:
    """Where a lab's files lie, below its folder."""

    home: Path

    @property
    def kubeconfig(self) -> Path:
        """For the host outside."""
        return self.home / "kubeconfig"

    @property
    def inner_kubeconfig(self) -> Path:
        """For what runs in the lab."""
        return self.home / "kubeconfig.inside"

    @property
    def token(self) -> Path:
        """The API server's."""
        return self.home / "token"

    @property
    def certificate(self) -> Path:
        return self.home / "api.crt"

    @property
    def certificate_key(self) -> Path:
        return self.home / "api.key"

    @property
    def beat_key(self) -> Path:
        """What speakers sign with."""
        return self.home / "beats.key"

    def beat_key_of(self, node: str) -> Path:
        """The same as one node's speaker sees it: a link that may point elsewhere, as a Secret comes late to a node."""
        return self.home / f"beats-{node}.key"

    @property
    def reader_token(self) -> Path:
        """Who may read /state, /events and /metrics."""
        return self.home / "reader.token"

    def log(self, program: str) -> Path:
        return self.home / "logs" / f"{program}.log"


@dataclass(frozen=True, slots=True)
class Program:
    """A program of the lab. `component` is what its Pod is called after, nothing if it has none."""

    name: str
    argv: tuple[str, ...]
    namespace: str
    component: str = ""
    node: str = CONTROL_PLANE
    address: str = ""
    port: int = 0

    @property
    def pod(self) -> str:
        return f"pylb-{self.name}"


def certificate(files: Files, addresses: list[str]) -> list[str]:
    """The command that makes the API server's certificate, its own authority."""
    names = ",".join([*(f"IP:{address}" for address in addresses), "DNS:localhost", "DNS:kubernetes"])
    return [
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256"),
        *("-days", "3650", "-subj", "/CN=pylb lab", "-addext", f"subjectAltName={names}"),
        *("-addext", "basicConstraints=critical,CA:TRUE"),
        *("-keyout", str(files.certificate_key), "-out", str(files.certificate)),
    ]


def api(files: Files, descriptors: list[int]) -> Program:
    """The API server, on sockets that listen already."""
    listen = (word for number in descriptors for word in ("--listen-fd", str(number)))
    argv = (
        *(*_PYTHON, "pylb.embedded", *listen, "--kubelet", "external", "--node-grace", str(LEASE_SECONDS)),
        *("--token-file", str(files.token), "--tls-cert", str(files.certificate)),
        *("--tls-key", str(files.certificate_key), "--service-network", str(SERVICES)),
        *("--service-network", "fd00:96::/112", "--pod-network", str(PODS)),
    )
    return Program("api", argv, LAN)


def controller(files: Files, plan: Plan) -> Program:
    """The controller, beside the API server."""
    where = ("--bind", str(plan.api), "--port", str(CONTROLLER_PORT), "--token-file", str(files.reader_token))
    argv = (
        *_PYTHON,
        "pylb",
        "controller",
        "--kubeconfig",
        str(files.inner_kubeconfig),
        "--pod",
        "pylb-controller",
        *where,
    )
    return Program("controller", argv, LAN, "controller", address=str(plan.api), port=CONTROLLER_PORT)


def speaker(files: Files, host: Host) -> Program:
    """A node's speaker. It serves HTTP on the management network."""
    name = f"speaker-{host.name}"
    argv = (
        *(*_PYTHON, "pylb", "speaker", "--node", host.name, "--kubeconfig", str(files.inner_kubeconfig)),
        *(
            "--key-file",
            str(files.beat_key_of(host.name)),
            "--token-file",
            str(files.reader_token),
            "--pod",
            f"pylb-{name}",
        ),
        *("--bind", str(host.management), "--port", str(SPEAKER_PORT)),
    )
    return Program(name, argv, host.name, "speaker", host.name, str(host.management), SPEAKER_PORT)
