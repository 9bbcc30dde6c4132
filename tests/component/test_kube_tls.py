"""TLS: whom the client trusts, under which name, and how it shows who it is."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fakes.asking import PATH, connected, echo
from fakes.faulty_api import Exchange, FaultyApi
from pylb.kube.errors import Unreachable


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA, and a certificate for `kubernetes` and 127.0.0.1 that serves as the client's too."""
    folder = tmp_path_factory.mktemp("tls")
    if not Path("/usr/bin/openssl").exists():
        pytest.skip("openssl is not installed")
    (folder / "ext").write_text("subjectAltName=DNS:kubernetes,IP:127.0.0.1\n")
    for command in (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -subj /CN=ca -days 2",
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout srv.key -out srv.csr -subj /CN=srv",
        "x509 -req -in srv.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out srv.crt -days 2 -extfile ext",
    ):
        subprocess.run(["/usr/bin/openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    return folder


def server_context(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "srv.crt", folder / "srv.key")
    context.load_verify_locations(folder / "ca.crt")
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


async def test_tls_with_a_client_certificate(certificates: Path) -> None:
    async def who(exchange: Exchange) -> None:
        peer = exchange.writer.get_extra_info("peercert")
        await exchange.json(dict(pair for part in peer["subject"] for pair in part) if peer else {})

    ca, cert, key = ((certificates / name).read_bytes() for name in ("ca.crt", "srv.crt", "srv.key"))
    async with FaultyApi(tls=server_context(certificates), on_list=who) as api:
        async with connected(api, ca=ca, certificate=cert, key=key) as client:
            assert await client.get(PATH) == {"commonName": "srv"}
        async with connected(api, ca=ca, tls_server_name="kubernetes") as client:
            assert await client.get(PATH) == {}
        async with connected(api, insecure=True) as client:
            assert await client.get(PATH) == {}


@pytest.mark.parametrize("more", [{}, {"tls_server_name": "other.example"}])
async def test_tls_that_is_not_trusted(certificates: Path, more: dict[str, Any]) -> None:
    ca = (certificates / "ca.crt").read_bytes()
    async with FaultyApi(tls=server_context(certificates), on_list=echo) as api:
        trusted = {"ca": ca, **more} if more else {"ca": (certificates / "srv.crt").read_bytes()[:0] or None}
        async with connected(api, **trusted) as client:
            with pytest.raises(Unreachable, match="not trusted") as caught:
                await client.get(PATH)
            assert caught.value.reason == "Certificate"


async def test_a_server_that_does_not_speak_tls() -> None:
    async with FaultyApi() as api, connected(api, server=f"https://127.0.0.1:{api.port}", insecure=True) as client:
        with pytest.raises(Unreachable):
            await client.get(PATH, deadline=1)
