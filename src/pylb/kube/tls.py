"""The TLS context of a cluster's credentials, built once; it keeps no key on a disk."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pylb.kube.credentials import Credentials
from pylb.kube.errors import NoCluster


def make_context(credentials: Credentials) -> ssl.SSLContext:
    """The context for the API server and, if there is one, our client certificate. Raises NoCluster."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # not create_default_context: the system's CAs are 2.3 MiB
    try:
        if credentials.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif credentials.ca is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(cadata=credentials.ca.decode("ascii"))
        if credentials.certificate is not None and credentials.key is not None:
            _load_certificate(context, credentials.certificate, credentials.key)
    except (ssl.SSLError, ValueError) as error:
        raise NoCluster(f"{credentials.source}: a certificate or key cannot be used: {error}") from error
    return context


def _load_certificate(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    with _as_file(certificate.rstrip() + b"\n" + key) as path:
        context.load_cert_chain(path)


@contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    """A path that the ssl module can read the bytes from: in memory where the system has memory files."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("pylb", os.MFD_CLOEXEC)
        try:
            os.write(fd, data)
            yield f"/proc/self/fd/{fd}"
        finally:
            os.close(fd)
        return
    import tempfile  # with shutil and three compressors 1 MiB, and not needed on Linux

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "client.pem"
        path.touch(mode=0o600)
        path.write_bytes(data)
        yield str(path)
