"""A self-made certificate for the server, by the `openssl` program: kubectl sends a token over TLS alone."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

DAYS = 3650
TIMEOUT_S = 30.0


class CertificateError(RuntimeError):
    """No certificate could be made; the message says what to do."""


def make(
    folder: Path, addresses: Sequence[str], names: Sequence[str] = ("localhost", "kubernetes")
) -> tuple[Path, Path]:
    """Make an EC key and a certificate for IP addresses and names; returns (certificate, key).

    The certificate is its own authority: clients take it as `certificate-authority`.
    """
    program = shutil.which("openssl")
    if program is None:
        raise CertificateError("the program openssl is not there: install it (Debian: apt install openssl)")
    cert, key = folder / "server.crt", folder / "server.key"
    subject = ",".join([f"IP:{a}" for a in addresses] + [f"DNS:{n}" for n in names])
    command = [
        *(program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256"),
        *("-days", str(DAYS), "-subj", "/CN=pylb embedded", "-addext", f"subjectAltName={subject}"),
        *("-addext", "basicConstraints=critical,CA:TRUE", "-keyout", str(key), "-out", str(cert)),
    ]
    key.touch(mode=0o600)
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode != 0:
        told = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise CertificateError(f"openssl could not make a certificate for {subject}: {told[0]}")
    return cert, key
